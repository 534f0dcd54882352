package main

import (
	"net/http"
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/web"
)

// traces switches the tracing of NHS numbers on for the organisation.
func (d *desk) traces(t *testing.T) {
	t.Helper()
	d.SetNHS(t, clinic.NHS{ODSCode: "Y90001", Tracing: true})
}

// candidate is what the NHS would say under the patient's number: somebody else's name.
func candidate() nhs.Finding {
	return nhs.Finding{
		Number: theNumber, BirthDate: born, Sex: "female",
		Names: []patient.Name{{Use: "usual", Family: otherFamily, Given: []string{otherGiven}}},
	}
}

const otherFamily, otherGiven = "Quillfeather", "Anstice"

// doubted makes a review of the patient's number, as the worker would, and gives its id.
func (d *desk) doubted(t *testing.T, pat string) string {
	t.Helper()
	n := nhs.New(d.Table, d.s, d.Keeper, d.Directory, d.Clock.Now, id.New)
	job := access.System(d.Org, string(access.PDSLookup))
	m := event.Message{V: 1, Event: id.New("evt"), Name: event.TraceRequested, Org: d.Org, Target: pat}
	cs, why, err := n.Open(t.Context(), job, m, pat)
	if err != nil || why != "" {
		t.Fatalf("%q %v", why, err)
	}
	if err := n.Begin(t.Context(), job, cs); err != nil {
		t.Fatal(err)
	}
	f := candidate()
	if _, err := n.Settle(t.Context(), job, cs, nhs.Result{Outcome: nhs.Found, Finding: &f}); err != nil {
		t.Fatal(err)
	}
	all, _, err := n.Reviews(t.Context(), job, "", 100)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d reviews, %v", len(all), err)
	}
	return all[len(all)-1].ID
}

// TestNumberRoutes sends every route of NHS numbers every request that all routes must refuse alike, one that succeeds,
// and its repeat.
func TestNumberRoutes(t *testing.T) {
	d := newDesk(t)
	d.traces(t)
	other := d.Found(t)
	pat := d.register(t).ID
	exercised := map[string]bool{}
	for _, c := range []struct {
		row        string
		id         string
		body       jsonObject
		permission access.Permission
	}{
		{"POST /v1/patients/{id}/nhs-number/trace", pat, nil, access.NumberTrace},
		{"GET /v1/patients/{id}/nhs-number", pat, nil, access.PatientRead},
		{"GET /v1/nhs-number-reviews", "", nil, access.NumberReview},
		{"GET /v1/nhs-number-reviews/{id}", "review", nil, access.NumberReview},
		{"POST /v1/nhs-number-reviews/{id}/decide", "review", jsonObject{"decision": "refuse"}, access.NumberReview},
		{"PUT /v1/patients/{id}/nhs-number/objection", pat, nil, access.NumberObject},
		{"DELETE /v1/patients/{id}/nhs-number/objection", pat, nil, access.NumberObject},
	} {
		exercised[c.row] = true
		t.Run(c.row, func(t *testing.T) {
			if c.id == "review" {
				if c.id = d.open(t); c.id == "" {
					c.id = d.doubted(t, pat)
				}
			}
			method, path, _ := strings.Cut(c.row, " ")
			ev := d.Ask(t, clinictest.Receptionist, method, strings.Replace(path, "{id}", c.id, 1), c.body)
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, ev, append(markers(), otherFamily, otherGiven)...))
		})
	}
	for row := range numberRoutes(nil) {
		if !exercised[row] {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// open gives the review that is open, if there is one.
func (d *desk) open(t *testing.T) string {
	t.Helper()
	res := d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", "/v1/nhs-number-reviews", nil))
	if page := clinictest.Read[web.Page[nhs.Review]](t, res); len(page.Items) > 0 {
		return page.Items[0].ID
	}
	return ""
}

func TestNumber(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	at := pat.Path() + "/nhs-number"
	s := clinictest.Read[nhs.NumberStanding](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", at, nil)))
	if s.Number != "999 000 0018" || s.Status != "02" || s.Tracing != nhs.Off {
		t.Errorf("without tracing: %s, %s", s.Status, s.Tracing)
	}
	d.Refused(t, 409, "tracing_off", d.Ask(t, clinictest.Receptionist, "POST", at+"/trace", nil))
	d.traces(t)
	d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "POST", at+"/trace", nil))
	d.Refused(t, 409, "trace_under_way", d.Ask(t, clinictest.Receptionist, "POST", at+"/trace", nil))

	rev := d.doubted(t, pat.ID)
	res := d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", "/v1/nhs-number-reviews", nil))
	for _, m := range append(markers(), otherFamily, otherGiven) {
		if strings.Contains(res.Body, m) {
			t.Errorf("the list shows %q", m)
		}
	}
	detail := clinictest.Read[nhs.ReviewDetail](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", "/v1/nhs-number-reviews/"+rev, nil)))
	if detail.Candidate == nil || detail.Candidate.Names[0].Family != otherFamily || detail.Comparison == nil || detail.Sentence == "" {
		t.Errorf("the review does not show whom it is about")
	}
	d.Refused(t, 422, "invalid", d.Ask(t, clinictest.Receptionist, "POST", "/v1/nhs-number-reviews/"+rev+"/decide", jsonObject{"decision": "perhaps"}))
	done := d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "POST", "/v1/nhs-number-reviews/"+rev+"/decide", jsonObject{"decision": "accept"}))
	if strings.Contains(done.Body, otherFamily) {
		t.Error("the answer names the candidate")
	}
	d.Refused(t, 409, "review_decided", d.Ask(t, clinictest.Receptionist, "POST", "/v1/nhs-number-reviews/"+rev+"/decide", jsonObject{"decision": "accept"}))

	d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "PUT", at+"/objection", nil))
	s = clinictest.Read[nhs.NumberStanding](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", at, nil)))
	if !s.Objects || s.Number != "" {
		t.Error("the number of somebody who objects is shown")
	}
	if res := d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", pat.Path(), nil)); strings.Contains(res.Body, theNumber) || strings.Contains(res.Body, "999 000") {
		t.Error("the record of somebody who objects shows the number")
	}
	d.Refused(t, 409, "number_objected", d.Ask(t, clinictest.Receptionist, "POST", at+"/trace", nil))
	d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "DELETE", at+"/objection", nil))
	s = clinictest.Read[nhs.NumberStanding](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", at, nil)))
	if s.Objects || s.Status != "03" || s.Tracing != nhs.Waiting {
		t.Errorf("after it was withdrawn: %s, %s", s.Status, s.Tracing)
	}
}

// A review of a stranger's is none, and so is what is no review.
func TestForeignReviews(t *testing.T) {
	d := newDesk(t)
	d.traces(t)
	rev := d.doubted(t, d.register(t).ID)
	other := d.Found(t)
	for _, x := range []string{rev, id.New("rev"), d.Patients[0]} {
		ask := d.Ask(t, clinictest.Manager, http.MethodGet, "/v1/nhs-number-reviews/"+x, nil)
		if x == rev {
			ask = ask.As(clinictest.ClaimsOf(other.Org, clinictest.Manager))
		}
		d.Refused(t, 404, "not_found", ask)
	}
}
