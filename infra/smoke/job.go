package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
	"almanac/infra/stack"
)

// job is the main job, step by step, with what the steps hand on.
type job struct {
	stack          *stack.Stack
	desk           *client.Client // the receptionist
	passed, failed int

	service, site, patient string
	practitioner, start    string // the time that is booked
	later                  string // a later free time of the same practitioner
	holdID                 string
	appointment            client.Answer
	apt                    appointment
	booking                map[string]string
	secrets                []string // that no log may hold
}

const patientMail = "smoke.patient@example.org"

func newJob(s *stack.Stack) *job { return &job{stack: s, desk: client.New(s.API)} }

// check counts and prints one expectation.
func (j *job) check(what string, ok bool, got ...any) bool {
	if ok {
		j.passed++
		fmt.Printf("ok    %s\n", what)
		return true
	}
	j.failed++
	fmt.Printf("FAIL  %s: %s\n", what, strings.TrimSpace(fmt.Sprintln(got...)))
	return false
}

func (j *job) want(what string, status int, a client.Answer, err error) bool {
	return j.check(what, err == nil && a.Status == status, "want", status, "got", a.Status, string(a.Body), err)
}

type appointment struct {
	ID         string   `json:"id"`
	Status     string   `json:"status"`
	Start      string   `json:"start"`
	LocalStart string   `json:"localStart"`
	RoomIDs    []string `json:"roomIds"`
	Version    int      `json:"version"`
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type page[T any] struct {
	Items []T `json:"items"`
}

type slot struct {
	Start      string `json:"start"`
	LocalStart string `json:"localStart"`
}

type availability struct {
	Days []struct {
		PractitionerID string `json:"practitionerId"`
		Date           string `json:"date"`
		Slots          []slot `json:"slots"`
		Refused        []struct {
			LocalStart string `json:"localStart"`
			LocalLast  string `json:"localLast"`
			Reasons    []struct {
				Code string `json:"code"`
			} `json:"reasons"`
		} `json:"refused"`
	} `json:"days"`
}

type problem struct {
	Type   string `json:"type"`
	Errors []struct {
		Code    string   `json:"code"`
		Choices []string `json:"choices"`
	} `json:"errors"`
}

func (j *job) logIn(ctx context.Context) {
	a, err := j.desk.Do(ctx, http.MethodGet, "/v1/sites", nil)
	j.want("without a token the API answers 401", http.StatusUnauthorized, a, err)
	err = j.desk.LogInByCode(ctx, j.stack.Login, "almanac-local", "http://localhost:8400/callback", demo.Receptionist)
	j.check("the receptionist logs in with code and PKCE", err == nil && j.desk.Token != "", err)
	forged := client.New(j.stack.API)
	parts := strings.Split(j.desk.Token, ".")
	if len(parts) == 3 { //nolint:mnd // header, payload, signature
		forged.Token = parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))
	}
	a, err = forged.Do(ctx, http.MethodGet, "/v1/sites", nil)
	j.want("a forged signature is refused", http.StatusUnauthorized, a, err)
	var me struct {
		Subject string   `json:"subject"`
		Roles   []string `json:"roles"`
	}
	err = j.desk.Get(ctx, "/v1/me", &me)
	j.check("the API knows who that is",
		err == nil && me.Subject == demo.Receptionist && slices.Equal(me.Roles, []string{"receptionist"}), me, err)
}

