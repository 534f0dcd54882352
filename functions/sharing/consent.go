package main

import (
	"context"
	"time"

	"almanac/shared/consent"
	"almanac/shared/web"
)

const (
	aboutTexts = "A text never changes: another wording is the next version of its scope. What a patient agreed to " +
		"stays on record as it was, with the SHA-256 of the text."
	aboutConsents = "Every consent with its withdrawal, and how each scope stood at the instant asked for, now if " +
		"none is named: the last thing done about a scope by then decides. A scope without a state was never agreed to."
	aboutWithdrawing = "It takes who and how, and nothing of the text. The scope stands withdrawn from then on, " +
		"until consent is given anew."
)

func texts(s *consent.Service) web.Func[struct{}, web.Page[consent.Text]] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (web.Page[consent.Text], error) {
		all, err := s.Texts(ctx, r.By)
		return web.NewPage(all, ""), err
	}
}

type textIn struct {
	web.Keyed
	Body struct {
		Scope string `json:"scope" minLength:"2" maxLength:"40" example:"newsletter" doc:"What the text is about: a code of your own."`
		Text  string `json:"text" minLength:"1" maxLength:"20000" example:"I agree to get the newsletter by e-mail."`
	}
}

func addText(s *consent.Service) web.Func[textIn, consent.Text] {
	return func(ctx context.Context, r web.Request, in *textIn) (consent.Text, error) {
		return s.CreateText(ctx, r.By, r.Once, in.Body.Scope, in.Body.Text)
	}
}

type consentsIn struct {
	ID string    `path:"id" maxLength:"40"`
	At time.Time `query:"at" example:"2026-11-23T09:30:00Z" doc:"The instant at which the states are wanted."`
}

// Subject is the patient whose consents are read.
func (in *consentsIn) Subject() string { return in.ID }

// consentsView is everything that a patient agreed to.
type consentsView struct {
	At       time.Time         `json:"at"`
	States   []consent.State   `json:"states"`
	Consents []consent.Consent `json:"consents"`
}

func consents(s *consent.Service) web.Func[consentsIn, consentsView] {
	return func(ctx context.Context, r web.Request, in *consentsIn) (consentsView, error) {
		all, at, err := s.All(ctx, r.By, in.ID, in.At)
		if err != nil {
			return consentsView{}, err
		}
		if all == nil {
			all = []consent.Consent{}
		}
		return consentsView{At: at, States: consent.StatesAt(all, at), Consents: all}, nil
	}
}

type giveIn struct {
	web.Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Scope       string    `json:"scope" minLength:"2" maxLength:"40" example:"newsletter"`
		TextVersion int       `json:"textVersion,omitempty" minimum:"1" doc:"The version that was agreed to; the latest if left out."`
		By          string    `json:"by" maxLength:"40" example:"patient" doc:"The word patient, or the id of a representative."`
		Channel     string    `json:"channel" enum:"in-person,paper,telephone,video,email,post,online"`
		At          time.Time `json:"at,omitzero" doc:"When it was given, if not now; not in the future."`
		Until       time.Time `json:"until,omitzero" doc:"From when on it counts no longer, where that was agreed."`
		Evidence    string    `json:"evidence,omitempty" maxLength:"500" example:"Signed form, scanned." doc:"Where the proof is. Sealed."`
	}
}

func give(s *consent.Service) web.Func[giveIn, consent.Recorded] {
	return func(ctx context.Context, r web.Request, in *giveIn) (consent.Recorded, error) {
		b := in.Body
		return s.Give(ctx, r.By, r.Once, in.ID, consent.Agreement{
			Scope: b.Scope, TextVersion: b.TextVersion, By: b.By, Channel: b.Channel, At: b.At, Until: b.Until,
			Evidence: b.Evidence,
		})
	}
}

type withdrawIn struct {
	web.Keyed
	ID      string `path:"id" maxLength:"40"`
	Consent string `path:"consent" maxLength:"40"`
	Body    struct {
		By      string    `json:"by" maxLength:"40" example:"patient" doc:"The word patient, or the id of a representative."`
		Channel string    `json:"channel" enum:"in-person,paper,telephone,video,email,post,online"`
		At      time.Time `json:"at,omitzero" doc:"When it was withdrawn, if not now; not in the future."`
	}
}

func withdraw(s *consent.Service) web.Func[withdrawIn, consent.Recorded] {
	return func(ctx context.Context, r web.Request, in *withdrawIn) (consent.Recorded, error) {
		return s.Withdraw(ctx, r.By, r.Once, in.ID, in.Consent,
			consent.Refusal{By: in.Body.By, Channel: in.Body.Channel, At: in.Body.At})
	}
}
