package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/web"
)

// registered has somebody register a patient of that family name.
func (d *desk) registered(t *testing.T, subject, family string) string {
	t.Helper()
	body := jsonObject{"names": []jsonObject{{"use": "usual", "given": []string{"Test"}, "family": family}}}
	return clinictest.Read[patient.Receipt](t, d.Must(t, 201, d.Ask(t, subject, "POST", "/v1/patients", body))).ID
}

func exportObject() jsonObject {
	return jsonObject{
		"recipient": jsonObject{"name": "Example Hospital", "odsCode": "RX100"}, "purpose": "direct-care",
		"authority": "care-public-task",
	}
}

// A search is an event before its answer leaves: it names the organisation, and the patients whom it showed.
func TestSearchLeavesAnEvent(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	before := len(d.History(t, d.Org, d.Org))
	look := func(body jsonObject) web.Page[patient.Found] {
		ev := d.Ask(t, clinictest.Clinician, "POST", "/v1/patients/search", body).Keyless()
		return clinictest.Read[web.Page[patient.Found]](t, d.Must(t, 200, ev))
	}
	found := look(jsonObject{"name": strings.ToUpper(familyName[:5]), "birthDate": born[:4]})
	if len(found.Items) != 1 || found.Items[0].ID != pat.ID || found.Items[0].BirthDate != born || found.Next != "" {
		t.Fatalf("found %d, next %q", len(found.Items), found.Next)
	}
	if none := look(jsonObject{"name": "Nobody"}); none.Items == nil || len(none.Items) != 0 {
		t.Error("nobody is no empty list")
	}
	events := d.History(t, d.Org, d.Org)[before:]
	if len(events) != 2 || events[0].Name != event.RecordRead || events[0].Action != "patient.search" ||
		events[0].Refs["found"] != pat.ID || len(events[1].Refs) != 0 {
		t.Errorf("left %+v", events)
	}
	for _, m := range markers() {
		if strings.Contains(d.Log.String(), m) {
			t.Errorf("the log shows %q", m)
		}
	}
}

func TestSearchRefusals(t *testing.T) {
	d := newDesk(t)
	search := func(body jsonObject) clinictest.Request {
		return d.Ask(t, clinictest.Receptionist, "POST", "/v1/patients/search", body).Keyless()
	}
	d.Refused(t, http.StatusBadRequest, "malformed_cursor", search(jsonObject{"name": "able", "after": "xyz"}))
	d.Refused(t, http.StatusUnprocessableEntity, "invalid", search(jsonObject{"limit": 5}))
	d.Refused(t, http.StatusUnprocessableEntity, "invalid", search(jsonObject{"name": "able", "limit": 21}))
	if err := d.KMS.Faults.Set([]sandbox.Fault{{Kind: kms.Denied, Count: 100}}); err != nil {
		t.Fatal(err)
	}
	d.Clock.Pass(10 * time.Minute)
	d.Refused(t, http.StatusServiceUnavailable, "keys_unavailable", search(jsonObject{"name": "able"}))
}

// Merging takes a part in the care of both.
func TestMergeNeedsBoth(t *testing.T) {
	d := newDesk(t)
	mine, theirs := d.registered(t, clinictest.Manager, "Able"), d.registered(t, clinictest.Receptionist, "Baker")
	merge := func(into, from string) clinictest.Request {
		return d.Ask(t, clinictest.Manager, "POST", "/v1/patients/"+into+"/merge", jsonObject{"patientId": from})
	}
	d.Refused(t, http.StatusForbidden, "no_relationship", merge(mine, theirs))
	d.Refused(t, http.StatusForbidden, "no_relationship", merge(theirs, mine))
	d.Refused(t, http.StatusNotFound, "not_found", merge(mine, id.New("pat")))
	d.Refused(t, http.StatusUnprocessableEntity, "invalid", merge(mine, mine))
}

