package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/web"
)

// What is sent is what is read, in the forms in which it is kept, and no answer that is kept for repeats shows it.
func TestRegisterReadAndChange(t *testing.T) {
	d := newDesk(t)
	made := d.Must(t, 201, d.Ask(t, clinictest.Receptionist, "POST", "/v1/patients", patientObject()))
	at := made.Headers["location"]
	got := clinictest.Read[patientView](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", at, nil)))
	if n := got.Names; len(n) != 1 || n[0].Use != "usual" || !slices.Equal(n[0].Given, []string{givenName}) || n[0].Family != familyName {
		t.Errorf("names %+v", n)
	}
	if a := got.Addresses; len(a) != 1 || a[0].Postcode != "TE1 1ST" || a[0].Source != "local" || !slices.Equal(a[0].Lines, []string{street}) {
		t.Errorf("addresses %+v", a)
	}
	if c := got.Contacts; len(c) != 2 || c[0].Value != email || c[1].Value != "+447700900123" {
		t.Errorf("contacts %+v", c)
	}
	if n := got.Number; n == nil || n.Value != theNumber || n.Shown != "999 000 0018" || n.Status != "02" || n.State != "present" || n.VerifiedAt != nil {
		t.Errorf("theNumber %+v", n)
	}
	if got.BirthDate != born || got.Sex != "female" || got.Practice.ODSCode != practice || got.BookingNote != note || len(got.Alerts) != 1 ||
		got.Version != 1 || got.Restricted || got.Caution || len(got.Representatives) != 0 {
		t.Errorf("the rest: born %s, version %d", got.BirthDate, got.Version)
	}
	if b := got.Banner; len(b) != 1 || b[0].Code != "alerts" || b[0].Sentence == "" {
		t.Errorf("banner %+v", b)
	}
	less := jsonObject{"names": patientObject()["names"]}
	changed := d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "PUT", at, less).Match(made.Headers["etag"]))
	for _, res := range []events.APIGatewayV2HTTPResponse{made, changed} {
		for _, m := range markers() {
			if strings.Contains(res.Body+res.Headers["location"], m) {
				t.Errorf("%s shows %q", res.Body, m)
			}
		}
	}
	got = clinictest.Read[patientView](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", at, nil)))
	if got.Number != nil || got.BirthDate != "" || got.Sex != "unknown" || len(got.Addresses)+len(got.Contacts)+len(got.Alerts)+len(got.Banner) != 0 ||
		got.Practice != nil || got.BookingNote != "" || got.Version != 2 {
		t.Error("what was left out is still there")
	}
}

func TestDuplicatesAreAskedAbout(t *testing.T) {
	d := newDesk(t)
	first := d.register(t)
	again := func(body jsonObject) clinictest.Request {
		return d.Ask(t, clinictest.Receptionist, "POST", "/v1/patients", body)
	}
	for _, p := range []web.Problem{
		d.Refused(t, 409, "possible_duplicate", again(patientObject().With("nhsNumber", nil))),
		d.Refused(t, 409, "number_taken", again(patientObject())),
	} {
		if len(p.Errors) != 1 || p.Errors[0].Resource != first.ID {
			t.Errorf("refused because of %+v, not of the one that is there", p.Errors)
		}
	}
	second := clinictest.Read[patient.Receipt](t, d.Must(t, 201, again(patientObject().With("nhsNumber", nil).With("notDuplicateOf", []string{first.ID}))))
	d.Refused(t, 409, "number_taken", again(patientObject().With("notDuplicateOf", []string{first.ID, second.ID})))
	for _, nobody := range []string{id.New("pat"), d.Site.ID, "x"} {
		p := d.Refused(t, 422, "invalid", again(patientObject().With("notDuplicateOf", []string{first.ID, nobody})))
		if len(p.Errors) != 1 || p.Errors[0].Code != "unknown_id" || p.Errors[0].Pointer != "/notDuplicateOf/1" {
			t.Errorf("got %+v", p.Errors)
		}
	}
}

