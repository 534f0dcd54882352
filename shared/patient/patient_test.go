package patient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
)

const (
	number = "9990000018"
	other  = "9990000050"
)

// florence is somebody of whom everything is known that can be entered.
func florence() patient.Patient {
	return patient.Patient{
		Names: []patient.Name{
			{Use: patient.Usual, Prefix: []string{"Ms"}, Given: []string{"Florence", "Ada May"}, Family: "Marker-Lane"},
			{Use: "maiden", Family: "Beforemarriage", End: "1975-06-30"},
		},
		BirthDate: "1950-02-27", Sex: patient.Female,
		Addresses: []patient.Address{{Use: patient.Home, Lines: []string{"1 Secretplace", "Testford"}, Postcode: "TE1 1ST"}},
		Contacts: []patient.Contact{
			{System: patient.Email, Value: "florence@example.org"}, {System: patient.Phone, Value: "+447700900123", Use: "mobile"},
		},
		Practice: &patient.Practice{ODSCode: "A81001"}, Number: &patient.Number{Value: number},
		Alerts: []patient.Alert{{Kind: "access-need", Text: "Walkerframe"}}, BookingNote: "Afternoonsonly",
	}
}

// markers are what of florence may never be seen where it does not belong.
func markers() []string {
	return []string{
		"Florence", "florence", "FLORENCE", "Ada May", "Marker", "marker", "Beforemarriage", "1950", "Secretplace", "TE1 1ST", "TE11ST",
		"900123", "A81001", number, "999 000 0018", "Walkerframe", "Afternoonsonly", fmt.Sprintf("%x", "Florence"),
	}
}

type fixture struct {
	*clinictest.Clinic
	*patient.Service
	t  *testing.T
	by access.Caller
}

func newFixture(t *testing.T, with ...func(*dynamodb.Options)) *fixture {
	t.Helper()
	c := clinictest.New(t, with...).Found(t)
	return &fixture{c, patient.New(c.Table, c.Keeper, c.Clock.Now, id.New), t, c.By(t, clinictest.Receptionist)}
}

func (f *fixture) mustCreate(p patient.Patient) patient.Patient {
	f.t.Helper()
	r, err := f.Create(f.t.Context(), f.by, clinictest.Once(), p)
	if err != nil {
		f.t.Fatalf("create: %v %+v", err, fault.Of(err).Details)
	}
	if r.Version != 1 || !id.Valid(r.ID, "pat") || r.Path() != "/v1/patients/"+r.ID || r.ETagVersion() != 1 {
		f.t.Fatalf("receipt %+v", r)
	}
	return f.mustGet(r.ID)
}

func (f *fixture) mustGet(patient string) patient.Patient {
	f.t.Helper()
	p, err := f.Get(f.t.Context(), f.by, patient)
	if err != nil || p.ID != patient {
		f.t.Fatalf("get: %v", err)
	}
	return p
}

// amend changes the record as a job does.
func (f *fixture) amend(patient string, change func(*patient.Patient)) {
	f.t.Helper()
	_, err := f.Amend(f.t.Context(), f.settler(), access.Once{}, patient, access.NumberSettle,
		event.Event{Name: event.NumberSettled}, apply(change), nil)
	if err != nil {
		f.t.Fatalf("amend: %v", err)
	}
}

func apply(change func(*patient.Patient)) func(*patient.Patient) error {
	return func(p *patient.Patient) error {
		change(p)
		return nil
	}
}

func (f *fixture) settler() access.Caller { return access.System(f.Org, string(access.PDSLookup)) }

func same(a, b patient.Patient) bool { return reflect.DeepEqual(a, b) }

func TestCreate(t *testing.T) {
	f := newFixture(t)
	got := f.mustCreate(florence())
	want := florence()
	want.ID, want.Version = got.ID, 1
	want.Addresses[0].Source, want.Practice.Source = patient.Local, patient.Local
	want.Contacts[0].Source, want.Contacts[1].Source = patient.Local, patient.Local
	want.Number = &patient.Number{
		Value: number, Status: patient.StatusPresent, State: patient.NumberPresent, Source: patient.Local,
	}
	if !same(got, want) {
		t.Error("what was stored is not what was sent")
	}
	c := f.Table.For(f.by)
	if o, err := c.DiaryOf(t.Context(), got.ID); err != nil || o.Closed != "" {
		t.Errorf("the new patient's diary: %q, %v", o.Closed, err)
	}
	var circle care.Circle
	if err := c.Get(t.Context(), c.Circle(got.ID), &circle); err != nil || len(circle.Relations) != 1 {
		t.Fatalf("the circle: %+v, %v", circle, err)
	}
	r, now := circle.Relations[0], f.Clock.Now()
	if r.Kind != care.Registration || r.Person != clinictest.Receptionist || !r.From.Equal(now) || !r.Until.Equal(now.AddDate(0, 0, 7)) || !id.Valid(r.ID, "rel") {
		t.Errorf("who registers is related by %+v", r)
	}
	bare := f.mustCreate(patient.Patient{Names: []patient.Name{{Use: patient.Usual, Given: []string{"Suharto"}}}})
	if bare.Number != nil || bare.Sex != patient.UnknownSex || len(bare.Addresses)+len(bare.Contacts) != 0 {
		t.Error("what was not given is there")
	}
}

