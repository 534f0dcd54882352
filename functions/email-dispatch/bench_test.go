package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/ses"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/mail"
	"almanac/shared/patient"
	"almanac/shared/queue"
	"almanac/shared/table"
	"almanac/shared/video"
)

// The patient's data, which may stand in the patient's record and the mail and nowhere else.
const (
	given  = "Zebedee"
	family = "Canary-Ławniczak"
	name   = given + " " + family
	email  = "zebedee.canary@patient.example"
)

// public is the address of our own pages.
const public = "https://visits.clinic.example"

// bench is the worker over the real engine and the stand-in for SES, and a clinic that books.
type bench struct {
	*clinictest.Clinic
	booking *booking.Service
	ses     *ses.Server
	each    queue.Handler
	patient string
}

func newBench(t *testing.T, with ...func(*dynamodb.Options)) *bench {
	t.Helper()
	b := &bench{Clinic: clinictest.New(t, with...).Found(t)}
	b.booking = booking.New(b.Table, b.Directory, b.Clock.Now, id.New)
	b.Site.Name, b.Site.Address, b.Site.Email, b.Site.Phone = "Elm Road Surgery", "1 Elm Road, London", "hello@elm.example", "+442079460000"
	b.Change(t, func(c table.Clinic) []table.Item {
		return []table.Item{{Key: c.Site(b.Site.ID), Value: b.Site, Version: 1}}
	})
	b.patient = b.register(t, email)
	server, err := ses.New(ses.Config{
		Identities: []string{"mail.example.org"}, Now: b.Clock.Now, Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ses = server
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	b.each = b.worker(t, srv.URL)
	return b
}

// worker makes the handler as main does.
func (b *bench) worker(t *testing.T, url string) queue.Handler {
	t.Helper()
	writer, err := mail.NewWriter("bookings@mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	d := dispatcher{
		table: b.Table, directory: clinic.NewDirectory(b.Table, b.Clock.Now), patients: patient.New(b.Table, b.Keeper, b.Clock.Now, id.New),
		ledger: delivery.New(b.Table, b.Clock.Now, id.New), writer: writer, now: b.Clock.Now,
		post: mail.NewPost(aws.Config{
			Region: "eu-west-2", BaseEndpoint: &url,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
			}),
		}, ""),
		links: video.Links{Table: b.Table, Keeper: b.Keeper}, public: public,
	}
	return queue.Edge{Log: slog.New(slog.NewJSONHandler(b.Log, nil))}.Each(event.Email, access.EmailDispatch, d.dispatch)
}

// register adds a patient, who is reached at the address if there is one.
func (b *bench) register(t *testing.T, email string) string {
	t.Helper()
	p := patient.Patient{Names: []patient.Name{{Use: patient.Usual, Given: []string{given}, Family: family}}}
	if email != "" {
		p.Contacts = []patient.Contact{{System: patient.Email, Value: "checked@patient.example"}}
	}
	pat := b.Register(t, p)
	if email != "" {
		p.Contacts[0].Value, p.Sex = email, "unknown"
		b.reseal(t, pat, p)
	}
	return pat
}

// reseal writes a record past the checks of the API, as one from before them would be.
func (b *bench) reseal(t *testing.T, pat string, p patient.Patient) {
	t.Helper()
	k := b.Table.For(b.By(t, clinictest.Receptionist))
	key, err := b.Keeper.Key(t.Context(), k, b.Org, pat)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := key.Seal("record", map[string]any{"patient": p})
	if err != nil {
		t.Fatal(err)
	}
	err = k.Write(t.Context(), table.Change{
		Action: access.PatientChange, Target: pat, Event: event.Event{Name: event.PatientChanged},
		Put: []table.Item{{Key: k.Patient(pat), Value: map[string]any{"id": pat, "s": blob}, Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) book(t *testing.T, start string) booking.Appointment {
	t.Helper()
	apt, err := b.booking.Book(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: b.Service.ID, SiteID: b.Site.ID, PractitionerID: b.Practitioners[0].ID, PatientID: b.patient, Start: start,
	})
	if err != nil {
		t.Fatalf("book %s: %v", start, err)
	}
	return apt
}

func (b *bench) move(t *testing.T, apt booking.Appointment, start string) booking.Appointment {
	t.Helper()
	apt, err := b.booking.Move(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, apt.Version, booking.Wish{Start: start})
	if err != nil {
		t.Fatalf("move to %s: %v", start, err)
	}
	return apt
}

func (b *bench) cancel(t *testing.T, apt booking.Appointment) booking.Appointment {
	t.Helper()
	apt, err := b.booking.Cancel(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, apt.Version, booking.ByPatient)
	if err != nil {
		t.Fatalf("cancel: %v", err)
	}
	return apt
}

// outbox gives the messages that wait to be relayed to the worker's queue, in the order of what happened.
func (b *bench) outbox(t *testing.T) []event.Message {
	t.Helper()
	var out []event.Message
	for _, e := range b.Waiting(t) {
		if slices.Contains(event.Queues(e.Name), event.Email) {
			out = append(out, e.Message())
		}
	}
	slices.SortFunc(out, func(a, b event.Message) int { return strings.Compare(a.Event, b.Event) })
	return out
}

func (b *bench) batch(t *testing.T, messages ...event.Message) events.SQSEvent {
	t.Helper()
	var e events.SQSEvent
	for i, m := range messages {
		body, err := queue.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
	}
	return e
}

// work hands messages to the worker in one batch and gives the indices of those that failed.
func (b *bench) work(t *testing.T, messages ...event.Message) []string {
	t.Helper()
	res, err := b.each(t.Context(), b.batch(t, messages...))
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range res.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

// ledger gives the deliveries about an appointment as "state reason", oldest event first.
func (b *bench) ledger(t *testing.T, appointment string) []string {
	t.Helper()
	all, err := delivery.List(t.Context(), b.Table, b.By(t, clinictest.Receptionist), appointment)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		out = append(out, strings.TrimSpace(string(d.State)+" "+d.Reason))
	}
	return out
}

func (b *bench) ledgerIs(t *testing.T, appointment string, want ...string) {
	t.Helper()
	if got := b.ledger(t, appointment); !slices.Equal(got, want) {
		t.Errorf("the ledger says %q, want %q", got, want)
	}
}

// mails gives what arrived at the patient's, oldest first.
func (b *bench) mails() []ses.Mail {
	all := b.ses.Mails(email)
	slices.Reverse(all)
	return all
}

func (b *bench) subjects(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, m := range b.mails() {
		got = append(got, m.Subject)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the patient got %q, want %q", got, want)
	}
}

func (b *bench) fails(t *testing.T, kind string, count int) {
	t.Helper()
	if err := b.ses.Faults.Set([]sandbox.Fault{{Kind: kind, Count: count}}); err != nil {
		t.Fatal(err)
	}
}

// clean fails if the patient's data stands in the log or, readable, in any item.
func (b *bench) clean(t *testing.T) {
	t.Helper()
	if log := b.Log.String(); strings.Contains(log, "anary") || strings.Contains(log, "ebedee") || strings.Contains(log, "patient.example") {
		t.Errorf("the patient's data is in the log:\n%s", log)
	}
	items := 0
	pages := dynamodb.NewScanPaginator(b.DB, &dynamodb.ScanInput{TableName: &b.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			text, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			items++
			if strings.Contains(string(text), "anary") {
				t.Errorf("the patient's data stands in %s", text)
			}
		}
	}
	if items == 0 {
		t.Error("the table is empty")
	}
}
