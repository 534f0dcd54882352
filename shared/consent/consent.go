// Package consent is what patients agreed to: to which version of which text, by whom, how and when, and when it was
// withdrawn. Its rule: texts, consents and withdrawals are only ever added, each in an item of its own, so that the
// state at any past instant follows from them; and withdrawing takes no more than giving did.
package consent

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Text is one version of what people are asked to agree to. A version never changes: another wording is another one.
type Text struct {
	Scope   string    `json:"scope" dynamodbav:"scope"` // a code of the organisation's own, such as "marketing-email"
	Version int       `json:"version" dynamodbav:"n"`
	Text    string    `json:"text" dynamodbav:"text"`
	SHA256  string    `json:"sha256" dynamodbav:"sha"` // of the text's UTF-8 bytes, in hexadecimal
	At      time.Time `json:"at" dynamodbav:"at"`
	By      string    `json:"by" dynamodbav:"by"`
}

// Hash gives the SHA-256 of a text, in hexadecimal.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// ByPatient is the By of what the patient did in person; else it is the id of a representative.
const ByPatient = "patient"

// Act is a consent given or withdrawn: by whom, how, and when.
type Act struct {
	By      string    `json:"by" dynamodbav:"by"` // ByPatient, or a representative's id
	Channel string    `json:"channel" dynamodbav:"chn"`
	At      time.Time `json:"at" dynamodbav:"at"`
	// EnteredBy is the subject of who entered it, EnteredAt when: what happened on paper is entered later.
	EnteredBy string    `json:"enteredBy" dynamodbav:"eby"`
	EnteredAt time.Time `json:"enteredAt" dynamodbav:"eat"`
}

// Consent is one consent as it was given, with its withdrawal if there was one.
type Consent struct {
	private.Hidden

	ID    string `json:"id"` // cns_…
	Scope string `json:"scope"`
	// TextVersion and TextSHA256 say what was agreed to.
	TextVersion int    `json:"textVersion"`
	TextSHA256  string `json:"textSha256"`
	Act
	Until *time.Time `json:"until,omitempty"` // the instant from which it counts no longer, where one was agreed
	// Evidence says where the proof is, such as a signed form.
	Evidence  string `json:"evidence,omitempty"`
	Withdrawn *Act   `json:"withdrawn,omitempty"`
}

// How a consent may stand at an instant.
const (
	Given     = "given"
	Expired   = "expired"
	Withdrawn = "withdrawn"
)

// State is how the consent for one scope stood at an instant. A scope without a State was never consented to by then.
type State struct {
	Scope       string     `json:"scope"`
	Status      string     `json:"status" enum:"given,expired,withdrawn"`
	ConsentID   string     `json:"consentId"`
	TextVersion int        `json:"textVersion"`
	Since       time.Time  `json:"since"`
	Until       *time.Time `json:"until,omitempty"`
}

// StatesAt derives how every scope stood at an instant: the last thing that was done about a scope by then decides, be
// it that consent was given, or that one was withdrawn. The states are in the order of their scopes.
func StatesAt(all []Consent, at time.Time) []State {
	last := map[string]step{}
	for _, c := range all {
		for _, s := range c.steps() {
			if was, ok := last[c.Scope]; !s.At.After(at) && (!ok || was.before(s)) {
				last[c.Scope] = s
			}
		}
	}
	out := make([]State, 0, len(last))
	for scope, s := range last {
		out = append(out, s.state(scope, at))
	}
	slices.SortFunc(out, func(a, b State) int { return strings.Compare(a.Scope, b.Scope) })
	return out
}

// step is one thing that was done about a scope.
type step struct {
	Act
	of        Consent
	withdrawn bool
}

func (c Consent) steps() []step {
	out := []step{{Act: c.Act, of: c}}
	if c.Withdrawn != nil {
		out = append(out, step{Act: *c.Withdrawn, of: c, withdrawn: true})
	}
	return out
}

// before orders steps: by when they happened, then by when they were entered; of two that nothing else tells apart
// the withdrawal counts.
func (s step) before(o step) bool {
	if n := s.At.Compare(o.At); n != 0 {
		return n < 0
	}
	if n := s.EnteredAt.Compare(o.EnteredAt); n != 0 {
		return n < 0
	}
	if s.withdrawn != o.withdrawn {
		return o.withdrawn
	}
	return s.of.ID < o.of.ID
}

func (s step) state(scope string, at time.Time) State {
	out := State{
		Scope: scope, Status: Given, ConsentID: s.of.ID, TextVersion: s.of.TextVersion, Since: s.At, Until: s.of.Until,
	}
	switch {
	case s.withdrawn:
		out.Status, out.Until = Withdrawn, nil
	case s.of.Until != nil && !at.Before(*s.of.Until):
		out.Status, out.Since = Expired, *s.of.Until
	}
	return out
}

const (
	prefix        = "cns"
	patientPrefix = "pat"
)

// given is how a consent is stored, withdrawal how its withdrawal is: an item beside it, so that neither replaces
// anything.
type given struct {
	ID          string `dynamodbav:"id"`
	Scope       string `dynamodbav:"scope"`
	TextVersion int    `dynamodbav:"n"`
	TextSHA256  string `dynamodbav:"sha"`
	Act
	Until    *time.Time `dynamodbav:"until,omitempty"`
	Evidence []byte     `dynamodbav:"s,omitempty"` // sealed
}

type withdrawal struct {
	ID        string `dynamodbav:"id"`
	Withdrawn bool   `dynamodbav:"wdn"`
	Act
}

func consentKey(c table.Clinic, patient, consent string) table.Key {
	return c.Consent(patient, consent)
}

func withdrawalKey(c table.Clinic, patient, consent string) table.Key {
	return c.Consent(patient, consent+"#withdrawn")
}

// what names the sealed part of one consent, so that it opens in no other one.
func what(consent string) string { return "consent " + consent }

// read puts the stored items of one record together.
func read(rows []table.Row, key seal.Key) ([]Consent, error) {
	var out []Consent
	withdrawn := map[string]Act{}
	for _, row := range rows {
		var stored struct {
			given
			Withdrawn bool `dynamodbav:"wdn"`
		}
		if err := row.Decode(&stored); err != nil {
			return nil, err
		}
		if stored.Withdrawn {
			withdrawn[stored.ID] = stored.Act
			continue
		}
		c := Consent{
			ID: stored.ID, Scope: stored.Scope, TextVersion: stored.TextVersion, TextSHA256: stored.TextSHA256,
			Act: stored.Act, Until: stored.Until,
		}
		if len(stored.Evidence) > 0 {
			if err := key.Open(what(c.ID), stored.Evidence, &c.Evidence); err != nil {
				return nil, err
			}
		}
		out = append(out, c)
	}
	for i, c := range out {
		if act, ok := withdrawn[c.ID]; ok {
			out[i].Withdrawn = &act
		}
	}
	return out, nil
}

// sorted puts consents in order, the oldest first.
func sorted(all []Consent) {
	slices.SortFunc(all, func(a, b Consent) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
}

func notFound() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }

func isPatient(s string) bool { return id.Valid(s, patientPrefix) }
