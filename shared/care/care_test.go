package care

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"almanac/shared/access"
	"almanac/shared/id"
	"almanac/shared/table"
)

const (
	siteA, siteB = "sit_01kc4z7v8wfj7rw4q3hxe6m2ta", "sit_01kc4z7v8wfj7rw4q3hxe6m2tb"
	pracA, pracB = "prc_01kc4z7v8wfj7rw4q3hxe6m2ta", "prc_01kc4z7v8wfj7rw4q3hxe6m2tb"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func month(text string) time.Time { return at(text + "-01T00:00:00Z") }

// person makes a caller, all of whose roles are the same to the rule.
func person(subject string, sites []string, practitioner string) access.Caller {
	return access.NewCaller("org", subject, []access.Role{access.Clinician}, 1).Working(sites, practitioner)
}

func TestRelated(t *testing.T) {
	now := at("2027-04-15T12:00:00Z")
	anyone, desk := person("anyone", nil, ""), person("desk", []string{siteA}, "")
	doctor := person("doctor", []string{siteB}, pracA)
	met := func(of, when string) []table.Meeting { return []table.Meeting{{ID: of, Month: month(when)}} }
	for name, c := range map[string]struct {
		by        access.Caller
		met       []table.Meeting
		relations []Relation
		want      string
	}{
		"nothing":                             {anyone, nil, nil, ""},
		"this month, everywhere":              {anyone, met(siteB, "2027-04"), nil, "booking:" + siteB},
		"this month, there":                   {desk, met(siteA, "2027-04"), nil, "booking:" + siteA},
		"this month, elsewhere":               {desk, met(siteB, "2027-04"), nil, ""},
		"three months ago":                    {desk, met(siteA, "2027-01"), nil, "booking:" + siteA},
		"four months ago":                     {desk, met(siteA, "2026-12"), nil, ""},
		"next year":                           {desk, met(siteA, "2028-04"), nil, "booking:" + siteA},
		"met by this practitioner":            {doctor, met(pracA, "2027-04"), nil, "booking:" + pracA},
		"met by another":                      {doctor, met(pracB, "2027-04"), nil, ""},
		"met by a practitioner long ago":      {doctor, met(pracA, "2026-12"), nil, ""},
		"a practitioner is no site":           {anyone, met(pracA, "2027-04"), nil, ""},
		"met by the practitioner, wrong site": {doctor, append(met(siteA, "2027-04"), met(pracA, "2027-02")...), nil, "booking:" + pracA},
		"one's own relation": {desk, nil, []Relation{
			{ID: "rel", Kind: Claim, Person: "desk", From: now, Until: now.Add(time.Second)},
		}, "claim:rel"},
		"not yet":                               {desk, nil, []Relation{{Kind: Claim, Person: "desk", From: now.Add(time.Second)}}, ""},
		"over":                                  {desk, nil, []Relation{{Kind: Claim, Person: "desk", Until: now}}, ""},
		"ended":                                 {desk, nil, []Relation{{Kind: Team, Person: "desk", Ended: now}}, ""},
		"somebody else's":                       {desk, nil, []Relation{{Kind: Claim, Person: "doctor"}}, ""},
		"until it is ended":                     {desk, nil, []Relation{{ID: "rel", Kind: Team, Person: "desk"}}, "care-team:rel"},
		"the site's":                            {desk, nil, []Relation{{ID: "rel", Kind: Referral, Site: siteA}}, "referral:rel"},
		"another site's":                        {desk, nil, []Relation{{Kind: Referral, Site: siteB}}, ""},
		"any site's":                            {anyone, nil, []Relation{{ID: "rel", Kind: Referral, Site: siteB}}, "referral:rel"},
		"nobody's":                              {anyone, nil, []Relation{{Kind: Referral}}, ""},
		"a person's relation is not the site's": {anyone, nil, []Relation{{Kind: Team, Person: "desk", Site: siteA}}, ""},
		"a meeting of nobody":                   {doctor, []table.Meeting{{Month: now}}, nil, ""},
		"the first that counts": {desk, nil, []Relation{
			{ID: "old", Kind: Claim, Person: "desk", Until: now}, {ID: "rel", Kind: BreakGlass, Person: "desk"},
		}, "break-glass:rel"},
		"one that lasts before one that does not": {desk, nil, []Relation{
			{ID: "claim", Kind: Claim, Person: "desk"},
			{ID: "glass", Kind: BreakGlass, Person: "desk"},
			{ID: "rel", Kind: Team, Person: "desk"},
		}, "care-team:rel"},
	} {
		if got := related(c.by, now, c.met, c.relations); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	nobody := access.NewCaller("org", "nobody", []access.Role{access.Clinician}, 1).Working([]string{siteB}, "")
	if got := related(nobody, now, met("", "2027-04"), nil); got != "" {
		t.Errorf("who is no practitioner meets nobody: %q", got)
	}
}

// TestMonths: an appointment relates for three months from its end at least, and for four at most.
func TestMonths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		end := time.Unix(rapid.Int64Range(1.6e9, 2.2e9).Draw(t, "end"), 0).UTC()
		inMonth := time.Date(end.Year(), end.Month(), 1, 0, 0, 0, 0, time.UTC)
		after := time.Duration(rapid.Int64Range(-1000*24*3600, 1000*24*3600).Draw(t, "after")) * time.Second
		now := end.Add(after)
		switch {
		case now.Before(end.AddDate(0, 3, 0)) && now.Before(inMonth.AddDate(0, 4, 0)):
			if !recent(inMonth, now) {
				t.Fatalf("ended %v, forgotten by %v", end, now)
			}
		case !now.Before(inMonth.AddDate(0, 4, 0)):
			if recent(inMonth, now) {
				t.Fatalf("ended %v, still remembered at %v", end, now)
			}
		}
	})
}

