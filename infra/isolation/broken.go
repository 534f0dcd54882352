package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

// The broken variants are a product with a hole in it: a proxy between the callers and the API swaps tokens, or changes
// answers, as a mistake in the product would. What does not catch them would be worth nothing.
type variant struct {
	name  string
	route string // of the cells that are tried
	role  string
	place place
	meddle
}

// meddle is what the proxy does to a request, and to its answer.
type meddle struct {
	before func(*http.Request)
	status int                 // of the answer, where it is another one
	after  func([]byte) []byte // the body of the answer
}

// meddler is the proxy.
type meddler struct {
	next http.RoundTripper
	meddle
}

// RoundTrip implements http.RoundTripper.
func (m meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if m.before != nil {
		m.before(r)
	}
	res, err := m.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if m.status != 0 {
		res.StatusCode = m.status
	}
	if m.after == nil {
		return res, nil
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // read to its end
	if err != nil {
		return nil, err
	}
	body = m.after(body)
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, nil
}

func as(p *person) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+p.token) }
}

func adding(text string) meddle {
	return meddle{after: func(body []byte) []byte { return append(slices.Clip(body), []byte(` "`+text+`"`)...) }}
}

// variants lists the holes.
func (h *house) variants() []variant {
	const patient, appointments = "GET /v1/patients/{id}", "GET /v1/appointments/{id}"
	other := canary{}
	for _, c := range h.canaries {
		if c.org == h.foreign.org.id && c.id != "" {
			other = c
		}
	}
	own, foreign := h.own.org, h.foreign.org
	return []variant{
		{"roles are not asked for", "GET /v1/staff", receptionist, ofOwn, meddle{before: as(own.boss)}},
		{"somebody without a role may", patient, nobody, ofOwn, meddle{before: as(own.boss)}},
		{"a role too many", "POST /v1/patients/{id}/break-glass", receptionist, ofOwn, meddle{before: as(own.boss)}},
		{"relationships are not asked for", patient, receptionist, ofSibling, meddle{before: as(own.boss)}},
		{
			"a claim is enough for anything", "POST /v1/patients/{id}/relationships", receptionist, ofClaimed,
			meddle{before: as(own.boss)},
		},
		{"appointments of every site", appointments, clinician, ofSibling, meddle{before: as(own.boss)}},
		{"the organisation is not asked for", patient, manager, ofForeign, meddle{before: as(foreign.boss)}},
		{"another organisation's list", "GET /v1/sites", clinician, ofOwn, meddle{before: as(foreign.boss)}},
		{"foreign is denied, absent not found", patient, clinician, ofForeign, meddle{status: http.StatusForbidden}},
		{"an error of ours", patient, clinician, ofOwn, meddle{status: http.StatusInternalServerError}},
		{"another patient's id in the answer", patient, clinician, ofOwn, adding(other.id)},
		{"another patient's name in the answer", patient, clinician, ofOwn, adding(other.word(familyWord))},
		{"what was sent in a refusal", patient, clinician, ofAbsent, adding(other.mail())},
		{"the foreign answer is longer", patient, clinician, ofForeign, adding("")},
	}
}

// holesOfVisits are those in what is about video visits and the accounts they are in.
func (h *house) holesOfVisits() []variant {
	const page = "GET /v/{token}"
	boss, host, patient := h.own.org.boss, h.own.staff[clinician], canary{}
	return []variant{
		{
			"a call is started by somebody else", "POST /v1/appointments/{id}/video/start", receptionist, ofOwn,
			meddle{before: as(host)},
		},
		{
			"video visits of every site", "GET /v1/appointments/{id}/video", clinician, ofSibling,
			meddle{before: as(boss)},
		},
		{"tasks of every site", "POST /v1/tasks/{id}/done", clinician, ofSibling, meddle{before: as(boss)}},
		{"tasks of every site in the list", "GET /v1/tasks", clinician, ofOwn, meddle{before: as(boss)}},
		{
			"the account of somebody else", "GET /v1/connections", receptionist, ofOwn,
			meddle{before: as(h.sibling.staff[clinician])},
		},
		{
			"the clinic's account for everybody", "POST /v1/connections/zoom-admin", receptionist, ofOwn,
			meddle{before: as(boss)},
		},
		{
			"a log-in for another organisation's staff", "POST /v1/staff/{subject}/zoom-user", manager, ofForeign,
			meddle{before: as(h.foreign.org.boss)},
		},
		{"a link with another organisation's name opens", page, nobody, ofForeign, meddle{before: h.opens}},
		{"a patient's name on the page", page, nobody, ofOwn, adding(patient.word(familyWord))},
		{"the page of a foreign link is longer", page, nobody, ofForeign, adding("")},
		{"a foreign state is taken", "GET /zoom/callback", nobody, ofForeign, meddle{status: http.StatusOK}},
		{"everybody is Zoom", "POST /zoom/events", nobody, ofOwn, meddle{status: http.StatusOK}},
	}
}

