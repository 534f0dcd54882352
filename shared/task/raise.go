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
// is the same task, and it stays done if it was.
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

// Raise makes a task of a matter, unless there is one already. Errors: fault.NotFound for the appointment of a patient
// who was erased, and those of table.Clinic.Write.
func (s *Service) Raise(ctx context.Context, by access.Caller, m Matter) error {
	k := s.table.For(by)
	t := Task{
		ID: m.known(), Kind: m.Kind, State: Open, Because: strings.Fields(m.Because), AppointmentID: m.AppointmentID,
		AppointmentIDs: m.Appointments, Subject: m.Subject, Count: m.Count, Held: m.ofAccount(),
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
		put = append(put, table.Item{Key: k.Matter(m.Subject, t.ID), Value: m.held(), New: true})
	}
	err := k.Write(ctx, table.Change{
		Action: access.TaskRaise, Target: t.ID, Patient: m.PatientID, Put: put,
		Event: event.Event{Name: event.TaskRaised, Why: m.Kind, Version: 1, Refs: m.refs()},
	})
	if fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists" {
		return nil
	}
	return err
}

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
