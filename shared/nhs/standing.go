package nhs

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/private"
	"almanac/shared/table"
)

// NumberStanding is how a patient's number stands, for people to see. It prints as "[redacted]".
type NumberStanding struct {
	private.Hidden
	Patient string `json:"patientId"`
	// Number is shown as people read it, three, three and four digits; not of a patient who objects.
	Number     string      `json:"nhsNumber,omitempty" example:"999 000 0018"`
	Status     string      `json:"status,omitempty" enum:"01,02,03" doc:"NHS Data Dictionary: 01 verified, 02 present but not traced, 03 trace required."`
	State      string      `json:"state,omitempty" enum:"present,verified,superseded,invalidated,not-found"`
	VerifiedAt *time.Time  `json:"verifiedAt,omitempty"`
	Source     string      `json:"source,omitempty" enum:"local,pds,upload"`
	Objects    bool        `json:"objects" doc:"The patient objects to the use of the number: it is not shown, looked up or traced."`
	Tracing    string      `json:"tracing" enum:"off,never,waiting,asking,settled,objected"`
	Outcome    string      `json:"outcome,omitempty" doc:"What came of the last trace, as a code."`
	Sentence   string      `json:"sentence"`
	Since      *time.Time  `json:"since,omitempty"`
	Checked    *time.Time  `json:"checkedAt,omitempty" doc:"When the record was last compared with the NHS's."`
	Steps      []TraceStep `json:"steps"`
	Review     string      `json:"reviewId,omitempty"`
	Revived    *time.Time  `json:"deathWithdrawnAt,omitempty" doc:"When the NHS took back that the patient had died."`
}

// Off says that the organisation has no tracing.
const Off = "off"

// Standing tells how a patient's number stands. Errors: fault NotFound, Unavailable.
func (s *Service) Standing(ctx context.Context, by access.Caller, patientID string) (NumberStanding, error) {
	p, err := s.patients.Get(ctx, by, patientID)
	if err != nil {
		return NumberStanding{}, err
	}
	t, err := s.trace(ctx, by, patientID)
	if err != nil {
		return NumberStanding{}, err
	}
	set, err := s.settings(ctx, by)
	if err != nil {
		return NumberStanding{}, err
	}
	out := NumberStanding{
		Patient: p.ID, Status: patient.StatusTraceNeeded, Objects: p.Objection != nil, Tracing: t.State,
		Outcome: t.Outcome, Steps: t.Steps, Review: t.Review, Since: instant(t.At), Checked: instant(t.Checked),
		Revived: instant(t.Revived),
	}
	if out.Steps == nil {
		out.Steps = []TraceStep{}
	}
	switch {
	case out.Objects:
		out.Status = ""
	case p.Number != nil:
		out.Number, out.Status, out.State = p.Number.Display(), p.Number.Status, p.Number.State
		out.VerifiedAt, out.Source = p.Number.VerifiedAt, p.Number.Source
	}
	if !set.Tracing && !out.Objects {
		out.Tracing = Off
	}
	out.Sentence = out.sentence()
	return out, nil
}

func instant(t time.Time) *time.Time {
	if t.Unix() <= 0 {
		return nil
	}
	t = t.UTC()
	return &t
}

func (s NumberStanding) sentence() string {
	switch s.Tracing {
	case Off:
		return "This organisation does not trace NHS numbers."
	case Objected:
		return "The patient objects to the use of the NHS number."
	case Never:
		return "The NHS was not asked yet."
	case Waiting, Asking:
		return "The NHS is being asked."
	}
	switch s.Outcome {
	case Verified:
		return "The NHS confirms the number."
	case Renewed:
		return "The NHS replaced the number by this one."
	case None:
		return "The NHS found nobody with these details. Check name, birth date and postcode."
	case NotConnected:
		return "This installation is not connected to the NHS."
	case NoName, NoBirthDate:
		return "The details are not enough to search with: a family name and a whole birth date are needed."
	case "":
		return ""
	}
	return Review{Reason: s.Outcome}.sentence()
}

// underWay is for how long a trace that was asked for is taken to be coming.
const underWay = 5 * time.Minute

// Request asks for a trace on behalf of a person who waits for it. Errors: fault NotFound; Conflict "tracing_off",
// "number_objected", "patient_merged", "trace_under_way"; and those of table.Clinic.Write.
func (s *Service) Request(
	ctx context.Context, by access.Caller, once access.Once, patientID string,
) (Requested, error) {
	p, err := s.patients.Get(ctx, by, patientID)
	if err != nil {
		return Requested{}, err
	}
	set, err := s.settings(ctx, by)
	if err != nil {
		return Requested{}, err
	}
	t, err := s.trace(ctx, by, patientID)
	switch {
	case err != nil:
		return Requested{}, err
	case !set.Tracing:
		return Requested{}, conflict("tracing_off", "This organisation does not trace NHS numbers.")
	case p.Objection != nil:
		return Requested{}, conflict("number_objected", "The patient objects to the use of the NHS number.")
	case p.MergedInto != "":
		return Requested{}, conflict("patient_merged", "This record was merged into another one.")
	case (t.State == Waiting || t.State == Asking) && s.now().Sub(t.At) < underWay:
		return Requested{}, underway()
	}
	c := s.table.For(by)
	t.State, t.At = Waiting, s.now()
	out := Requested{Patient: patientID, Tracing: Waiting}
	err = c.Write(ctx, table.Change{
		Action: access.NumberTrace, Target: patientID, Once: once, Answer: out, Put: []table.Item{t.item(c)},
		Event: event.Event{Name: event.TraceRequested, Version: p.Version},
	})
	if fault.Is(moved(err), fault.Unavailable) && !fault.Is(err, fault.Unavailable) {
		return out, underway()
	}
	return out, err
}

func underway() error {
	return conflict("trace_under_way", "This patient's number is being traced just now.")
}

// Requested is what asking for a trace is answered with.
type Requested struct {
	Patient string `json:"patientId"`
	Tracing string `json:"tracing" enum:"waiting"`
}
