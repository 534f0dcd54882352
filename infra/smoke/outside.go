package main

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
)

type mail struct {
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	HTML     string `json:"html"`
	Calendar []struct {
		Method string `json:"method"`
		Events []struct {
			UID      string `json:"uid"`
			Sequence int    `json:"sequence"`
			Start    string `json:"start"`
		} `json:"events"`
	} `json:"calendar"`
}

// patience is how long a mail may take from the change to the mailbox.
const patience = "15s"

// mail waits for the n-th mail to the patient and looks at its calendar attachment.
func (j *job) mail(ctx context.Context, n int, method string, sequence int) {
	box := client.New(j.stack.Mailbox)
	var all []mail
	query := url.Values{"to": {patientMail}, "wait": {patience}, "count": {strconv.Itoa(n)}}
	if err := box.Get(ctx, "/mailbox.json?"+query.Encode(), &all); err != nil {
		j.check("the mailbox is read", false, err)
		return
	}
	if !j.check("the patient has a mail about it", len(all) == n, "mails:", len(all), "want:", n) {
		return
	}
	m := all[0] // newest first
	if !j.check("with a calendar attachment", len(m.Calendar) > 0 && len(m.Calendar[0].Events) == 1, m.Subject) {
		return
	}
	c, e := m.Calendar[0], m.Calendar[0].Events[0]
	j.check("that says "+method+" in the right sequence", c.Method == method && e.Sequence == sequence &&
		strings.HasPrefix(e.UID, j.apt.ID), c)
	j.check("and names no person in the subject", !strings.Contains(m.Subject, "Smoke"), m.Subject)
}

func (j *job) firstMail(ctx context.Context) { j.mail(ctx, 1, "REQUEST", 0) }

func (j *job) ledger(ctx context.Context) {
	var got page[struct {
		State string `json:"state"`
	}]
	err := j.desk.Get(ctx, "/v1/appointments/"+j.apt.ID+"/messages", &got)
	done := 0
	for _, d := range got.Items {
		if d.State == "done" {
			done++
		}
	}
	j.check("the ledger says that three messages are done", err == nil && done == 3 && len(got.Items) == 3, got, err)
}

func (j *job) lists(ctx context.Context) {
	var day, patient page[appointment]
	err := j.desk.Get(ctx, "/v1/practitioners/"+j.practitioner+"/appointments?date="+j.later[:len(time.DateOnly)], &day)
	is := func(a appointment) bool { return a.ID == j.apt.ID && a.Status == "cancelled" }
	j.check("the practitioner's day lists the cancelled appointment",
		err == nil && slices.ContainsFunc(day.Items, is), err)
	err = j.desk.Get(ctx, "/v1/patients/"+j.patient+"/appointments", &patient)
	j.check("so does the patient's list", err == nil && slices.ContainsFunc(patient.Items, is), err, patient)
	var history page[struct {
		Name string `json:"name"`
		By   string `json:"by"`
	}]
	err = j.desk.Get(ctx, "/v1/appointments/"+j.apt.ID+"/history", &history)
	var names []string
	for _, h := range history.Items {
		if strings.HasPrefix(h.Name, "appointment.") {
			names = append(names, h.Name)
		}
	}
	j.check("the history tells who did what", err == nil && slices.Equal(names,
		[]string{"appointment.booked", "appointment.moved", "appointment.cancelled"}) &&
		history.Items[0].By == demo.Receptionist, names, err)
}

func (j *job) neighbour(ctx context.Context) {
	n := client.New(j.stack.API)
	if err := n.LogIn(ctx, j.stack.Login, demo.Neighbour); err != nil {
		j.check("the neighbour logs in", false, err)
		return
	}
	for _, path := range []string{
		"/v1/appointments/" + j.apt.ID, "/v1/patients/" + j.patient,
		"/v1/patients/" + j.patient + "/appointments",
		"/v1/appointments/" + j.apt.ID + "/messages", "/v1/appointments/" + j.apt.ID + "/history",
		"/v1/practitioners/" + j.practitioner + "/appointments?date=" + j.later[:len(time.DateOnly)],
		"/v1/sites/" + j.site,
	} {
		a, err := n.Do(ctx, http.MethodGet, path, nil)
		j.want("another clinic does not find "+strings.Split(path, "/")[2], http.StatusNotFound, a, err)
	}
	var sites page[named]
	err := n.Get(ctx, "/v1/sites", &sites)
	j.check("another clinic lists nothing of ours", err == nil && len(sites.Items) == 0, err, sites)
	a, err := n.Do(ctx, http.MethodGet, "/v1/sites", nil,
		client.Header{Name: "Almanac-Organisation", Value: demo.Org()})
	j.want("nor by asking for our organisation", http.StatusNotFound, a, err)
	a, err = n.Do(ctx, http.MethodPost, "/v1/appointments/"+j.apt.ID+"/cancel",
		map[string]string{"reason": "patient_request"}, client.Key("smoke-book"), client.Match(j.appointment))
	j.want("nor changes anything, under our key either", http.StatusNotFound, a, err)
}

