package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"almanac/infra/sandbox/pds"
	"almanac/shared/id"
)

// state is what can be the matter with a patient, so that less is told or done than the record holds.
type state string

const (
	restricted state = "restricted" // the NHS's register gave an address, a telephone number and an e-mail address
	objecting  state = "objecting"  // to the use of the NHS number
	deceased   state = "deceased"
	mergedAway state = "merged away"
)

func states() []state { return []state{restricted, objecting, deceased, mergedAway} }

// nowhere is the organisation of canaries of whom nobody may be told anything at all.
const nowhere = "nowhere"

// stated makes the patients of each state at the first site, each with something of every kind about them, while
// organisations trace.
func (h *house) stated(ctx context.Context) error {
	h.stateOf = map[state]string{}
	for _, s := range states() {
		h.mu.Lock()
		c := canary{number: len(h.canaries)}
		h.mu.Unlock()
		if err := h.tell(s, c); err != nil {
			return err
		}
		made, err := h.admit(ctx, h.own)
		if err != nil {
			return err
		}
		h.stateOf[s] = made.id
		for _, kind := range []string{
			kindAppointment, kindRepresentative, kindRelationship, kindConsent, kindDisclosure, kindAlert,
		} {
			if _, err := h.stock(ctx, h.own, kind, made.id); err != nil {
				return err
			}
		}
		if err := h.enter(ctx, s, made); err != nil {
			return fmt.Errorf("a patient who is %s: %w", s, err)
		}
	}
	return nil
}

// tell puts the canary into the NHS's register, where the state comes from there. Whoever is going to be restricted
// lives there where no other canary does: at the place of the shadow, so that whatever turns up of it came from the
// register.
func (h *house) tell(s state, c canary) error {
	switch s {
	case deceased:
		return h.tellNHS(c, false)
	case restricted:
		p, shadow := h.inRegister(c), h.shadow()
		p.Addresses[0].Lines = []string{"1 " + capital(shadow.word(streetWord)) + " Road"}
		p.Telecoms = []pds.Telecom{{System: "email", Value: shadow.mail(), Use: "home"}}
		if err := h.stack.NHS.PDS.Add(p); err != nil {
			return fmt.Errorf("the NHS's register: %w", err)
		}
	case objecting, mergedAway:
	}
	return nil
}

// shadow is the canary who is nobody's patient, one more than there are numbers for.
func (h *house) shadow() canary { return canary{number: len(h.numbers), org: nowhere} }

// enter brings the patient into the state, as it comes about: by the desk, or by what the NHS's register says.
func (h *house) enter(ctx context.Context, s state, c canary) error {
	of, number := "/v1/patients/"+c.id, h.numbers[c.number]
	boss := h.own.org.boss
	switch s {
	case objecting:
		return h.changes(ctx, http.MethodPut, c.id, "/nhs-number/objection", nil)
	case mergedAway:
		into, err := h.admit(ctx, h.own)
		if err != nil {
			return err
		}
		err = h.changes(ctx, http.MethodPost, into.id, "/merge", object{"patientId": c.id})
		h.oracle.mingle([]slot{{kind: kindPatient, id: c.id}, {kind: kindPatient, id: into.id}})
		return err
	case restricted:
		if err := h.until(ctx, boss, of, `"postcode":"DN17 2AB"`); err != nil { // what is taken away was there
			return err
		}
		if err := h.stack.NHS.PDS.Restrict(number); err != nil {
			return err
		}
	case deceased:
		if _, err := h.standing(ctx, h.own, c.id, func(o object) bool { return o["state"] == "verified" }); err != nil {
			return err
		}
		if err := h.stack.NHS.PDS.Die(number, true); err != nil {
			return err
		}
	}
	if _, err := h.does(ctx, boss, http.MethodPost, of+"/nhs-number/trace", nil, ""); err != nil {
		return err
	}
	return h.until(ctx, boss, of, `"code":"`+string(s)+`"`)
}

// changes changes a patient as somebody does who has just read the record.
func (h *house) changes(ctx context.Context, method, patient, rest string, body any) error {
	of := "/v1/patients/" + patient
	got, err := h.does(ctx, h.own.org.boss, http.MethodGet, of, nil, "")
	if err != nil {
		return err
	}
	_, err = h.does(ctx, h.own.org.boss, method, of+rest, body, text(got, etag))
	return err
}

// until reads a record until it says something.
func (h *house) until(ctx context.Context, who *person, path, says string) error {
	for deadline := time.Now().Add(settleFor); ; time.Sleep(100 * time.Millisecond) {
		got, err := h.send(ctx, request{who: who, method: http.MethodGet, path: path})
		if err != nil || strings.Contains(string(got.body), says) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not say %s after %s", says, settleFor)
		}
	}
}

// silent tells whether nobody may be told the NHS number of the patient, because the objection was not withdrawn.
func (h *house) silent(patient string) bool {
	return patient != "" && h.stateOf[objecting] == patient && !h.withdrawn.Load()
}

// told is how the patients of each state were shown.
type told struct {
	asked, refused int
	leaks          []leak
}

