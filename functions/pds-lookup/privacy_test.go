package main

import (
	"strings"
	"testing"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhstest"
	sandboxpds "almanac/infra/sandbox/pds"
	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/recordview"
	"almanac/shared/scr"
	"almanac/shared/table"
)

// privacyStand is a clinic with a patient, and the NHS's stand-ins beside it.
type privacyStand struct {
	*clinictest.Clinic
	nhs     *nhstest.Stand
	spine   *scr.Client
	patient string
}

const privacyNote = "Unconscious, Zoe-Canary"

func newPrivacyStand(t *testing.T) *privacyStand {
	t.Helper()
	d := &privacyStand{Clinic: clinictest.New(t).Found(t)}
	d.nhs = d.NHS(t)
	register, err := pds.New(d.PDS(d.nhs))
	if err != nil {
		t.Fatal(err)
	}
	d.spine, err = scr.New(scr.Settings{URL: d.nhs.SCRURL, Token: register.Another, Pace: clinictest.AtOnce})
	if err != nil {
		t.Fatal(err)
	}
	d.SetNHS(t, clinic.NHS{ODSCode: "Y12345", SummaryCareRecord: true, GPRecord: true, ASID: "200000001162"})
	d.Change(t, func(k table.Clinic) []table.Item {
		s := clinic.Staff{
			Subject: clinictest.Clinician, Name: "Staff", Email: "c@example.org", JobRole: "Doctor",
			Roles: []access.Role{access.Clinician}, SDSUserID: "555021935107",
		}
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, Version: 1}}
	})
	d.patient = d.NewPatient(t)
	_, err = patient.New(d.Table, d.Keeper, d.Clock.Now, id.New).Amend(t.Context(), d.job(), access.Once{}, d.patient,
		access.NumberSettle, event.Event{Name: event.NumberSettled}, func(p *patient.Patient) error {
			p.Number = &patient.Number{
				Value: sandboxpds.Ordinary.Number(), Status: patient.StatusVerified, State: patient.NumberVerified,
			}
			return nil
		}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *privacyStand) job() access.Caller { return access.System(d.Org, string(access.PDSLookup)) }

func (d *privacyStand) views() *recordview.Service {
	return recordview.New(recordview.Settings{
		Table: d.Table, Keys: d.Keeper, Patients: patient.New(d.Table, d.Keeper, d.Clock.Now, id.New),
		Directory: d.Directory, Now: d.Clock.Now, NewID: id.New,
		Sources: map[recordview.Kind]recordview.Source{recordview.SummaryCareRecord: here{}, recordview.GPRecord: here{}},
	})
}

// here is a source that is never asked: granting asks nobody.
type here struct{ recordview.LinkOut }

func (here) Elsewhere() string { return "" }

// grant opens an emergency, and gives the message of its event.
func (d *privacyStand) grant(t *testing.T, record recordview.Kind, basis recordview.Basis) (string, event.Message) {
	t.Helper()
	g, err := d.views().Grant(t.Context(), d.By(t, clinictest.Clinician), clinictest.Once(), d.patient, record, basis)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d.History(t, d.Org, d.patient) {
		if e.Refs["view"] == g.ID && (e.Name == event.EmergencyViewGranted || e.Name == event.RecordViewGranted) {
			return g.ID, e.Message()
		}
	}
	t.Fatal("the grant left no event")
	return "", event.Message{}
}

func unableToAsk() recordview.Basis {
	return recordview.Basis{Emergency: &recordview.Emergency{Reason: recordview.UnableToAsk, Note: privacyNote}}
}

