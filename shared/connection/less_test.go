package connection_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/task"
)

// minded is a house whose staff are told of accounts that must be connected again.
type minded struct {
	*house
	tasks *task.Service
}

func newMinded(t *testing.T) *minded {
	t.Helper()
	h := newHouse(t)
	m := &minded{house: h, tasks: task.New(h.Table, h.Clock.Now)}
	z, err := connection.NewZoom(connection.Settings{
		API: h.zoom.URL, OAuth: h.zoom.URL, ClientID: h.zoom.ClientID, Secret: h.zoom.ClientSecret,
		AdminID: h.zoom.AdminClientID, AdminSecret: h.zoom.AdminClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     h.Table, Keeper: h.Keeper, Directory: clinic.NewDirectory(h.Table, h.Clock.Now),
		Log: slog.New(slog.NewJSONHandler(h.Log, nil)), Now: h.Clock.Now, Clock: time.Now, ID: id.New, Job: renewer,
		Raise: func(ctx context.Context, by access.Caller, con, subject, why string, grant int64) error {
			return m.tasks.OfAccount(ctx, by, con, subject, why, grant)
		},
	})
	must(t, err)
	h.Zoom = z
	return m
}

// open are the reasons of the tasks that wait for somebody.
func (m *minded) open(t *testing.T) []string {
	t.Helper()
	all, _, err := m.tasks.List(t.Context(), m.By(t, clinictest.Receptionist), task.Open, "", 100)
	must(t, err)
	out := []string{}
	for _, x := range all {
		out = append(out, x.Because...)
	}
	return out
}

// less has somebody connect a Zoom user and allow too little.
func (h *house) less(t *testing.T, subject, user string) connection.Outcome {
	t.Helper()
	return h.complete(t, h.back(t, h.begin(t, subject, connection.Own), zoomsim.Login{
		User: user, Scopes: []string{"user:read:user", "meeting:read:meeting"},
	}))
}

// Whoever allows less of a Zoom user that is connected already takes from it what it needs, here or elsewhere: its owner
// gets a mail and the staff a task, once, and connecting it rightly ends that.
func TestLessIsGranted(t *testing.T) {
	for name, try := range map[string]struct {
		by   func(t *testing.T, m *minded) connection.Outcome
		code string
	}{
		"at another clinic": {func(t *testing.T, m *minded) connection.Outcome {
			t.Helper()
			other := &house{Clinic: m.Found(t), zoom: m.zoom, Zoom: m.Zoom}
			return other.less(t, clinictest.Clinician, zoomsim.Ada)
		}, connection.Elsewhere},
		"by a colleague": {func(t *testing.T, m *minded) connection.Outcome {
			t.Helper()
			return m.less(t, clinictest.Receptionist, zoomsim.Ada)
		}, connection.Elsewhere},
		"by its owner": {func(t *testing.T, m *minded) connection.Outcome {
			t.Helper()
			return m.less(t, clinictest.Clinician, zoomsim.Ada)
		}, connection.Partly},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMinded(t)
			first := m.linked(t, clinictest.Clinician, zoomsim.Ada)
			for range 2 {
				m.Clock.Pass(time.Minute)
				if out := try.by(t, m); out.Code != try.code {
					t.Errorf("it came to %s", out.Code)
				}
				now := m.read(t, first.ID)
				if now.State != connection.NeedsReauth || now.Why != connection.ScopesMissing || now.Subject != first.Subject {
					t.Errorf("it is %s %s", now.State, now.Why)
				}
				mails := m.count(t, first.ID, string(event.ConnectionLapsed))
				if open := m.open(t); mails != 1 || len(open) != 1 || open[0] != connection.ScopesMissing {
					t.Errorf("%d mails to its owner, tasks for %v", mails, open)
				}
			}
			m.Clock.Pass(time.Minute)
			m.linked(t, clinictest.Clinician, zoomsim.Ada)
			a, err := m.Accounts().Read(t.Context(), rooms(m.Org), first.ID)
			must(t, err)
			must(t, m.tasks.OfMade(t.Context(), rooms(m.Org), a))
			if open := m.open(t); len(open) > 0 || !a.Usable {
				t.Errorf("connected again, tasks for %v are open", open)
			}
		})
	}
}

// An account that serves is not ended for one that would not, and of that one nothing is kept.
func TestLessDoesNotReplace(t *testing.T) {
	m := newMinded(t)
	first := m.linked(t, clinictest.Clinician, zoomsim.Ada)
	items := len(m.zoom.Requests())
	out := m.link(t, clinictest.Clinician, zoomsim.Fay)
	if out.Code != connection.Partly || !out.Keeps || out.Replaces || len(out.Missing) == 0 || len(m.zoom.Requests()) == items {
		t.Errorf("it came to %+v", out)
	}
	now := m.of(t, clinictest.Clinician)
	if now.ID != first.ID || now.State != connection.Linked || now.Version != first.Version || len(m.open(t)) > 0 {
		t.Errorf("it is %s %s, tasks for %v", now.State, now.Why, m.open(t))
	}
	m.works(t, now)
	if m.zoom.Linked("", zoomsim.Fay) {
		t.Error("what was granted for nothing was not taken back")
	}
	if _, err := m.Table.WhoseIs(t.Context(), connection.Own, zoomsim.AccountOne+"#"+zoomsim.Fay); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is pointed to: %v", err)
	}
	must(t, m.zoom.Grant(zoomsim.Fay))
	if again := m.linked(t, clinictest.Clinician, zoomsim.Fay); again.ID == first.ID {
		t.Error("and with all that is needed it replaces nothing either")
	}
}

