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

// caught tells how many of the broken variants the matrix catches, and which it does not.
func (h *house) caught(ctx context.Context) (int, []string, error) {
	whole := h.http
	defer func() { h.http = whole }()
	all := h.variants()
	caught, missed := 0, []string{}
	for _, v := range all {
		rt, ok := h.route(v.route)
		if !ok {
			return caught, missed, fmt.Errorf("there is no %s", v.route)
		}
		slot := ""
		if len(rt.names) > 0 {
			slot = rt.names[0]
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
			h.http = &http.Client{Timeout: whole.Timeout, Transport: meddler{whole.Transport, v.meddle}}
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
	for _, name := range c.route.names { // so that nothing is left to be made
		d := &draft{h: h, route: c.route, who: h.own.staff[c.role], at: h.own}
		if _, err := h.pick(ctx, d, c.place, name, kindOf(c.route.pattern, name), "", false); err != nil {
			return tried{}, err
		}
	}
	h.http = through
	return h.try(ctx, c)
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
		c.word(noteWord),
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
		for _, hit := range h.needles.find([]byte(line)) {
			if s.found["control"][hit] {
				n++
				break
			}
		}
	}
	return n, len(lines), nil
}
