package main

import (
	"cmp"
	"context"

	"almanac/shared/booking"
	"almanac/shared/video"
	"almanac/shared/web"
)

const (
	aboutShow = "How the appointment's video visit stands: whether there is a room, since when, and what it waits " +
		"for. In the state none nobody has asked for one, and nothing exists at the provider."
	aboutEmail = "The patient is mailed a link of ours, which stays right when the appointment is moved. A room is " +
		"made where there is none. Asked again it is mailed again."
	aboutStart = "For the practitioner whose account the room is in. The room is made where there is none. The " +
		"answer is the host's own way in: it is not kept, and no Idempotency-Key is taken. Asked again it is " +
		"another one, into the same room."
)

// About is embedded in the input of all that concerns one appointment, and gets the appointment once it is known, so
// that the event of a read or a denial stands in its patient's access log. It is exported because only then does
// embedding it count for the API framework.
type About struct {
	ID  string `path:"id" maxLength:"40"`
	apt booking.Appointment
}

// Subject is the patient whose appointment it is; the appointment itself as long as the patient is not known.
func (a *About) Subject() string { return cmp.Or(a.apt.PatientID, a.ID) }

// References names the appointment, for an event that stands with its patient.
func (a *About) References() map[string]string {
	if a.apt.PatientID == "" {
		return nil
	}
	return map[string]string{"appointment": a.ID}
}

// Basis is what the access to the appointment rests on.
func (a *About) Basis() string { return a.apt.Basis }

type showIn struct{ About }

func show(s *video.Service) web.Func[showIn, video.View] {
	return func(ctx context.Context, r web.Request, in *showIn) (video.View, error) {
		v, err := s.Show(ctx, r.By, in.ID)
		in.apt = v.Apt
		return v, err
	}
}

type emailIn struct {
	web.Keyed
	About
	NewLink bool `query:"newLink" doc:"Makes another link: the one that was mailed before leads nowhere any more."`
}

func email(s *video.Service) web.Func[emailIn, video.AskedLink] {
	return func(ctx context.Context, r web.Request, in *emailIn) (video.AskedLink, error) {
		receipt, err := s.Email(ctx, r.By, r.Once, in.ID, in.NewLink)
		in.apt = receipt.Apt
		return receipt, err
	}
}

type startIn struct{ About }

func start(s *video.Service) web.Func[startIn, video.Started] {
	return func(ctx context.Context, r web.Request, in *startIn) (video.Started, error) {
		started, err := s.Start(ctx, r.By, in.ID)
		in.apt = started.Apt
		return started, err
	}
}
