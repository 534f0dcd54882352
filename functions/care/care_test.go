package main

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/web"
)

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	pat, manager, desk := d.Patients[0], clinictest.Manager, clinictest.Receptionist
	made := clinictest.Read[care.Term](t, d.must(t, http.StatusCreated, desk, "POST", of(pat, "/relationships"),
		object{"kind": "care-team", "subject": clinictest.Clinician}))
	one, two := d.glass(t, pat, d.clinician(t)), d.glass(t, pat, d.clinician(t))
	cases := []struct {
		row, path, subject string
		body               object
		permission         access.Permission
	}{
		{"GET /v1/patients/{id}/relationships", of(pat, "/relationships"), desk, nil, access.RelationshipList},
		{
			"POST /v1/patients/{id}/relationships", of(pat, "/relationships"), desk,
			object{"kind": "referral", "siteId": d.Site.ID, "referrer": "A81001", "until": "2027-06-30"},
			access.RelationshipMake,
		},
		{
			"DELETE /v1/patients/{id}/relationships/{relationship}", of(pat, "/relationships/"+made.ID), desk, nil,
			access.RelationshipEnd,
		},
		{
			"POST /v1/patients/{id}/claim", of(pat, "/claim"), d.clinician(t),
			object{"reason": "new-referral", "note": marked},
			access.RelationshipClaim,
		},
		{
			"POST /v1/patients/{id}/break-glass", of(pat, "/break-glass"), d.clinician(t),
			object{"reason": "other", "note": marked},
			access.GlassBreak,
		},
		{"GET /v1/patients/{id}/access-log", of(pat, "/access-log?limit=5"), d.officer, nil, access.PatientAudit},
		{"GET /v1/alerts", "/v1/alerts?state=open", manager, nil, access.AlertList},
		{"GET /v1/alerts/{id}", "/v1/alerts/" + one.AlertID, d.officer, nil, access.AlertList},
		{
			"POST /v1/alerts/{id}/review", "/v1/alerts/" + two.AlertID + "/review", d.officer,
			object{"outcome": "needs-enquiry", "note": marked},
			access.AlertReview,
		},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			method, _, _ := strings.Cut(c.row, " ")
			ev := d.Ask(t, c.subject, method, c.path, c.body)
			if strings.HasSuffix(c.row, "/review") {
				ev = ev.Match(`"1"`)
			}
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, ev, marked))
		})
	}
	for row := range routes(nil, nil) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
	for _, e := range d.History(t, d.Org, pat) {
		if strings.Contains(e.Why+string(e.Name), "Canary") {
			t.Errorf("an event holds a note: %+v", e)
		}
	}
}

// TestBreakGlass: half an hour for one person and one patient, with an alert that nothing can do without.
func TestBreakGlass(t *testing.T) {
	d := newDesk(t)
	pat, who := d.Patients[0], d.clinician(t)
	d.must(t, http.StatusForbidden, who, "GET", of(pat, "/relationships"), nil)
	if e := d.last(t, pat); e.Name != event.ReadDenied || e.By != who || e.Action != string(access.RelationshipList) {
		t.Errorf("the denial left %+v", e)
	}
	got := d.glass(t, pat, who)
	if want := d.Clock.Now().Add(30 * time.Minute); !got.Until.Equal(want) {
		t.Errorf("until %v, want %v", got.Until, want)
	}
	e := d.last(t, pat)
	if e.Name != event.GlassBroken || e.Why != "life-at-risk" || e.Refs[alert.Ref] != got.AlertID || !slices.Contains(e.Roles, "clinician") {
		t.Errorf("the event is %+v", e)
	}
	d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
	if e := d.last(t, pat); e.Basis != "break-glass:"+got.RelationshipID {
		t.Errorf("the read rests on %q", e.Basis)
	}
	d.must(t, http.StatusForbidden, who, "GET", of(d.Patients[1], "/relationships"), nil)  // another patient
	d.must(t, http.StatusForbidden, d.clinician(t), "GET", of(pat, "/relationships"), nil) // another person
	d.Clock.Pass(30*time.Minute - time.Second)
	if again := d.glass(t, pat, who); again != got {
		t.Errorf("broken again it is %+v, want %+v", again, got)
	}
	if e := d.last(t, pat); e.Name != event.RelationshipKept {
		t.Errorf("broken again it leaves %s", e.Name)
	}
	d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
	d.Clock.Pass(time.Second)
	d.must(t, http.StatusForbidden, who, "GET", of(pat, "/relationships"), nil)
	if after := d.glass(t, pat, who); after.AlertID == got.AlertID || after.RelationshipID == got.RelationshipID {
		t.Errorf("broken anew it is the same, %+v", after)
	}
	if n := len(d.list(t, "open")); n != 2 {
		t.Errorf("%d alerts, want 2", n)
	}
}