func (j *job) look(ctx context.Context) {
	var services, sites page[named]
	err1, err2 := j.desk.Get(ctx, "/v1/services", &services), j.desk.Get(ctx, "/v1/sites", &sites)
	j.check("services and sites are listed",
		err1 == nil && err2 == nil && len(services.Items) == 6 && len(sites.Items) == 2,
		err1, err2)
	j.service, j.site = idOf(services.Items, "Consultation"), idOf(sites.Items, "Elm Road")
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/patients", map[string]any{
		"names":     []any{map[string]any{"use": "usual", "given": []string{"Smoke"}, "family": "Testcase"}},
		"birthDate": "1980-02-29", "contacts": []any{map[string]string{"system": "email", "value": patientMail}},
	}, client.Key("smoke-patient"))
	var made named
	if j.want("a patient is registered", http.StatusCreated, a, err) {
		_ = a.Into(&made)
	}
	j.patient = made.ID
	found, err := j.search(ctx, 1, 31)
	if !j.check("a month of free times is found for three doctors",
		err == nil && len(found.Days) == 3*31, err, len(found.Days)) {
		return
	}
	for _, d := range found.Days {
		if len(d.Slots) > 4 {
			j.practitioner, j.start, j.later = d.PractitionerID, d.Slots[0].LocalStart, d.Slots[4].LocalStart
			break
		}
	}
	j.check("a day has several free times", j.later != "")
}

func idOf(all []named, name string) string {
	i := slices.IndexFunc(all, func(n named) bool { return strings.Contains(n.Name, name) })
	if i < 0 {
		return ""
	}
	return all[i].ID
}