// opens asks for a link that leads somewhere instead.
func (h *house) opens(r *http.Request) { r.URL.Path = "/v/" + h.foreign.joinable }

// caught tells how many of the broken variants the matrix catches, and which it does not.
func (h *house) caught(ctx context.Context) (int, []string, error) {
	whole := h.http
	defer func() { h.http = whole }()
	all := append(h.variants(), h.holesOfVisits()...)
	if _, err := h.stock(ctx, h.sibling, kindTask, ""); err != nil { // which a list could show
		return 0, nil, err
	}
	if _, err := h.link(ctx, h.foreign); err != nil {
		return 0, nil, err
	}
	caught, missed := 0, []string{}
	for _, v := range all {
		rt, ok := h.route(v.route)
		if !ok {
			return caught, missed, fmt.Errorf("there is no %s", v.route)
		}
		slot := ""
		if len(rt.names) > 0 {
			slot = rt.names[0]
		} else if strings.HasSuffix(rt.pattern, "/callback") {
			slot = "state"
		}
		found, err := h.tryBroken(ctx, whole, v, cell{rt, v.role, slot, v.place})
		if err != nil {
			return caught, missed, err
		}
		if found {
			caught++
		} else {
			missed = append(missed, v.name)
		}
	}
	return caught, missed, nil
}

// tryBroken tries the cell through the proxy, and the one it is compared with without.
func (h *house) tryBroken(ctx context.Context, whole *http.Client, v variant, c cell) (bool, error) {
	t := tally{}
	twins := map[string]tried{}
	for _, p := range []place{ofAbsent, v.place} {
		h.http = whole
		if p == v.place {
			h.http = &http.Client{
				Timeout: whole.Timeout, CheckRedirect: whole.CheckRedirect,
				Transport: meddler{whole.Transport, v.meddle},
			}
		}
		// What the request is made of is read as before: only the request itself goes through the proxy.
		c.place = p
		got, err := h.tryThrough(ctx, c, whole)
		if err != nil {
			return false, err
		}
		t.leaks = append(t.leaks, got.leaks()...)
		t.compare(twins, got)
		if p == v.place && v.place == ofAbsent {
			break
		}
	}
	return len(t.leaks) > 0, nil
}

// tryThrough tries a cell whose records are made by the other client.
func (h *house) tryThrough(ctx context.Context, c cell, whole *http.Client) (tried, error) {
	through := h.http
	h.http = whole
	out, q, err := h.prepare(ctx, c)
	h.http = through
	if err != nil {
		return out, err
	}
	return h.carry(ctx, out, q)
}

func (h *house) route(row string) (route, bool) {
	for _, rt := range h.routes {
		if rt.row == row {
			return rt, true
		}
	}
	return route{}, false
}

// control writes canaries into a file of its own, as a careless log would, and searches that: what finds nothing there
// would find nothing anywhere.
func (h *house) control(dir string) (int, int, error) {
	c, _ := h.owner(0)
	lines := []string{
		`{"level":"INFO","msg":"registered ` + family(c) + `"}`, `{"path":"/Patient/` + h.numbers[0] + `"}`,
		`to=` + c.mail(), `phone ` + mobile(0), `born ` + born(0), strings.ToUpper(c.word(streetWord)),
		c.word(noteWord), `{"topic":"Visit of ` + family(c) + `"}`,
	}
	h.secret(guessed(""))
	for one := range h.secrets {
		lines = append(lines, `{"path":"/v/`+one+`"}`)
		break
	}
	file, err := os.CreateTemp(dir, "control-*.log")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // a leftover does no harm
	for _, line := range lines {
		if _, err := file.WriteString(line + "\n"); err != nil {
			return 0, 0, err
		}
	}
	if err := file.Close(); err != nil {
		return 0, 0, err
	}
	s := newSearched(h)
	if err := s.file("control", file.Name()); err != nil {
		return 0, 0, err
	}
	n := 0
	for _, line := range lines { // each by itself, and none of it missing from the whole
		for _, hit := range append(h.needles.find([]byte(line)), h.given([]byte(line))...) {
			if s.parts("control")[hit.part] > 0 {
				n++
				break
			}
		}
	}
	return n, len(lines), nil
}
