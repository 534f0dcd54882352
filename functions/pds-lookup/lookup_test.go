package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/nhs"
	"almanac/shared/patient"
)

// has tells what became of a record's number.
func has(p patient.Patient, who sandpds.Who, status, state string) bool {
	return p.Number != nil && p.Number.Value == who.Number() && p.Number.Status == status && p.Number.State == state
}

// A patient without a number is found by one search, read by number, and compared. All of it twice changes nothing more.
func TestTrace(t *testing.T) {
	b := newBench(t)
	pat, s := b.traced(b.local(sandpds.Ordinary))
	p := b.get(pat)
	if !has(p, sandpds.Ordinary, "01", patient.NumberVerified) || p.Number.VerifiedAt == nil || p.Number.Source != patient.PDS || p.Number.VersionID == "" {
		t.Error("the number was not taken")
	}
	if got := b.steps(s); got != "history found, read found" || s.Outcome != nhs.Verified || s.Tracing != nhs.Settled ||
		s.Number == "" || s.Number[3] != ' ' {
		t.Errorf("%s: %s", s.Outcome, got)
	}
	if p.Version != 2 || b.asked() != 2 {
		t.Errorf("at version %d after %d requests", p.Version, b.asked())
	}
	want := []string{"patient.created ", "number.traced begun", "number.traced history:found", "number.traced read:found", "number.settled verified"}
	if got := b.trail(pat); !slices.Equal(got, want) {
		t.Errorf("the trail is %v", got)
	}
	requests := map[string]bool{}
	for _, r := range b.nhs.Requests("pds") {
		requests[r.ID()] = true
	}
	for _, e := range b.history(pat) {
		if strings.Contains(e.Why, ":") && !requests[e.Refs["request"]] {
			t.Errorf("%s %s does not name its request", e.Name, e.Why)
		}
	}
	d := b.disclosures(pat)
	if len(d) != 1 || d[0].Purpose != disclosure.NumberTracing || d[0].Channel != disclosure.NHSService || d[0].Recipient.Name == "" {
		t.Errorf("%d disclosures", len(d))
	}
	// Addresses may not be kept, unless the organisation says so; the practice may.
	if len(p.Addresses) != 1 || p.Practice == nil || p.Practice.Source != patient.PDS {
		t.Errorf("%d addresses", len(p.Addresses))
	}
	b.clean()
}

func TestCascade(t *testing.T) {
	for name, x := range map[string]struct {
		who     sandpds.Who
		change  func(p *patient.Patient)
		steps   string
		outcome string
	}{
		"an apostrophe":            {sandpds.Apostrophe, nil, "history found, read found", nhs.Verified},
		"marks on letters":         {sandpds.Accents, nil, "history found, read found", nhs.Verified},
		"capitals with marks":      {sandpds.Capitals, nil, "history found, read found", nhs.Verified},
		"two words and another":    {sandpds.TwoWords, nil, "history found, read found", nhs.Verified},
		"long names":               {sandpds.LongNames, nil, "history found, read found", nhs.Verified},
		"a short name":             {sandpds.ShortName, nil, "history found, read found", nhs.Verified},
		"one name, found by place": {sandpds.OneWord, nil, "history found, read found", nhs.Verified},
		"too many with history": {
			sandpds.ExactOne, func(p *patient.Patient) { p.Addresses = nil },
			"history many, current found, read found", nhs.Doubtful,
		},
		"three alike": {sandpds.ManyOne, func(p *patient.Patient) { p.Addresses[0].Postcode = "" }, "history many, current many", nhs.Many},
		"nobody": {
			sandpds.Ordinary, func(p *patient.Patient) { p.Names[0].Family = "Nobody"; p.Names[0].Given = []string{"Nemo"} },
			"history none, postcode-start none, given-start none, family-start none", nhs.None,
		},
		"a short name that nobody has": {
			sandpds.ShortName, func(p *patient.Patient) { p.BirthDate = "1998-03-24" },
			"history none, postcode-start none", nhs.None,
		},
		"moved": {
			sandpds.Plain, func(p *patient.Patient) { p.Addresses[0].Postcode = "KB1 9ZZ" },
			"history none, postcode-start found, given-start none, family-start none, read found", nhs.Verified,
		},
		"given name spelt in another way": {
			sandpds.Apostrophe, func(p *patient.Patient) { p.Names[0].Given = []string{"Niamhe"} },
			"history none, postcode-start none, given-start found, family-start none, read found", nhs.Verified,
		},
		"family name spelt in another way": {
			sandpds.TwoWords, func(p *patient.Patient) { p.Names[0].Family = "Silverthorn" },
			"history none, postcode-start none, given-start none, family-start found, read found", nhs.Disagrees,
		},
		"a former name":               {sandpds.FormerName, func(p *patient.Patient) { p.Names[0].Family = "Tamarisk" }, "history found, read found", nhs.Disagrees},
		"no fixed abode":              {sandpds.NoAbode, nil, "history found, read found", nhs.Doubtful},
		"a year of birth alone":       {sandpds.YearOnly, nil, "", nhs.NoBirthDate},
		"a number that cannot be one": {sandpds.WrongID, nil, "history unusable", nhs.Unusable},
		"an answer without code":      {sandpds.Unclear, nil, "history unusable", nhs.Unusable},
		"restricted, no postcode":     {sandpds.Restricted, func(p *patient.Patient) { p.Addresses = nil }, "history found, read found", nhs.Doubtful},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p := b.local(x.who)
			if x.change != nil {
				x.change(&p)
			}
			pat, s := b.traced(p)
			if got := b.steps(s); got != x.steps || s.Outcome != x.outcome {
				t.Errorf("%s: %s", s.Outcome, got)
			}
			if got := b.get(pat); (got.Number != nil) != (x.outcome == nhs.Verified) {
				t.Errorf("the number is there: %v", got.Number != nil)
			}
			wantReviews := 1
			if x.outcome == nhs.Verified || x.outcome == nhs.None || x.outcome == nhs.NoBirthDate {
				wantReviews = 0
			}
			if n := len(b.reviews()); n != wantReviews {
				t.Errorf("%d reviews", n)
			}
			for _, r := range b.nhs.Requests("pds") {
				if r.Status != 200 {
					t.Errorf("%s was answered %d %s", r.Operation, r.Status, r.Code)
				}
			}
			b.clean()
		})
	}
}

