package booking_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// followed is a clinic with an appointment that the diary is to follow elsewhere.
type followed struct {
	*clinictest.Clinic
	s   *booking.Service
	apt booking.Appointment
	job access.Caller
}

func newFollowed(t *testing.T) *followed {
	t.Helper()
	f := &followed{Clinic: clinictest.New(t).Found(t)}
	f.s = booking.New(f.Table, f.Directory, f.Clock.Now, id.New)
	f.job = access.System(f.Org, string(access.VideoRooms))
	f.apt = f.book(t, 0, f.Patients[0], "2027-01-05T09:30")
	return f
}

func (f *followed) book(t *testing.T, practitioner int, patient, start string) booking.Appointment {
	t.Helper()
	apt, err := f.s.Book(t.Context(), f.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: f.Service.ID, SiteID: f.Site.ID, PractitionerID: f.Practitioners[practitioner].ID, PatientID: patient,
		Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	return apt
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// note is an item that rests on the appointment's following.
func (f *followed) note(version int64) (table.Key, []table.Item) {
	k := f.Table.For(f.job)
	key := k.VisitLog(f.apt.ID, f.Clock.Now(), "note")
	return key, []table.Item{{Key: key, Value: map[string]string{"note": "x"}, New: version == 0, Version: version}}
}

// The diary follows a time within what lead time and horizon would refuse, keeps the room, and frees what it leaves;
// what rests on it is written with it.
func TestFollow(t *testing.T) {
	f := newFollowed(t)
	key, with := f.note(0)
	got, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 1, instant(t, "2027-01-04T09:00:00Z"), 45, with)
	if err != nil {
		t.Fatal(err, fault.Of(err).Details)
	}
	if !got.End.Equal(instant(t, "2027-01-04T09:45:00Z")) || got.Sequence != 1 || got.Version != 2 ||
		!slices.Equal(got.RoomIDs, f.apt.RoomIDs) || got.Status != booking.Booked {
		t.Errorf("%+v", got)
	}
	var noted map[string]string
	if err := f.Table.For(f.job).Get(t.Context(), key, &noted); err != nil {
		t.Error("what rests on it was not written")
	}
	last := f.History(t, f.Org, f.apt.ID)
	if e := last[len(last)-1]; e.Name != event.AppointmentMoved || e.Why != booking.MovedByHost || e.By != f.job.Person() || e.Sequence != 1 {
		t.Errorf("the event is %+v", e)
	}
	f.book(t, 0, f.Patients[1], "2027-01-05T09:30") // the old time is free
	// Beyond the horizon, and in the step that is running.
	for _, start := range []string{"2028-03-06T10:00:00Z", "2027-01-04T09:00:00Z"} {
		f.Clock.Set(instant(t, "2027-01-04T09:03:00Z"))
		if got, err = f.s.Follow(t.Context(), f.job, f.apt.ID, got.Version, instant(t, start), 30, nil); err != nil {
			t.Fatal(start, err, fault.Of(err).Details)
		}
	}
}

// Only the length changes, while the patient has confirmed and the appointment has begun: that stays so.
func TestFollowLength(t *testing.T) {
	f := newFollowed(t)
	by := f.By(t, clinictest.Receptionist)
	if _, err := f.s.Progress(t.Context(), by, clinictest.Once(), f.apt.ID, 1, booking.Confirmed); err != nil {
		t.Fatal(err)
	}
	f.Clock.Set(f.apt.Start.Add(20 * time.Minute))
	got, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 2, f.apt.Start, 60, nil)
	if err != nil || got.Status != booking.Confirmed || got.End.Sub(got.Start) != time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
}

// What the diary cannot have is refused with every reason, and nothing is written.
func TestFollowRefused(t *testing.T) {
	for name, x := range map[string]struct {
		start   string
		minutes int
		want    string // kind and code, or the reasons
	}{
		"no change":            {"2027-01-05T09:30:00Z", 30, "conflict: no_change"},
		"taken":                {"2027-01-05T11:00:00Z", 30, "practitioner_busy"},
		"taken by its end":     {"2027-01-05T10:15:00Z", 60, "practitioner_busy"},
		"the patient is there": {"2027-01-06T10:00:00Z", 30, "patient_busy"},
		"off the grid":         {"2027-01-05T12:01:00Z", 30, "off_grid"},
		"by a second":          {"2027-01-05T12:00:01Z", 30, "off_grid"},
		"in the past":          {"2027-01-04T06:55:00Z", 30, "in_the_past"},
		"everything at once":   {"2026-01-04T06:51:00Z", -7, "in_the_past no_length off_grid"},
		"no length":            {"2027-01-05T12:00:00Z", 0, "no_length"},
		"over 24 hours":        {"2027-01-05T12:00:00Z", 1445, "too_long"},
		"at night":             {"2027-01-05T22:00:00Z", 30, "outside_opening_hours practitioner_not_working"},
		"in another century":   {"2127-01-05T12:00:00Z", 30, "malformed_time"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFollowed(t)
			f.book(t, 0, f.Patients[1], "2027-01-05T11:00")
			f.book(t, 1, f.Patients[0], "2027-01-06T10:00")
			items := f.Items(t)
			_, with := f.note(0)
			_, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 1, instant(t, x.start), x.minutes, with)
			if err == nil || f.Items(t) != items {
				t.Fatalf("%v, %d items became %d", err, items, f.Items(t))
			}
			var codes []string
			for _, d := range fault.Of(err).Details {
				codes = append(codes, d.Code)
			}
			slices.Sort(codes)
			if got := strings.Join(codes, " "); got != x.want && fault.Of(err).Error() != x.want {
				t.Errorf("%v because of %s, want %s", err, got, x.want)
			}
			if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) {
				t.Errorf("the refusal is %v", err)
			}
		})
	}
}

// An appointment, or what rests on it, that somebody changed meanwhile is not written over.
func TestFollowStale(t *testing.T) {
	f := newFollowed(t)
	start := instant(t, "2027-01-06T10:00:00Z")
	for name, do := range map[string]func() error{
		"the appointment": func() error {
			_, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 2, start, 30, nil)
			return err
		},
		"what rests on it": func() error {
			_, with := f.note(7)
			_, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 1, start, 30, with)
			return err
		},
		"what a cancellation rests on": func() error {
			_, with := f.note(7)
			_, err := f.s.CancelFor(t.Context(), f.job, f.apt.ID, 1, booking.DeletedByHost, with)
			return err
		},
	} {
		if err := do(); !fault.Is(err, fault.Stale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Erase(t, f.Patients[0])
	if _, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 1, start, 30, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("somebody who was erased: %v", err)
	}
}

// A cancellation for a reason that lies elsewhere gives the time back, with what rests on it.
func TestCancelFor(t *testing.T) {
	f := newFollowed(t)
	key, with := f.note(0)
	got, err := f.s.CancelFor(t.Context(), f.job, f.apt.ID, 1, booking.DeletedByHost, with)
	if err != nil || got.Status != booking.Cancelled || got.CancelReason != booking.DeletedByHost {
		t.Fatalf("%+v, %v", got, err)
	}
	var noted map[string]string
	if err := f.Table.For(f.job).Get(t.Context(), key, &noted); err != nil {
		t.Error("what rests on it was not written")
	}
	f.book(t, 0, f.Patients[0], "2027-01-05T09:30")
	if _, err := f.s.Follow(t.Context(), f.job, f.apt.ID, 2, f.apt.Start, 60, nil); fault.Of(err).Code != "not_changeable" {
		t.Errorf("followed after its end: %v", err)
	}
}
