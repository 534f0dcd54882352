package table_test

import (
	"slices"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

func (f *fixture) claims(t *testing.T, claims ...table.Claim) error {
	t.Helper()
	return f.k.Write(t.Context(), table.Change{
		Action: access.AppointmentBook, Target: id.New("apt"), Claims: claims,
		Event: event.Event{Name: event.AppointmentBooked},
	})
}

// A patient's diary remembers whom the patient meets, by the month in which the time ends, and nothing else of a claim
// reads as if it were taken time.
func TestMeetings(t *testing.T) {
	f := newFixture(t)
	patient, site, one, two := f.Patients[0], id.New("sit"), id.New("prc"), id.New("prc")
	at := span(tickAt(10, 0), 6)
	month := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	late := table.Span{From: at.From + 10, To: at.From + 16}
	if err := f.claims(t,
		table.Claim{Patient: patient, Take: at, As: table.Owner{ID: id.New("apt")}, Meets: []string{site, one}},
		table.Claim{Patient: patient, Take: late, As: table.Owner{ID: id.New("apt")}, Meets: []string{site, two}},
	); err != nil {
		t.Fatal(err)
	}
	diary, err := f.k.DiaryOf(t.Context(), patient)
	if err != nil {
		t.Fatal(err)
	}
	var met []string
	for _, m := range diary.Met {
		if !m.Month.Equal(month) {
			t.Errorf("met in %s", m.Month)
		}
		met = append(met, m.ID)
	}
	want := []string{site, one, two}
	slices.Sort(met)
	slices.Sort(want)
	if !slices.Equal(met, want) || len(diary.Taken) != 12 || len(diary.Ended) != 0 || diary.Closed != "" {
		t.Errorf("met %v, want %v; %d ticks, %d ended, closed %q", met, want, len(diary.Taken), len(diary.Ended), diary.Closed)
	}
	if err := f.claims(t, table.Claim{Patient: patient, Take: at, As: table.Owner{ID: id.New("apt")}, Meets: []string{id.New("roo")}}); err == nil {
		t.Error("a patient met a room")
	}
	// A year later that month is forgotten.
	f.Clock.Set(time.Date(2028, 1, 20, 9, 0, 0, 0, time.UTC))
	later := table.SpanOf(f.Clock.Now(), f.Clock.Now().Add(time.Hour))
	if err := f.claims(t, table.Claim{Patient: patient, Take: later, As: table.Owner{ID: id.New("apt")}, Meets: []string{two}}); err != nil {
		t.Fatal(err)
	}
	if diary, err = f.k.DiaryOf(t.Context(), patient); err != nil || len(diary.Met) != 1 || diary.Met[0].ID != two {
		t.Errorf("after a year: %v, %v", diary.Met, err)
	}
}

// Nobody is booked into a closed diary; what stands in it can be cancelled, and it can be opened again.
func TestClosedDiary(t *testing.T) {
	f := newFixture(t)
	patient, apt := f.Patients[0], table.Owner{ID: id.New("apt")}
	at := span(tickAt(10, 0), 6)
	if err := f.claims(t, table.Claim{Patient: patient, Take: at, As: apt}); err != nil {
		t.Fatal(err)
	}
	next := table.Claim{Patient: patient, Take: span(tickAt(12, 0), 6), As: table.Owner{ID: id.New("apt")}}
	goes := id.New("pat") // the record that goes on
	for why, code := range map[string]string{
		table.Merged + ":" + goes: "patient_merged", table.Deceased: "patient_deceased",
	} {
		if err := f.claims(t, table.Claim{Patient: patient, Close: why}); err != nil {
			t.Fatal(err)
		}
		err := f.claims(t, next)
		if !fault.Is(err, fault.Conflict) || fault.Of(err).Code != "patient_closed" || fault.Of(err).Details[0].Code != code {
			t.Errorf("booked into a diary closed as %s: %v", why, err)
		}
		if d := fault.Of(err).Details[0]; code == "patient_merged" && d.Resource != goes {
			t.Errorf("it names %q, not the record that goes on", d.Resource)
		}
	}
	if diary, err := f.k.DiaryOf(t.Context(), patient); err != nil || diary.Closed == "" {
		t.Errorf("closed %q, %v", diary.Closed, err)
	}
	if err := f.claims(t, table.Claim{Patient: patient, Free: at, Was: apt}); err != nil {
		t.Errorf("cancel in a closed diary: %v", err)
	}
	if err := f.claims(t, table.Claim{Patient: patient, Reopen: true}); err != nil {
		t.Fatal(err)
	}
	if err := f.claims(t, next); err != nil {
		t.Errorf("book in the opened diary: %v", err)
	}
	if err := f.claims(t, table.Claim{Patient: id.New("pat"), Close: table.Merged}); !fault.Is(err, fault.NotFound) {
		t.Errorf("close nobody's diary: %v", err)
	}
}

// Patients are listed under a digest in the order of their paths, by every beginning of a path, a page at a time.
func TestLookups(t *testing.T) {
	f := newFixture(t)
	digest := "0123456789abcdef0123456789abcdef"
	var items []table.Item
	var all []string
	for _, path := range []string{"aa.b", "aa.c", "ab.a", "b.a"} {
		patient := id.New("pat")
		all = append(all, patient)
		items = append(items, table.Item{Key: f.k.Lookup(digest, path, patient), Value: struct{}{}, New: true})
	}
	if err := f.k.Write(t.Context(), table.Change{
		Action: access.PatientCreate, Target: f.Patients[0], Put: items, Event: event.Event{Name: event.PatientCreated},
	}); err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string][]string{"": all, "a": all[:3], "aa": all[:2], "aa.c": all[1:2], "c": {}} {
		var got []string
		for after, pages := "", 0; ; pages++ {
			page, next, err := f.k.Lookups(t.Context(), digest, prefix, after, 2)
			if err != nil || len(page) > 2 || pages > 4 {
				t.Fatalf("%q: a page of %d, %v", prefix, len(page), err)
			}
			got = append(got, page...)
			if after = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("under %q: %v, want %v", prefix, got, want)
		}
	}
	theirs := f.Found(t)
	got, _, err := f.Table.For(theirs.By(t, clinictest.Manager)).Lookups(t.Context(), digest, "", "", 10)
	if err != nil || len(got) > 0 {
		t.Errorf("another organisation finds %v, %v", got, err)
	}
}
