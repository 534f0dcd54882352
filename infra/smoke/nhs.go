package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
	"almanac/infra/sandbox/pds"
)

// standing is how a patient's NHS number stands.
type standing struct {
	Number   string `json:"nhsNumber"`
	Status   string `json:"status"`
	State    string `json:"state"`
	Objects  bool   `json:"objects"`
	Tracing  string `json:"tracing"`
	Outcome  string `json:"outcome"`
	ReviewID string `json:"reviewId"`
}

const (
	// tracing is how long a trace may take: five calls a second, shared with everybody's.
	tracing = 40 * time.Second
	glance  = 200 * time.Millisecond
)

// until asks again and again until the answer is what is waited for, or the time is up.
func until(ctx context.Context, limit time.Duration, done func() bool) bool {
	deadline := time.Now().Add(limit)
	for {
		if done() {
			return true
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return false
		}
		time.Sleep(glance)
	}
}

// settled waits until the trace of a patient's number is.
func (j *job) settled(ctx context.Context, patient, what string, is func(standing) bool) standing {
	var got standing
	var err error
	ok := until(ctx, tracing, func() bool {
		err = j.desk.Get(ctx, "/v1/patients/"+patient+"/nhs-number", &got)
		return err == nil && is(got)
	})
	j.check(what, ok, got.Status, got.State, got.Tracing, got.Outcome, err)
	return got
}

// connect switches on, as the manager, what NHS services offer.
func (j *job) connect(ctx context.Context) {
	manager := j.staff(ctx, demo.Manager)
	a, err := manager.Do(ctx, http.MethodGet, "/v1/organisation", nil)
	j.want("the manager reads the organisation", http.StatusOK, a, err)
	body := map[string]any{"name": "Willow Clinic", "timeZone": "Europe/London", "nhs": map[string]any{
		"odsCode": "Y99999", "tracing": true, "summaryCareRecord": true, "asid": "999000000000", "gpRecord": true,
	}}
	a, err = manager.Do(ctx, http.MethodPut, "/v1/organisation", body, client.Key("smoke-nhs"), client.Match(a))
	j.want("and switches tracing on", http.StatusOK, a, err)
}

// numbers traces NHS numbers: one that is found, one for a person to decide, one whose whereabouts are protected.
func (j *job) numbers(ctx context.Context) {
	rosalind := j.register(ctx, "Rosalind", "Amberley", "1984-05-17", "KB1 4AA", "smoke-rosalind")
	barny := j.register(ctx, "Barnaby", "Quillfether", "1991-11-02", "KB1 7QF", "smoke-barny")
	philippa := j.numbered(ctx, "Philippa", "Greywillow", "1993-07-21", pds.Restricted.Number(), "smoke-philippa")
	found := j.settled(ctx, rosalind, "a number is traced in the background and verified", func(s standing) bool {
		return s.Status == "01" && s.State == "verified"
	})
	ids, a, err := find(ctx, j.desk, map[string]any{"nhsNumber": found.Number})
	j.check("the patient is found by it", err == nil && slices.Contains(ids, rosalind), a.Status, ids, err)
	j.decide(ctx, barny)
	j.settled(ctx, philippa, "somebody whose whereabouts are protected is traced too", func(s standing) bool {
		return s.Status == "01"
	})
	a, err = record(ctx, j.desk, philippa)
	j.check("and the record warns of it", err == nil && bytes.Contains(a.Body, []byte(`"code":"restricted"`)),
		string(a.Body), err)
	path := "/v1/patients/" + rosalind + "/nhs-number/trace"
	a, err = j.desk.Do(ctx, http.MethodPost, path, nil, client.Key("smoke-trace"))
	j.want("a trace can be asked for", http.StatusOK, a, err)
	j.object(ctx, rosalind, found.Number)
	j.disclosed(ctx, rosalind)
}

// decide takes a candidate that only a person may take.
func (j *job) decide(ctx context.Context, patient string) {
	at := j.settled(ctx, patient, "what does not agree waits for a person", func(s standing) bool {
		return s.ReviewID != "" && s.Tracing == "settled"
	})
	a, err := j.desk.Do(ctx, http.MethodGet, "/v1/nhs-number-reviews/"+at.ReviewID, nil)
	j.check("who sees the candidate beside the comparison", err == nil && a.Status == http.StatusOK &&
		bytes.Contains(a.Body, []byte("Quillfeather")) && bytes.Contains(a.Body, []byte(`"comparison"`)),
		a.Status, string(a.Body), err)
	a, err = j.desk.Do(ctx, http.MethodPost, "/v1/nhs-number-reviews/"+at.ReviewID+"/decide",
		map[string]any{"decision": "accept"}, client.Key("smoke-decide"))
	j.want("and accepts", http.StatusOK, a, err)
	j.settled(ctx, patient, "then the number counts", func(s standing) bool { return s.Status == "01" })
}