// TestRelatedIsMonotonic: another relation never takes the relationship away; without the one that it rests on, it
// rests on something else or is gone; and what is nobody's business of the caller's never makes one.
func TestRelatedIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := at("2027-04-15T12:00:00Z")
		by := person("me", rapid.SampledFrom([][]string{nil, {siteA}, {siteA, siteB}, {siteB}}).Draw(t, "sites"),
			rapid.SampledFrom([]string{"", pracA, pracB}).Draw(t, "practitioner"))
		met := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) table.Meeting {
			return table.Meeting{
				ID:    rapid.SampledFrom([]string{siteA, siteB, pracA, pracB}).Draw(t, "met"),
				Month: month("2027-04").AddDate(0, rapid.IntRange(-6, 6).Draw(t, "months"), 0),
			}
		}), 0, 4).Draw(t, "meetings")
		relations := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Relation {
			r := Relation{ID: id.New(Prefix), Kind: rapid.SampledFrom([]Kind{Referral, Team, Claim}).Draw(t, "kind")}
			if r.Kind == Referral {
				r.Site = rapid.SampledFrom([]string{siteA, siteB}).Draw(t, "site")
			} else {
				r.Person = rapid.SampledFrom([]string{"me", "you"}).Draw(t, "person")
			}
			hours := rapid.IntRange(-3, 3)
			r.From = now.Add(time.Duration(hours.Draw(t, "from")) * time.Hour)
			if rapid.Bool().Draw(t, "bounded") {
				r.Until = r.From.Add(time.Duration(hours.Draw(t, "for")+3) * time.Hour)
			}
			if rapid.IntRange(0, 4).Draw(t, "ended") == 0 {
				r.Ended = r.From
			}
			return r
		}), 0, 4).Draw(t, "relations")
		got := related(by, now, met, relations)
		if want := oracle(by, now, met, relations); want != (got != "") {
			t.Fatalf("%q, want one: %v", got, want)
		}
		for n := range relations {
			less := slices.Delete(slices.Clone(relations), n, n+1)
			if related(by, now, met, less) != "" && got == "" {
				t.Fatalf("%v takes it away", relations[n])
			}
		}
	})
}

// oracle is the rule once more, written the other way round: what would have to be true of each.
func oracle(by access.Caller, now time.Time, met []table.Meeting, relations []Relation) bool {
	sites := by.Sites()
	worksAt := func(s string) bool { return len(sites) == 0 || slices.Contains(sites, s) }
	for _, m := range met {
		distance := (now.Year()*12 + int(now.Month())) - (m.Month.Year()*12 + int(m.Month.Month()))
		mine := m.ID == by.Practitioner() || (m.ID == siteA || m.ID == siteB) && worksAt(m.ID)
		if mine && distance <= 3 {
			return true
		}
	}
	for _, r := range relations {
		began, over := r.From.Unix() <= now.Unix(), !r.Until.IsZero() && r.Until.Unix() <= now.Unix()
		mine := r.Person == "me" || r.Person == "" && r.Site != "" && worksAt(r.Site)
		if mine && began && !over && r.Ended.IsZero() {
			return true
		}
	}
	return false
}

func TestActs(t *testing.T) {
	now := at("2027-04-15T12:00:00Z")
	for name, c := range map[string]struct {
		r    Representative
		want bool
	}{
		"may":      {Representative{May: []string{MayAsk, MayBook}, From: now}, true},
		"may ask":  {Representative{May: []string{MayAsk}}, false},
		"not yet":  {Representative{May: []string{MayBook}, From: now.Add(1)}, false},
		"not over": {Representative{May: []string{MayBook}, Until: now.Add(1)}, true},
		"over":     {Representative{May: []string{MayBook}, Until: now}, false},
	} {
		if got := c.r.Acts(MayBook, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestWith: what is over for long leaves the circle; what counts, or did lately, stays.
func TestWith(t *testing.T) {
	now := at("2027-04-15T12:00:00Z")
	old, late := now.Add(-91*24*time.Hour), now.Add(-89*24*time.Hour)
	c := Circle{Relations: []Relation{
		{ID: "ran out", Until: old},
		{ID: "ended", Until: now.AddDate(1, 0, 0), Ended: old},
		{ID: "lately", Until: late},
		{ID: "counts", Until: now.AddDate(1, 0, 0)},
		{ID: "for good"},
	}}
	var got []string
	for _, r := range c.With(Relation{ID: "new"}, now).Relations {
		got = append(got, r.ID)
	}
	if want := []string{"lately", "counts", "for good", "new"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(c.Relations) != 5 {
		t.Error("the circle itself was changed")
	}
}