// One that serves no more is replaced by one that does not serve yet: that can be connected again, and the staff are
// told that it must.
func TestLessReplacesWhatServesNoMore(t *testing.T) {
	m := newMinded(t)
	first := m.linked(t, clinictest.Clinician, zoomsim.Ada)
	must(t, m.Lapse(t.Context(), rooms(m.Org), first.ID, connection.GrantDead))
	m.Clock.Pass(time.Minute)
	if out := m.link(t, clinictest.Clinician, zoomsim.Fay); out.Code != connection.Partly || out.Keeps {
		t.Errorf("it came to %+v", out)
	}
	now := m.of(t, clinictest.Clinician)
	if now.ID == first.ID || now.State != connection.NeedsReauth || m.read(t, first.ID).State != connection.Ending {
		t.Errorf("it is %s %s", now.State, now.Why)
	}
	if open := m.open(t); len(open) != 2 {
		t.Errorf("tasks for %v", open)
	}
	a, err := m.Accounts().Read(t.Context(), rooms(m.Org), first.ID)
	must(t, err)
	must(t, m.tasks.OfGone(t.Context(), rooms(m.Org), a))
	if open := m.open(t); len(open) != 1 || open[0] != connection.ScopesMissing {
		t.Errorf("when the first is gone, tasks for %v", open)
	}
}

// The day on which Zoom said that a grant is dead is kept until it is granted again; and it is found out of one, too,
// that cannot be used for another reason.
func TestDied(t *testing.T) {
	m := newMinded(t)
	died := func(con string) time.Time {
		t.Helper()
		a, err := m.Accounts().Read(t.Context(), rooms(m.Org), con)
		must(t, err)
		return a.Died
	}
	m.less(t, clinictest.Clinician, zoomsim.Ada)
	con := m.of(t, clinictest.Clinician)
	m.Clock.Pass(25 * time.Hour)
	must(t, m.Fresh(t.Context(), rooms(m.Org), con.ID))
	if now := m.read(t, con.ID); now.Grant != con.Grant+1 || now.Why != connection.ScopesMissing || !died(con.ID).IsZero() {
		t.Errorf("after a day it is granted %d times, %s, dead since %s", now.Grant, now.Why, died(con.ID))
	}
	must(t, m.zoom.Uninstall("", zoomsim.Ada)) // and nobody hears of it
	m.Clock.Pass(25 * time.Hour)
	for range 2 {
		if err := m.Fresh(t.Context(), rooms(m.Org), con.ID); err != nil && code(err) != "needs_reauth" {
			t.Error(err)
		}
	}
	at := m.Clock.Now()
	if now := m.read(t, con.ID); now.State != connection.NeedsReauth || now.Why != connection.GrantDead || !died(con.ID).Equal(at) {
		t.Errorf("dead it is %s %s since %s", now.State, now.Why, died(con.ID))
	}
	m.Clock.Pass(25 * time.Hour)
	m.zoom.Forget()
	must(t, m.Fresh(t.Context(), rooms(m.Org), con.ID))
	if len(m.zoom.Requests()) > 0 || !died(con.ID).Equal(at) {
		t.Errorf("Zoom is asked %d times, and it is dead since %s", len(m.zoom.Requests()), died(con.ID))
	}
	m.linked(t, clinictest.Clinician, zoomsim.Ada)
	if !died(con.ID).IsZero() || !m.read(t, con.ID).Died.IsZero() {
		t.Error("connected again it is dead still")
	}
	m.works(t, m.of(t, clinictest.Clinician))
	must(t, m.Lapse(t.Context(), rooms(m.Org), con.ID, connection.GrantDead))
	if !died(con.ID).Equal(m.Clock.Now()) {
		t.Errorf("and then it is dead since %s", died(con.ID))
	}
	// One that was written before that day was kept.
	old := m.read(t, con.ID)
	old.Died = time.Time{}
	m.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Connection(con.ID), Value: old, Version: old.Version}}
	})
	if !died(con.ID).Equal(old.Renewed.Add(7 * 24 * time.Hour)) {
		t.Errorf("it is dead since %s", died(con.ID))
	}
}

// Somebody who took the lease for over found it dead; the new tokens arrive all the same, and it is what it was.
func TestDiedForAMoment(t *testing.T) {
	for name, partly := range map[string]bool{"linked": false, "with too few scopes": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if partly {
				h.less(t, clinictest.Clinician, zoomsim.Ada)
			} else {
				h.linked(t, clinictest.Clinician, zoomsim.Ada)
			}
			con := h.of(t, clinictest.Clinician)
			h.Clock.Pass(8 * 24 * time.Hour)
			var once sync.Once
			s := connection.New(h.parts(t, h.Table, hook{after: func(path string) {
				if path == "/oauth/token" {
					once.Do(func() {
						h.Clock.Pass(time.Minute)
						if err := h.Fresh(t.Context(), rooms(h.Org), con.ID); code(err) != "needs_reauth" {
							t.Errorf("the other one: %v", err)
						}
						if now := h.read(t, con.ID); now.Why != connection.GrantDead || now.Died.IsZero() {
							t.Errorf("meanwhile it is %s %s", now.State, now.Why)
						}
					})
				}
			}}))
			must(t, s.Fresh(t.Context(), rooms(h.Org), con.ID))
			now := h.read(t, con.ID)
			if now.State != con.State || now.Why != con.Why || !now.Died.IsZero() || now.Grant != con.Grant+1 {
				t.Errorf("it is %s %s, granted %d times, dead since %s", now.State, now.Why, now.Grant, now.Died)
			}
		})
	}
}
