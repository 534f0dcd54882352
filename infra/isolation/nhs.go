package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"almanac/infra/sandbox/pds"
	"almanac/infra/sandbox/scr"
)

// traced is what comes of patients whom the NHS knows: one whose number is verified, so that a view of a shared record
// can be granted, and reviews of others, under whose number the NHS has somebody else.
type traced struct {
	viewable string
	reviews  []string
}

// traces has numbers traced for some patients of each site, while the organisations trace. It leaves it off again:
// no more than five calls a second reach the NHS, and every registration and booking would be among them.
func (h *house) traces(ctx context.Context, reviews int) error {
	if err := h.tracing(ctx, true); err != nil {
		return err
	}
	for _, o := range h.orgs {
		for _, g := range o.sites {
			if err := h.traceAt(ctx, g, reviews); err != nil {
				return err
			}
		}
	}
	for _, o := range h.orgs {
		for _, g := range o.sites {
			if err := h.settle(ctx, g); err != nil {
				return err
			}
		}
	}
	if err := h.stated(ctx); err != nil {
		return err
	}
	return h.tracing(ctx, false)
}

// tracing switches the tracing of numbers on or off in all organisations.
func (h *house) tracing(ctx context.Context, on bool) error {
	for n, o := range h.orgs {
		got, err := h.does(ctx, o.boss, http.MethodGet, "/v1/organisation", nil, "")
		if err != nil {
			return err
		}
		settings := nhsSettings(n)
		settings["tracing"] = on
		_, err = h.does(ctx, o.boss, http.MethodPut, "/v1/organisation",
			object{"name": "Organisation", "timeZone": "Europe/London", "nhs": settings}, text(got, etag))
		if err != nil {
			return err
		}
	}
	return nil
}

// traceAt registers patients whom the NHS knows: the first as they are, the others as somebody else.
func (h *house) traceAt(ctx context.Context, g *ground, reviews int) error {
	for i := range reviews + 1 {
		h.mu.Lock()
		c := canary{number: len(h.canaries)}
		h.mu.Unlock()
		if c.number >= len(h.numbers) {
			return errors.New("too few canaries for the traces")
		}
		if err := h.tellNHS(c, i > 0); err != nil {
			return err
		}
		made, err := h.admit(ctx, g)
		if err != nil {
			return err
		}
		if i == 0 {
			g.traced.viewable = made.id
		} else {
			g.traced.reviews = append(g.traced.reviews, made.id) // its review's id comes in its place
		}
	}
	return nil
}

// tellNHS puts the canary into the NHS's register.
func (h *house) tellNHS(c canary, disguised bool) error {
	p := h.inRegister(c)
	if disguised {
		p.BirthDate, p.Names[0].Family = "1950-05-05", capital(c.word(friendWord))
	}
	if err := h.stack.NHS.PDS.Add(p); err != nil {
		return fmt.Errorf("the NHS's register: %w", err)
	}
	return h.stack.NHS.SCR.Permit(p.Number, scr.Ask)
}

// inRegister is the canary as the NHS's register has somebody.
func (h *house) inRegister(c canary) pds.Person {
	return pds.Person{
		Number: h.numbers[c.number], Gender: "unknown", BirthDate: born(c.number),
		Names:    []pds.Name{{Use: "usual", Given: []string{capital(c.word(givenWord))}, Family: family(c)}},
		Practice: pds.Practice{ODS: "A81001", Start: "2010-01-01"},
		Addresses: []pds.Address{{
			Use: "home", Lines: []string{"1 " + capital(c.word(streetWord)) + " Road"}, Postcode: "DN17 2AB",
		}},
	}
}

// settleFor is how long a trace may take.
const settleFor = time.Minute

// settle waits for the traces of a site's patients, and notes the reviews that came of them.
func (h *house) settle(ctx context.Context, g *ground) error {
	for i, patient := range append([]string{g.traced.viewable}, g.traced.reviews...) {
		got, err := h.standing(ctx, g, patient, func(o object) bool {
			return i == 0 && o["state"] == "verified" || i > 0 && text(o, "reviewId") != ""
		})
		if err != nil {
			return err
		}
		if i > 0 {
			review := text(got, "reviewId")
			h.oracle.learn(review, fact{kind: kindReview, org: g.org.id, site: g.id, patient: patient})
			g.traced.reviews[i-1] = review
		}
	}
	return nil
}

// standing reads how a patient's number stands until it is as it should be.
func (h *house) standing(ctx context.Context, g *ground, patient string, done func(object) bool) (object, error) {
	for deadline := time.Now().Add(settleFor); ; {
		got, err := h.does(ctx, g.org.boss, http.MethodGet, "/v1/patients/"+patient+"/nhs-number", nil, "")
		if err != nil || done(got) {
			return got, err
		}
		if time.Now().After(deadline) {
			return got, fmt.Errorf("a trace is %v with the outcome %v and the number %v after %s",
				got["tracing"], got["outcome"], got["state"], settleFor)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// review gives a review that nobody has decided yet, or the last one.
func (g *ground) review(fresh bool) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.traced.reviews)
	switch {
	case n == 0:
		return "", errors.New("there is no review of a number")
	case fresh && n > 1:
		one := g.traced.reviews[n-1]
		g.traced.reviews = slices.Delete(g.traced.reviews, n-1, n)
		return one, nil
	}
	return g.traced.reviews[0], nil
}
