package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/ses"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

const (
	booked    = "Your appointment on Tuesday 5 January 2027"
	moved     = "Your appointment is now on Wednesday 6 January 2027"
	cancelled = "Your appointment on Wednesday 6 January 2027 is cancelled"
)

// A booking, its move and its cancellation, each told as it happens.
func TestDispatch(t *testing.T) {
	b := newBench(t)
	apt := b.book(t, "2027-01-05T09:30")
	if failed := b.work(t, b.outbox(t)...); len(failed) > 0 {
		t.Fatalf("failed %v\n%s", failed, b.Log)
	}
	b.subjects(t, booked)
	m := b.mails()[0]
	if !strings.Contains(m.Text, "Dear "+name+",") || !strings.Contains(m.Text, "Tuesday 5 January 2027, 9:30am to 10am\n") ||
		!strings.Contains(m.Text, "Where: Elm Road Surgery, 1 Elm Road, London\n") || !strings.Contains(m.HTML, "Elm Road Surgery") {
		t.Errorf("%s\n%s", m.Text, m.HTML)
	}
	if strings.Contains(m.Text+m.HTML+string(m.Attachments[0].Content), b.Service.Name) {
		t.Error("the mail names the service")
	}
	tags, err := json.Marshal(m.Tags)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{b.Org, apt.ID, b.outbox(t)[0].Event} {
		if !strings.Contains(string(tags), want) || len(m.Tags) != 3 {
			t.Errorf("tags %s", tags)
		}
	}
	apt = b.move(t, apt, "2027-01-06T14:00")
	apt = b.cancel(t, apt)
	waiting := b.outbox(t)
	b.move(t, b.book(t, "2027-01-07T09:30"), "2027-01-07T10:30")
	if failed := b.work(t, waiting...); len(failed) > 0 {
		t.Fatalf("failed %v\n%s", failed, b.Log)
	}
	// The move was overtaken by the cancellation before it could be told.
	b.subjects(t, booked, cancelled)
	b.ledgerIs(t, apt.ID, "done", "skipped superseded", "done")
	for n, want := range []struct {
		method, status, start string
		sequence              int
	}{{"REQUEST", "CONFIRMED", "2027-01-05T09:30:00Z", 0}, {"CANCEL", "CANCELLED", "2027-01-06T14:00:00Z", 2}} {
		c := b.mails()[n].Calendar
		if len(c) != 1 || len(c[0].Events) != 1 {
			t.Fatalf("calendar %+v", c)
		}
		e := c[0].Events[0]
		if c[0].Method != want.method || e.Status != want.status || e.Start != want.start || e.Sequence != want.sequence || e.UID != apt.ID {
			t.Errorf("calendar %+v", c[0])
		}
	}
	b.clean(t)
}

// In summer the wall clock at the site is an hour ahead of UTC.
func TestDispatchInSummer(t *testing.T) {
	b := newBench(t)
	b.book(t, "2027-07-05T09:30")
	b.work(t, b.outbox(t)...)
	m := b.mails()
	if len(m) != 1 || !strings.Contains(m[0].Text, "Monday 5 July 2027, 9:30am to 10am") || m[0].Calendar[0].Events[0].Start != "2027-07-05T08:30:00Z" {
		t.Errorf("%+v", m)
	}
}