// search lists free times from some days ahead on, with reasons.
func (j *job) search(ctx context.Context, from, to int) (availability, error) {
	day := func(n int) string { return j.stack.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	var found availability
	q := url.Values{
		"serviceId": {j.service}, "siteId": {j.site}, "from": {day(from)}, "to": {day(to)}, "explain": {"true"},
	}
	err := j.desk.Get(ctx, "/v1/availability?"+q.Encode(), &found)
	return found, err
}

// state tells whether a time is offered, and if not, why.
func (j *job) state(ctx context.Context, local string) (bool, []string) {
	var why []string
	found, err := j.search(ctx, 1, 31)
	if err != nil {
		return false, []string{err.Error()}
	}
	for _, d := range found.Days {
		if d.PractitionerID != j.practitioner {
			continue
		}
		if slices.ContainsFunc(d.Slots, func(s slot) bool { return s.LocalStart == local }) {
			return true, nil
		}
		for _, r := range d.Refused {
			if local < r.LocalStart || r.LocalLast < local { // written so that they sort by time
				continue
			}
			for _, reason := range r.Reasons {
				why = append(why, reason.Code)
			}
		}
	}
	return false, why
}

func (j *job) wish() map[string]string {
	return map[string]string{
		"serviceId": j.service, "siteId": j.site, "practitionerId": j.practitioner, "start": j.start,
	}
}

func (j *job) takeHold(ctx context.Context, key string) (client.Answer, error) {
	return j.desk.Do(ctx, http.MethodPost, "/v1/holds", j.wish(), client.Key(key))
}

func (j *job) hold(ctx context.Context) {
	a, err := j.takeHold(ctx, "smoke-hold-1")
	if !j.want("a time is held", http.StatusCreated, a, err) {
		return
	}
	var h named
	_ = a.Into(&h)
	offered, why := j.state(ctx, j.start)
	j.check("a held time is not offered, and it says why", !offered && slices.Contains(why, "practitioner_busy"), why)
	b, err := j.desk.Do(ctx, http.MethodDelete, "/v1/holds/"+h.ID, nil, client.Key("smoke-release"), client.Match(a))
	j.want("a hold is released", http.StatusNoContent, b, err)
	offered, why = j.state(ctx, j.start)
	j.check("then the time is offered again", offered, why)
	a, err = j.takeHold(ctx, "smoke-hold-2")
	if !j.want("it is held once more", http.StatusCreated, a, err) {
		return
	}
	_ = a.Into(&h)
	j.holdID = h.ID
}

func (j *job) book(ctx context.Context) {
	j.booking = map[string]string{"holdId": j.holdID, "patientId": j.patient}
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/appointments", j.booking, client.Key("smoke-book"))
	if j.want("the hold becomes an appointment", http.StatusCreated, a, err) {
		_ = a.Into(&j.apt)
	}
	j.appointment = a
	j.check("it is at the time that was held, in a room", j.apt.LocalStart == j.start && len(j.apt.RoomIDs) == 1, j.apt)
	j.check("Location names it", a.Header.Get("Location") == "/v1/appointments/"+j.apt.ID, a.Header)
	got, err := j.desk.Do(ctx, http.MethodGet, "/v1/appointments/"+j.apt.ID, nil)
	j.check("reading it gives the same",
		err == nil && bytes.Equal(got.Body, a.Body) && got.Header.Get("ETag") == a.Header.Get("ETag"),
		string(got.Body), string(a.Body))
}

func (j *job) replay(ctx context.Context) {
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/appointments", j.booking, client.Key("smoke-book"))
	j.check("the same request under the same key is answered the same, to the byte",
		err == nil && a.Status == http.StatusCreated && bytes.Equal(a.Body, j.appointment.Body) &&
			a.Header.Get("Idempotent-Replayed") == "true", a.Status, string(a.Body), err)
	other := map[string]string{"holdId": j.holdID, "patientId": j.patient + "x"}
	a, err = j.desk.Do(ctx, http.MethodPost, "/v1/appointments", other, client.Key("smoke-book"))
	j.check("another request under the key is 422 and learns nothing",
		err == nil && a.Status == http.StatusUnprocessableEntity && !bytes.Contains(a.Body, []byte(j.apt.ID)),
		a.Status, string(a.Body))
	a, err = j.desk.Do(ctx, http.MethodPost, "/v1/appointments", j.booking)
	j.want("without a key it is 400", http.StatusBadRequest, a, err)
}

func (j *job) compete(ctx context.Context) {
	rival := j.wish()
	rival["patientId"] = j.patient
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/appointments", rival, client.Key("smoke-rival"))
	j.want("a second booking of the time is 409", http.StatusConflict, a, err)
	var p problem
	_ = a.Into(&p)
	var codes []string
	for _, e := range p.Errors {
		codes = append(codes, e.Code)
	}
	slices.Sort(codes)
	j.check("with every reason at once", slices.Equal(codes, []string{"patient_busy", "practitioner_busy"}), codes)
}

func (j *job) move(ctx context.Context) {
	path, body := "/v1/appointments/"+j.apt.ID+"/move", map[string]string{"start": j.later}
	a, err := j.desk.Do(ctx, http.MethodPost, path, body, client.Key("smoke-move-1"))
	j.want("a change without If-Match is 428", http.StatusPreconditionRequired, a, err)
	a, err = j.desk.Do(ctx, http.MethodPost, path, body, client.Key("smoke-move-2"),
		client.Header{Name: "If-Match", Value: `"77"`})
	j.want("with a stale copy it is 412", http.StatusPreconditionFailed, a, err)
	a, err = j.desk.Do(ctx, http.MethodPost, path, body, client.Key("smoke-move-3"), client.Match(j.appointment))
	if !j.want("the appointment is moved", http.StatusOK, a, err) {
		return
	}
	var moved appointment
	_ = a.Into(&moved)
	j.check("to the later time", moved.LocalStart == j.later && moved.Version == 2, moved)
	j.appointment = a
	offered, why := j.state(ctx, j.start)
	j.check("and the old time is free again", offered, why)
	j.mail(ctx, 2, "REQUEST", 1)
}

func (j *job) cancel(ctx context.Context) {
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/appointments/"+j.apt.ID+"/cancel",
		map[string]string{"reason": "patient_request"}, client.Key("smoke-cancel"), client.Match(j.appointment))
	j.want("the appointment is cancelled", http.StatusOK, a, err)
	offered, why := j.state(ctx, j.later)
	j.check("and its time is free again", offered, why)
	j.mail(ctx, 3, "CANCEL", 2)
	j.ledger(ctx)
}