// times asks for local times that the clocks skip or repeat.
func (j *job) times(ctx context.Context) {
	w := j.wish()
	w["patientId"] = j.patient
	for _, c := range []struct{ start, code string }{
		{"2027-03-28T01:30", "time_skipped"}, {"2027-10-31T01:30", "time_twice"}, {"noonish", "malformed_time"},
	} {
		w["start"] = c.start
		a, err := j.desk.Do(ctx, http.MethodPost, "/v1/appointments", w, client.Key("smoke-"+c.code))
		var p problem
		_ = a.Into(&p)
		j.check("a start that cannot be is 422 "+c.code, err == nil && a.Status == http.StatusUnprocessableEntity &&
			len(p.Errors) > 0 && p.Errors[0].Code == c.code && !strings.Contains(string(a.Body), "noonish"),
			a.Status, string(a.Body))
	}
}

// leaver takes the receptionist's membership away: the very next request is refused.
func (j *job) leaver(ctx context.Context) {
	m := client.New(j.stack.API)
	if err := m.LogIn(ctx, j.stack.Login, demo.Manager); err != nil {
		j.check("the manager logs in", false, err)
		return
	}
	a, err := m.Do(ctx, http.MethodGet, "/v1/staff/"+demo.Receptionist, nil)
	if !j.want("the manager reads a member of staff", http.StatusOK, a, err) {
		return
	}
	var staff map[string]any
	_ = a.Into(&staff)
	for _, k := range []string{"subject", "version"} {
		delete(staff, k)
	}
	staff["left"] = true
	b, err := m.Do(ctx, http.MethodPut, "/v1/staff/"+demo.Receptionist, staff,
		client.Key("smoke-leaver"), client.Match(a))
	j.want("and marks them as having left", http.StatusOK, b, err)
	c, err := j.desk.Do(ctx, http.MethodGet, "/v1/sites", nil)
	j.want("the leaver's next request is refused, though the token is good", http.StatusForbidden, c, err)
	_, c, err = find(ctx, j.desk, map[string]any{"name": "testcase"})
	j.want("and so is a search", http.StatusForbidden, c, err)
	w := j.wish()
	w["patientId"] = j.patient
	c, err = j.desk.Do(ctx, http.MethodPost, "/v1/appointments", w, client.Key("smoke-after-leaving"))
	j.want("and so is a booking", http.StatusForbidden, c, err)
}

func (j *job) pages(ctx context.Context) {
	anyone := client.New(j.stack.API)
	for path, want := range map[string]int{
		"/docs": http.StatusOK, "/v1/openapi.json": http.StatusOK, "/healthz": http.StatusOK,
		"/v1/nothing": http.StatusNotFound, "/admin": http.StatusNotFound,
	} {
		a, err := anyone.Do(ctx, http.MethodGet, path, nil)
		j.want("GET "+path, want, a, err)
	}
	a, err := anyone.Do(ctx, http.MethodGet, "/docs", nil)
	j.check("the documentation page loads nothing from elsewhere", err == nil &&
		strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'"), a.Header)
	box := client.New(j.stack.Mailbox)
	a, err = box.Do(ctx, http.MethodGet, "/mailbox", nil)
	j.want("GET the mailbox page", http.StatusOK, a, err)
}

// canary looks for the patient in all that the functions and the stack wrote.
func (j *job) canary(logs string) {
	text, err := os.ReadFile(logs) //nolint:gosec // our own file
	found := ""
	for _, word := range append([]string{
		patientMail, "Smoke", "Testcase", "1980-02-29", "Glasscase", "Uploadsen", "Quillfeather", "Amberley",
		"Greywillow", "Screencase", visitMail, "zak=", "pwd=",
	}, j.secrets...) {
		if strings.Contains(string(text), word) {
			found = word
		}
	}
	j.check("neither a patient nor a secret stands in any log", err == nil && len(text) > 0 && found == "", found, err)
}

// roles asks whether AWS would have let the functions do what they did: here, nobody refuses them anything.
func (j *job) roles(context.Context) {
	refused := j.stack.Calls.Refused(j.stack.Template)
	j.check("the roles allow every call that was made", len(j.stack.Calls.Calls()) > 0 && len(refused) == 0,
		strings.Join(refused, "; "))
}
