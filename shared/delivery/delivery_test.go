package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/delivery"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// bench is a ledger on the real engine, with a provider that counts what it was sent.
type bench struct {
	*clinictest.House
	ledger *delivery.Ledger
	by     access.Caller
	m      event.Message
	// patient is whom the appointment concerns; nobody, where none is needed.
	patient string
	sent    atomic.Int32
}

func newBench(t *testing.T, with ...func(*dynamodb.Options)) *bench {
	t.Helper()
	h := clinictest.New(t, with...)
	b := &bench{House: h, ledger: delivery.New(h.Table, h.Clock.Now, id.New)}
	b.another()
	return b
}

// another turns to a message about another event, of another organisation.
func (b *bench) another() {
	b.m = event.Message{
		V: 1, Event: id.New("evt"), Name: event.AppointmentBooked, Org: id.New("org"), Target: id.New("apt"), Version: 1,
	}
	b.by = access.System(b.m.Org, string(access.EmailDispatch))
	b.sent.Store(0)
}

// deliver delivers the message; the provider takes it and then answers as told.
func (b *bench) deliver(t *testing.T, answer error) error {
	t.Helper()
	return b.ledger.Deliver(t.Context(), b.by, delivery.Plain(b.m, b.patient), b.ready(func(context.Context) (string, error) {
		b.sent.Add(1)
		return "ses-1", answer
	}))
}

func (*bench) ready(send delivery.Send) delivery.Prepare {
	return func(context.Context) (delivery.Send, error) { return send, nil }
}

// stands reads the delivery as it stands, and fails unless it is so.
func (b *bench) stands(t *testing.T, state delivery.State, reason string) delivery.Delivery {
	t.Helper()
	c := b.Table.For(b.by)
	var d delivery.Delivery
	if err := c.Get(t.Context(), c.Delivery(b.m.Target, b.m.Event), &d); err != nil && state != "" {
		t.Fatalf("read the delivery: %v", err)
	}
	if d.State != state || d.Reason != reason {
		t.Errorf("the delivery is %s (%s), want %s (%s)", d.State, d.Reason, state, reason)
	}
	return d
}

// news lists the events about the appointment, as name and reason.
func (b *bench) news(t *testing.T) []string {
	t.Helper()
	c := b.Table.For(b.by)
	rows, err := c.Under(t.Context(), c.Appointment(b.m.Target), table.Events)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range rows {
		var e event.Event
		if err := row.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.By != "job:email-dispatch" || e.Action != "message.send" || e.Refs["event"] != b.m.Event {
			t.Errorf("event %+v", e)
		}
		out = append(out, string(e.Name)+" "+e.Why)
	}
	return out
}

func expect(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("got %v, want %v", err, kind)
	}
}

