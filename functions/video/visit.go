package main

import (
	"context"

	"almanac/shared/gate"
	"almanac/shared/video"
	"almanac/shared/web"
)

const (
	aboutShow = "How the appointment's video visit stands: whether there is a room, since when, and what it waits " +
		"for. In the state none nobody has asked for one, and nothing exists at the provider."
	aboutLog = "What happened to the room and in it, the latest first: made, moved and deleted, by Almanac or by " +
		"what the provider told, and who came and went, as host or guest and without names. What the provider told " +
		"without a time comes last. The log goes when the account that the room is in is disconnected."
	aboutEmail = "The patient is mailed a link of ours, which stays right when the appointment is moved. A room is " +
		"made where there is none. Asked again it is mailed again. Where the room has to wait for something, the " +
		"answer says for what; the link needs no mailing anew when it has come."
	aboutStart = "For the practitioner whose account the room is in. The room is made where there is none. The " +
		"answer is the host's own way in: it is not kept, and no Idempotency-Key is taken. Asked again it is " +
		"another one, into the same room."
)

type showIn struct{ gate.Appointment }

func show(s *video.Service) web.Func[showIn, video.View] {
	return func(ctx context.Context, r web.Request, in *showIn) (video.View, error) {
		v, err := s.Show(ctx, r.By, in.ID)
		_, err = in.Found(v.Apt, err)
		return v, err
	}
}

type historyIn struct {
	gate.Appointment
	web.Paged
}

func history(s *video.Service) web.Func[historyIn, web.Page[video.Happening]] {
	return func(ctx context.Context, r web.Request, in *historyIn) (web.Page[video.Happening], error) {
		all, next, apt, err := s.History(ctx, r.By, in.ID, in.After, in.Limit)
		_, err = in.Found(apt, err)
		return web.NewPage(all, next), err
	}
}

type emailIn struct {
	web.Keyed
	gate.Appointment
	NewLink bool `query:"newLink" doc:"Makes another link: the one that was mailed before leads nowhere any more."`
}

func email(s *video.Service) web.Func[emailIn, video.AskedLink] {
	return func(ctx context.Context, r web.Request, in *emailIn) (video.AskedLink, error) {
		receipt, err := s.Email(ctx, r.By, r.Once, in.ID, in.NewLink)
		_, err = in.Found(receipt.Apt, err)
		return receipt, err
	}
}

type startIn struct{ gate.Appointment }

func start(s *video.Service) web.Func[startIn, video.Started] {
	return func(ctx context.Context, r web.Request, in *startIn) (video.Started, error) {
		started, err := s.Start(ctx, r.By, in.ID)
		_, err = in.Found(started.Apt, err)
		return started, err
	}
}
