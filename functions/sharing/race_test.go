package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/id"
	"almanac/shared/patient"
)

// between does something once, between the reading of a request and its write.
type between struct{ do func() }

func (b *between) intercept(_ context.Context, op string, send func() error) error {
	if do := b.do; op == "TransactWriteItems" && do != nil {
		b.do = nil // what is done may write too
		do()
	}
	return send()
}

// What is objected to or protected before the opening is written down keeps the number here, even if the record was
// read before: the other side is not asked, nothing is entered as given away, and the answer says why.
func TestObjectedWhileOpening(t *testing.T) {
	for code, change := range map[string]func(*patient.Patient){
		"number_objected":    func(p *patient.Patient) { p.Objection = &patient.Objection{At: clinictest.Monday()} },
		"patient_restricted": func(p *patient.Patient) { p.Restricted = true },
	} {
		t.Run(code, func(t *testing.T) {
			b := &between{}
			d := newDesk(t, clinictest.Intercept(b.intercept))
			view := d.grant(t, d.patient, summary, once())
			b.do = func() { d.amend(t, d.patient, change) }
			why := d.refused(t, http.StatusConflict, "record_not_viewable", "GET", view, nil)
			if strings.Join(why, " ") != code {
				t.Errorf("refused for %v", why)
			}
			d.nothingGaveAway(t)
		})
	}
}

func (d *desk) nothingGaveAway(t *testing.T) {
	t.Helper()
	if n := len(d.nhs.Requests("scr")); n != 0 {
		t.Errorf("%d requests to the NHS", n)
	}
	all, _, err := disclosure.New(d.Table, d.Keeper, d.Clock.Now, id.New).
		List(t.Context(), d.By(t, clinictest.Clinician), d.patient, "", 10)
	if err != nil || len(all) > 0 {
		t.Errorf("entered %+v, %v", all, err)
	}
}

// An emergency is not granted on a number to whose use somebody objected in between.
func TestObjectedWhileGranting(t *testing.T) {
	b := &between{}
	d := newDesk(t, clinictest.Intercept(b.intercept))
	b.do = func() {
		d.amend(t, d.patient, func(p *patient.Patient) { p.Objection = &patient.Objection{At: clinictest.Monday()} })
	}
	d.refused(t, http.StatusConflict, "record_not_viewable", "POST", d.at(d.patient, "/record-views"),
		object{"record": summary, "basis": emergency()})
}

// A record that merely changed in between is judged anew, and shown.
func TestChangedWhileOpening(t *testing.T) {
	b := &between{}
	d := newDesk(t, clinictest.Intercept(b.intercept))
	note := func() { d.amend(t, d.patient, func(p *patient.Patient) { p.BookingNote += "Afternoons." }) }
	b.do = note
	view := d.grant(t, d.patient, summary, once())
	b.do = note
	d.shown(t, view)
}

// Somebody who is erased between the reading and the write stays erased, and the answer is that of nobody.
func TestNothingIsWrittenForSomebodyErased(t *testing.T) {
	entry := object{
		"at": "2027-01-03T10:00:00Z", "recipient": object{"name": "Partners"}, "categories": []string{"identity"},
		"purpose": "legal-claim", "authority": "legal-claims", "channel": "post",
	}
	for name, c := range map[string]struct {
		path string
		body object
	}{
		"consent":        {"/consents", object{"scope": "newsletter", "by": "patient", "channel": "paper"}},
		"withdrawal":     {"/consents/{consent}/withdraw", object{"by": "patient", "channel": "paper"}},
		"disclosure":     {"/disclosures", entry},
		"view":           {"/record-views", object{"record": summary, "basis": once()}},
		"emergency view": {"/record-views", object{"record": summary, "basis": emergency()}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &between{}
			d := newDesk(t, clinictest.Intercept(b.intercept))
			d.text(t, "newsletter", "I agree.")
			given := d.give(t, object{"scope": "newsletter", "by": "patient", "channel": "paper"})
			before := 0
			b.do = func() {
				d.Erase(t, d.patient)
				before = d.Items(t)
			}
			d.refused(t, http.StatusNotFound, "not_found", "POST",
				d.at(d.patient, strings.Replace(c.path, "{consent}", given, 1)), c.body)
			if after := d.Items(t); before == 0 || after != before {
				t.Errorf("%d items became %d", before, after)
			}
		})
	}
	t.Run("opening", func(t *testing.T) {
		b := &between{}
		d := newDesk(t, clinictest.Intercept(b.intercept))
		view := d.grant(t, d.patient, summary, once())
		b.do = func() { d.Erase(t, d.patient) }
		d.refused(t, http.StatusNotFound, "not_found", "GET", view, nil)
		if n := len(d.nhs.Requests("scr")); n != 0 {
			t.Errorf("%d requests to the NHS", n)
		}
	})
}