// Nobody enters what only the NHS's register, an objection or a merge may say.
func TestCreateTakesNoMore(t *testing.T) {
	f := newFixture(t)
	p := florence()
	p.Restricted, p.Objection, p.MergedInto, p.Merged = true, &patient.Objection{By: "x"}, "pat_x", []string{"pat_y"}
	p.Representatives = []patient.Representative{{ID: "rep_x"}}
	p.Number.Status, p.Number.State, p.Number.VersionID = patient.StatusVerified, patient.NumberVerified, "7"
	p.Addresses[0].Source = patient.PDS
	got := f.mustCreate(p)
	if got.Restricted || got.Objection != nil || got.MergedInto != "" || got.Merged != nil || got.Representatives != nil ||
		got.Number.Status != patient.StatusPresent || got.Number.State != patient.NumberPresent || got.Number.VersionID != "" ||
		got.Addresses[0].Source != patient.Local {
		t.Error("something was taken that nobody may enter")
	}
	job := access.System(f.Org, string(access.PatientUpload))
	p = florence()
	p.Names, p.Number = []patient.Name{{Use: patient.Usual, Family: "Uploaded"}}, &patient.Number{Value: other}
	p.BirthDate, p.Contacts = "1961", p.Contacts[:0]
	r, err := f.Create(t.Context(), job, access.Once{}, p)
	if err != nil {
		t.Fatal(err, fault.Of(err).Details)
	}
	if got := f.mustGet(r.ID); got.Addresses[0].Source != patient.Upload || got.Number.Source != patient.Upload {
		t.Error("what a file said is taken for typed")
	}
	var circle care.Circle
	c := f.Table.For(f.by)
	if err := c.Get(t.Context(), c.Circle(r.ID), &circle); err != nil || len(circle.Relations) != 0 {
		t.Errorf("a job is related: %+v, %v", circle, err)
	}
}

func TestBornToday(t *testing.T) {
	f := newFixture(t)
	f.Clock.Set(time.Date(2027, 6, 30, 23, 30, 0, 0, time.UTC)) // half past midnight of 1 July in London
	p := florence()
	p.BirthDate, p.Names = "2027-07-01", p.Names[:1]
	f.mustCreate(p)
	p.BirthDate, p.Number = "2027-07-02", nil
	if _, err := f.Create(t.Context(), f.by, clinictest.Once(), p); !fault.Is(err, fault.Invalid) {
		t.Errorf("born tomorrow: %v", err)
	}
}

func TestChange(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	changed := p
	changed.Names = []patient.Name{{Use: patient.Usual, Family: "Renamed"}}
	changed.Contacts, changed.Addresses, changed.Alerts = nil, nil, nil
	r, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), changed)
	if err != nil || r != (patient.Receipt{ID: p.ID, Version: 2}) {
		t.Fatalf("change: %+v %v", r, err)
	}
	changed.Version = 2
	if got := f.mustGet(p.ID); !same(got, changed) {
		t.Error("the record was not replaced")
	}
	wrong := changed
	wrong.Names = nil
	old, oldAndWrong := p, wrong
	oldAndWrong.Version = 1
	none, noneAndWrong, zero := changed, wrong, changed
	none.ID, noneAndWrong.ID, zero.Version = id.New("pat"), id.New("pat"), 0
	for name, c := range map[string]struct {
		p    patient.Patient
		want fault.Kind
	}{
		"wrong":         {wrong, fault.Invalid},
		"old":           {old, fault.Stale},
		"old and wrong": {oldAndWrong, fault.Stale},
		"version 0":     {zero, fault.Stale},
		"of nobody":     {none, fault.NotFound},
		"nobody, wrong": {noneAndWrong, fault.NotFound},
	} {
		if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), c.p); !fault.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What the NHS's register said outlives a change by hand, and does not become something entered here by being sent
