package main

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/infra/sandbox/nhstest"
	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/queue"
)

const ods = "Y90001"

// bench is a clinic that traces numbers, the stand-in of the NHS, and the worker in between.
type bench struct {
	*clinictest.Clinic
	t        *testing.T
	nhs      *nhstest.Stand
	patients *patient.Service
	numbers  *nhs.Service
	set      pds.Settings
	each     queue.Handler
	by       access.Caller
}

func newBench(t *testing.T) *bench {
	t.Helper()
	h := clinictest.New(t)
	b := &bench{Clinic: h.Found(t), t: t, nhs: h.NHS(t)}
	b.patients = patient.New(h.Table, h.Keeper, h.Clock.Now, id.New)
	b.numbers = nhs.New(h.Table, b.patients, h.Keeper, h.Directory, h.Clock.Now, id.New)
	b.set = h.PDS(b.nhs)
	b.connect()
	b.settings(clinic.NHS{ODSCode: ods, Tracing: true})
	b.events() // of the patients that every clinic has
	return b
}

// connect makes the worker anew, as another process.
func (b *bench) connect() {
	b.t.Helper()
	register, err := pds.New(b.set)
	if err != nil {
		b.t.Fatal(err)
	}
	w := worker{table: b.Table, numbers: b.numbers, register: register, now: b.Clock.Now}
	b.each = queue.Edge{Log: slog.New(slog.NewJSONHandler(b.Log, nil))}.Each(event.PDS, access.PDSLookup, w.work, event.Asked)
}

// settings changes how the organisation works with the NHS.
func (b *bench) settings(set clinic.NHS) {
	b.t.Helper()
	b.SetNHS(b.t, set)
	b.by = b.By(b.t, clinictest.Receptionist)
}

// local is the record as the clinic would have it of somebody whom the register knows, without the number.
func (b *bench) local(who sandpds.Who) patient.Patient {
	b.t.Helper()
	p, ok := b.nhs.PDS.Person(who.Number())
	if !ok {
		b.t.Fatalf("the register has no %v", who)
	}
	out := patient.Patient{BirthDate: p.BirthDate, Sex: p.Gender}
	for _, n := range p.Names {
		if n.Use == "usual" {
			out.Names = append(out.Names, patient.Name{Use: "usual", Family: n.Family, Given: n.Given})
		}
	}
	for _, a := range p.Addresses {
		if a.Use == "home" && a.End == "" {
			lines := slices.DeleteFunc(slices.Clone(a.Lines), func(l string) bool { return l == "" })
			out.Addresses = append(out.Addresses, patient.Address{Use: "home", Lines: lines, Postcode: a.Postcode})
		}
	}
	if len(out.Names) == 0 {
		out.Names = []patient.Name{{Use: "usual", Family: "Somebody", Given: []string{"Anne"}}}
	}
	for i, a := range out.Addresses {
		if _, ok := patient.Postcode(a.Postcode); !ok { // not of the form that one has, so it cannot be entered
			out.Addresses[i].Postcode = ""
		}
	}
	return out
}

// numbered is the same with a number that somebody told.
func (b *bench) numbered(who sandpds.Who) patient.Patient {
	b.t.Helper()
	p := b.local(who)
	p.Number = &patient.Number{Value: who.Number()}
	return p
}

func (b *bench) create(p patient.Patient) string {
	b.t.Helper()
	r, err := b.patients.Create(b.t.Context(), b.by, clinictest.Once(), p)
	if err != nil {
		b.t.Fatalf("create: %v %+v", err, fault.Of(err).Details)
	}
	return r.ID
}

func (b *bench) get(pat string) patient.Patient {
	b.t.Helper()
	p, err := b.patients.Get(b.t.Context(), b.by, pat)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) change(pat string, change func(p *patient.Patient)) {
	b.t.Helper()
	p := b.get(pat)
	change(&p)
	if _, err := b.patients.Change(b.t.Context(), b.by, clinictest.Once(), p); err != nil {
		b.t.Fatalf("change: %v %+v", err, fault.Of(err).Details)
	}
}

func (b *bench) book(pat, at string) {
	b.t.Helper()
	s := booking.New(b.Table, b.Directory, b.Clock.Now, id.New)
	_, err := s.Book(b.t.Context(), b.by, clinictest.Once(), booking.Wish{
		ServiceID: b.Service.ID, PractitionerID: b.Practitioners[0].ID, SiteID: b.Site.ID, PatientID: pat, Start: at,
	})
	if err != nil {
		b.t.Fatalf("book: %v %+v", err, fault.Of(err).Details)
	}
}

