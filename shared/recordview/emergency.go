package recordview

import (
	"context"
	"time"

	"github.com/google/uuid"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/clinic"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/private"
	"almanac/shared/table"
)

// override makes the view rest on an emergency: with the alert that this raises, and the event that has the NHS's
// privacy officers told. Where they could not be told, the NHS's own view is the place to look.
func (s *Service) override(
	by access.Caller, f file, v *view, facts *facts, ev *event.Event, e Emergency,
) ([]table.Item, error) {
	var c clinic.Check
	if !isReason(e.Reason) {
		c.Choice("/basis/emergency/reason", e.Reason, Reasons()...)
	}
	facts.Note = c.Line("/basis/emergency/note", clinic.WithoutBidi(e.Note), shortestNote, longestNote)
	if err := c.Err(); err != nil {
		return nil, err
	}
	facts.ASID, facts.User, facts.Role = f.org.NHS.ASID, f.staff.SDSUserID, f.staff.JobRole
	if v.Record == SummaryCareRecord && (facts.ASID == "" || facts.User == "") {
		return nil, fault.New(fault.Conflict, "alert_impossible",
			"The NHS must be told of an emergency, and cannot be: the organisation's ASID or your own SDS user id is "+
				"not set up.",
			fault.Detail{
				Code: "look_elsewhere", Message: "Look at the record in the National Care Records Service.",
				Choices: []string{LinkOut{}.Elsewhere()},
			})
	}
	note, err := f.key.Seal(alertNote, facts.Note)
	if err != nil {
		return nil, err
	}
	v.Reason, v.Until, v.Alert = e.Reason, v.At.Add(emergencyLasts), s.NewID(alert.Prefix)
	ev.Name, ev.Why = event.EmergencyViewGranted, e.Reason
	ev.Refs[alert.Ref] = v.Alert
	return []table.Item{alert.Raise(f.c, alert.Alert{
		ID: v.Alert, Kind: alert.EmergencyView, PatientID: f.patient.ID, Subject: by.Person(), Roles: roles(by),
		Reason: e.Reason, About: v.ID, RaisedAt: v.At, Sealed: note,
	})}, nil
}

// alertNote is as what the note of an alert is sealed, so that it opens with the alert.
const alertNote = "alert-note"

func roles(by access.Caller) []string {
	var out []string
	for _, r := range by.Roles() {
		out = append(out, string(r))
	}
	return out
}

// PrivacyAlert is what the NHS's privacy officers are told of an emergency. It prints as "[redacted]".
type PrivacyAlert struct {
	private.Hidden

	View   string
	ID     string // a UUID that follows from the view, so that an alert that is sent again is the same one
	Number string
	ODS    string
	ASID   string
	User   string
	Role   string
	Reason string // one of Reasons
	At     time.Time
}

// alertID is the UUID of a view's alert (RFC 9562, version 5).
func alertID(view string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("almanac/privacy-alert/"+view)).String()
}

// Tell has the NHS's privacy officers told of the emergency view that an event granted, once, and writes down that they
// were. It is for the worker that gets the event, and may be called again with the same one: until send succeeded the
// alert is owed. Of other events, and of records without such officers, nothing is told.
//
// Errors: those of send, fault NotFound where the patient was erased meanwhile, and those of table.Clinic.Write.
func (s *Service) Tell(
	ctx context.Context, by access.Caller, of, ev string, send func(ctx context.Context, a PrivacyAlert) error,
) error {
	c := s.Table.For(by)
	id, err := granted(ctx, c, of, ev)
	if err != nil || id == "" {
		return err
	}
	var v view
	if err := c.Get(ctx, c.RecordView(of, id), &v); err != nil {
		return err
	}
	if v.Record != SummaryCareRecord || !v.emergency() || !v.Told.IsZero() {
		return nil
	}
	f := file{c: c}
	f.patient.ID = of
	if f.key, err = s.Keys.Key(ctx, c, by.Org(), of); err != nil {
		return err
	}
	var facts facts
	if err := f.key.Open(what(v.ID), v.Sealed, &facts); err != nil {
		return err
	}
	err = send(ctx, PrivacyAlert{
		View: v.ID, ID: alertID(v.ID), Number: facts.Number, ODS: facts.ODS, ASID: facts.ASID, User: facts.User,
		Role: facts.Role, Reason: v.Reason, At: v.At,
	})
	if err != nil {
		return err
	}
	return s.told(ctx, by, f, v)
}

// granted gives the view that an event granted in an emergency; none where the event is of another kind.
func granted(ctx context.Context, c table.Clinic, of, ev string) (string, error) {
	rows, err := c.Under(ctx, c.Patient(of), table.Events+ev)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", notFound()
	}
	var e event.Event
	if err := rows[0].Decode(&e); err != nil {
		return "", err
	}
	if e.Name != event.EmergencyViewGranted {
		return "", nil
	}
	return e.Refs["view"], nil
}

// toldTries is how often it is tried to write down that the NHS was told, while the view itself is being opened.
const toldTries = 5

func (s *Service) told(ctx context.Context, by access.Caller, f file, v view) error {
	for try := 1; ; try++ {
		v.Told = s.Now().UTC()
		item, err := disclosure.Item(f.c, f.key, f.patient.ID, disclosure.Entry{
			ID: s.NewID("dsc"), At: v.Told, Recipient: recipient(v.Record, Query{}),
			Categories: []string{disclosure.NHSNumber}, Purpose: disclosure.Privacy,
			Authority: disclosure.LegalObligation, Channel: disclosure.NHSService, By: by.Person(),
			Source: disclosure.Auto, Ref: v.ID,
		})
		if err != nil {
			return err
		}
		err = s.put(ctx, f, &v, access.RecordViewSettle, event.RecordViewSettled, "privacy-alert-sent", item)
		if !fault.Is(err, fault.Stale) || try == toldTries {
			return err
		}
		if err := f.c.Get(ctx, f.c.RecordView(f.patient.ID, v.ID), &v); err != nil {
			return err
		}
		if !v.Told.IsZero() {
			return nil
		}
	}
}
