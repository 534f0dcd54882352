package main

import (
	"slices"
	"testing"
	"time"

	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/nhs"
	"almanac/shared/patient"
)

// keeping is a bench of a clinic that keeps what the register says of where people are.
func keeping(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.settings(clinic.NHS{ODSCode: ods, Tracing: true, KeepDemographics: true})
	return b
}

// placed counts what a record has from the register of where the person is.
func placed(p patient.Patient) int {
	n := 0
	for _, a := range p.Addresses {
		if a.Source == patient.PDS {
			n++
		}
	}
	for _, c := range p.Contacts {
		if c.Source == patient.PDS {
			n++
		}
	}
	if p.Practice != nil && p.Practice.Source == patient.PDS {
		n++
	}
	return n
}

// renewed has the copy compared again, because somebody is booked half a day later.
func (b *bench) renewed(pat, at string) nhs.NumberStanding {
	b.t.Helper()
	b.Clock.Pass(13 * time.Hour)
	b.book(pat, at)
	b.run()
	return b.standing(pat)
}

func (b *bench) restrict(number string) {
	b.t.Helper()
	if err := b.nhs.PDS.Restrict(number); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) unrestrict(number string) {
	b.t.Helper()
	if err := b.nhs.PDS.Unrestrict(number); err != nil {
		b.t.Fatal(err)
	}
}

// protected makes sure that nothing of where the person is, as the register told it, is kept or leaves the house.
func (b *bench) protected(pat string) {
	b.t.Helper()
	p := b.get(pat)
	if !p.Restricted || placed(p) > 0 {
		b.t.Errorf("restricted: %v, with %d parts from the register", p.Restricted, placed(p))
	}
	to, err := b.patients.Addressee(b.t.Context(), b.by, pat)
	if err != nil || to.Email != "" {
		b.t.Errorf("there is somewhere to write to: %v", err)
	}
	if out := patient.NewFHIR(p); len(out.Address) > 0 || len(out.Telecom) > 0 {
		b.t.Error("the export tells where the person is")
	}
}