// Several things that are wrong are told at once, and none of what was typed.
func TestRefusedFields(t *testing.T) {
	d := newDesk(t)
	long := strings.Repeat("x", 36)
	for _, c := range []struct {
		field string
		value any
		want  string
	}{
		{"names", nil, "required /names"},
		{"names", []jsonObject{}, "too_few /names"},
		{"names", []jsonObject{{"use": "usual"}}, "required /names/0"},
		{"names", []jsonObject{{"use": "usual", "family": long}}, "too_long /names/0/family"},
		{"names", []jsonObject{{"use": "usual", "family": "a\u0001b"}}, "text_refused /names/0/family"},
		{"names", []jsonObject{{"use": "old", "family": "X"}}, "required /names"},
		{"birthDate", "1975-02-29", "wrong_format /birthDate"},
		{"birthDate", "2027-01-05", "in_the_future /birthDate"},
		{"sex", "M", "not_a_choice /sex"},
		{"addresses", []jsonObject{{"use": "home", "postcode": "DN15258JY"}}, "wrong_format /addresses/0/postcode"},
		{"contacts", []jsonObject{{"system": "email", "value": "florence@"}}, "wrong_format /contacts/0/value"},
		{"nhsNumber", "9990000019", "wrong_check_digit /nhsNumber"},
		{"nhsNumber", "٩٩٩٠٠٠٠٠١٨", "wrong_format /nhsNumber"},
		{"death", jsonObject{"on": "2028"}, "in_the_future /death/on"},
	} {
		t.Run(c.want, func(t *testing.T) {
			p := d.Refused(t, 422, "invalid", d.Ask(t, clinictest.Manager, "POST", "/v1/patients", patientObject().With(c.field, c.value)))
			if len(p.Errors) != 1 || p.Errors[0].Code+" "+p.Errors[0].Pointer != c.want {
				t.Errorf("got %+v, want %s", p.Errors, c.want)
			}
		})
	}
	several := patientObject().With("nhsNumber", "9990000019").With("birthDate", "x").With("names", []jsonObject{{"use": "usual", "family": "*"}})
	if p := d.Refused(t, 422, "invalid", d.Ask(t, clinictest.Manager, "POST", "/v1/patients", several)); len(p.Errors) != 3 {
		t.Errorf("got %+v, want three", p.Errors)
	}
}