// Ten copies of every message of several appointments, shuffled, in batches of ten: what they come to is what the
// last message of each alone comes to.
func TestDispatchDuplicatesShuffled(t *testing.T) {
	b := newBench(t)
	once := b.book(t, "2027-01-05T09:30")
	twice := b.move(t, b.book(t, "2027-01-05T11:00"), "2027-01-06T09:00")
	thrice := b.cancel(t, b.move(t, b.book(t, "2027-01-05T14:00"), "2027-01-06T14:00"))
	var all []event.Message
	for range 10 {
		all = append(all, b.outbox(t)...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for batch := range slices.Chunk(all, 10) {
		if failed := b.work(t, batch...); len(failed) > 0 {
			t.Fatalf("failed %v\n%s", failed, b.Log)
		}
	}
	var got []string
	for _, m := range b.mails() {
		got = append(got, m.Subject)
	}
	slices.Sort(got)
	if want := []string{moved, booked, cancelled}; len(got) != 3 || !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) || !slices.Contains(got, want[2]) {
		t.Errorf("the patient got %q, want %q", got, want)
	}
	b.ledgerIs(t, once.ID, "done")
	b.ledgerIs(t, twice.ID, "skipped superseded", "done")
	b.ledgerIs(t, thrice.ID, "skipped superseded", "skipped superseded", "done")
	b.clean(t)
}

// Each way in which SES fails, and what the patient has in the end, when the message comes again ten times.
func TestDispatchFaults(t *testing.T) {
	for _, x := range []struct {
		fault  string
		count  int
		first  string // the ledger after the first try
		last   string // and in the end
		comes  bool   // whether the message goes back to the queue
		mails  int
		begins int
	}{
		{ses.Throttle, 5, "planned throttled", "done", true, 1, 2},
		{ses.Quota, 2, "planned quota_spent", "done", true, 1, 3},
		{ses.Paused, 1, "planned sending_paused", "done", true, 1, 2},
		{ses.Suspended, 1, "planned account_suspended", "done", true, 1, 2},
		{ses.MailFrom, 1, "planned domain_not_verified", "done", true, 1, 2},
		{ses.Reject, 1, "failed message_rejected", "failed message_rejected", false, 0, 1},
		{ses.Fail, 1, "unknown provider_error", "unknown provider_error", false, 0, 1},
		{ses.LoseReply, 1, "unknown no_answer", "unknown no_answer", false, 1, 1},
		{ses.LoseRequest, 1, "unknown no_answer", "unknown no_answer", false, 0, 1},
	} {
		t.Run(x.fault, func(t *testing.T) {
			b := newBench(t)
			apt := b.book(t, "2027-01-05T09:30")
			b.fails(t, x.fault, x.count)
			m := b.outbox(t)[0]
			if failed := b.work(t, m); (len(failed) > 0) != x.comes {
				t.Errorf("failed %v", failed)
			}
			b.ledgerIs(t, apt.ID, x.first)
			for range 10 {
				b.Clock.Pass(3 * time.Minute)
				b.work(t, m)
			}
			b.ledgerIs(t, apt.ID, x.last)
			if n := len(b.mails()); n != x.mails {
				t.Errorf("the patient got %d mails, want %d", n, x.mails)
			}
			if n := strings.Count(strings.Join(b.history(t, apt.ID), " "), "message.sending"); n != x.begins {
				t.Errorf("sending began %d times, want %d", n, x.begins)
			}
			b.clean(t)
		})
	}

	t.Run("nobody listens", func(t *testing.T) {
		b := newBench(t)
		apt := b.book(t, "2027-01-05T09:30")
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		works := b.each
		b.each = b.worker(t, "http://"+l.Addr().String())
		if failed := b.work(t, b.outbox(t)...); len(failed) != 1 {
			t.Errorf("failed %v", failed)
		}
		b.ledgerIs(t, apt.ID, "planned not_connected")
		b.each = works
		b.work(t, b.outbox(t)...)
		b.ledgerIs(t, apt.ID, "done")
		b.subjects(t, booked)
	})
}

func (b *bench) history(t *testing.T, apt string) []string {
	t.Helper()
	steps, err := b.booking.History(t.Context(), b.By(t, clinictest.Receptionist), booking.Appointment{ID: apt})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range steps {
		out = append(out, s.Name)
	}
	return out
}

// What there is nothing to send of is written down once, and stays so.
func TestDispatchSkips(t *testing.T) {
	for _, x := range []struct {
		name, email, ledger string
		change              func(*testing.T, *bench)
	}{
		{"no address", "", "skipped no_address", nil},
		{"an address of two", "a@patient.example, b@patient.example", "failed bad_address", nil},
		{"an address with a header", "a@patient.example\r\nBcc: b@patient.example", "failed bad_address", nil},
		{"the appointment is over", email, "skipped over", func(_ *testing.T, b *bench) { b.Clock.Pass(14 * 24 * time.Hour) }},
		{"the patient's record is gone", email, "skipped no_patient", func(t *testing.T, b *bench) {
			t.Helper()
			k := b.Table.For(b.By(t, clinictest.Receptionist))
			err := k.Write(t.Context(), table.Change{
				Action: access.PatientChange, Target: b.patient, Event: event.Event{Name: event.PatientChanged},
				Put: []table.Item{{Key: k.Patient(b.patient), Delete: true, Version: 2}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := newBench(t)
			b.patient = b.register(t, x.email)
			apt := b.book(t, "2027-01-05T09:30")
			if x.change != nil {
				x.change(t, b)
			}
			for range 2 {
				if failed := b.work(t, b.outbox(t)...); len(failed) > 0 {
					t.Errorf("failed %v\n%s", failed, b.Log)
				}
			}
			b.ledgerIs(t, apt.ID, x.ledger)
			if all := b.ses.Mails(""); len(all) > 0 {
				t.Errorf("%d mails went out", len(all))
			}
			b.clean(t)
		})
	}

	t.Run("the appointment does not exist, or is another organisation's", func(t *testing.T) {
		b := newBench(t)
		apt := b.book(t, "2027-01-05T09:30")
		m := b.outbox(t)[0]
		gone, foreign := m, m
		gone.Target, foreign.Org = id.New("apt"), b.Found(t).Org
		if failed := b.work(t, gone, foreign); len(failed) > 0 || len(b.ses.Mails("")) > 0 {
			t.Errorf("failed %v, %d mails", failed, len(b.ses.Mails("")))
		}
		if n := strings.Count(b.Log.String(), `"outcome":"gone"`); n != 2 {
			t.Errorf("logged %s", b.Log)
		}
		b.ledgerIs(t, apt.ID)
	})

	t.Run("an event from after the appointment that there is", func(t *testing.T) {
		b := newBench(t)
		apt := b.book(t, "2027-01-05T09:30")
		m := b.outbox(t)[0]
		m.Sequence = 7 // as when the table was restored to before it
		if failed := b.work(t, m); len(failed) != 1 || !strings.Contains(b.Log.String(), `"code":"ahead"`) {
			t.Errorf("failed %v", failed)
		}
		b.ledgerIs(t, apt.ID)
	})
}

// The appointment is moved in the very moment between the mail's being ready and its being sent.
func TestDispatchOvertaken(t *testing.T) {
	var armed atomic.Bool
	var meanwhile func()
	b := newBench(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		err := send()
		if op == "TransactWriteItems" && armed.Swap(false) {
			meanwhile()
		}
		return err
	}))
	apt := b.book(t, "2027-01-05T09:30")
	first := b.outbox(t)
	meanwhile = func() { apt = b.move(t, apt, "2027-01-06T14:00") }
	armed.Store(true)
	if failed := b.work(t, first...); len(failed) > 0 {
		t.Fatalf("failed %v", failed)
	}
	b.work(t, b.outbox(t)...)
	b.subjects(t, moved)
	b.ledgerIs(t, apt.ID, "skipped superseded", "done")
}

var errDead = errors.New("dead")

// The worker dies at every call to the table, before it and after it, with a real SES beside: the message comes back,
// and the patient never has two mails, nor none that the ledger says was sent.
func TestDispatchDiesAnywhere(t *testing.T) {
	var calls, dies atomic.Int32
	var after, armed atomic.Bool
	b := newBench(t, clinictest.Intercept(func(_ context.Context, _ string, send func() error) error {
		if !armed.Load() {
			return send()
		}
		n, at := calls.Add(1), dies.Load()
		if n < at {
			return send()
		}
		if n == at && after.Load() {
			_ = send()
		}
		return errDead
	}))
	outcomes := map[string]int{}
	for at := int32(1); ; at++ {
		reached := false
		for _, a := range []bool{false, true} {
			apt := b.book(t, "2027-01-05T09:30")
			all := b.outbox(t)
			m := all[len(all)-1]
			calls.Store(0)
			dies.Store(at)
			after.Store(a)
			armed.Store(true)
			b.work(t, m)
			reached = reached || calls.Load() >= at
			armed.Store(false)
			b.Clock.Pass(3 * time.Minute)
			if failed := b.work(t, m); len(failed) > 0 {
				t.Errorf("death at call %d (after: %v): failed %v", at, a, failed)
			}
			state, got := b.ledger(t, apt.ID)[0], len(b.mails())
			outcomes[state]++
			if got > 1 || state == "done" && got != 1 || state != "done" && state != "unknown worker_lost" {
				t.Errorf("death at call %d (after: %v): %d mails, %s", at, a, got, state)
			}
			b.ses.Empty()
			b.cancel(t, apt)
		}
		if !reached {
			break
		}
	}
	if outcomes["done"] < 5 || outcomes["unknown worker_lost"] < 2 {
		t.Errorf("outcomes %v", outcomes)
	}
}

// The samples are of appointments that do not exist here: each is dealt with, none fails but what is malformed.
func TestDispatchSamples(t *testing.T) {
	b := newBench(t)
	for file, want := range map[string]int{"booked": 0, "batch": 0, "poison": 2} {
		raw, err := os.ReadFile("../../events/email-dispatch." + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var e events.SQSEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		res, err := b.each(t.Context(), e)
		if err != nil || len(res.BatchItemFailures) != want {
			t.Errorf("%s: %d failed, want %d (%v)", file, len(res.BatchItemFailures), want, err)
		}
	}
}

// When SES is slow, a batch stops in time, and what it did not begin is untouched.
func TestDispatchOutOfTime(t *testing.T) {
	b := newBench(t)
	for _, start := range []string{"2027-01-05T09:00", "2027-01-05T10:00", "2027-01-05T11:00"} {
		b.book(t, start)
	}
	if err := b.ses.Faults.Add(sandbox.Fault{Kind: sandbox.Slow, Count: sandbox.Forever, Delay: sandbox.Delay(4 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	all := b.outbox(t)
	res, err := b.each(ctx, b.batch(t, all...))
	if err != nil || ctx.Err() != nil || len(res.BatchItemFailures) != 2 || len(b.mails()) != 1 {
		t.Fatalf("%d failed, %d mails (%v)", len(res.BatchItemFailures), len(b.mails()), err)
	}
	b.ses.Faults.Clear()
	b.work(t, all...)
	if n := len(b.mails()); n != 3 {
		t.Errorf("%d mails, want 3", n)
	}
}
