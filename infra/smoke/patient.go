package main

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
)

// staff logs somebody else in.
func (j *job) staff(ctx context.Context, subject string) *client.Client {
	c := client.New(j.stack.API)
	err := c.LogIn(ctx, j.stack.Login, subject)
	j.check(subject+" logs in", err == nil, err)
	return c
}

// codes lists the codes of a problem: its own and those of its errors.
func codes(a client.Answer) []string {
	var p struct {
		Code   string `json:"code"`
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	_ = a.Into(&p)
	out := []string{p.Code}
	for _, e := range p.Errors {
		out = append(out, e.Code)
	}
	return out
}

// refused expects a refusal with a status and a code.
func (j *job) refused(what string, status int, code string, a client.Answer, err error) {
	j.check(what, err == nil && a.Status == status && slices.Contains(codes(a), code), "want", status, code, "got",
		a.Status, string(a.Body), err)
}

// register enters somebody and gives the id.
func (j *job) register(ctx context.Context, given, family, born, postcode, key string) string {
	body := person(given, family, born)
	if postcode != "" {
		body["addresses"] = []any{
			map[string]any{"use": "home", "lines": []string{"1 Lantern Row"}, "postcode": postcode},
		}
	}
	return j.enter(ctx, body, given+" is registered", key)
}

// numbered enters somebody who knows the NHS number.
func (j *job) numbered(ctx context.Context, given, family, born, number, key string) string {
	body := person(given, family, born)
	body["nhsNumber"] = number
	return j.enter(ctx, body, given+" is registered with an NHS number", key)
}

func person(given, family, born string) map[string]any {
	return map[string]any{
		"names":     []any{map[string]any{"use": "usual", "given": []string{given}, "family": family}},
		"birthDate": born,
	}
}

func (j *job) enter(ctx context.Context, body map[string]any, what, key string) string {
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/patients", body, client.Key(key))
	var made named
	if j.want(what, http.StatusCreated, a, err) {
		_ = a.Into(&made)
	}
	return made.ID
}

// record reads a patient's record as somebody.
func record(ctx context.Context, as *client.Client, patient string) (client.Answer, error) {
	return as.Do(ctx, http.MethodGet, "/v1/patients/"+patient, nil)
}

// find searches patients as somebody, and gives the ids.
func find(ctx context.Context, as *client.Client, query map[string]any) ([]string, client.Answer, error) {
	a, err := as.Do(ctx, http.MethodPost, "/v1/patients/search", query)
	var got page[named]
	if err == nil {
		_ = a.Into(&got)
	}
	var ids []string
	for _, p := range got.Items {
		ids = append(ids, p.ID)
	}
	return ids, a, err
}

// people registers, finds and doubles a patient.
func (j *job) people(ctx context.Context) {
	ids, a, err := find(ctx, j.desk, map[string]any{"name": "testc smo"})
	j.check("the patient is found by the beginnings of two names", err == nil && slices.Contains(ids, j.patient),
		a.Status, ids, err)
	ids, a, err = find(ctx, j.desk, map[string]any{"birthDate": "1980-02-29"})
	j.check("and by the birth date", err == nil && slices.Contains(ids, j.patient), a.Status, ids, err)
	a, err = j.desk.Do(ctx, http.MethodPost, "/v1/patients", map[string]any{
		"names":     []any{map[string]any{"use": "usual", "given": []string{"Smoke"}, "family": "Testcase"}},
		"birthDate": "1980-02-29",
	}, client.Key("smoke-double"))
	j.refused("the same person again is a possible duplicate", http.StatusConflict, "possible_duplicate", a, err)
	theirs := j.staff(ctx, demo.Neighbour)
	ids, a, err = find(ctx, theirs, map[string]any{"name": "testcase"})
	j.check("another organisation finds nobody of ours", err == nil && a.Status == http.StatusOK && len(ids) == 0,
		a.Status, ids, err)
	mine, err1 := record(ctx, theirs, j.patient)
	none, err2 := record(ctx, theirs, "pat_01kc4z7v8wfj7rw4q3hxe6m2ta")
	j.check("and our patient's record is to it like none at all", err1 == nil && err2 == nil &&
		mine.Status == http.StatusNotFound && none.Status == http.StatusNotFound, mine.Status, none.Status)
}

// glass is about somebody whom only the receptionist who registered her has to do with.
func (j *job) glass(ctx context.Context) {
	hidden := j.register(ctx, "Hidden", "Glasscase", "1961-04-01", "", "smoke-glass")
	branch, doctor := j.staff(ctx, demo.Branch), j.staff(ctx, demo.Clinician)
	officer := j.staff(ctx, demo.PrivacyOfficer)
	a, err := record(ctx, branch, hidden)
	j.refused("somebody of another site has no business with her", http.StatusForbidden, "no_relationship", a, err)
	a, err = branch.Do(ctx, http.MethodPost, "/v1/patients/"+hidden+"/claim",
		map[string]any{"reason": "patient-contact"}, client.Key("smoke-claim"))
	j.want("until there is a reason on record", http.StatusCreated, a, err)
	a, err = record(ctx, branch, hidden)
	j.want("then the record opens", http.StatusOK, a, err)
	a, err = record(ctx, doctor, hidden)
	j.refused("the doctor has no relationship either", http.StatusForbidden, "no_relationship", a, err)
	a, err = doctor.Do(ctx, http.MethodPost, "/v1/patients/"+hidden+"/break-glass",
		map[string]any{"reason": "life-at-risk"}, client.Key("smoke-glass-1"))
	var broken struct {
		AlertID string    `json:"alertId"`
		Until   time.Time `json:"until"`
	}
	if j.want("the doctor breaks the glass", http.StatusCreated, a, err) {
		_ = a.Into(&broken)
	}
	left := broken.Until.Sub(j.stack.Now())
	j.check("for half an hour", left > 29*time.Minute && left <= 30*time.Minute, left)
	a, err = record(ctx, doctor, hidden)
	j.want("and reads the record", http.StatusOK, a, err)
	a, err = record(ctx, doctor, j.register(ctx, "Second", "Glasscase", "1962-05-02", "", "smoke-glass-2"))
	j.refused("but nobody else's", http.StatusForbidden, "no_relationship", a, err)
	j.alerted(ctx, officer, hidden, broken.AlertID)
	j.looked(ctx, officer, hidden)
}

// alerted follows an alert to the privacy officer and through its review.
func (j *job) alerted(ctx context.Context, officer *client.Client, patient, alert string) {
	var mails []mail
	err := client.New(j.stack.Mailbox).Get(ctx,
		"/mailbox.json?to="+demo.PrivacyOfficer+"@almanac.example&wait="+patience+"&count=2", &mails)
	j.check("the privacy officer has a mail about each", err == nil && len(mails) == 2, len(mails), err)
	for _, m := range mails {
		text := m.Subject + m.Text
		j.check("that names neither patient nor user", !strings.Contains(text, patient) &&
			!strings.Contains(text, "Glasscase") && !strings.Contains(text, "Okafor"), m.Subject)
	}
	var open page[struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
	}]
	err = officer.Get(ctx, "/v1/alerts?state=open", &open)
	j.check("the alerts are on the review list", err == nil && len(open.Items) == 2, open, err)
	a, err := officer.Do(ctx, http.MethodGet, "/v1/alerts/"+alert, nil)
	j.want("the alert is read", http.StatusOK, a, err)
	b, err := officer.Do(ctx, http.MethodPost, "/v1/alerts/"+alert+"/review", map[string]any{"outcome": "justified"},
		client.Key("smoke-review"), client.Match(a))
	j.want("and reviewed", http.StatusOK, b, err)
	err = officer.Get(ctx, "/v1/alerts?state=open", &open)
	j.check("which takes it off the list", err == nil && len(open.Items) == 1, open, err)
	a, err = record(ctx, officer, patient)
	j.refused("the officer never sees the record", http.StatusForbidden, "denied", a, err)
}

