package care

import (
	"context"
	"slices"
	"time"

	"almanac/shared/fault"
	"almanac/shared/table"
)

// Kind is how somebody came to be related to a patient.
type Kind string

// The kinds of relations that are written down. Whom the patient meets stands in the diary.
const (
	Registration Kind = "registration" // who made the record: for a few days
	Referral     Kind = "referral"     // to a site, until a date
	Team         Kind = "care-team"    // one person, until it is ended
	Claim        Kind = "claim"        // one person who says why, for a day; raises an alert
	BreakGlass   Kind = "break-glass"  // one person in an emergency, for half an hour; raises an alert
)

// Lasts tells whether somebody related so may let others in, or stay: a claim and an emergency count for as long as
// they said, and their alert is all that anybody is told of them.
func (k Kind) Lasts() bool { return k != Claim && k != BreakGlass }

// Relation is one way in which somebody is related to a patient: a person, or all who work at a site.
type Relation struct {
	ID     string    `dynamodbav:"id"` // rel_...
	Kind   Kind      `dynamodbav:"k"`
	Person string    `dynamodbav:"per,omitempty"` // the identity provider's subject
	Site   string    `dynamodbav:"sit,omitempty"`
	From   time.Time `dynamodbav:"from,unixtime"`
	// Until is the instant from which it counts no longer; zero until it is ended.
	Until time.Time `dynamodbav:"until,unixtime"`
	// Reason is a code; Note what was written about it, sealed under the patient's key.
	Reason string `dynamodbav:"why,omitempty"`
	Note   []byte `dynamodbav:"note,omitempty"`
	// Referrer is the ODS code of the organisation that referred the patient, where it is known.
	Referrer string `dynamodbav:"ref,omitempty"`
	// Alert is the alert that it raised, where it raised one.
	Alert string `dynamodbav:"alr,omitempty"`
	By    string `dynamodbav:"by"` // who made it
	// Ended is when somebody ended it before its time, and EndedBy who; zero if nobody did.
	Ended   time.Time `dynamodbav:"end,unixtime"`
	EndedBy string    `dynamodbav:"eby,omitempty"`
}

// Things that a representative may do for a patient.
const (
	MayBook = "book"
	MayAsk  = "ask"
)

// Representative is the part of a patient's representative that is not sealed: what the person may do and when. Who
// it is stands in the patient's record, under the same id.
type Representative struct {
	ID           string    `dynamodbav:"id"`  // rep_...
	Relationship string    `dynamodbav:"rel"` // a code, such as "parent"
	May          []string  `dynamodbav:"may"` // MayBook, MayAsk
	From         time.Time `dynamodbav:"from,unixtime"`
	// Until is the instant from which it counts no longer; zero until it is ended.
	Until time.Time `dynamodbav:"until,unixtime"`
}

// Circle is a patient's CARE item: who is related beyond those in the diary, and who may act for the patient. It
// names nobody but by id. A patient without one has neither.
type Circle struct {
	Relations       []Relation       `dynamodbav:"rels,omitempty"`
	Representatives []Representative `dynamodbav:"reps,omitempty"`
	// Merged are the patients whose records were merged into this one, and those merged into theirs: their
	// appointments are listed with this patient's.
	Merged  []string `dynamodbav:"mrg,omitempty"`
	Version int64    `dynamodbav:"v"`
}

// kept is how long a relation that is over still shows in the circle. The events tell of it for as long as there are
// any.
const kept = 90 * 24 * time.Hour

// With gives the circle with one more relation, and without those that have been over for long: it is one item, and
// read at every access.
func (c Circle) With(r Relation, now time.Time) Circle {
	c.Relations = slices.DeleteFunc(slices.Clone(c.Relations), func(old Relation) bool {
		over := old.over()
		return !over.IsZero() && over.Add(kept).Before(now)
	})
	c.Relations = append(c.Relations, r)
	return c
}

// Ending gives the circle with a relation ended by somebody; false where there is none of that id that counts at now.
func (c Circle) Ending(relation, by string, now time.Time) (Circle, bool) {
	i := slices.IndexFunc(c.Relations, func(r Relation) bool { return r.ID == relation && r.Holds(now) })
	if i < 0 {
		return c, false
	}
	c.Relations = slices.Clone(c.Relations)
	c.Relations[i].Ended, c.Relations[i].EndedBy = now, by
	return c, true
}

// Running finds the person's own relation of a kind that counts at now.
func (c Circle) Running(kind Kind, person string, now time.Time) (Relation, bool) {
	for _, r := range c.Relations {
		if r.Kind == kind && r.Person == person && r.Holds(now) {
			return r, true
		}
	}
	return Relation{}, false
}

// Item is the circle as a change of the patient's: it must be what it was when it was read.
func (c Circle) Item(k table.Clinic, patient string) table.Item {
	return table.Item{Key: k.Circle(patient), Value: c, New: c.Version == 0, Version: c.Version}
}

// Of reads a patient's circle, strongly consistent. A patient who does not exist is fault.NotFound.
func Of(ctx context.Context, k table.Clinic, patient string) (Circle, error) {
	v, err := look(ctx, k, patient)
	return v.circle, err
}

// lost tells whether a change failed because somebody else changed the circle, or made it, in the meantime.
func lost(err error) bool {
	return fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists"
}

// tries is how often a change of a circle is made again after another one beat it.
const tries = 5

// Settle reads a patient's circle and lets change write it, again where somebody else wrote it first. What change
// refuses for other reasons than the table's it must not refuse as fault.Stale or fault.Conflict "exists".
func Settle(ctx context.Context, k table.Clinic, patient string, change func(Circle) error) error {
	var err error
	for range tries {
		var c Circle
		if c, err = Of(ctx, k, patient); err != nil {
			return err
		}
		if err = change(c); !lost(err) {
			return err
		}
	}
	return fault.Wrap(err, fault.Unavailable, "busy", "Many are changing the same record. Ask again.")
}

// registered is how long who registered a patient is related by that.
const registered = 7 * 24 * time.Hour

// Registered is the relation of the person who makes a patient's record: it is written with the record, so that what
// was begun at the desk can be finished there. The id is a fresh one with the prefix "rel".
func Registered(id, person string, now time.Time) Relation {
	return Relation{ID: id, Kind: Registration, Person: person, From: now, Until: now.Add(registered), By: person}
}

// Holds tells whether the relation counts at now.
func (r Relation) Holds(now time.Time) bool { return r.Ended.IsZero() && during(r.From, r.Until, now) }

// over tells since when the relation counts no longer; zero while it may still count.
func (r Relation) over() time.Time {
	if !r.Ended.IsZero() {
		return r.Ended
	}
	return r.Until
}

// Acts tells whether the representative may do that for the patient at now.
func (r Representative) Acts(may string, now time.Time) bool {
	return slices.Contains(r.May, may) && during(r.From, r.Until, now)
}

// during tells whether now lies from one instant on and before another, if there is another.
func during(from, until, now time.Time) bool {
	return !now.Before(from) && (until.IsZero() || now.Before(until))
}