// TestBreakGlassAtOnce: many taps on the button at once come to one relation and one alert.
func TestBreakGlassAtOnce(t *testing.T) {
	d := newDesk(t)
	pat, who := d.Patients[0], d.clinician(t)
	var wait sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		ev := d.Ask(t, who, "POST", of(pat, "/break-glass"), object{"reason": "life-at-risk"})
		wait.Go(func() {
			res, err := d.Serve(t.Context(), ev.APIGatewayV2HTTPRequest)
			if err == nil && res.StatusCode == http.StatusCreated {
				answers[i] = res.Body
			}
		})
	}
	wait.Wait()
	answers = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(answers))), func(s string) bool { return s == "" })
	if len(answers) != 1 || len(d.list(t, "open")) != 1 {
		t.Errorf("%d alerts; answers %q", len(d.list(t, "open")), answers)
	}
}

// TestBreakGlassWithoutKeys: an emergency does not wait for the key service; a note, which must be sealed, does.
func TestBreakGlassWithoutKeys(t *testing.T) {
	d := newDesk(t)
	who, noted := d.clinician(t), d.glass(t, d.Patients[1], d.clinician(t))
	d.Clock.Pass(6 * time.Minute) // no root key is in memory any more
	if err := d.KMS.Faults.Set([]sandbox.Fault{{Kind: kms.Unavailable, Count: 100}}); err != nil {
		t.Fatal(err)
	}
	d.must(t, http.StatusServiceUnavailable, who, "POST", of(d.Patients[0], "/break-glass"), object{"reason": "other", "note": marked})
	d.must(t, http.StatusCreated, who, "POST", of(d.Patients[0], "/break-glass"), object{"reason": "life-at-risk"})
	d.must(t, http.StatusServiceUnavailable, d.officer, "GET", "/v1/alerts/"+noted.AlertID, nil)
	if n := len(d.list(t, "open")); n != 2 { // which shows no notes
		t.Errorf("%d alerts", n)
	}
	if err := d.KMS.Faults.Set(nil); err != nil {
		t.Fatal(err)
	}
	d.must(t, http.StatusOK, d.officer, "GET", "/v1/alerts/"+noted.AlertID, nil)
}