// Whatever else is doubted about a record: when the register protects the owner of its number, it is protected at once.
func TestProtectionInEveryVerdict(t *testing.T) {
	t.Run("agrees", func(t *testing.T) {
		b := keeping(t)
		pat, _ := b.traced(b.local(sandpds.Ordinary))
		b.restrict(sandpds.Ordinary.Number())
		if s := b.renewed(pat, "2027-01-05T10:00"); s.Outcome != nhs.Verified {
			t.Errorf("%s", s.Outcome)
		}
		b.protected(pat)
		b.told(pat, "verified+restricted")
	})
	t.Run("disagrees, because the register tells no postcode any more", func(t *testing.T) {
		b := keeping(t)
		p := b.local(sandpds.Ordinary)
		p.Names[0].Given = []string{"Rosanna"}
		pat, s := b.traced(p)
		if s.Outcome != nhs.Verified || placed(b.get(pat)) == 0 {
			t.Fatalf("%s, %d parts", s.Outcome, placed(b.get(pat)))
		}
		b.restrict(sandpds.Ordinary.Number())
		if s = b.renewed(pat, "2027-01-05T10:00"); s.Outcome != nhs.Disagrees {
			t.Errorf("%s", s.Outcome)
		}
		b.protected(pat)
		b.told(pat, "details_disagree+restricted")
		b.unrestrict(sandpds.Ordinary.Number()) // and with it the postcode agrees again
		if s = b.renewed(pat, "2027-01-06T10:00"); s.Outcome != nhs.Verified || b.get(pat).Restricted || len(b.reviews()) > 0 {
			t.Errorf("then %s, restricted: %v", s.Outcome, b.get(pat).Restricted)
		}
	})
	t.Run("disagrees, and a person has not decided yet", func(t *testing.T) {
		b := keeping(t)
		pat, _ := b.traced(b.local(sandpds.Ordinary))
		b.change(pat, func(p *patient.Patient) { p.Names[0].Family = "Newmarried" })
		b.run()
		d := b.onlyReview(nhs.Disagrees)
		b.restrict(sandpds.Ordinary.Number())
		if s := b.renewed(pat, "2027-01-05T10:00"); s.Outcome != nhs.Disagrees {
			t.Errorf("%s", s.Outcome)
		}
		b.protected(pat)
		if again := b.onlyReview(nhs.Disagrees); again.ID != d.ID || !again.At.Equal(d.At) {
			t.Error("the review lost its place in the list")
		}
	})
	t.Run("disagrees, because of another name", func(t *testing.T) {
		b := keeping(t)
		pat, _ := b.traced(b.local(sandpds.Ordinary))
		b.restrict(sandpds.Ordinary.Number())
		b.change(pat, func(p *patient.Patient) { p.Names[0].Family = "Newmarried" })
		b.run()
		if s := b.standing(pat); s.Outcome != nhs.Disagrees {
			t.Errorf("%s", s.Outcome)
		}
		b.protected(pat)
		// Without agreement it is not taken back.
		b.unrestrict(sandpds.Ordinary.Number())
		b.change(pat, func(p *patient.Patient) { p.Names[0].Family = "Newermarried" })
		b.run()
		b.protected(pat)
		b.change(pat, func(p *patient.Patient) { p.Names = b.local(sandpds.Ordinary).Names })
		b.run()
		if s := b.standing(pat); s.Outcome != nhs.Verified || b.get(pat).Restricted {
			t.Errorf("%s, and the protection stays: %v", s.Outcome, b.get(pat).Restricted)
		}
		b.told(pat, "verified+unrestricted")
	})
	t.Run("replaced by a number with other details", func(t *testing.T) {
		b := keeping(t)
		pat, _ := b.traced(b.local(sandpds.Plain))
		next, err := b.nhs.PDS.Renumber(sandpds.Plain.Number())
		if err != nil {
			t.Fatal(err)
		}
		b.restrict(next)
		b.change(pat, func(p *patient.Patient) { p.Names[0].Family = "Newmarried" })
		b.run()
		if s := b.standing(pat); s.Outcome != nhs.Replaced {
			t.Errorf("%s", s.Outcome)
		}
		b.protected(pat)
	})
	t.Run("held by another record", func(t *testing.T) {
		b := keeping(t)
		pat, _ := b.traced(b.local(sandpds.Plain))
		next, err := b.nhs.PDS.Renumber(sandpds.Plain.Number())
		if err != nil {
			t.Fatal(err)
		}
		holder := b.local(sandpds.Apostrophe)
		holder.Number = &patient.Number{Value: next}
		b.create(holder)
		b.restrict(next)
		if s := b.renewed(pat, "2027-01-05T10:00"); s.Outcome != nhs.Held {
			t.Errorf("%s", s.Outcome)
		}
		b.protected(pat)
		b.told(pat, "number_held+restricted")
	})
}

// What was found when the decision was asked for may be out of date: the register is read again before it counts.
func TestAcceptReadsAgain(t *testing.T) {
	b := keeping(t)
	p := b.local(sandpds.Ordinary)
	p.Addresses = nil
	pat, _ := b.traced(p)
	d := b.onlyReview(nhs.Doubtful)
	b.restrict(sandpds.Ordinary.Number())
	b.Clock.Pass(5 * 24 * time.Hour)
	if err := b.decide(d.ID, nhs.Accept); err != nil {
		t.Fatal(err)
	}
	if got := b.get(pat); !has(got, sandpds.Ordinary, "03", patient.NumberPresent) || placed(got) > 0 {
		t.Errorf("%d parts of the candidate were taken", placed(got))
	}
	b.run()
	got := b.get(pat)
	if !has(got, sandpds.Ordinary, "01", patient.NumberVerified) || b.Clock.Now().Sub(*got.Number.VerifiedAt) > time.Hour {
		t.Errorf("it stands at %s", b.standing(pat).Outcome)
	}
	b.protected(pat)
	b.clean()
}

func TestAcceptWithoutTracing(t *testing.T) {
	b := newBench(t)
	p := b.local(sandpds.Ordinary)
	p.Addresses = nil
	b.traced(p)
	d := b.onlyReview(nhs.Doubtful)
	b.settings(clinic.NHS{ODSCode: ods})
	if err := b.decide(d.ID, nhs.Accept); code(err) != "tracing_off" {
		t.Errorf("accepted: %v", err)
	}
}

