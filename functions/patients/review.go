package main

import (
	"cmp"
	"context"

	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/web"
)

const (
	aboutReviews = "What could not be decided without a person, the oldest first. The list may lag behind by a moment."
	// How well a candidate fits is not shown as a figure: NHS England forbids it.
	aboutDeciding = "accept: it is this patient, take the number. refuse: it is somebody else; if the patient had " +
		"the number before, it is removed. search-again: after the details were completed, or later. What the NHS " +
		"said of the candidate is removed with the decision."
)

type reviewsIn struct{ web.Paged }

// Subject is nobody in particular: the event of the read stands with the organisation.
func (*reviewsIn) Subject() string { return "" }

func reviews(s *nhs.Service) web.Func[reviewsIn, web.Page[nhs.Review]] {
	return func(ctx context.Context, r web.Request, in *reviewsIn) (web.Page[nhs.Review], error) {
		all, next, err := s.Reviews(ctx, r.By, in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}

// OneReview is embedded in the input of all that concerns one review, and gets the patient once it is known, so that
// the event of a read or a denial stands in the patient's access log. It is exported because only then does embedding
// it count for the API framework.
type OneReview struct {
	ID      string `path:"id" maxLength:"40"`
	patient string
}

// Subject is the patient whose number is reviewed; the review itself as long as the patient is not known.
func (in *OneReview) Subject() string { return cmp.Or(in.patient, in.ID) }

// References names the review.
func (in *OneReview) References() map[string]string { return map[string]string{"review": in.ID} }

// Basis is nothing: who reviews numbers does so for the whole organisation.
func (*OneReview) Basis() string { return "" }

type reviewIn struct{ OneReview }

func review(s *nhs.Service) web.Func[reviewIn, nhs.ReviewDetail] {
	return func(ctx context.Context, r web.Request, in *reviewIn) (nhs.ReviewDetail, error) {
		d, err := s.Review(ctx, r.By, in.ID)
		in.patient = d.Patient
		return d, err
	}
}

type decideIn struct {
	web.Keyed
	OneReview
	Body struct {
		Decision nhs.Decision `json:"decision" enum:"accept,refuse,search-again"`
	}
}

func decide(s *nhs.Service) web.Func[decideIn, patient.Receipt] {
	return func(ctx context.Context, r web.Request, in *decideIn) (patient.Receipt, error) {
		done, err := s.Decide(ctx, r.By, r.Once, in.ID, in.Body.Decision)
		in.patient = done.ID
		return done, err
	}
}