// object enters a patient's objection to the use of the number, and takes it back.
func (j *job) object(ctx context.Context, patient, number string) {
	path := "/v1/patients/" + patient + "/nhs-number/objection"
	a, err := j.desk.Do(ctx, http.MethodPut, path, nil, client.Key("smoke-object"))
	j.want("the patient objects to the use of the number", http.StatusOK, a, err)
	ids, a, err := find(ctx, j.desk, map[string]any{"nhsNumber": number})
	j.check("from then on it finds nobody", err == nil && a.Status == http.StatusOK && len(ids) == 0,
		a.Status, ids, err)
	a, err = record(ctx, j.desk, patient)
	digits := strings.ReplaceAll(number, " ", "")
	j.check("and the record does not show it", err == nil && a.Status == http.StatusOK &&
		!bytes.Contains(a.Body, []byte(digits)) && !bytes.Contains(a.Body, []byte(number)), string(a.Body), err)
	a, err = j.desk.Do(ctx, http.MethodPost, "/v1/patients/"+patient+"/nhs-number/trace", nil,
		client.Key("smoke-no-trace"))
	j.check("nor is it traced", err == nil && a.Status == http.StatusConflict, a.Status, string(a.Body), err)
	a, err = j.desk.Do(ctx, http.MethodDelete, path, nil, client.Key("smoke-withdraw"))
	j.want("the objection is withdrawn as easily", http.StatusOK, a, err)
	j.settled(ctx, patient, "and the number is traced anew", func(s standing) bool { return s.Status == "01" })
}

// disclosed looks at a Summary Care Record, once, and at the register of what was disclosed.
func (j *job) disclosed(ctx context.Context, patient string) {
	doctor := j.staff(ctx, demo.Clinician)
	a, err := doctor.Do(ctx, http.MethodPost, "/v1/patients/"+patient+"/claim",
		map[string]any{"reason": "new-referral"}, client.Key("smoke-doctor-claim"))
	j.want("the doctor takes a referral on", http.StatusCreated, a, err)
	a, err = doctor.Do(ctx, http.MethodPost, "/v1/patients/"+patient+"/record-views", map[string]any{
		"record": "summary-care-record", "basis": map[string]any{"permission": map[string]any{"scope": "once"}},
	}, client.Key("smoke-view"))
	var view named
	if j.want("the patient's permission to view is recorded first", http.StatusCreated, a, err) {
		_ = a.Into(&view)
	}
	path := "/v1/patients/" + patient + "/record-views/" + view.ID
	a, err = doctor.Do(ctx, http.MethodGet, path, nil)
	j.check("then the Summary Care Record is shown", err == nil && a.Status == http.StatusOK &&
		bytes.Contains(a.Body, []byte(`"sections"`)) && a.Header.Get("Cache-Control") == "no-store",
		a.Status, a.Header.Get("Cache-Control"), string(a.Body), err)
	a, err = doctor.Do(ctx, http.MethodGet, path, nil)
	j.check("once", err == nil && a.Status >= http.StatusBadRequest && a.Status < http.StatusInternalServerError,
		a.Status, err)
	a, err = doctor.Do(ctx, http.MethodPost, "/v1/patients/"+patient+"/exports", map[string]any{
		"recipient": map[string]any{"name": "Example Hospital"}, "purpose": "referral", "authority": "care-contract",
	})
	j.check("an export is a FHIR Patient", err == nil && a.Status == http.StatusOK &&
		bytes.Contains(a.Body, []byte(`"resourceType":"Patient"`)), a.Status, string(a.Body), err)
	var register page[json.RawMessage]
	err = j.desk.Get(ctx, "/v1/patients/"+patient+"/disclosures", &register)
	all, _ := json.Marshal(register.Items) //nolint:errchkjson // what was just decoded
	j.check("the register says what was disclosed, to whom and why", err == nil && len(register.Items) >= 3 &&
		bytes.Contains(all, []byte("Example Hospital")) && bytes.Contains(all, []byte("number-tracing")),
		string(all), err)
}

// consents gives and withdraws a consent, and asks how things stood in between.
func (j *job) consents(ctx context.Context) {
	manager := j.staff(ctx, demo.Manager)
	a, err := manager.Do(ctx, http.MethodPost, "/v1/consent-texts",
		map[string]any{"scope": "newsletter", "text": "I agree to get the newsletter."}, client.Key("smoke-text"))
	j.want("a text to consent to is set up", http.StatusCreated, a, err)
	path := "/v1/patients/" + j.patient + "/consents"
	a, err = j.desk.Do(ctx, http.MethodPost, path,
		map[string]any{"scope": "newsletter", "by": "patient", "channel": "in-person"}, client.Key("smoke-consent"))
	var given named
	if j.want("the patient consents", http.StatusCreated, a, err) {
		_ = a.Into(&given)
	}
	between := j.stack.Now().UTC().Format(time.RFC3339Nano)
	time.Sleep(glance)
	a, err = j.desk.Do(ctx, http.MethodPost, path+"/"+given.ID+"/withdraw",
		map[string]any{"by": "patient", "channel": "telephone"}, client.Key("smoke-withdraw-consent"))
	j.want("and withdraws", http.StatusOK, a, err)
	var then, now struct {
		States []struct {
			Status string `json:"status"`
		} `json:"states"`
	}
	err1, err2 := j.desk.Get(ctx, path+"?at="+between, &then), j.desk.Get(ctx, path, &now)
	j.check("how it stood at any instant can be told", err1 == nil && err2 == nil && len(then.States) == 1 &&
		len(now.States) == 1 && then.States[0].Status != now.States[0].Status, then, now, err1, err2)
}
