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
	State         string `json:"state" enum:"none,wanted,making,ready,parked,failed,ended,removed" example:"ready" doc:"Where the room stands."`
	Why           string `json:"why,omitempty" doc:"Why there is no room, or why it has another time than the diary."`
	// Start and Minutes are the room's, as the provider was known to have them at SeenAt.
	Start   *time.Time `json:"start,omitempty" doc:"When the room's meeting begins, at the provider."`
	Minutes int        `json:"minutes,omitempty" example:"30" doc:"How long the room's meeting is planned for, at the provider."`
	SeenAt  *time.Time `json:"seenAt,omitempty" example:"2026-11-20T14:05:09Z" doc:"When the provider was known to have the room like that."`
	Live    bool       `json:"live" doc:"A meeting is under way in the room, as far as the provider told."`
	Mailed  int        `json:"linkAsked" doc:"How often the patient's link was asked for."`
	// TryAgain is when it is tried again, where that is known.
	TryAgain *time.Time   `json:"triedAgain,omitempty" doc:"When what failed is tried again, where that is known."`
	Provider Capabilities `json:"provider"`
	MayStart bool         `json:"mayStart" doc:"The caller is the host and can start the call."`
	// Apt is the appointment, or the patient's id alone for who was denied.
	Apt booking.Appointment `json:"-"`
}

// Codes says what the codes of a View mean.
func (View) Codes() map[string][][2]string {
	return map[string][][2]string{"state": states(), "why": reasons()}
}

func states() [][2]string {
	return [][2]string{
		{"none", "nobody has asked for a room"},
		{string(Wanted), "asked for, and not there yet"},
		{string(Making), "it is being made; whether the provider did so is not known yet"},
		{string(Ready), "there is a room"},
		{string(Parked), "it waits for what why says, and goes on by itself then"},
		{string(Failed), "it will not be made, for the reason that why says, unless it is asked for again"},
		{string(Ended), "its meeting is over, or the appointment is"},
		{string(Removed), "it was taken away"},
	}
}

func reasons() [][2]string {
	return [][2]string{
		{NotConnected, "the practitioner has no video account connected"},
		{NeedsReauth, "the practitioner must connect the video account again"},
		{DailyQuota, "the provider makes no more rooms for this practitioner today; it is tried again"},
		{TooManyMoves, "the room was changed too often within the hour; it is tried again"},
		{NotTaken, "the provider keeps another time for the room than the diary has, as with starts that have passed"},
		{TooLong, "the provider has no rooms for so long"},
		{ProviderRefused, "the provider refuses the room"},
		{NotHost, "the provider says that the room is another user's"},
		{RoomStarted, "the room cannot be changed while a meeting is under way in it"},
		{RoomEnded, "the meeting in the room is over, so it cannot be changed any more"},
		{RoomGone, "the room was deleted at the provider"},
		{Passed, "the appointment was over before there was a room"},
		{ProviderUnavailable, "the provider cannot be reached; it is tried again"},
		{ProviderBusy, "the provider takes no more requests just now; it is tried again"},
		{OutcomeUnknown, "no answer came from the provider; what became of it is looked up"},
		{videoBusy, "somebody else is working on the room; it is tried again"},
	}
}

// Show tells how an appointment's video visit stands. One that nobody asked for is in the state "none". Errors are
// those of booking.Service.Get.
func (s *Service) Show(ctx context.Context, by access.Caller, appointment string) (View, error) {
	out := View{AppointmentID: appointment, State: "none", Provider: s.provider.Capabilities()}
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
		if v.missed(out.Apt, s.now()) { // which nobody may have come by to put down
			out.State, out.Why, out.TryAgain = string(Ended), Passed, nil
		}
		if v.Ref != "" && v.State != Removed {
			out.Start, out.Minutes, out.SeenAt = instant(v.Acked.Start), v.Acked.Minutes, instant(v.Acked.At)
		}
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return out, err
	}
	host, err := s.hostOf(ctx, s.job(by.Org()), snap, out.Apt.PractitionerID, v.Connection)
	out.MayStart = host.Usable && host.Subject == by.Person() && s.possible(snap, out.Apt) == nil
	return out, err
}

// missed tells whether a visit waited for a room until its appointment was over.
func (v Visit) missed(apt booking.Appointment, now time.Time) bool {
	return v.State == Parked && v.Ref == "" && !v.Pending && apt.Status != booking.Cancelled && !current(apt, now)
}

// instant is a time as it is told, if there is one.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