// amend changes the record as the job does that keeps step with the NHS.
func (d *desk) amend(t *testing.T, pat string, change func(p *patient.Patient)) {
	t.Helper()
	_, err := d.s.Amend(t.Context(), access.System(d.Org, string(access.PDSLookup)), access.Once{}, pat, access.NumberSettle,
		event.Event{Name: event.NumberSettled}, func(p *patient.Patient) error {
			change(p)
			return nil
		}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// Of somebody whose whereabouts are protected only what was entered here is shown, with a warning.
func TestRestricted(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	get := func() patientView {
		t.Helper()
		return clinictest.Read[patientView](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", pat.Path(), nil)))
	}
	d.amend(t, pat.ID, func(p *patient.Patient) { // as it would be left by somebody who forgot to purge it
		p.Restricted = true
		p.Addresses = append(p.Addresses, patient.Address{Use: "temp", Postcode: "TE9 9ST", Source: patient.PDS})
		p.Contacts = append(p.Contacts, patient.Contact{System: patient.Phone, Value: "+441632960999", Source: patient.PDS})
		p.Practice.Source = patient.PDS
	})
	got := get()
	if len(got.Addresses) != 1 || len(got.Contacts) != 2 || got.Practice != nil || !got.Restricted || !got.Caution || got.Banner[0].Code != "restricted" {
		t.Errorf("shown: %d addresses, %d contacts, caution %t, banner %+v", len(got.Addresses), len(got.Contacts), got.Caution, got.Banner)
	}
	d.amend(t, pat.ID, func(p *patient.Patient) { p.Addresses, p.Contacts = nil, nil })
	if got := get(); got.Caution || !got.Restricted {
		t.Error("a caution over nothing, or no sign that the record is restricted")
	}
}

func TestObjectionHidesTheNumber(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	d.amend(t, pat.ID, func(p *patient.Patient) {
		p.Objection, p.Number.State = &patient.Objection{At: d.Clock.Now(), By: "x"}, patient.NumberInvalidated
	})
	res := d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", pat.Path(), nil))
	got := clinictest.Read[patientView](t, res)
	if got.Number != nil || got.Objection == nil || !got.Objection.Since.Equal(d.Clock.Now()) || strings.Contains(res.Body, theNumber) ||
		strings.Contains(res.Body, "999 000 0018") || slices.ContainsFunc(got.Banner, func(n patient.Notice) bool { return n.Code == "number_invalidated" }) {
		t.Error("the number of somebody who objects is shown")
	}
	d.Must(t, 201, d.Ask(t, clinictest.Receptionist, "POST", "/v1/patients", jsonObject{
		"names": []jsonObject{{"use": "usual", "family": "Elsewhere"}}, "nhsNumber": theNumber,
	}))
	d.Refused(t, 409, "number_objected", d.Ask(t, clinictest.Receptionist, "PUT", pat.Path(), patientObject()).Match(`"2"`))
}

func TestRepresentatives(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	res := d.Must(t, 201, d.Ask(t, clinictest.Receptionist, "POST", pat.Path()+"/representatives", representativeObject().With("until", "2027-01-31")))
	rep := clinictest.Read[patient.Represented](t, res)
	if strings.Contains(res.Body, actsForName) || res.Headers["etag"] != `"2"` {
		t.Errorf("answered %s, %s", res.Body, res.Headers["etag"])
	}
	list := func() []representativeView {
		t.Helper()
		return clinictest.Read[patientView](t, d.Must(t, 200, d.Ask(t, clinictest.Receptionist, "GET", pat.Path(), nil))).Representatives
	}
	r := list()
	if len(r) != 1 || r[0].ID != rep.ID || r[0].Relationship != "attorney" || !slices.Equal(r[0].Name.Given, []string{actsForName}) || !r[0].Acts ||
		r[0].Contacts[0].Value != "+447700900123" || r[0].Evidence.SeenOn != "2027-01-04" || !r[0].Until.Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%d representatives", len(r))
	}
	end := d.Ask(t, clinictest.Receptionist, "DELETE", pat.Path()+"/representatives/"+rep.ID, nil)
	d.Must(t, 204, end)
	if again := d.Must(t, 204, end); again.Headers["idempotent-replayed"] != "true" {
		t.Error("the repeat ended it again")
	}
	d.Refused(t, 404, "not_found", d.Ask(t, clinictest.Receptionist, "DELETE", pat.Path()+"/representatives/"+rep.ID, nil))
	if r := list(); len(r) != 1 || r[0].Acts {
		t.Error("who was ended still acts, or is forgotten")
	}
}

// Who has the role but nothing to do with the patient is told that a relationship is missing.
func TestUnrelated(t *testing.T) {
	d := newDesk(t)
	pat := d.register(t)
	d.Refused(t, 403, "no_relationship", d.Ask(t, clinictest.Clinician, "GET", pat.Path(), nil))
	d.Refused(t, 403, "no_relationship", d.Ask(t, clinictest.Clinician, "PUT", pat.Path(), patientObject()).Match(`"1"`))
	d.Refused(t, 403, "no_relationship", d.Ask(t, clinictest.Clinician, "POST", pat.Path()+"/representatives", representativeObject()))
	d.Clock.Pass(7 * 24 * time.Hour)
	d.Refused(t, 403, "no_relationship", d.Ask(t, clinictest.Receptionist, "GET", pat.Path(), nil))
}