// events takes the events that wait for this queue out of the outbox, in the order in which they happened.
func (b *bench) events() []event.Message {
	b.t.Helper()
	var out []event.Message
	for _, e := range b.Waiting(b.t) {
		if q := event.Queues(e.Name); slices.Contains(q, event.PDS) || slices.Contains(q, event.Asked) {
			out = append(out, e.Message())
		}
		if err := b.Table.Outbox().Relayed(b.t.Context(), e.Message()); err != nil {
			b.t.Fatal(err)
		}
	}
	slices.SortFunc(out, func(a, b event.Message) int { return strings.Compare(a.Event, b.Event) })
	return out
}

// deliver gives messages to the worker and tells how many it did not deal with.
func (b *bench) deliver(messages ...event.Message) int {
	b.t.Helper()
	var batch events.SQSEvent
	for _, m := range messages {
		body, err := queue.Encode(m)
		if err != nil {
			b.t.Fatal(err)
		}
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: m.Event, Body: body})
	}
	res, err := b.each(b.t.Context(), batch)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(res.BatchItemFailures)
}

// run deals with all that happened, and each of it twice.
func (b *bench) run() {
	b.t.Helper()
	for all := b.events(); len(all) > 0; all = b.events() {
		if n := b.deliver(all...); n > 0 {
			b.t.Fatalf("%d messages failed: %s", n, b.Log.String())
		}
		if n := b.deliver(all...); n > 0 {
			b.t.Fatalf("%d messages failed the second time: %s", n, b.Log.String())
		}
	}
}

// traced registers somebody and lets the worker do its work.
func (b *bench) traced(p patient.Patient) (string, nhs.NumberStanding) {
	b.t.Helper()
	pat := b.create(p)
	b.run()
	return pat, b.standing(pat)
}

func (b *bench) standing(pat string) nhs.NumberStanding {
	b.t.Helper()
	s, err := b.numbers.Standing(b.t.Context(), b.by, pat)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// asked counts the requests to the register.
func (b *bench) asked() int { return len(b.nhs.Requests("pds")) }

func (b *bench) steps(s nhs.NumberStanding) string {
	var out []string
	for _, one := range s.Steps {
		out = append(out, one.Name+" "+one.Outcome)
	}
	return strings.Join(out, ", ")
}

// trail lists the events of a patient by name and reason.
func (b *bench) trail(pat string) []string {
	b.t.Helper()
	var out []string
	for _, e := range b.history(pat) {
		out = append(out, string(e.Name)+" "+e.Why)
	}
	return out
}

func (b *bench) history(pat string) []event.Event {
	b.t.Helper()
	return b.History(b.t, b.Org, pat)
}

func (b *bench) disclosures(pat string) []disclosure.Entry {
	b.t.Helper()
	all, _, err := disclosure.New(b.Table, b.Keeper, b.Clock.Now, id.New).List(b.t.Context(), b.by, pat, "", 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) reviews() []nhs.Review {
	b.t.Helper()
	all, _, err := b.numbers.Reviews(b.t.Context(), b.by, "", 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// onlyReview gives the one review that is open, and whom it is about.
func (b *bench) onlyReview(reason string) nhs.ReviewDetail {
	b.t.Helper()
	all := b.reviews()
	if len(all) != 1 || all[0].Reason != reason {
		b.t.Fatalf("the reviews are %+v, want one because of %s", all, reason)
	}
	d, err := b.numbers.Review(b.t.Context(), b.by, all[0].ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b *bench) decide(review string, d nhs.Decision) error {
	_, err := b.numbers.Decide(b.t.Context(), b.by, clinictest.Once(), review, d)
	return err
}

// clean makes sure that nothing of anybody is in the log, in a queue or in the table outside what is sealed.
func (b *bench) clean() {
	b.t.Helper()
	text := b.Log.String() + b.stored()
	for _, p := range b.nhs.PDS.Everybody() {
		for _, m := range []string{p.Number} {
			if strings.Contains(text, m) {
				b.t.Errorf("a number shows: %.3s…", m)
			}
		}
		for _, n := range p.Names {
			if len(n.Family) > 5 && strings.Contains(text, n.Family) {
				b.t.Errorf("%q shows", n.Family)
			}
		}
	}
}

// stored is all that is in the table, as text.
func (b *bench) stored() string {
	b.t.Helper()
	return mustJSON(b.t, b.Stored(b.t))
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
