package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/nhs"
	"almanac/shared/patient"
)

// Two searches that find two people are no find.
func TestTwoPeople(t *testing.T) {
	b := newBench(t)
	for i, given := range []string{"Mara", "Marlene"} {
		err := b.nhs.PDS.Add(sandpds.Person{
			Number: sandpds.Number(500 + i), Gender: "female", BirthDate: "1990-02-03",
			Names:     []sandpds.Name{{Use: "usual", Given: []string{given}, Family: "Zornmann"}},
			Addresses: []sandpds.Address{{Use: "home", Lines: []string{"1 Street"}, Postcode: []string{"KB1 5RW", "KB1 9ZZ"}[i]}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, s := b.traced(patient.Patient{
		BirthDate: "1990-02-03", Names: []patient.Name{{Use: "usual", Given: []string{"Mara"}, Family: "Zornmann"}},
		Addresses: []patient.Address{{Use: "home", Lines: []string{"2 Street"}, Postcode: "KB1 9ZZ"}},
	})
	if got := b.steps(s); s.Outcome != nhs.Two || got != "history none, postcode-start found, given-start found" {
		t.Errorf("%s: %s", s.Outcome, got)
	}
	if d := b.onlyReview(nhs.Two); d.Candidate != nil {
		t.Error("one of the two is shown")
	}
}

func TestAccept(t *testing.T) {
	b := newBench(t)
	p := b.local(sandpds.TwoWords)
	p.Names[0].Family = "Silverthorn"
	pat, _ := b.traced(p)
	d := b.onlyReview(nhs.Disagrees)
	if d.Candidate == nil || d.Candidate.Number == "" || d.Candidate.Names[0].Family != "Silverthorne" ||
		d.Comparison.Family != nhs.Similar || d.Comparison.BirthDate != nhs.Same || d.Sentence == "" {
		t.Fatalf("%+v", d.Comparison)
	}
	if text := mustJSON(t, d); strings.Contains(text, "score") || strings.Contains(text, `"pair"`) {
		t.Error("the review shows how well it fits")
	}
	if err := b.decide(d.ID, nhs.Accept); err != nil {
		t.Fatal(err)
	}
	if got := b.get(pat); !has(got, sandpds.TwoWords, "03", patient.NumberPresent) || b.standing(pat).Tracing != nhs.Waiting {
		t.Error("the number counts before the register was read again")
	}
	if err := b.decide(d.ID, nhs.Refuse); !fault.Is(err, fault.Conflict) || fault.Of(err).Code != "review_decided" {
		t.Errorf("decided twice: %v", err)
	}
	again, err := b.numbers.Review(t.Context(), b.by, d.ID)
	if err != nil || again.State != nhs.Accepted || again.Candidate != nil || len(again.Review.Candidate) > 0 {
		t.Errorf("after the decision: %+v %v", again.State, err)
	}
	before := b.asked()
	b.run()
	if s := b.standing(pat); !has(b.get(pat), sandpds.TwoWords, "01", patient.NumberVerified) ||
		s.Outcome != nhs.Verified || b.steps(s) != "read found" || b.asked() != before+1 {
		t.Errorf("the number was not taken: %s, %s", s.Outcome, b.steps(s))
	}
	// Nobody is asked the same again, when the copy is renewed.
	b.Clock.Pass(13 * time.Hour)
	b.book(pat, "2027-01-06T10:00")
	b.run()
	if s := b.standing(pat); s.Outcome != nhs.Verified || len(b.reviews()) > 0 {
		t.Errorf("then %s", s.Outcome)
	}
	if !slices.Contains(b.trail(pat), string(event.TraceRequested)+" accept") {
		t.Errorf("the trail is %v", b.trail(pat))
	}
	b.clean()
}

func TestRefuse(t *testing.T) {
	b := newBench(t)
	p := b.numbered(sandpds.Ordinary)
	p.BirthDate = "1951-01-01"
	pat, _ := b.traced(p)
	d := b.onlyReview(nhs.Disagrees)
	if err := b.decide(d.ID, nhs.Refuse); err != nil {
		t.Fatal(err)
	}
	got := b.get(pat)
	if got.Number.Value != "" || got.Number.Status != "03" || got.Number.History[0].Why != "refused" || len(b.reviews()) > 0 {
		t.Error("the number stays")
	}
	// It is not proposed again for the same details.
	b.change(pat, func(p *patient.Patient) { p.Number = &patient.Number{Value: sandpds.Ordinary.Number()} })
	b.run()
	if s := b.standing(pat); s.Outcome != nhs.Disagrees || len(b.reviews()) > 0 || b.get(pat).Number.Status != "03" {
		t.Errorf("%s, %d reviews", s.Outcome, len(b.reviews()))
	}
	b.clean()
}

func TestSearchAgain(t *testing.T) {
	b := newBench(t)
	p := b.local(sandpds.ManyOne)
	p.Addresses = nil
	pat, _ := b.traced(p)
	d := b.onlyReview(nhs.Many)
	if err := b.decide(d.ID, nhs.Accept); fault.Of(err).Code != "no_candidate" {
		t.Errorf("accepted one of many: %v", err)
	}
	if err := b.nhs.PDS.Change(sandpds.ManyTwo.Number(), func(p *sandpds.Person) { p.Hidden = true }); err != nil {
		t.Fatal(err)
	}
	if err := b.nhs.PDS.Change(sandpds.ManyThree.Number(), func(p *sandpds.Person) { p.Hidden = true }); err != nil {
		t.Fatal(err)
	}
	if err := b.decide(d.ID, nhs.SearchAgain); err != nil {
		t.Fatal(err)
	}
	if s := b.standing(pat); s.Tracing != nhs.Waiting {
		t.Errorf("meanwhile %s", s.Tracing)
	}
	b.run()
	b.onlyReview(nhs.Doubtful)
	if s := b.standing(pat); b.steps(s) != "history found, read found" {
		t.Errorf("%s: %s", s.Outcome, b.steps(s))
	}
}

// A search that a person wants is made though there is a number, which gives way to the one that is found.
func TestSearchInsteadOfTheNumber(t *testing.T) {
	b := newBench(t)
	p := b.local(sandpds.Plain)
	p.Number = &patient.Number{Value: sandpds.Apostrophe.Number()}
	pat, _ := b.traced(p)
	d := b.onlyReview(nhs.Disagrees)
	if err := b.decide(d.ID, nhs.SearchAgain); err != nil {
		t.Fatal(err)
	}
	b.run()
	got := b.get(pat)
	if s := b.standing(pat); b.steps(s) != "history found, read found" || !has(got, sandpds.Plain, "01", patient.NumberVerified) {
		t.Fatalf("%s: %s", s.Outcome, b.steps(s))
	}
	if h := got.Number.History; len(h) != 1 || h[0].Value != sandpds.Apostrophe.Number() || h[0].Why != "replaced" || len(b.reviews()) > 0 {
		t.Errorf("%d in the history, %d reviews", len(h), len(b.reviews()))
	}
	b.clean()
}

// A person who waits goes before all others, and asks once at a time.
func TestRequest(t *testing.T) {
	b := newBench(t)
	pat, _ := b.traced(b.local(sandpds.Plain))
	if _, err := b.numbers.Request(t.Context(), b.by, clinictest.Once(), pat); err != nil {
		t.Fatal(err)
	}
	if _, err := b.numbers.Request(t.Context(), b.by, clinictest.Once(), pat); fault.Of(err).Code != "trace_under_way" {
		t.Errorf("asked twice: %v", err)
	}
	before := b.asked()
	b.run()
	if n := b.asked() - before; n != 1 || b.standing(pat).Tracing != nhs.Settled {
		t.Errorf("%d requests, %s", n, b.standing(pat).Tracing)
	}
}

func TestObjection(t *testing.T) {
	b := newBench(t)
	pat, _ := b.traced(b.local(sandpds.Plain))
	digests := func() int { return strings.Count(b.stored(), "#NHS#") }
	if digests() != 1 {
		t.Fatalf("%d look-up rows", digests())
	}
	if _, err := b.numbers.Object(t.Context(), b.by, clinictest.Once(), pat); err != nil {
		t.Fatal(err)
	}
	s := b.standing(pat)
	if !s.Objects || s.Number != "" || s.Tracing != nhs.Objected || digests() != 0 || b.get(pat).Shown().Number != nil {
		t.Errorf("with the objection: %s, %d look-up rows", s.Tracing, digests())
	}
	before := b.asked()
	b.Clock.Pass(24 * time.Hour)
	b.book(pat, "2027-01-08T10:00") // care goes on
	b.change(pat, func(p *patient.Patient) { p.Names[0].Given, p.Number = []string{"Other"}, nil })
	b.run()
	if _, err := b.numbers.Request(t.Context(), b.by, clinictest.Once(), pat); fault.Of(err).Code != "number_objected" {
		t.Errorf("a trace was asked for: %v", err)
	}
	if b.asked() != before || len(b.nhs.PDS.AskedAbout(sandpds.Plain.Number())) != 1 {
		t.Errorf("%d requests after the objection", b.asked()-before)
	}
	r, err := b.numbers.Object(t.Context(), b.by, clinictest.Once(), pat)
	if err != nil || r.Version != b.get(pat).Version {
		t.Errorf("objected again: %v", err)
	}
	b.change(pat, func(p *patient.Patient) { p.Names[0].Given, p.Number = b.local(sandpds.Plain).Names[0].Given, nil })
	if _, err := b.numbers.Withdraw(t.Context(), b.by, clinictest.Once(), pat); err != nil {
		t.Fatal(err)
	}
	if p := b.get(pat); !has(p, sandpds.Plain, "03", patient.NumberPresent) || digests() != 1 {
		t.Error("the number did not come back")
	}
	b.run()
	if p := b.get(pat); !has(p, sandpds.Plain, "01", patient.NumberVerified) {
		t.Errorf("it was not traced again: %s", b.standing(pat).Outcome)
	}
	b.clean()
}

// What is waiting for a decision is closed by an objection, and the candidate is gone.
func TestObjectionClosesTheReview(t *testing.T) {
	b := newBench(t)
	p := b.local(sandpds.TwoWords)
	p.Names[0].Family = "Silverthorn"
	pat, _ := b.traced(p)
	d := b.onlyReview(nhs.Disagrees)
	if _, err := b.numbers.Object(t.Context(), b.by, clinictest.Once(), pat); err != nil {
		t.Fatal(err)
	}
	if n := len(b.reviews()); n > 0 {
		t.Errorf("%d reviews", n)
	}
	if err := b.decide(d.ID, nhs.Accept); fault.Of(err).Code != "review_decided" {
		t.Errorf("accepted: %v", err)
	}
	if again, err := b.numbers.Review(t.Context(), b.by, d.ID); err != nil || again.Candidate != nil || len(again.Review.Candidate) > 0 {
		t.Errorf("the candidate is still there: %v", err)
	}
}

// The patient objects while the register answers: nothing of the answer is kept.
func TestObjectionInFlight(t *testing.T) {
	b := newBench(t)
	if err := b.nhs.Faults.Add(sandbox.Fault{Kind: sandbox.Slow, On: "get", Count: 1, Delay: sandbox.Delay(time.Second)}); err != nil {
		t.Fatal(err)
	}
	pat := b.create(b.local(sandpds.Plain))
	messages := b.events()
	var worker sync.WaitGroup
	worker.Go(func() { b.deliver(messages...) })
	for len(b.nhs.Requests("search")) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := b.numbers.Object(t.Context(), b.by, clinictest.Once(), pat); err != nil {
		t.Fatal(err)
	}
	worker.Wait()
	b.deliver(messages...)
	if p := b.get(pat); p.Number != nil || p.Practice != nil || p.Version != 2 || len(b.reviews()) > 0 {
		t.Errorf("something was kept: at version %d", p.Version)
	}
	if s := b.standing(pat); s.Tracing != nhs.Objected {
		t.Errorf("it stands at %s", s.Tracing)
	}
	for _, e := range b.history(pat) {
		if e.Name == event.NumberSettled {
			t.Error("it was settled")
		}
	}
}

// The record changes while the register answers: the answer is about somebody else, and the question is asked again.
func TestChangeInFlight(t *testing.T) {
	b := newBench(t)
	if err := b.nhs.Faults.Add(sandbox.Fault{Kind: sandbox.Slow, On: "get", Count: 1, Delay: sandbox.Delay(time.Second)}); err != nil {
		t.Fatal(err)
	}
	pat := b.create(b.local(sandpds.Plain))
	messages := b.events()
	failed := 0
	var worker sync.WaitGroup
	worker.Go(func() { failed = b.deliver(messages...) })
	for len(b.nhs.Requests("search")) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	b.change(pat, func(p *patient.Patient) { p.Names = b.local(sandpds.Apostrophe).Names })
	worker.Wait()
	if p := b.get(pat); p.Number != nil || failed != 1 {
		t.Errorf("the number of somebody with another name was taken; %d failed", failed)
	}
	if n := b.deliver(messages...); n > 0 {
		t.Errorf("%d failed: %s", n, b.Log.String())
	}
	b.run()
	if s := b.standing(pat); s.Outcome == nhs.Verified {
		t.Errorf("%s: %s", s.Outcome, b.steps(s))
	}
	for _, r := range b.nhs.Requests("pds") {
		if r.Code != "" && r.Code != "TOO_MANY_MATCHES" {
			t.Errorf("%s was refused: %s", r.Operation, r.Code)
		}
	}
}

// Many copies of the same messages at the same time, in any order: the end is that of each once.
func TestRedelivery(t *testing.T) {
	b := newBench(t)
	var all []event.Message
	var pats []string
	for _, who := range []sandpds.Who{sandpds.Plain, sandpds.Apostrophe, sandpds.Accents} {
		pats = append(pats, b.create(b.local(who)))
	}
	for i, pat := range pats {
		b.book(pat, []string{"2027-01-05T10:00", "2027-01-05T11:00", "2027-01-05T12:00"}[i])
	}
	all = b.events()
	if len(all) != 6 {
		t.Fatalf("%d messages", len(all))
	}
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			mine := slices.Clone(all)
			if w%2 == 1 {
				slices.Reverse(mine)
			}
			b.deliver(mine...)
		})
	}
	workers.Wait()
	b.Clock.Pass(2 * time.Minute)
	for range 3 {
		b.deliver(all...)
	}
	if n := b.deliver(all...); n > 0 {
		t.Errorf("%d still fail: %s", n, b.Log.String())
	}
	for i, who := range []sandpds.Who{sandpds.Plain, sandpds.Apostrophe, sandpds.Accents} {
		if p := b.get(pats[i]); !has(p, who, "01", patient.NumberVerified) || p.Version != 2 {
			t.Errorf("patient %d is at version %d: %v", i, p.Version, b.trail(pats[i]))
		}
	}
	if len(b.reviews()) > 0 {
		t.Error("there is something to review")
	}
	for _, r := range b.nhs.Requests("pds") {
		if r.Status != 200 {
			t.Errorf("%s was answered %d", r.Operation, r.Status)
		}
	}
	b.clean()
}

// What the NHS cannot read is refused each time, until somebody has mended it; then it is done.
func TestPoison(t *testing.T) {
	b := newBench(t)
	pat := b.create(b.local(sandpds.Plain))
	m := b.events()[0]
	if err := b.nhs.Faults.Add(sandbox.Fault{Kind: apim.NoASID, Count: sandbox.Forever, On: "pds"}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // until it is a dead letter
		if n := b.deliver(m); n != 1 {
			t.Fatalf("%d failed", n)
		}
	}
	if !strings.Contains(b.Log.String(), `"outcome":"refused"`) || !strings.Contains(b.Log.String(), "MISSING_VALUE") {
		t.Error("the log does not say what is wrong")
	}
	b.nhs.Faults.Clear()
	if n := b.deliver(m); n > 0 || !has(b.get(pat), sandpds.Plain, "01", patient.NumberVerified) {
		t.Error("it was not traced once the application was set up")
	}
	if n := len(b.disclosures(pat)); n != 1 {
		t.Errorf("%d disclosures", n)
	}
}
