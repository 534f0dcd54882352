package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox/apim"
	sandnhs "almanac/infra/sandbox/nhs"
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
	"almanac/shared/table"
)

const ods = "Y90001"

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// bench is a clinic that traces numbers, the stand-in of the NHS, and the worker in between.
type bench struct {
	*clinictest.Clinic
	t        *testing.T
	nhs      *sandnhs.Server
	patients *patient.Service
	numbers  *nhs.Service
	set      pds.Settings
	each     queue.Handler
	by       access.Caller
}

func newBench(t *testing.T) *bench {
	t.Helper()
	h := clinictest.New(t)
	n, err := sandnhs.New(sandnhs.Config{
		Rate: -1, Apps: []apim.App{{Key: "app", Keys: apim.Fixed("kid-1", &testKey().PublicKey)}}, Now: h.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(n)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	b := &bench{Clinic: h.Found(t), t: t, nhs: n}
	b.patients = patient.New(h.Table, h.Keeper, h.Clock.Now, id.New)
	b.numbers = nhs.New(h.Table, b.patients, h.Keeper, h.Directory, h.Clock.Now, id.New)
	b.set = pds.Settings{
		URL: srv.URL + sandpds.Base, TokenURL: srv.URL + sandnhs.TokenPath, APIKey: "app", KID: "kid-1", Now: h.Clock.Now,
		Sign: func(_ context.Context, digest []byte) ([]byte, error) {
			return rsa.SignPKCS1v15(nil, testKey(), crypto.SHA512, digest)
		},
		Pace: func(context.Context, bool) error { return nil },
		Hold: func(context.Context, time.Duration) error { return nil },
	}
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
	b.each = queue.Each(slog.New(slog.NewJSONHandler(b.Log, nil)), event.PDS, access.PDSLookup, w.work, event.Asked)
}

// settings changes how the organisation works with the NHS.
func (b *bench) settings(set clinic.NHS) {
	b.t.Helper()
	k := b.Table.For(access.System(b.Org, "test"))
	var org clinic.Organisation
	if err := k.Get(b.t.Context(), k.Organisation(), &org); err != nil {
		b.t.Fatal(err)
	}
	org.NHS = set
	b.Change(b.t, func(c table.Clinic) []table.Item {
		return []table.Item{{Key: c.Organisation(), Value: org, Version: org.Version}}
	})
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
	for shard := range table.OutboxShards {
		all, err := b.Table.Outbox().Waiting(b.t.Context(), shard, time.Now().Add(time.Hour), 1000)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, e := range all {
			if q := event.Queues(e.Name); slices.Contains(q, event.PDS) || slices.Contains(q, event.Asked) {
				out = append(out, e.Message())
			}
			if err := b.Table.Outbox().Relayed(b.t.Context(), e.Message()); err != nil {
				b.t.Fatal(err)
			}
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
	k := b.Table.For(access.System(b.Org, "test"))
	rows, err := k.Under(b.t.Context(), k.Patient(pat), table.Events)
	if err != nil {
		b.t.Fatal(err)
	}
	out := make([]event.Event, len(rows))
	for i, r := range rows {
		if err := r.Decode(&out[i]); err != nil {
			b.t.Fatal(err)
		}
	}
	return out
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
	var out strings.Builder
	in := &dynamodb.ScanInput{TableName: &b.Name, ConsistentRead: aws.Bool(true)}
	for {
		page, err := b.DB.Scan(b.t.Context(), in)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, item := range page.Items {
			var plain map[string]any
			if err := attributevalue.UnmarshalMap(item, &plain); err != nil {
				b.t.Fatal(err)
			}
			out.WriteString(mustJSON(b.t, plain))
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return out.String()
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