func TestDeliver(t *testing.T) {
	t.Run("sends once, in two writes, and never again", func(t *testing.T) {
		var writes atomic.Int32
		b := newBench(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
			if op == "TransactWriteItems" {
				writes.Add(1)
			}
			return send()
		}))
		for range 3 {
			if err := b.deliver(t, nil); err != nil {
				t.Fatal(err)
			}
		}
		d := b.stands(t, delivery.Done, "")
		if d.ProviderID != "ses-1" || d.Attempts != 1 || d.Channel != "email" || !d.Changed.Equal(b.Clock.Now()) {
			t.Errorf("%+v", d)
		}
		if b.sent.Load() != 1 || writes.Load() != 2 {
			t.Errorf("sent %d times in %d writes", b.sent.Load(), writes.Load())
		}
		if got := b.news(t); !slices.Equal(got, []string{"message.sending sending", "message.settled done"}) {
			t.Errorf("events %v", got)
		}
	})

	t.Run("writes down what the provider says", func(t *testing.T) {
		b := newBench(t)
		for _, x := range []struct {
			answer error
			state  delivery.State
			reason string
			kind   fault.Kind // of what goes back to the queue; -1 for nothing
		}{
			{fault.New(fault.Invalid, "message_rejected", ""), delivery.Failed, "message_rejected", -1},
			{fault.New(fault.Unavailable, "not_connected", ""), delivery.Planned, "not_connected", fault.Unavailable},
			{fault.New(fault.Limited, "throttled", ""), delivery.Planned, "throttled", fault.Limited},
			{fault.New(fault.Internal, "no_answer", ""), delivery.Unknown, "no_answer", -1},
			{fault.New(fault.Conflict, "odd", ""), delivery.Unknown, "odd", -1},
			{fault.New(fault.NotFound, "odd", ""), delivery.Unknown, "odd", -1},
			{errors.New("anything else"), delivery.Unknown, "internal", -1},
			{fmt.Errorf("on the way: %w", context.DeadlineExceeded), delivery.Unknown, "internal", -1},
			{delivery.Skip(delivery.Superseded), delivery.Skipped, "superseded", -1},
		} {
			b.another()
			err := b.deliver(t, x.answer)
			if (x.kind < 0) != (err == nil) || x.kind >= 0 && !fault.Is(err, x.kind) {
				t.Errorf("%v: the queue hears %v", x.answer, err)
			}
			b.stands(t, x.state, x.reason)
			again := b.deliver(t, nil)
			want := int32(1)
			if x.state == delivery.Planned {
				want = 2
			}
			if again != nil || b.sent.Load() != want {
				t.Errorf("%v: sent %d times, want %d (%v)", x.answer, b.sent.Load(), want, again)
			}
		}
	})

	t.Run("waits in planned until it is taken", func(t *testing.T) {
		b := newBench(t)
		for range 3 {
			expect(t, b.deliver(t, fault.New(fault.Limited, "throttled", "")), fault.Limited)
		}
		if err := b.deliver(t, nil); err != nil {
			t.Fatal(err)
		}
		if d := b.stands(t, delivery.Done, ""); d.Attempts != 4 {
			t.Errorf("%d attempts", d.Attempts)
		}
		want := []string{"message.sending sending", "message.planned planned:throttled"}
		if got := b.news(t); !slices.Equal(got[:2], want) || len(got) != 8 {
			t.Errorf("events %v", got)
		}
	})

	t.Run("settles in one write what there is nothing to send of", func(t *testing.T) {
		b := newBench(t)
		for _, x := range []struct {
			err    error
			state  delivery.State
			reason string
			kind   fault.Kind
		}{
			{delivery.Skip(delivery.NoAddress), delivery.Skipped, "no_address", -1},
			{fault.New(fault.Invalid, "bad_address", ""), delivery.Failed, "bad_address", -1},
			{fault.New(fault.NotFound, "not_found", ""), "", "", fault.NotFound},
			{fault.New(fault.Unavailable, "busy", ""), "", "", fault.Unavailable},
			{errors.New("broken"), "", "", fault.Internal},
		} {
			b.another()
			err := b.ledger.Deliver(t.Context(), b.by, delivery.Plain(b.m, b.patient), func(context.Context) (delivery.Send, error) { return nil, x.err })
			if (x.kind < 0) != (err == nil) || x.kind >= 0 && !fault.Is(err, x.kind) {
				t.Errorf("%v: the queue hears %v", x.err, err)
			}
			b.stands(t, x.state, x.reason)
			if n := len(b.news(t)); x.state != "" && n != 1 || x.state == "" && n != 0 {
				t.Errorf("%v: %d events", x.err, n)
			}
		}
	})

	t.Run("does not begin what it cannot end in time", func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := b.ledger.Deliver(ctx, b.by, delivery.Plain(b.m, b.patient), b.ready(func(context.Context) (string, error) {
			t.Error("sent")
			return "", nil
		}))
		expect(t, err, fault.Unavailable)
		b.stands(t, "", "")
	})

	t.Run("keeps time to write down what came of it", func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithTimeout(t.Context(), 6500*time.Millisecond)
		defer cancel()
		err := b.ledger.Deliver(ctx, b.by, delivery.Plain(b.m, b.patient), b.ready(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}))
		if err != nil || ctx.Err() != nil {
			t.Errorf("%v, %v", err, ctx.Err())
		}
		b.stands(t, delivery.Unknown, "internal")
	})

	t.Run("is for its own job alone", func(t *testing.T) {
		b := newBench(t)
		b.by = access.NewCaller(b.m.Org, "somebody", []access.Role{access.Manager}, 1)
		expect(t, b.deliver(t, nil), fault.Denied)
		if b.sent.Load() != 0 {
			t.Error("sent")
		}
	})
}