// looked reads who looked.
func (j *job) looked(ctx context.Context, officer *client.Client, patient string) {
	var log page[struct {
		Subject string `json:"subject"`
		Action  string `json:"action"`
		Basis   string `json:"basis"`
		Outcome string `json:"outcome"`
	}]
	err := officer.Get(ctx, "/v1/patients/"+patient+"/access-log?limit=100", &log)
	seen := func(subject, basis, outcome string) bool {
		for _, e := range log.Items {
			if e.Subject == subject && e.Action == "patient.read" && e.Basis == basis && e.Outcome == outcome {
				return true
			}
		}
		return false
	}
	j.check("the access log names who was refused", err == nil &&
		seen(demo.Branch, "", "denied") && seen(demo.Clinician, "", "denied"), log, err)
	j.check("who read, and by what right", seen(demo.Branch, "claim", "done") &&
		seen(demo.Clinician, "break-glass", "done"), log)
}

// behalf books for somebody through a representative.
func (j *job) behalf(ctx context.Context) {
	a, err := j.desk.Do(ctx, http.MethodPost, "/v1/patients/"+j.patient+"/representatives", map[string]any{
		"relationship": "parent", "name": map[string]any{"given": []string{"Perry"}, "family": "Testcase"},
		"may": []string{"book"}, "evidence": map[string]any{"kind": "birth-certificate", "seenOn": "2026-01-05"},
	}, client.Key("smoke-representative"))
	var rep named
	if !j.want("a representative is entered with evidence", http.StatusCreated, a, err) {
		return
	}
	_ = a.Into(&rep)
	wish := map[string]any{"patientId": j.patient, "onBehalf": map[string]any{"representativeId": rep.ID}}
	for k, v := range j.wish() {
		wish[k] = v
	}
	a, err = j.desk.Do(ctx, http.MethodPost, "/v1/appointments", wish, client.Key("smoke-behalf"))
	j.want("who books for the patient", http.StatusCreated, a, err)
	j.check("which the appointment says", bytes.Contains(a.Body, []byte(rep.ID)), string(a.Body))
}