// A number that somebody told is compared, and a twin's is not taken for the patient's.
func TestToldNumber(t *testing.T) {
	b := newBench(t)
	pat, s := b.traced(b.numbered(sandpds.Plain))
	if p := b.get(pat); !has(p, sandpds.Plain, "01", patient.NumberVerified) || p.Number.Source != patient.Local || b.steps(s) != "read found" {
		t.Errorf("%s: %s", s.Outcome, b.steps(s))
	}
	twin := b.local(sandpds.TwinOne)
	twin.Number = &patient.Number{Value: sandpds.TwinTwo.Number()}
	pat, s = b.traced(twin)
	if p := b.get(pat); s.Outcome != nhs.Disagrees || !has(p, sandpds.TwinTwo, "03", patient.NumberPresent) {
		t.Errorf("the twin's number: %s", s.Outcome)
	}
	d := b.onlyReview(nhs.Disagrees)
	if d.Candidate == nil || d.Comparison.Given == nhs.Same || d.Comparison.Postcode != nhs.Same || !d.Comparison.Twin {
		t.Errorf("%+v", d.Comparison)
	}
	b.clean()
}

// The six states that a number's owner can be in, and back.
func TestStates(t *testing.T) {
	pass := func(b *bench, pat, at string) nhs.NumberStanding {
		b.Clock.Pass(13 * time.Hour)
		b.book(pat, at)
		b.run()
		return b.standing(pat)
	}
	t.Run("superseded", func(t *testing.T) {
		b := newBench(t)
		pat, _ := b.traced(b.local(sandpds.Plain))
		next, err := b.nhs.PDS.Renumber(sandpds.Plain.Number())
		if err != nil {
			t.Fatal(err)
		}
		s := pass(b, pat, "2027-01-05T10:00")
		p := b.get(pat)
		if s.Outcome != nhs.Renewed || p.Number.Value != next || p.Number.Status != "01" || p.Number.State != patient.NumberSuperseded ||
			len(p.Number.History) != 1 || p.Number.History[0].Value != sandpds.Plain.Number() || p.Number.History[0].Why != "superseded" {
			t.Errorf("%s, %d in the history", s.Outcome, len(p.Number.History))
		}
		if s = pass(b, pat, "2027-01-06T10:00"); s.Outcome != nhs.Verified || len(b.get(pat).Number.History) != 1 {
			t.Errorf("then %s", s.Outcome)
		}
		if _, err := b.nhs.PDS.Renumber(next); err != nil { // and the chain goes on
			t.Fatal(err)
		}
		if s = pass(b, pat, "2027-01-07T10:00"); s.Outcome != nhs.Renewed || len(b.get(pat).Number.History) != 2 {
			t.Errorf("and then %s", s.Outcome)
		}
		b.clean()
	})
	t.Run("superseded by somebody else's details", func(t *testing.T) {
		b := newBench(t)
		pat, s := b.traced(b.numbered(sandpds.StrangeOld))
		p := b.get(pat)
		if s.Outcome != nhs.Replaced || p.Number.Value != "" || p.Number.Status != "03" || p.Number.State != patient.NumberSuperseded || len(p.Number.History) != 1 {
			t.Errorf("%s, %q", s.Outcome, p.Number.State)
		}
		b.onlyReview(nhs.Replaced)
	})
	t.Run("superseded by the number of another record", func(t *testing.T) {
		b := newBench(t)
		other, _ := b.traced(b.numbered(sandpds.NewNumber))
		old := b.numbered(sandpds.OldNumber)
		r, err := b.patients.Create(t.Context(), b.by, clinictest.Once(), old, other)
		if err != nil {
			t.Fatalf("%v %+v", err, fault.Of(err).Details)
		}
		b.run()
		s, p := b.standing(r.ID), b.get(r.ID)
		if s.Outcome != nhs.Held || p.Number.Value != "" || len(p.Number.History) != 1 {
			t.Errorf("%s", s.Outcome)
		}
		d := b.onlyReview(nhs.Held)
		if d.Other != other || d.Candidate.Number != "" {
			t.Errorf("the review names %q", d.Other)
		}
		if err := b.decide(d.ID, nhs.Accept); !fault.Is(err, fault.Conflict) || fault.Of(err).Code != "number_taken" {
			t.Errorf("accepted: %v", err)
		}
		if !has(b.get(other), sandpds.NewNumber, "01", patient.NumberVerified) {
			t.Error("the other record lost its number")
		}
	})
	t.Run("invalidated", func(t *testing.T) {
		b := newBench(t)
		pat, _ := b.traced(b.local(sandpds.Plain))
		if err := b.nhs.PDS.Invalidate(sandpds.Plain.Number()); err != nil {
			t.Fatal(err)
		}
		s, p := pass(b, pat, "2027-01-05T10:00"), b.get(pat)
		if s.Outcome != nhs.Invalidated || p.Number.Value != "" || p.Number.State != patient.NumberInvalidated || len(p.Banner("2027-01-05")) == 0 {
			t.Errorf("%s, %s", s.Outcome, p.Number.State)
		}
		b.onlyReview(nhs.Invalidated)
	})
	t.Run("not found", func(t *testing.T) {
		b := newBench(t)
		pat, s := b.traced(b.numbered(sandpds.Redacted))
		if p := b.get(pat); s.Outcome != nhs.NotFound || !has(p, sandpds.Redacted, "03", patient.NumberNotFound) {
			t.Errorf("%s", s.Outcome)
		}
		d := b.onlyReview(nhs.NotFound)
		if err := b.decide(d.ID, nhs.Accept); fault.Of(err).Code != "no_candidate" {
			t.Errorf("accepted nobody: %v", err)
		}
		if err := b.decide(d.ID, nhs.Refuse); err != nil {
			t.Fatal(err)
		}
		if p := b.get(pat); p.Number.Value != "" || len(p.Number.History) != 1 || len(b.reviews()) > 0 {
			t.Error("a number that there is not stays")
		}
	})
	t.Run("restricted", func(t *testing.T) {
		b := newBench(t)
		b.settings(clinic.NHS{ODSCode: ods, Tracing: true, KeepDemographics: true})
		pat, _ := b.traced(b.local(sandpds.Ordinary))
		p := b.get(pat)
		if len(p.Addresses) < 2 || len(p.Contacts) == 0 || p.Practice == nil {
			t.Fatalf("%d addresses, %d contacts", len(p.Addresses), len(p.Contacts))
		}
		if err := b.nhs.PDS.Restrict(sandpds.Ordinary.Number()); err != nil {
			t.Fatal(err)
		}
		pass(b, pat, "2027-01-05T10:00")
		p = b.get(pat)
		if !p.Restricted || p.Practice != nil || slices.ContainsFunc(p.Addresses, func(a patient.Address) bool { return a.Source == patient.PDS }) ||
			slices.ContainsFunc(p.Contacts, func(c patient.Contact) bool { return c.Source == patient.PDS }) {
			t.Error("what the register said of where somebody lives is still there")
		}
		b.told(pat, "verified+restricted")
		if err := b.nhs.PDS.Unrestrict(sandpds.Ordinary.Number()); err != nil {
			t.Fatal(err)
		}
		pass(b, pat, "2027-01-06T10:00")
		if p = b.get(pat); p.Restricted || p.Practice == nil {
			t.Error("the restriction stays")
		}
		b.told(pat, "verified+unrestricted")
		b.change(pat, func(p *patient.Patient) { p.BookingNote = "Ring first." }) // what came from the register can be kept
		b.clean()
	})
	t.Run("deceased, and not after all", func(t *testing.T) {
		b := newBench(t)
		pat, _ := b.traced(b.local(sandpds.Plain))
		b.Clock.Pass(13 * time.Hour)
		b.book(pat, "2027-01-08T10:00")
		if err := b.nhs.PDS.Die(sandpds.Plain.Number(), true); err != nil {
			t.Fatal(err)
		}
		b.run()
		p := b.get(pat)
		if p.Death == nil || p.Death.Status != patient.Formal || p.Death.Source != patient.PDS || !b.closed(pat) {
			t.Error("the death was not entered, or the diary is open")
		}
		b.told(pat, "verified+deceased")
		if err := b.nhs.PDS.Undie(sandpds.Plain.Number()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.numbers.Request(t.Context(), b.by, clinictest.Once(), pat); err != nil {
			t.Fatal(err)
		}
		b.run()
		if p := b.get(pat); p.Death != nil || b.closed(pat) || b.standing(pat).Revived == nil {
			t.Error("the death was not taken back, or the diary stays closed")
		}
		b.told(pat, "verified+not_deceased")
	})
}

// told makes sure that the trail says what became of the patient's number.
func (b *bench) told(pat, why string) {
	b.t.Helper()
	if got := b.trail(pat); !slices.Contains(got, "number.settled "+why) {
		b.t.Errorf("the trail is %v, without %s", got, why)
	}
}

func (b *bench) closed(pat string) bool {
	b.t.Helper()
	d, err := b.Table.For(b.by).DiaryOf(b.t.Context(), pat)
	if err != nil {
		b.t.Fatal(err)
	}
	return d.Closed != ""
}

func TestOddRecords(t *testing.T) {
	for who, want := range map[sandpds.Who]func(p patient.Patient, outcome string) bool{
		sandpds.DeadYearOnly: func(p patient.Patient, outcome string) bool {
			return outcome == nhs.Verified && p.Death != nil && len(p.Death.On) == 4
		},
		sandpds.DeadInformal: func(p patient.Patient, _ string) bool {
			return p.Death != nil && p.Death.Status == patient.Informal
		},
		sandpds.DeadUndone:      func(p patient.Patient, _ string) bool { return p.Death == nil },
		sandpds.EndedPractice:   func(p patient.Patient, _ string) bool { return p.Practice == nil },
		sandpds.RemovedPractice: func(p patient.Patient, _ string) bool { return p.Practice == nil },
		sandpds.NoLabel:         func(p patient.Patient, _ string) bool { return p.Restricted },
		sandpds.Bare: func(p patient.Patient, outcome string) bool {
			return outcome == nhs.Disagrees && p.Number.Status == "03"
		},
	} {
		b := newBench(t)
		pat, s := b.traced(b.numbered(who))
		if !want(b.get(pat), s.Outcome) {
			t.Errorf("%s: %s, %s", who.Number(), s.Outcome, b.steps(s))
		}
	}
}

func TestNothingIsAsked(t *testing.T) {
	t.Run("with tracing off", func(t *testing.T) {
		b := newBench(t)
		b.settings(clinic.NHS{ODSCode: ods})
		if _, s := b.traced(b.local(sandpds.Plain)); s.Tracing != nhs.Off || b.asked() > 0 {
			t.Errorf("%s, %d requests", s.Tracing, b.asked())
		}
	})
	t.Run("of the long dead", func(t *testing.T) {
		b := newBench(t)
		p := b.local(sandpds.Plain)
		p.Death = &patient.Death{On: "2025", Status: patient.Formal}
		if b.traced(p); b.asked() > 0 {
			t.Errorf("%d requests", b.asked())
		}
	})
	t.Run("while the copy is new enough, or nothing changed", func(t *testing.T) {
		b := newBench(t)
		pat, _ := b.traced(b.local(sandpds.Plain))
		before := b.asked()
		b.Clock.Pass(11 * time.Hour)
		b.book(pat, "2027-01-06T10:00")
		b.change(pat, func(p *patient.Patient) { p.BookingNote = "Ring first." })
		b.run()
		if b.asked() != before {
			t.Errorf("%d requests", b.asked()-before)
		}
		b.change(pat, func(p *patient.Patient) { p.Names[0].Given = []string{"Somebody", "Else"} })
		if p := b.get(pat); p.Number.Status != "03" || p.Number.VerifiedAt != nil {
			t.Errorf("right after the change the status is %s", p.Number.Status)
		}
		b.run()
		if b.asked() == before || b.get(pat).Number.Status != "03" {
			t.Errorf("after another name: %d requests, status %s", b.asked()-before, b.get(pat).Number.Status)
		}
		b.onlyReview(nhs.Disagrees)
	})
	t.Run("where this installation is not connected", func(t *testing.T) {
		b := newBench(t)
		pat := b.create(b.local(sandpds.Plain))
		w := worker{table: b.Table, numbers: b.numbers, now: b.Clock.Now}
		job := access.System(b.Org, string(access.PDSLookup))
		if _, err := b.numbers.Request(t.Context(), b.by, clinictest.Once(), pat); err != nil {
			t.Fatal(err)
		}
		for _, m := range b.events() {
			if err := w.work(t.Context(), job, m); err != nil {
				t.Error(err)
			}
		}
		if s := b.standing(pat); b.get(pat).Number != nil || s.Tracing != nhs.Settled || s.Outcome != nhs.NotConnected {
			t.Errorf("a number came from nowhere, or whoever waits is told nothing: %s", s.Outcome)
		}
	})
}

// Booking never waits for the NHS, and goes on while it is away; what was not traced is when it is back.
func TestPDSDown(t *testing.T) {
	b := newBench(t)
	if err := b.nhs.Faults.Add(sandbox.Fault{Kind: apim.LoseRequest, Count: sandbox.Forever}); err != nil {
		t.Fatal(err)
	}
	pat := b.create(b.local(sandpds.Plain))
	began := time.Now()
	b.book(pat, "2027-01-05T10:00")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("booking took %s", took)
	}
	waiting := b.events()
	if n := b.deliver(waiting...); n != len(waiting) {
		t.Errorf("%d of %d failed", n, len(waiting))
	}
	b.nhs.Faults.Clear()
	b.Clock.Pass(5 * time.Minute)
	if n := b.deliver(waiting...); n > 0 {
		t.Errorf("%d failed, though the NHS is back: %s", n, b.Log.String())
	}
	if !has(b.get(pat), sandpds.Plain, "01", patient.NumberVerified) {
		t.Error("it was not traced when the NHS was back")
	}
	if n := len(b.disclosures(pat)); n > 2 {
		t.Errorf("%d disclosures", n)
	}
	b.clean()
}