// Protection that came with a merged record stays, whatever the register says of the number that the other one has.
func TestMergedProtectionStays(t *testing.T) {
	b := keeping(t)
	b.by = b.By(t, clinictest.Manager) // who registers somebody may merge the record
	pat, _ := b.traced(b.local(sandpds.Ordinary))
	other, _ := b.traced(b.local(sandpds.Plain))
	b.restrict(sandpds.Plain.Number())
	b.renewed(other, "2027-01-05T10:00")
	b.protected(other)
	b.merge(pat, other)
	b.run()
	if s := b.renewed(pat, "2027-01-06T10:00"); s.Outcome != nhs.Verified {
		t.Errorf("%s", s.Outcome)
	}
	b.protected(pat)
	if slices.Contains(b.trail(pat), "number.settled verified+unrestricted") {
		t.Error("the trail says that the protection ended")
	}
	// The number's own comes and goes beside it.
	b.restrict(sandpds.Ordinary.Number())
	b.renewed(pat, "2027-01-07T10:00")
	b.unrestrict(sandpds.Ordinary.Number())
	b.renewed(pat, "2027-01-08T10:00")
	b.protected(pat)
}

// A number that went over in a merge is read again, and says for itself whether its owner is still protected.
func TestProtectionOfANumberThatWentOver(t *testing.T) {
	b := keeping(t)
	b.by = b.By(t, clinictest.Manager) // who registers somebody may merge the record
	pat := b.create(patient.Patient{
		BirthDate: "1950", Names: []patient.Name{{Use: "usual", Family: "Amberley", Given: []string{"Rose"}}},
	})
	b.run()
	b.restrict(sandpds.Ordinary.Number())
	other, _ := b.traced(b.numbered(sandpds.Ordinary))
	b.protected(other)
	b.merge(pat, other)
	b.change(pat, func(p *patient.Patient) {
		own := b.local(sandpds.Ordinary)
		p.Names, p.BirthDate, p.Addresses = own.Names, own.BirthDate, own.Addresses
	})
	b.run()
	if p := b.get(pat); !p.Restricted || !has(p, sandpds.Ordinary, "01", patient.NumberVerified) {
		t.Fatalf("it stands at %s", b.standing(pat).Outcome)
	}
	b.unrestrict(sandpds.Ordinary.Number())
	if b.renewed(pat, "2027-01-06T10:00"); b.get(pat).Restricted {
		t.Error("the protection stays")
	}
}

// What the register said under a number goes with the number.
func TestPlacesGoWithTheNumber(t *testing.T) {
	for name, end := range map[string]func(b *bench, pat string) error{
		nhs.Invalidated: func(b *bench, _ string) error { return b.nhs.PDS.Invalidate(sandpds.Plain.Number()) },
		nhs.Replaced: func(b *bench, pat string) error {
			_, err := b.nhs.PDS.Renumber(sandpds.Plain.Number())
			b.change(pat, func(p *patient.Patient) { p.Names[0].Family = "Newmarried" })
			return err
		},
		nhs.NotFound: func(b *bench, _ string) error {
			return b.nhs.PDS.Change(sandpds.Plain.Number(), func(p *sandpds.Person) { p.Hidden = true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := keeping(t)
			pat, _ := b.traced(b.local(sandpds.Plain))
			if placed(b.get(pat)) == 0 {
				t.Fatal("nothing was kept")
			}
			if err := end(b, pat); err != nil {
				t.Fatal(err)
			}
			if s := b.renewed(pat, "2027-01-05T10:00"); s.Outcome != name || placed(b.get(pat)) > 0 {
				t.Errorf("%s, %d parts", s.Outcome, placed(b.get(pat)))
			}
		})
	}
}

func (b *bench) merge(into, from string) {
	b.t.Helper()
	if _, err := b.patients.Merge(b.t.Context(), b.By(b.t, clinictest.Manager), clinictest.Once(), into, from); err != nil {
		b.t.Fatal(err)
	}
}
