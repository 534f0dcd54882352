package main

import (
	"strings"
	"testing"

	"almanac/infra/sandbox/ses"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// lapse puts a connection of somebody's into the table that has just lapsed.
func (b *bench) lapse(t *testing.T, subject, provider string) connection.Connection {
	t.Helper()
	con := connection.Connection{
		ID: id.New("con"), Subject: subject, Provider: provider, State: connection.NeedsReauth, Why: connection.GrantDead,
		Account: "account", User: "user", Sealed: []byte("sealed"), Version: 1,
	}
	k := b.Table.For(access.System(b.Org, string(access.Renewer)))
	err := k.Write(t.Context(), table.Change{
		Action: access.ConnectionTend, Target: con.ID, Event: event.Event{Name: event.ConnectionLapsed},
		Put: []table.Item{{Key: k.Connection(con.ID), Value: con, New: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return con
}

// Whoever connected an account is asked once to connect it again, without a link that leads anywhere.
func TestReconnect(t *testing.T) {
	b := newBench(t)
	con := b.lapse(t, clinictest.Clinician, connection.Own)
	admin := b.lapse(t, clinictest.Manager, connection.Admin)
	all := b.outbox(t)
	for range 3 {
		if failed := b.work(t, all...); len(failed) > 0 {
			t.Fatalf("failed %v\n%s", failed, b.Log)
		}
	}
	mails := b.ses.Mails("")
	if len(mails) != 2 {
		t.Fatalf("%d mails", len(mails))
	}
	for _, m := range mails {
		want, about := "your own Zoom account", con.ID
		if m.Recipients[0] == clinictest.Manager+"@example.org" {
			want, about = "the clinic’s Zoom account", admin.ID
		} else if m.Recipients[0] != clinictest.Clinician+"@example.org" {
			t.Errorf("it goes to %q", m.Recipients)
		}
		if m.Subject != "Please connect "+strings.Replace(want, " own", "", 1)+" again" || !strings.Contains(m.Text, want) || !strings.Contains(m.Text, "profile") {
			t.Errorf("it is %s\n%s", m.Subject, m.Text)
		}
		for _, no := range []string{"http", "href", about, "sealed"} {
			if strings.Contains(m.Text+m.HTML, no) {
				t.Errorf("it says %q:\n%s", no, m.HTML)
			}
		}
	}
	if strings.Contains(b.Log.String(), "@example.org") {
		t.Errorf("logged %s", b.Log)
	}
}

func TestReconnectNotNeeded(t *testing.T) {
	for name, spoil := range map[string]func(k table.Clinic, con connection.Connection) table.Item{
		"connected again": func(k table.Clinic, con connection.Connection) table.Item {
			con.State = connection.Linked
			return table.Item{Key: k.Connection(con.ID), Value: con, Version: 1}
		},
		"gone": func(k table.Clinic, con connection.Connection) table.Item {
			return table.Item{Key: k.Connection(con.ID), Version: 1, Delete: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			con := b.lapse(t, clinictest.Clinician, connection.Own)
			all := b.outbox(t)
			k := b.Table.For(access.System(b.Org, string(access.Renewer)))
			err := k.Write(t.Context(), table.Change{
				Action: access.ConnectionTend, Target: con.ID, Event: event.Event{Name: event.ConnectionPlanned},
				Put: []table.Item{spoil(k, con)},
			})
			if err != nil {
				t.Fatal(err)
			}
			if failed := b.work(t, all...); len(failed) > 0 {
				t.Errorf("failed %v\n%s", failed, b.Log)
			}
			if n := len(b.ses.Mails("")); n != 0 {
				t.Errorf("%d mails", n)
			}
			if strings.Contains(b.Log.String(), `"kind":"internal"`) {
				t.Errorf("logged %s", b.Log)
			}
		})
	}
	t.Run("the owner left", func(t *testing.T) {
		b := newBench(t)
		b.Change(t, func(k table.Clinic) []table.Item {
			return []table.Item{{Key: k.Staff("left"), New: true, Value: clinic.Staff{
				Subject: "left", Name: "Left", Email: "left@example.org", Left: true,
			}}}
		})
		b.lapse(t, "left", connection.Own)
		if failed := b.work(t, b.outbox(t)...); len(failed) > 0 || len(b.ses.Mails("")) != 0 {
			t.Errorf("failed %v, %d mails", failed, len(b.ses.Mails("")))
		}
	})
	t.Run("the mail service is slow", func(t *testing.T) {
		b := newBench(t)
		b.lapse(t, clinictest.Clinician, connection.Own)
		b.fails(t, ses.LoseReply, 1)
		for range 3 {
			b.work(t, b.outbox(t)...)
		}
		if n := len(b.ses.Mails("")); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}