// An emergency is told to the NHS once, however often the message comes and whatever fails before: until the NHS has
// it, the message stays in the queue.
func TestPrivacyAlertIsOwedUntilSent(t *testing.T) {
	d := newPrivacyStand(t)
	view, m := d.grant(t, recordview.SummaryCareRecord, unableToAsk())
	w := worker{table: d.Table, privacy: privacy{d.views(), d.spine}, now: d.Clock.Now}
	for _, kind := range []string{apim.Unavailable, apim.GatewayTimeout, apim.Spike, apim.LoseReply} {
		if err := d.nhs.Faults.Add(sandbox.Fault{Kind: kind, Count: 1, On: "audit"}); err != nil {
			t.Fatal(err)
		}
		err := w.work(t.Context(), d.job(), m)
		if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Limited) {
			t.Fatalf("%s: %v", kind, err)
		}
		if strings.Contains(err.Error(), sandboxpds.Ordinary.Number()) {
			t.Errorf("%s: the error names the number", kind)
		}
	}
	for range 3 {
		if err := w.work(t.Context(), d.job(), m); err != nil {
			t.Fatal(err)
		}
	}
	told := d.nhs.SCR.Alerts()
	if len(told) != 1 { // the one whose reply was lost is the one that is there: it was sent again under its id
		t.Fatalf("%d alerts", len(told))
	}
	a := told[0]
	if a.Number != sandboxpds.Ordinary.Number() || a.ODS != "Y12345" || a.User != "555021935107" || a.Role != "Doctor" ||
		a.Type != scr.TypeAccess || a.Reason != scr.ReasonNoPermission || !a.At.Equal(d.Clock.Now()) {
		t.Errorf("the alert is of type %s, reason %s, by %s of %s, at %s", a.Type, a.Reason, a.User, a.ODS, a.At)
	}
	entries, _, err := disclosure.New(d.Table, d.Keeper, d.Clock.Now, id.New).
		List(t.Context(), d.By(t, clinictest.Clinician), d.patient, "", 10)
	if err != nil || len(entries) != 1 || entries[0].Ref != view || entries[0].Purpose != disclosure.Privacy {
		t.Errorf("%d entries in the register: %v", len(entries), err)
	}
	raised, _, err := alert.New(d.Table, d.Keeper, d.Clock.Now, id.New).
		List(t.Context(), d.By(t, clinictest.Manager), alert.Open, "", 10)
	if err != nil || len(raised) != 1 || raised[0].Kind != alert.EmergencyView || raised[0].About != view ||
		raised[0].Subject != clinictest.Clinician || raised[0].Reason != recordview.UnableToAsk {
		t.Fatalf("%d alerts here: %v", len(raised), err)
	}
	one, err := alert.New(d.Table, d.Keeper, d.Clock.Now, id.New).Get(t.Context(), d.By(t, clinictest.Manager), raised[0].ID)
	if err != nil || one.Note != privacyNote {
		t.Errorf("the privacy officer reads no note: %v", err)
	}
	if q := event.Queues(event.EmergencyViewGranted); len(q) != 2 {
		t.Errorf("queued for %v", q)
	}
}

// Nobody is told of a view with the patient's permission, or of a record without such officers; and without a connection
// the alert stays owed.
func TestPrivacyAlertOnlyWhereOwed(t *testing.T) {
	d := newPrivacyStand(t)
	w := worker{table: d.Table, privacy: privacy{d.views(), d.spine}, now: d.Clock.Now}
	_, permitted := d.grant(t, recordview.SummaryCareRecord, recordview.Basis{Permission: &recordview.Permission{Scope: recordview.Once}})
	_, gp := d.grant(t, recordview.GPRecord, unableToAsk())
	permitted.Name = event.EmergencyViewGranted // as if it came by mistake
	for _, m := range []event.Message{permitted, gp} {
		if err := w.work(t.Context(), d.job(), m); err != nil {
			t.Error(err)
		}
	}
	if n := len(d.nhs.Requests("scr")); n != 0 {
		t.Errorf("%d requests", n)
	}
	_, owed := d.grant(t, recordview.SummaryCareRecord, unableToAsk())
	w.privacy.spine = nil
	if err := w.work(t.Context(), d.job(), owed); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a connection: %v", err)
	}
	absent := owed
	absent.Event = id.New("evt")
	if err := w.work(t.Context(), d.job(), absent); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such event: %v", err)
	}
	// Told while the view is being opened: both count.
	if _, err := d.views().Open(t.Context(), d.By(t, clinictest.Clinician), d.patient, "viw_x"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such view: %v", err)
	}
}

// An organisation or a person of whom the NHS could not be told opens nothing in an emergency.
func TestPrivacyAlertImpossible(t *testing.T) {
	d := newPrivacyStand(t)
	for _, by := range []string{clinictest.Manager} { // without a smartcard
		_, err := d.views().Grant(t.Context(), d.By(t, by), clinictest.Once(), d.patient, recordview.SummaryCareRecord, unableToAsk())
		if fault.Of(err) == nil || fault.Of(err).Code != "alert_impossible" {
			t.Errorf("%s: %v", by, err)
		}
		if _, err := d.views().Grant(t.Context(), d.By(t, by), clinictest.Once(), d.patient, recordview.GPRecord, unableToAsk()); err != nil {
			t.Errorf("%s, the practice's record: %v", by, err)
		}
	}
}
