package video

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/fault"
)

// View is how a video visit stands, for the staff.
type View struct {
	AppointmentID string `json:"appointmentId"`
	State         string `json:"state" enum:"none,wanted,making,ready,parked,failed,ended,removed"`
	Why           string `json:"why,omitempty" doc:"Why there is no room, or why it has another time than the diary, as a code."`
	// Start and Minutes are the room's, as the provider was known to have them at SeenAt.
	Start   *time.Time `json:"start,omitempty"`
	Minutes int        `json:"minutes,omitempty"`
	SeenAt  *time.Time `json:"seenAt,omitempty"`
	Live    bool       `json:"live" doc:"A meeting is under way in the room, as far as the provider told."`
	Mailed  int        `json:"linkAsked" doc:"How often the patient's link was asked for."`
	// TryAgain is when it is tried again, where that is known.
	TryAgain *time.Time   `json:"triedAgain,omitempty"`
	Provider Capabilities `json:"provider"`
	MayStart bool         `json:"mayStart" doc:"The caller is the host and can start the call."`
	Log      []Happening  `json:"log" doc:"What happened to the room and in it, in order of time."`
	// Apt is the appointment, or the patient's id alone for who was denied.
	Apt booking.Appointment `json:"-"`
}

// Show tells how an appointment's video visit stands. One that nobody asked for is in the state "none". Errors are
// those of booking.Service.Get.
func (s *Service) Show(ctx context.Context, by access.Caller, appointment string) (View, error) {
	out := View{AppointmentID: appointment, State: "none", Provider: s.provider.Capabilities(), Log: []Happening{}}
	var err error
	if out.Apt, err = s.diary.Get(ctx, by, appointment); err != nil {
		return out, err
	}
	v, err := load(ctx, s.table.For(by), appointment)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return out, err
	}
	if err == nil {
		out.State, out.Why, out.Live, out.Mailed = string(v.State), v.Why, v.Live, v.Linked
		out.TryAgain = instant(v.Again)
		if v.Ref != "" && v.State != Removed {
			out.Start, out.Minutes, out.SeenAt = instant(v.Acked.Start), v.Acked.Minutes, instant(v.Acked.At)
		}
	}
	if out.Log, err = s.Log(ctx, by, appointment); err != nil {
		return out, err
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return out, err
	}
	host, err := s.hostOf(ctx, s.job(by.Org()), snap, out.Apt.PractitionerID, v.Connection)
	out.MayStart = host.Usable && host.Subject == by.Person() && s.possible(snap, out.Apt) == nil
	return out, err
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