// An export and its entry in the register are one: the entry tells to whom, why and what, and not the data.
func TestExport(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	manager := d.By(t, clinictest.Manager)
	ask := func() clinictest.Request {
		return d.Ask(t, clinictest.Manager, "POST", pat.Path()+"/exports", exportObject()).Keyless()
	}
	d.Refused(t, http.StatusForbidden, "no_relationship", ask())
	own := clinictest.Read[patient.Receipt](t, d.Must(t, 201, d.Ask(t, clinictest.Manager, "POST", "/v1/patients",
		patientObject().With("nhsNumber", "9990000050").With("notDuplicateOf", []string{pat.ID}))))
	pat = own
	unverified := clinictest.Read[patient.FHIR](t, d.Must(t, 200, ask()))
	if len(unverified.Identifier) > 0 {
		t.Error("a number that nobody confirmed went out")
	}
	d.verify(t, pat.ID)
	got := clinictest.Read[patient.FHIR](t, d.Must(t, 200, ask()))
	if got.ResourceType != "Patient" || len(got.Name) != 1 || got.Name[0].Family != familyName || len(got.Identifier) != 1 ||
		got.Identifier[0].Value != "9990000050" || got.Identifier[0].Extension[0].Concept.Coding[0].Code != "01" ||
		len(got.Telecom) != 2 || got.Address[0].PostalCode != "TE1 1ST" || got.Practitioners[0].Identifier.Value != practice {
		t.Error("the export is not the patient's")
	}
	entries, _, err := disclosure.New(d.Table, d.Keeper, d.Clock.Now, id.New).List(t.Context(), manager, pat.ID, "", 10)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if e := entries[0]; e.Recipient.ODSCode != "RX100" || e.Purpose != "direct-care" || e.Source != disclosure.Auto ||
		e.By != clinictest.Manager || strings.Join(e.Categories, " ") != "contact-details identity nhs-number practice" {
		t.Errorf("entered %+v", e)
	}
}

// verify makes the patient's number one that the NHS confirmed.
func (d *desk) verify(t *testing.T, of string) {
	t.Helper()
	_, err := d.s.Amend(t.Context(), access.System(d.Org, string(access.PDSLookup)), access.Once{}, of,
		access.NumberSettle, event.Event{Name: event.NumberSettled}, func(p *patient.Patient) error {
			p.Number.Status, p.Number.State = patient.StatusVerified, patient.NumberVerified
			return nil
		}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// finding lists the sample events of finding patients and of what follows, in order.
func finding() []step {
	return []step{
		{"search", 200, event.RecordRead},
		{"duplicates", 200, event.RecordRead},
		{"merge", 200, event.PatientMerged},
		{"unmerge", 200, event.PatientUnmerged},
		{"export", 200, event.DisclosureEntered},
	}
}

// TestFindingEvents carries out the sample events of finding patients in order, with two records of one person.
func TestFindingEvents(t *testing.T) {
	h := clinictest.New(t)
	org := mustFound(t, h)
	by, err := h.Directory.Caller(t.Context(), org, clinictest.Sample(t, "patients.search").RequestContext.Authorizer.JWT.Claims["sub"], true)
	if err != nil {
		t.Fatal(err)
	}
	pats := []string{clinictest.Known("pat"), clinictest.Known("pat")[:len(clinictest.Known("pat"))-1] + "n"}
	s := patient.New(h.Table, h.Keeper, h.Clock.Now, func(prefix string) string {
		if prefix == "pat" {
			pats = append(pats[1:], pats[0])
			return pats[len(pats)-1]
		}
		return id.New(prefix)
	})
	zoe := patient.Patient{
		Names: []patient.Name{{Use: patient.Usual, Given: []string{"Zo\u00eb"}, Family: "Example"}}, BirthDate: "1975-11-21",
	}
	for _, known := range [][]string{nil, {pats[0]}} {
		if _, err := s.Create(t.Context(), by, clinictest.Once(), zoe, known...); err != nil {
			t.Fatal(err)
		}
	}
	serve := h.Edge().Serve(routes(s, nil))
	for _, c := range finding() {
		res := clinictest.Send(t, serve, clinictest.Sample(t, "patients."+c.file))
		if res.StatusCode != c.status {
			t.Fatalf("%s: status %d: %s", c.file, res.StatusCode, res.Body)
		}
		of := append(h.History(t, org, clinictest.Known("pat")), h.History(t, org, org)...)
		if !slices.ContainsFunc(of, func(e event.Event) bool { return e.Name == c.name && e.By == by.Person() }) {
			t.Errorf("%s: the events %+v, want one %s", c.file, of, c.name)
		}
	}
}
