package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox/ses"
	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

const snoop = "Barnaby Snoop"

// alerts is a bench with two privacy officers, one who was and left, and somebody who breaks the glass.
type alerts struct {
	*bench
	service *alert.Service
	by      access.Caller
}

func newAlerts(t *testing.T, officers ...string) *alerts {
	t.Helper()
	a := &alerts{bench: newBench(t)}
	a.service = alert.New(a.Table, a.Keeper, a.Clock.Now, id.New)
	for _, name := range officers {
		a.staff(t, clinic.Staff{Subject: name, Name: "Officer " + name, Email: name + "@example.org", Roles: []access.Role{access.PrivacyOfficer}})
	}
	a.staff(t, clinic.Staff{Subject: "gone", Name: "Gone", Email: "gone@example.org", Left: true, Roles: []access.Role{access.PrivacyOfficer}})
	a.staff(t, clinic.Staff{
		Subject: "snoop-subject", Name: snoop, Email: "snoop@example.org", Roles: []access.Role{access.Clinician, access.PrivacyOfficer},
	})
	a.by = a.By(t, "snoop-subject")
	return a
}

func (a *alerts) staff(t *testing.T, s clinic.Staff) {
	t.Helper()
	a.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, New: true}}
	})
}

func (a *alerts) glass(t *testing.T) alert.Granted {
	t.Helper()
	got, err := a.service.BreakGlass(t.Context(), a.by, clinictest.Once(), a.patient, alert.Plea{Reason: "life-at-risk", Note: name + " fell ill"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// got tells who has how many mails.
func (a *alerts) got() map[string]int {
	out := map[string]int{}
	for _, m := range a.ses.Mails("") {
		out[m.Recipients[0]]++
	}
	return out
}

func (a *alerts) mailed(t *testing.T, want ...string) {
	t.Helper()
	got := a.got()
	for _, to := range want {
		if got[to] != 1 {
			t.Errorf("%s has %d mails, want 1; all: %v", to, got[to], got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("mailed were %v, want %q", got, want)
	}
}

// Each privacy officer hears of an alert once, and reads nothing of anybody in it.
func TestAlert(t *testing.T) {
	a := newAlerts(t, "one", "two")
	got := a.glass(t)
	all := a.outbox(t)
	for range 3 {
		if failed := a.work(t, all...); len(failed) > 0 {
			t.Fatalf("failed %v\n%s", failed, a.Log)
		}
	}
	a.mailed(t, "one@example.org", "two@example.org", "snoop@example.org")
	for _, m := range a.ses.Mails("") {
		whole, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{given, family, "anary", a.patient, "Barnaby", "snoop-subject", "life-at-risk", "glass"} {
			if strings.Contains(m.Text+m.HTML+m.Subject, secret) {
				t.Errorf("it says %q:\n%s", secret, m.Text)
			}
			if m.Recipients[0] != "snoop@example.org" && strings.Contains(string(whole), secret) {
				t.Errorf("%q stands somewhere in it:\n%s", secret, whole)
			}
		}
		if !strings.Contains(m.Text, "Reference: "+got.AlertID+"\n") || !strings.Contains(m.Text, "Review by: Thursday 7 January 2027, 7am\n") || len(m.Attachments) != 0 {
			t.Errorf("it is\n%s", m.Text)
		}
	}
	if log := a.Log.String(); strings.Contains(log, "anary rang") || strings.Contains(log, given) || strings.Contains(log, "@example.org") {
		t.Errorf("logged %s", log)
	}
	body := fmt.Sprint(a.batch(t, all...).Records)
	if strings.Contains(body, "snoop") || strings.Contains(body, got.AlertID) {
		t.Errorf("the queue carries %s", body)
	}
	a.clean(t)
}

// Where nobody else is a privacy officer, the managers hear of it; so they do where the only one is the person whom it
// is about.
func TestAlertToManagers(t *testing.T) {
	a := newAlerts(t)
	a.glass(t)
	if failed := a.work(t, a.outbox(t)...); len(failed) > 0 {
		t.Fatalf("failed %v\n%s", failed, a.Log)
	}
	a.mailed(t, "staff-manager@example.org")
}

// What happens to the mail to one officer does not keep it from the others, nor have them get it twice.
func TestAlertFaults(t *testing.T) {
	for _, x := range []struct {
		fault string
		again bool
		mails int
	}{{ses.Throttle, true, 3}, {ses.Reject, false, 2}, {ses.LoseReply, false, 3}, {ses.LoseRequest, false, 2}} {
		t.Run(x.fault, func(t *testing.T) {
			a := newAlerts(t, "one", "two")
			a.glass(t)
			all := a.outbox(t)
			count := 1
			if x.fault == ses.Throttle {
				count = 3 // the SDK asks again by itself
			}
			a.fails(t, x.fault, count)
			if failed := a.work(t, all...); (len(failed) > 0) != x.again {
				t.Errorf("failed %v", failed)
			}
			for range 3 {
				a.Clock.Pass(3 * time.Minute)
				a.work(t, all...)
			}
			total := 0
			for to, n := range a.got() {
				total += n
				if n > 1 {
					t.Errorf("%s has %d mails", to, n)
				}
			}
			if total != x.mails {
				t.Errorf("%d mails, want %d: %v", total, x.mails, a.got())
			}
		})
	}
}

// An alert that was reviewed before its mail went out needs none; asking again for what one has makes none.
func TestAlertReviewedFirst(t *testing.T) {
	a := newAlerts(t, "one", "two")
	got := a.glass(t)
	if again := a.glass(t); again != got {
		t.Fatalf("broken again: %+v", again)
	}
	if n := len(a.outbox(t)); n != 1 {
		t.Fatalf("%d messages, want 1", n)
	}
	_, err := a.service.Review(t.Context(), a.By(t, "one"), clinictest.Once(), got.AlertID, 1, alert.Verdict{Outcome: alert.Justified})
	if err != nil {
		t.Fatal(err)
	}
	if failed := a.work(t, a.outbox(t)...); len(failed) > 0 {
		t.Fatalf("failed %v\n%s", failed, a.Log)
	}
	a.mailed(t)
	k := a.Table.For(a.By(t, "one"))
	rows, err := k.Under(t.Context(), k.Alert(got.AlertID), table.Deliveries)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d deliveries, %v", len(rows), err)
	}
	var d delivery.Delivery
	if err := rows[0].Decode(&d); err != nil || d.State != delivery.Skipped || d.Reader == "" {
		t.Errorf("%+v, %v", d, err)
	}
}

// A message about an event that there is not, or another organisation's, is done with.
func TestAlertGone(t *testing.T) {
	a := newAlerts(t, "one")
	a.glass(t)
	m := a.outbox(t)[0]
	gone, foreign, other := m, m, m
	gone.Event, foreign.Org = id.New("evt"), a.Found(t).Org
	other.Name = event.AppointmentBooked // the event is not what the message says
	if failed := a.work(t, gone, foreign, other); len(failed) > 0 || len(a.ses.Mails("")) > 0 {
		t.Errorf("failed %v, %d mails", failed, len(a.ses.Mails("")))
	}
}