// However many copies of a message come, at whatever moment, one is sent.
func TestDeliverTogether(t *testing.T) {
	b := newBench(t)
	for range 5 {
		b.another()
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if err := b.deliver(t, nil); err != nil && !fault.Is(err, fault.Unavailable) {
					t.Errorf("the queue hears %v", err)
				}
			})
		}
		wait.Wait()
		if err := b.deliver(t, nil); err != nil || b.sent.Load() != 1 {
			t.Fatalf("sent %d times; at last %v", b.sent.Load(), err)
		}
		b.stands(t, delivery.Done, "")
	}
}

func TestList(t *testing.T) {
	c := clinictest.New(t).Found(t)
	s := booking.New(c.Table, c.Directory, c.Clock.Now, id.New)
	by := c.By(t, clinictest.Receptionist)
	apt, err := s.Book(t.Context(), by, clinictest.Once(), booking.Wish{
		ServiceID: c.Service.ID, SiteID: c.Site.ID, PractitionerID: c.Practitioners[0].ID, PatientID: c.Patients[0], Start: "2027-01-05T09:30",
	})
	if err != nil {
		t.Fatal(err)
	}
	list := func() []delivery.Delivery {
		t.Helper()
		all, err := delivery.List(t.Context(), c.Table, by, apt.ID)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := list(); len(all) != 0 {
		t.Errorf("%d deliveries", len(all))
	}
	ledger, job := delivery.New(c.Table, c.Clock.Now, id.New), access.System(c.Org, "email-dispatch")
	first, second := id.New("evt"), id.New("evt")
	for _, x := range []struct {
		event string
		name  event.Name
		err   error
	}{{second, event.AppointmentMoved, nil}, {first, event.AppointmentBooked, delivery.Skip(delivery.Superseded)}} {
		m := event.Message{V: 1, Event: x.event, Name: x.name, Org: c.Org, Target: apt.ID}
		err := ledger.Deliver(t.Context(), job, delivery.Plain(m, c.Patients[0]), func(context.Context) (delivery.Send, error) {
			return func(context.Context) (string, error) { return "ses-7", nil }, x.err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := list()
	if len(all) != 2 || all[0].Event != first || all[0].State != delivery.Skipped || all[1].Event != second || all[1].State != delivery.Done {
		t.Fatalf("%+v", all)
	}
	told, err := json.Marshal(all[1])
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"event":%q,"name":"appointment.moved","appointmentId":%q,"channel":"email","state":"done",`+
		`"sentence":"Handed to the mail service.","providerId":"ses-7","attempts":1,"began":"2027-01-04T07:00:00Z","changed":"2027-01-04T07:00:00Z"}`,
		second, apt.ID)
	if string(told) != want {
		t.Errorf("told %s\nwant %s", told, want)
	}
	if _, err := delivery.List(t.Context(), c.Table, by, id.New("apt")); !fault.Is(err, fault.NotFound) {
		t.Errorf("of an appointment that does not exist: %v", err)
	}
	stranger := c.Found(t)
	if _, err := delivery.List(t.Context(), c.Table, stranger.By(t, clinictest.Manager), apt.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("of another organisation's: %v", err)
	}
}

// Every state and reason that there is has a sentence of its own for people.
func TestSentences(t *testing.T) {
	seen := map[string]bool{}
	b := newBench(t)
	for _, err := range []error{
		nil, fault.New(fault.Invalid, "message_rejected", ""), fault.New(fault.Limited, "throttled", ""), fault.New(fault.Internal, "no_answer", ""),
		fault.New(fault.Invalid, "bad_address", ""),
		delivery.Skip(delivery.Superseded), delivery.Skip(delivery.NoAddress), delivery.Skip(delivery.NoPatient), delivery.Skip(delivery.Over),
	} {
		b.another()
		_ = b.deliver(t, err)
		k := b.Table.For(b.by)
		put := table.Change{
			Action: access.MessageSend, Target: b.m.Target, Event: event.Event{Name: event.MessageSettled},
			Put: []table.Item{{Key: k.Appointment(b.m.Target), Value: struct{}{}, New: true}},
		}
		if err := k.Write(t.Context(), put); err != nil {
			t.Fatal(err)
		}
		all, listErr := delivery.List(t.Context(), b.Table, b.by, b.m.Target)
		if listErr != nil || len(all) != 1 {
			t.Fatal(all, listErr)
		}
		says := all[0].Sentence
		if !strings.HasSuffix(says, ".") || seen[says] {
			t.Errorf("%v: %q", err, says)
		}
		seen[says] = true
	}
}
