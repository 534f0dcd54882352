package patient_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
)

func florence() patient.Patient {
	return patient.Patient{
		Name: "Florence Marker", Email: "florence@example.org", Phone: "07700 900123", BirthDate: "1950-02-27",
	}
}

// However a record is printed or logged, nothing of the person shows.
func TestRedacted(t *testing.T) {
	p := florence()
	p.ID = "pat_01kc4z7v8wfj7rw4q3hxe6m2ta"
	var out strings.Builder
	type holder struct {
		Who   patient.Patient
		Whose *patient.Patient
	}
	for _, v := range []any{p, &p, []patient.Patient{p}, map[string]patient.Patient{"x": p}, holder{p, &p}, &holder{p, &p}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	out.WriteString(p.String() + p.GoString() + fmt.Sprint(p) + fmt.Errorf("patient: %v", p).Error())
	var log bytes.Buffer
	for _, l := range []*slog.Logger{slog.New(slog.NewJSONHandler(&log, nil)), slog.New(slog.NewTextHandler(&log, nil))} {
		l.LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("patient", p), slog.Any("pointer", &p))
	}
	all := out.String() + log.String()
	for _, m := range []string{"Florence", "florence", "900123", "1950", fmt.Sprintf("%x", "Florence")} {
		if strings.Contains(all, m) {
			t.Errorf("%q shows in %s", m, all)
		}
	}
	if !strings.Contains(all, "[redacted]") {
		t.Error("nothing says that something was left out")
	}
}

type fixture struct {
	*clinictest.Clinic
	*patient.Service
	t  *testing.T
	by access.Caller
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	c := clinictest.New(t).Found(t)
	return &fixture{c, patient.New(c.Table, c.Clock.Now, id.New), t, c.By(t, clinictest.Receptionist)}
}

func (f *fixture) mustCreate(p patient.Patient) patient.Patient {
	f.t.Helper()
	r, err := f.Create(f.t.Context(), f.by, clinictest.Once(), p)
	if err != nil {
		f.t.Fatalf("create: %v %+v", err, fault.Of(err).Details)
	}
	got, err := f.Get(f.t.Context(), f.by, r.ID)
	if err != nil || got.ID != r.ID || got.Version != 1 || r.Version != 1 {
		f.t.Fatalf("get: %v, at version %d", err, got.Version)
	}
	return got
}

func TestCreate(t *testing.T) {
	f := newFixture(t)
	p := florence()
	p.Name = " \u202aZoe\u0308 Marker\u202c "
	p.Email = "Zoe@Example.ORG"
	got := f.mustCreate(p)
	want := patient.Patient{
		ID: got.ID, Name: "Zo\u00eb Marker", Email: "Zoe@example.org", Phone: "+447700900123", BirthDate: p.BirthDate, Version: 1,
	}
	if got != want {
		t.Errorf("stored name %q, e-mail %q, phone %q", got.Name, got.Email, got.Phone)
	}
	if _, err := f.Table.For(f.by).DiaryOf(t.Context(), got.ID); err != nil {
		t.Errorf("the new patient has no diary: %v", err)
	}
	if bare := f.mustCreate(patient.Patient{Name: "A", BirthDate: "1880-01-01"}); bare.Email != "" || bare.Phone != "" {
		t.Error("what was not given is there")
	}
}

func TestBornToday(t *testing.T) {
	f := newFixture(t)
	f.Clock.Set(time.Date(2027, 6, 30, 23, 30, 0, 0, time.UTC)) // half past midnight of 1 July in London
	p := florence()
	p.BirthDate = "2027-07-01"
	f.mustCreate(p)
	p.BirthDate = "2027-07-02"
	if _, err := f.Create(t.Context(), f.by, clinictest.Once(), p); !fault.Is(err, fault.Invalid) {
		t.Errorf("born tomorrow: %v", err)
	}
}

func TestChange(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	changed := p
	changed.Name, changed.Phone = "Florence Renamed", ""
	r, err := f.Service.Change(t.Context(), f.by, clinictest.Once(), changed)
	if err != nil || r != (patient.Receipt{ID: p.ID, Version: 2}) {
		t.Fatalf("change: %+v %v", r, err)
	}
	changed.Version = 2
	if got, err := f.Get(t.Context(), f.by, p.ID); err != nil || got != changed {
		t.Errorf("the record was not replaced: %v", err)
	}
	wrong := changed
	wrong.Name = ""
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

// Another organisation's patient is as if there were none, and so is what is no patient's id.
func TestForeignPatients(t *testing.T) {
	f := newFixture(t)
	p := f.mustCreate(florence())
	theirs := f.House.Found(t).By(t, clinictest.Manager)
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
		other := p
		other.ID = c.id
		if _, err := f.Service.Change(t.Context(), c.by, clinictest.Once(), other); !fault.Is(err, fault.NotFound) {
			t.Errorf("change %s: %v", name, err)
		}
	}
	if got, err := f.Get(t.Context(), f.by, p.ID); err != nil || got.Version != 1 {
		t.Errorf("the record was touched: %v", err)
	}
}

// A repeat under one key registers nobody twice; the answer that is kept names nobody.
func TestCreateOnce(t *testing.T) {
	f := newFixture(t)
	once := clinictest.Once()
	first, err := f.Create(t.Context(), f.by, once, florence())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(t.Context(), f.by, once, florence()); !errors.Is(err, access.ErrDone) {
		t.Errorf("the repeat: %v", err)
	}
	kept, found, err := f.Table.For(f.by).Recall(t.Context(), once)
	if err != nil || !found {
		t.Fatalf("recall: %t %v", found, err)
	}
	var r patient.Receipt
	if err := json.Unmarshal(kept, &r); err != nil || r != first || strings.Contains(string(kept), "Florence") {
		t.Errorf("kept %s, answered %+v", kept, first)
	}
}

func TestNotAllowed(t *testing.T) {
	f := newFixture(t)
	if _, err := f.Create(t.Context(), f.By(t, clinictest.Clinician), clinictest.Once(), florence()); !fault.Is(err, fault.Denied) {
		t.Errorf("a clinician registers a patient: %v", err)
	}
}