func (t told) print(r *report) {
	r.figure("answers about patients of a state", t.asked)
	r.exactly("answers that tell of a state's patient what they should not", len(t.leaks), 0)
	r.leaks(t.leaks)
	r.figure("writes that a merged record refused", t.refused)
}

// aboutStates asks all that can be read or taken out of patients of each state, as everybody who is related to them,
// and writes to a record that was merged into another. A smaller run asks what is about patients, and as some of them.
func (h *house) aboutStates(ctx context.Context, share float64, draw *rand.Rand, r *report) error {
	t := told{}
	for _, rt := range h.routes {
		if !tells(rt) || share < 1 && !personal(rt) {
			continue
		}
		for i, s := range states() {
			if i > 0 && !personal(rt) {
				break // the same again
			}
			if err := h.askRoles(ctx, &t, rt, s, func() bool { return draw.Float64() < math.Sqrt(share) }); err != nil {
				return err
			}
		}
	}
	if err := h.writeMerged(ctx, &t); err != nil {
		return err
	}
	t.print(r)
	return nil
}

// tells tells whether the route's answers are for reading, whatever its method.
func tells(rt route) bool {
	return rt.reads() || strings.HasSuffix(rt.pattern, "/exports") || strings.HasSuffix(rt.pattern, "/search")
}

// personal tells whether the route's answers are about one patient, or list patients.
func personal(rt route) bool {
	what := noun(rt.pattern)
	return what == "patients" || what == "appointments" || what == "alerts" ||
		strings.HasSuffix(rt.pattern, "/appointments")
}

// askRoles asks one route as each of the site's staff who is wanted.
func (h *house) askRoles(ctx context.Context, t *told, rt route, s state, wanted func() bool) error {
	for _, role := range roles() {
		if !wanted() {
			continue
		}
		if err := h.askState(ctx, t, rt, s, h.own.staff[role]); err != nil {
			return err
		}
	}
	return nil
}

// askState asks one route of the patient of the state. Nothing but an export can be refused for the state: reading is
// what the oracle says.
func (h *house) askState(ctx context.Context, t *told, rt route, s state, who *person) error {
	d := &draft{h: h, route: rt, who: who, at: h.own}
	d.pick = func(name, kind, of string) (string, error) {
		switch kind {
		case kindPatient:
			return h.stateOf[s], nil
		case kindAppointment, kindAlert:
			return h.stock(ctx, h.own, kind, h.stateOf[s])
		}
		return h.pick(ctx, d, ofOwn, name, kind, of, false)
	}
	q, err := d.request(ctx)
	if err != nil {
		return fmt.Errorf("%s of a patient who is %s: %w", rt.row, s, err)
	}
	a := asked{row: rt.row, who: who, slots: d.slots}
	expected := h.oracle.judge(a)
	got, err := h.send(ctx, q)
	if err != nil {
		return err
	}
	t.asked++
	add := func(text string) {
		t.leaks = append(t.leaks, leak{rt.row, who.label, "own, " + string(s), string(expected), text})
	}
	excused := !rt.reads() && expected == allow && got.status == http.StatusConflict
	if !expected.holds(got.status, rt.success) && !excused {
		add(got.told())
	}
	for _, f := range h.inspect(a, got) {
		add(f)
	}
	return nil
}

// writeMerged tries to change the record that was merged into another one, as somebody who may. A hold is left out: it
// keeps a practitioner's time for some minutes, and cannot become an appointment.
func (h *house) writeMerged(ctx context.Context, t *told) error {
	from := h.stateOf[mergedAway]
	c, of := h.canary(from), "/v1/patients/"+from
	for _, w := range []struct {
		what, method, path string
		body               object
	}{
		{"the record", http.MethodPut, of, c.record(h.numbers[c.number])},
		{"a representative", http.MethodPost, of + "/representatives", c.friend()},
		{"a trace", http.MethodPost, of + "/nhs-number/trace", nil},
		{"an objection", http.MethodPut, of + "/nhs-number/objection", nil},
		{"a merge", http.MethodPost, of + "/merge", object{"patientId": h.stateOf[objecting]}},
		{"a view", http.MethodPost, of + "/record-views", viewBody()},
		{"an appointment", http.MethodPost, "/v1/appointments", h.bookingBody(h.own, from)},
	} {
		read, err := h.does(ctx, h.own.org.boss, http.MethodGet, "/v1/patients/"+from, nil, "")
		if err != nil {
			return err
		}
		q := request{
			who: h.own.org.boss, method: w.method, path: w.path,
			header: map[string]string{"Idempotency-Key": id.New("key"), "If-Match": text(read, etag)},
		}
		if w.body != nil {
			q.body = w.body
		}
		got, err := h.send(ctx, q)
		if err != nil {
			return err
		}
		if refused.holds(got.status, 0) {
			t.refused++
			continue
		}
		t.leaks = append(t.leaks, leak{
			w.method + " " + w.what, q.who.label, "own, " + string(mergedAway), string(refused), got.told(),
		})
	}
	return nil
}