// TestKeyUsedForSomethingElse: a key that was used for one claim tells nothing to another request.
func TestKeyUsedForSomethingElse(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	who := d.clinician(t)
	ev := d.Ask(t, who, "POST", of(d.Patients[0], "/claim"), object{"reason": "new-referral"})
	first := d.Must(t, http.StatusCreated, ev)
	same := func(path string, body object, as clinictest.Claims) string {
		t.Helper()
		again := d.Ask(t, who, "POST", path, body).With("idempotency-key", ev.Headers["idempotency-key"])
		res := clinictest.Send(t, d.Serve, again.As(as))
		if id := clinictest.Read[alert.Granted](t, first).AlertID; strings.Contains(res.Body, id) {
			t.Errorf("it tells of the first: %s", res.Body)
		}
		return fmt.Sprint(res.StatusCode)
	}
	own := clinictest.ClaimsOf(d.Org, who)
	for name, c := range map[string]struct {
		path string
		body object
		as   clinictest.Claims
		want string
	}{
		"another body":         {of(d.Patients[0], "/claim"), object{"reason": "administration"}, own, "422"},
		"another patient":      {of(d.Patients[1], "/claim"), object{"reason": "new-referral"}, own, "422"},
		"another route":        {of(d.Patients[0], "/break-glass"), object{"reason": "life-at-risk"}, own, "422"},
		"another person":       {of(d.Patients[0], "/claim"), object{"reason": "new-referral"}, clinictest.ClaimsOf(d.Org, d.clinician(t)), "422"},
		"another organisation": {of(other.Patients[0], "/claim"), object{"reason": "new-referral"}, clinictest.ClaimsOf(other.Org, clinictest.Clinician), "201"},
	} {
		if got := same(c.path, c.body, c.as); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func (d *desk) list(t *testing.T, state string) []alert.Alert {
	t.Helper()
	return clinictest.Read[web.Page[alert.Alert]](t,
		d.must(t, http.StatusOK, d.officer, "GET", "/v1/alerts?limit=200&state="+state, nil)).Items
}

// TestClaim: a day, for a reason.
func TestClaim(t *testing.T) {
	d := newDesk(t)
	pat, who := d.Patients[0], d.NewStaff(t, access.Receptionist)
	claim := func(status int, body object) alert.Granted {
		t.Helper()
		res := d.must(t, status, who, "POST", of(pat, "/claim"), body)
		if status != http.StatusCreated {
			return alert.Granted{}
		}
		return clinictest.Read[alert.Granted](t, res)
	}
	claim(http.StatusUnprocessableEntity, object{"reason": "curiosity"})
	claim(http.StatusUnprocessableEntity, object{"reason": "other"})
	claim(http.StatusUnprocessableEntity, object{"reason": "other", "note": "  "})
	claim(http.StatusUnprocessableEntity, object{"reason": "other", "note": "two\nlines"})
	d.must(t, http.StatusForbidden, who, "POST", of(pat, "/break-glass"), object{"reason": "life-at-risk"}) // not for the desk
	got := claim(http.StatusCreated, object{"reason": "patient-contact"})
	d.Clock.Pass(24*time.Hour - time.Second)
	d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
	if again := claim(http.StatusCreated, object{"reason": "administration"}); again != got {
		t.Errorf("claimed again it is %+v, want %+v", again, got)
	}
	d.Clock.Pass(time.Second)
	d.must(t, http.StatusForbidden, who, "GET", of(pat, "/relationships"), nil)
}

// TestReview takes an alert through its states.
func TestReview(t *testing.T) {
	d := newDesk(t)
	pat := d.Patients[0]
	both := d.NewStaff(t, access.Clinician, access.PrivacyOfficer)
	got := d.glass(t, pat, both)
	review := func(status int, subject, version, outcome string) string {
		t.Helper()
		ev := d.Ask(t, subject, "POST", "/v1/alerts/"+got.AlertID+"/review", object{"outcome": outcome, "note": marked})
		return d.Must(t, status, ev.Match(`"`+version+`"`)).Body
	}
	read := func() alert.Alert {
		t.Helper()
		return clinictest.Read[alert.Alert](t, d.must(t, http.StatusOK, d.officer, "GET", "/v1/alerts/"+got.AlertID, nil))
	}
	a := read()
	if a.State != alert.Open || a.Note != marked || a.PatientID != pat || a.Subject != both || a.Overdue || !a.Due.Equal(a.RaisedAt.Add(72*time.Hour)) {
		t.Errorf("it is %+v", a)
	}
	if e := d.last(t, pat); e.Name != event.RecordRead || e.Refs[alert.Ref] != got.AlertID || e.By != d.officer {
		t.Errorf("reading it left %+v", e)
	}
	d.Clock.Pass(72 * time.Hour)
	if read().Overdue {
		t.Error("overdue at the hour")
	}
	d.Clock.Pass(time.Second)
	if !read().Overdue || !d.list(t, "open")[0].Overdue {
		t.Error("not overdue after it")
	}
	if body := review(http.StatusConflict, both, "1", "justified"); !strings.Contains(body, "own_alert") {
		t.Errorf("of one's own: %s", body)
	}
	review(http.StatusUnprocessableEntity, d.officer, "1", "whatever")
	review(http.StatusOK, d.officer, "1", "needs-enquiry")
	review(http.StatusPreconditionFailed, d.officer, "1", "justified")
	review(http.StatusConflict, d.officer, "2", "needs-enquiry")
	if open := d.list(t, "open"); len(open) != 1 || open[0].State != alert.InEnquiry || open[0].Note != "" {
		t.Errorf("open are %+v", open)
	}
	review(http.StatusOK, clinictest.Manager, "2", "not-justified")
	review(http.StatusConflict, d.officer, "3", "justified")
	a = read()
	if a.State != alert.Reviewed || len(a.Findings) != 2 || a.Findings[1].By != clinictest.Manager || a.Findings[1].Note != marked || a.Overdue {
		t.Errorf("reviewed it is %+v", a)
	}
	if len(d.list(t, "open")) != 0 || len(d.list(t, "reviewed")) != 1 {
		t.Errorf("open %+v, reviewed %+v", d.list(t, "open"), d.list(t, "reviewed"))
	}
}

// TestNotJustified: what was not justified opens the record no more, from the review on.
func TestNotJustified(t *testing.T) {
	d := newDesk(t)
	pat, who := d.Patients[0], d.clinician(t)
	got := d.glass(t, pat, who)
	d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
	ev := d.Ask(t, d.officer, "POST", "/v1/alerts/"+got.AlertID+"/review", object{"outcome": "not-justified"})
	d.Must(t, http.StatusOK, ev.Match(`"1"`))
	d.must(t, http.StatusForbidden, who, "GET", of(pat, "/relationships"), nil)
}

// TestAlertsInPages: pages one by one give all alerts once, in order.
func TestAlertsInPages(t *testing.T) {
	d := newDesk(t)
	var want []string
	for range 5 {
		want = append(want, d.glass(t, d.Patients[0], d.clinician(t)).AlertID)
		d.Clock.Pass(time.Minute)
	}
	var got []string
	for next := ""; ; {
		page := clinictest.Read[web.Page[alert.Alert]](t, d.must(t, http.StatusOK, d.officer, "GET", "/v1/alerts?limit=2&after="+strings.ReplaceAll(next, "#", "%23"), nil))
		for _, a := range page.Items {
			got = append(got, a.ID)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	d.must(t, http.StatusBadRequest, d.officer, "GET", "/v1/alerts?after=elsewhere", nil)
}

// TestAccessLog: who did what, as what, and because of what, the latest first.
func TestAccessLog(t *testing.T) {
	d := newDesk(t)
	pat, who := d.Patients[0], d.clinician(t)
	d.must(t, http.StatusForbidden, who, "GET", of(pat, "/relationships"), nil)
	got := d.glass(t, pat, who)
	d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
	d.must(t, http.StatusForbidden, clinictest.Clinician, "GET", of(pat, "/access-log"), nil)
	var all []care.Entry
	for next := ""; ; {
		page := clinictest.Read[web.Page[care.Entry]](t, d.must(t, http.StatusOK, clinictest.Manager, "GET", of(pat, "/access-log?limit=3&after="+next), nil))
		all = append(all, page.Items...)
		if next = page.Next; next == "" {
			break
		}
	}
	want := []care.Entry{
		{Action: "patient.audit", What: "record.read", Outcome: "denied", Subject: clinictest.Clinician},
		{Action: "relationship.list", What: "record.read", Outcome: "done", Basis: "break-glass", BasisID: got.RelationshipID, Subject: who},
		{Action: "glass.break", What: "glass.broken", Outcome: "done", Reason: "life-at-risk", Subject: who},
		{Action: "relationship.list", What: "read.denied", Outcome: "denied", Subject: who},
		{Action: "patient.create", What: "patient.created", Outcome: "done", Subject: clinictest.Receptionist},
	}
	want[0].What = "read.denied"
	if len(all) != len(want) {
		t.Fatalf("%d entries, want %d: %+v", len(all), len(want), all)
	}
	for i, w := range want {
		g := all[i]
		if g.Action != w.Action || g.What != w.What || g.Outcome != w.Outcome || g.Basis != w.Basis || g.BasisID != w.BasisID ||
			g.Subject != w.Subject || g.Reason != w.Reason || len(g.Roles) != 1 || g.Name != "Staff" || g.At.IsZero() {
			t.Errorf("entry %d is %+v, want %+v", i, g, w)
		}
	}
	if e := d.last(t, pat); e.Action != string(access.PatientAudit) || e.By != clinictest.Manager {
		t.Errorf("reading the log left %+v", e)
	}
	d.must(t, http.StatusBadRequest, d.officer, "GET", of(pat, "/access-log?after=elsewhere"), nil)
}

// TestOversight: who watches over access sees who is related and who looked, and is no nearer to the patient for it.
func TestOversight(t *testing.T) {
	d := newDesk(t)
	pat := d.Patients[0]
	for _, roles := range [][]access.Role{{access.Manager}, {access.PrivacyOfficer, access.Receptionist}} {
		who := d.NewStaff(t, roles...)
		d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
		if e := d.last(t, pat); e.Basis != "oversight:"+who {
			t.Errorf("it rests on %q", e.Basis)
		}
		d.must(t, http.StatusOK, who, "GET", of(pat, "/access-log"), nil)
		d.must(t, http.StatusForbidden, who, "POST", of(pat, "/relationships"), object{"kind": "care-team", "subject": who})
		if e := d.last(t, pat); e.Name != event.ReadDenied || e.Action != string(access.RelationshipMake) {
			t.Errorf("the denial left %+v", e)
		}
	}
}

// TestRelationships makes and ends relations.
func TestRelationships(t *testing.T) {
	d := newDesk(t)
	pat, desk := d.Patients[0], clinictest.Receptionist
	elsewhere := d.NewSite(t)
	there := d.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, SiteIDs: []string{elsewhere}})
	colleague := d.clinician(t)
	relate := func(status int, body object) care.Term {
		t.Helper()
		res := d.must(t, status, desk, "POST", of(pat, "/relationships"), body)
		if status != http.StatusCreated {
			return care.Term{}
		}
		return clinictest.Read[care.Term](t, res)
	}
	sees := func(subject string, status int) {
		t.Helper()
		d.must(t, status, subject, "GET", of(pat, "/relationships"), nil)
	}
	for _, wrong := range []object{
		{"kind": "claim", "subject": colleague},
		{"kind": "referral"},
		{"kind": "referral", "siteId": colleague},
		{"kind": "referral", "siteId": elsewhere, "referrer": "the GP in Elm Road"},
		{"kind": "referral", "siteId": elsewhere, "subject": colleague},
		{"kind": "referral", "siteId": elsewhere, "until": "2027-01-03"},
		{"kind": "referral", "siteId": elsewhere, "until": "2032-01-05"},
		{"kind": "referral", "siteId": elsewhere, "until": "2027-02-30"},
		{"kind": "care-team"},
		{"kind": "care-team", "subject": "nobody"},
		{"kind": "care-team", "subject": colleague, "siteId": elsewhere},
	} {
		relate(http.StatusUnprocessableEntity, wrong)
	}
	sees(there, http.StatusForbidden)
	referral := relate(http.StatusCreated, object{"kind": "referral", "siteId": elsewhere, "until": "2027-01-04"})
	sees(there, http.StatusOK)
	sees(colleague, http.StatusOK) // works at every site
	team := relate(http.StatusCreated, object{"kind": "care-team", "subject": there})
	d.Clock.Set(time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC))
	sees(colleague, http.StatusForbidden)
	sees(there, http.StatusOK)
	end := func(status int, subject, id string) {
		t.Helper()
		d.must(t, status, subject, "DELETE", of(pat, "/relationships/"+id), nil)
	}
	end(http.StatusConflict, desk, referral.ID)
	end(http.StatusNotFound, desk, "rel_01kc4z7v8wfj7rw4q3hxe6m2t1")
	end(http.StatusForbidden, colleague, team.ID)
	end(http.StatusNoContent, d.officer, team.ID) // without a part in the patient's care
	sees(there, http.StatusForbidden)
	end(http.StatusConflict, desk, team.ID)
	all := clinictest.Read[web.Page[care.Relationship]](t, d.must(t, http.StatusOK, d.officer, "GET", of(pat, "/relationships"), nil)).Items
	if len(all) != 3 || all[0].ID != team.ID || all[0].Counts || all[0].EndedBy != d.officer || all[1].Kind != "referral" || all[2].Kind != "registration" || !all[2].Counts {
		t.Errorf("listed are %+v", all)
	}
}

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Access to records", routes(nil, nil))
}

// TestReasons: the reasons that the description lists are those that are taken.
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		in   any
		want []string
	}{{claimIn{}, alert.ClaimReasons()}, {glassIn{}, alert.Emergencies()}} {
		body, _ := reflect.TypeOf(c.in).FieldByName("Body")
		reason, _ := body.Type.FieldByName("Reason")
		if got := strings.Split(reason.Tag.Get("enum"), ","); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
