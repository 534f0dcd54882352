package consent_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"almanac/shared/consent"
)

// TestStatesAgainstOracle derives the states of random histories at every minute, and compares them with what walking
// through the history minute by minute gives.
func TestStatesAgainstOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14))
	start := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	const minutes = 40
	for round := range 2000 {
		all := history(r, start, minutes)
		oracle := walk(all, start, minutes)
		// The order in which the items are read must not matter.
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for m := -1; m <= minutes; m++ {
			at := start.Add(time.Duration(m) * time.Minute)
			got := map[string]string{}
			for _, s := range consent.StatesAt(all, at) {
				got[s.Scope] = fmt.Sprintf("%s v%d %s", s.Status, s.TextVersion, s.ConsentID)
			}
			want := oracle[m+1]
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("round %d, minute %d: %v, want %v\n%+v", round, m, got, want, ids(all))
			}
		}
	}
}

// history makes consents and withdrawals at random minutes, entered in the order in which they are made here: what
// happened earlier is often entered later.
func history(r *rand.Rand, start time.Time, minutes int) []consent.Consent {
	var all []consent.Consent
	entered := start.AddDate(1, 0, 0)
	enter := func() time.Time { entered = entered.Add(time.Second); return entered }
	minute := func(from int) (int, time.Time) {
		m := from + r.IntN(minutes-from)
		return m, start.Add(time.Duration(m) * time.Minute)
	}
	for i := range 1 + r.IntN(6) {
		m, at := minute(0)
		c := consent.Consent{
			ID: fmt.Sprintf("cns_%02d", i), Scope: string(rune('a' + r.IntN(2))), TextVersion: 1 + r.IntN(3),
			Act: consent.Act{By: consent.ByPatient, At: at, EnteredAt: enter()},
		}
		if r.IntN(3) == 0 {
			until := at.Add(time.Duration(1+r.IntN(20)) * time.Minute)
			c.Until = &until
		}
		if r.IntN(2) == 0 {
			_, when := minute(m)
			c.Withdrawn = &consent.Act{By: consent.ByPatient, At: when, EnteredAt: enter()}
		}
		all = append(all, c)
	}
	return all
}

// walk lives through the history: what is done about a scope within a minute is done in the order in which it was
// entered, and a consent in force ends with its minute.
func walk(all []consent.Consent, start time.Time, minutes int) []map[string]string {
	type standing struct {
		text  string
		id    string
		v     int
		until *time.Time
	}
	now := map[string]standing{}
	out := []map[string]string{{}}
	for m := range minutes + 1 {
		at := start.Add(time.Duration(m) * time.Minute)
		for second := range 30 { // in the order of entry, which is one second apart
			entered := start.AddDate(1, 0, 0).Add(time.Duration(second) * time.Second)
			for _, c := range all {
				if c.At.Equal(at) && c.EnteredAt.Equal(entered) {
					now[c.Scope] = standing{consent.Given, c.ID, c.TextVersion, c.Until}
				}
				if w := c.Withdrawn; w != nil && w.At.Equal(at) && w.EnteredAt.Equal(entered) {
					now[c.Scope] = standing{consent.Withdrawn, c.ID, c.TextVersion, nil}
				}
			}
		}
		seen := map[string]string{}
		for scope, s := range now {
			if s.until != nil && !at.Before(*s.until) {
				s.text = consent.Expired
			}
			seen[scope] = fmt.Sprintf("%s v%d %s", s.text, s.v, s.id)
		}
		out = append(out, seen)
	}
	return out
}

// ids prints a history without what prints as redacted.
func ids(all []consent.Consent) string {
	out := ""
	for _, c := range all {
		out += fmt.Sprintf("%s %s v%d at %s until %v", c.ID, c.Scope, c.TextVersion, c.At.Format("15:04"), c.Until)
		if c.Withdrawn != nil {
			out += " withdrawn " + c.Withdrawn.At.Format("15:04")
		}
		out += "\n"
	}
	return out
}