// back: it would outlive its own removal.
func TestChangeKeepsTheRegisters(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	registers := patient.Address{Use: patient.Home, Lines: []string{"2 Register Row"}, Postcode: "TE2 2ST", Source: patient.PDS}
	f.amend(p.ID, func(p *patient.Patient) {
		p.Addresses = append(p.Addresses, registers)
		p.Contacts = append(p.Contacts, patient.Contact{System: patient.Phone, Value: "+441632960123", Source: patient.PDS})
		p.Practice = &patient.Practice{ODSCode: "B82002", Source: patient.PDS}
		p.Death = &patient.Death{On: "2026", Status: patient.Formal, Source: patient.PDS}
		p.Number.State, p.Number.Status, p.Restricted = patient.NumberVerified, patient.StatusVerified, false
		p.Merged = []string{"pat_x"}
	})
	sent := f.mustGet(p.ID)
	sent.Death, sent.Merged, sent.Restricted = nil, nil, true // what a client may leave out or make up
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), sent); err != nil {
		t.Fatal(err)
	}
	got := f.mustGet(p.ID)
	if len(got.Addresses) != 2 || !reflect.DeepEqual(got.Addresses[1], registers) || len(got.Contacts) != 3 ||
		got.Contacts[2].Source != patient.PDS || got.Practice.Source != patient.PDS || got.Death == nil ||
		got.Number.State != patient.NumberVerified || !slices.Equal(got.Merged, []string{"pat_x"}) || got.Restricted {
		t.Error("a change by hand altered what the register said")
	}
	got.Practice = &patient.Practice{ODSCode: "C83003"}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), got); err != nil {
		t.Fatal(err)
	}
	if got := f.mustGet(p.ID); got.Practice.ODSCode != "C83003" || got.Practice.Source != patient.Local {
		t.Error("another practice cannot be entered")
	}
	f.amend(p.ID, func(p *patient.Patient) { p.Restrict() })
	if got := f.mustGet(p.ID); len(got.Addresses) != 1 || got.Addresses[0].Source != patient.Local || len(got.Contacts) != 2 {
		t.Error("purging the register's whereabouts left some, or took others")
	}
}

// A death, and a merge, close the diary; it opens again when they are undone.
func TestClosing(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	closed := func() string {
		t.Helper()
		o, err := f.Table.For(f.by).DiaryOf(t.Context(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		return o.Closed
	}
	p.Death = &patient.Death{On: "2027-01"}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), p); err != nil || closed() != table.Deceased {
		t.Fatalf("dead: the diary is %q, %v", closed(), err)
	}
	f.amend(p.ID, func(p *patient.Patient) { p.MergedInto = f.Patients[0] })
	if !strings.HasPrefix(closed(), table.Merged+":pat_") {
		t.Errorf("merged: the diary is %q", closed())
	}
	if _, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), f.mustGet(p.ID)); fault.Of(err) == nil || fault.Of(err).Code != "patient_merged" {
		t.Errorf("a merged record is changed: %v", err)
	}
	f.amend(p.ID, func(p *patient.Patient) { p.MergedInto, p.Death = "", nil })
	if closed() != "" {
		t.Errorf("undone: the diary is %q", closed())
	}
	dead := florence()
	dead.Names, dead.Number = []patient.Name{{Use: patient.Usual, Family: "Departed"}}, nil
	dead.Death, dead.BirthDate, dead.Contacts, dead.Addresses = &patient.Death{}, "1931", nil, nil
	p = f.mustCreate(dead)
	if closed() != table.Deceased {
		t.Errorf("registered dead: the diary is %q", closed())
	}
}

// Another organisation's patient is as if there were none, and so is what is no patient's id.
func TestForeignPatients(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	theirs := f.Found(t).By(t, clinictest.Manager)
	for name, c := range map[string]struct {
		by access.Caller
		id string
	}{
		"foreign":             {theirs, p.ID},
		"absent":              {f.by, id.New("pat")},
		"no id":               {f.by, "x"},
		"an appointment's id": {f.by, "apt" + p.ID[3:]},
	} {
		if _, err := f.Get(t.Context(), c.by, c.id); !fault.Is(err, fault.NotFound) || fault.Of(err).Code != "not_found" {
			t.Errorf("get %s: %v", name, err)
		}
		if _, err := f.Addressee(t.Context(), c.by, c.id); !fault.Is(err, fault.NotFound) {
			t.Errorf("addressee %s: %v", name, err)
		}
		elsewhere := p
		elsewhere.ID = c.id
		if _, err := f.Service.Change(t.Context(), c.by, clinictest.Once(), elsewhere); !fault.Is(err, fault.NotFound) {
			t.Errorf("change %s: %v", name, err)
		}
		if _, err := f.AddRepresentative(t.Context(), c.by, clinictest.Once(), c.id, robin(), ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("represent %s: %v", name, err)
		}
	}
	if got := f.mustGet(p.ID); got.Version != 1 {
		t.Error("the record was touched")
	}
}

// A repeat under one key registers nobody twice; the answer that is kept names nobody.
func TestCreateOnce(t *testing.T) {
	f := newFixture(t)
	once := clinictest.Once()
	p := florence()
	p.Number = nil
	first, err := f.Create(t.Context(), f.by, once, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(t.Context(), f.by, once, p, first.ID); !errors.Is(err, access.ErrDone) {
		t.Errorf("the repeat: %v", err)
	}
	kept, found, err := f.Table.For(f.by).Recall(t.Context(), once)
	if err != nil || !found {
		t.Fatalf("recall: %t %v", found, err)
	}
	var r patient.Receipt
	if err := json.Unmarshal(kept, &r); err != nil || r != first {
		t.Errorf("kept %s, answered %+v", kept, first)
	}
	mustNotShow(t, "the kept answer", string(kept))
}

func TestNotAllowed(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Create(t.Context(), f.By(t, clinictest.Clinician), clinictest.Once(), florence()); !fault.Is(err, fault.Denied) {
		t.Errorf("a clinician registers a patient: %v", err)
	}
}