// Faults in the middle of a trace: the message comes again, and the end is the same.
func TestFaultsInBetween(t *testing.T) {
	for _, x := range []struct {
		kind string
		on   string
		n    int
	}{
		{apim.Timeout, "get", 9},
		{apim.Spike, "search", 9},
		{apim.LoseReply, "get", 9},
		{apim.Truncate, "search", 9},
		{apim.GatewayTimeout, "get", 9},
		{apim.Revoke, "get", 1},
		{apim.Timeout, "get", 1},
		{apim.Maintenance, "search", 1},
	} {
		t.Run(x.kind+" "+x.on, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if err := b.nhs.Faults.Add(sandbox.Fault{Kind: x.kind, On: x.on, Count: x.n}); err != nil {
				t.Fatal(err)
			}
			pat := b.create(b.local(sandpds.Plain))
			messages := b.events()
			for b.deliver(messages...) > 0 {
				b.nhs.Faults.Clear()
			}
			if p := b.get(pat); !has(p, sandpds.Plain, "01", patient.NumberVerified) || p.Version != 2 {
				t.Errorf("at version %d", p.Version)
			}
			ids := map[string]string{}
			for _, r := range b.nhs.Requests("pds") {
				if at, ok := ids[r.Operation]; ok && at != r.ID() {
					t.Errorf("%s was repeated under another id", r.Operation)
				}
				ids[r.Operation] = r.ID()
			}
			settled := 0
			for _, e := range b.history(pat) {
				if e.Name == event.NumberSettled {
					settled++
				}
			}
			if settled != 1 || len(b.disclosures(pat)) != 1 {
				t.Errorf("settled %d times, %d disclosures", settled, len(b.disclosures(pat)))
			}
			b.clean()
		})
	}
}
