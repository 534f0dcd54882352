package task

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Matter is what a task is raised about. Kind, the records, Sequence and Apart are what it is known by: raised again it
// is the same task, and it stays done if somebody has seen to it.
type Matter struct {
	Kind string
	// AppointmentID, ConnectionID and Subject are what and whom it is about; one of them at least.
	AppointmentID, ConnectionID, Subject string
	// PatientID is whose appointment it is. It is not kept: nothing is raised about somebody who was erased.
	PatientID string
	// Sequence is of the appointment's changes: after another change it is another matter.
	Sequence int64
	Apart    string // anything else that makes it another matter
	Because  string // codes with spaces between them
	// Appointments and Count are which appointments it concerns, where it concerns several, and how many.
	Appointments []string
	Count        int
}

// known makes the id that the matter always has.
func (m Matter) known() string {
	parts := []string{
		m.Kind, m.AppointmentID, m.ConnectionID, m.Subject, strconv.FormatInt(m.Sequence, 10), m.Apart,
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return id.Format(Prefix, [16]byte(sum[:16]))
}

// Raise makes a task of a matter, unless there is one already, which then concerns the more appointments of both. Of an
// account that is no more there is none, but that rooms were lost with it. Errors: fault.NotFound for the appointment
// of a patient who was erased, and those of table.Clinic.Write.
func (s *Service) Raise(ctx context.Context, by access.Caller, m Matter) error {
	k := s.table.For(by)
	t := Task{
		ID: m.known(), Kind: m.Kind, State: Open, Because: strings.Fields(m.Because), AppointmentID: m.AppointmentID,
		AppointmentIDs: m.Appointments, Subject: m.Subject, Count: m.Count, Held: m.ends(),
		RaisedAt: s.now().UTC().Truncate(time.Second),
	}
	if m.AppointmentID != "" {
		var apt struct {
			SiteID string `dynamodbav:"sit"`
		}
		if err := k.Get(ctx, k.Appointment(m.AppointmentID), &apt); err != nil {
			return err
		}
		t.SiteID = apt.SiteID
	}
	put := []table.Item{{Key: k.Task(t.ID), Value: t, New: true, Index: t.listing(k)}}
	if t.Held {
		put = append(put, table.Item{Key: k.Matter(t.whose(), t.ID), Value: m.held(), New: true})
	}
	if held := m.held(); t.Held && held.Connection != "" {
		// Of an account that is no more nobody would end it.
		put = append(put, table.Item{Key: k.Tombstone(held.Connection), Check: true, New: true})
	}
	err := k.Write(ctx, table.Change{
		Action: access.TaskRaise, Target: t.ID, Patient: m.PatientID, Put: put,
		Event: event.Event{Name: event.TaskRaised, Why: m.Kind, Version: 1, Refs: m.refs()},
	})
	if exists(err) {
		return s.renew(ctx, k, m, t)
	}
	return err
}

// renew puts down that more appointments are concerned by now than when the task was raised first, or that a visit
// waits once more after it had settled. A task that somebody has seen to stays as it is.
func (s *Service) renew(ctx context.Context, k table.Clinic, m Matter, now Task) error {
	var err error
	for range tries {
		var t Task
		err = k.Get(ctx, k.Task(now.ID), &t)
		if fault.Is(err, fault.NotFound) { // it was refused because the account is gone
			return nil
		}
		waits := t.State == Done && t.Settled == VisitSettled
		if err != nil || !waits && (t.State == Done || t.Count >= now.Count) {
			return err
		}
		var put []table.Item
		if waits {
			put = append(put, table.Item{Key: k.Matter(t.whose(), t.ID), Value: m.held(), New: true})
		}
		t.State, t.DoneAt, t.Settled = Open, nil, ""
		t.Count, t.AppointmentIDs = now.Count, now.AppointmentIDs
		err = k.Write(ctx, table.Change{
			Action: access.TaskRaise, Target: t.ID, Patient: m.PatientID,
			Put: append(put, table.Item{Key: k.Task(t.ID), Value: t, Version: t.Version, Index: t.listing(k)}),
			Event: event.Event{
				Name: event.TaskRaised, Why: t.Kind, Before: t.Version, Version: t.Version + 1, Refs: m.refs(),
			},
		})
		if !moved(err) {
			return err
		}
	}
	return err
}

// moved tells whether a write was refused because somebody else wrote first.
func moved(err error) bool { return fault.Is(err, fault.Stale) || exists(err) }

func exists(err error) bool { return fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists" }

func (m Matter) refs() map[string]string {
	refs := map[string]string{}
	for role, of := range map[string]string{
		"appointment": m.AppointmentID, "connection": m.ConnectionID, "subject": m.Subject,
	} {
		if of != "" {
			refs[role] = of
		}
	}
	return refs
}
