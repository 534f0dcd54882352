package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/faultproxy"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/table"
)

// bench is an outbox and a queue on the real engines, with a proxy before the queue that fails on demand.
type bench struct {
	*clinictest.House
	org   string
	relay *relay.Relay
	sqs   *clinictest.Queues
	url   string
}

func newBench(t *testing.T, with ...func(*dynamodb.Options)) *bench {
	t.Helper()
	b := &bench{House: clinictest.New(t, with...), org: id.New("org"), sqs: clinictest.NewQueues(t)}
	b.url = b.sqs.New(t, nil)
	b.relay = relay.New(b.sqs.Proxied, map[event.Queue]string{event.Email: b.url, event.PDS: b.sqs.New(t, nil), event.Video: b.sqs.New(t, nil)}, b.Table.Outbox())
	return b
}

// happen writes events that the mail queue waits for, each of another appointment.
func (b *bench) happen(t *testing.T, n int) {
	t.Helper()
	for range n {
		c, apt := b.Table.For(access.System(b.org, string(access.EmailDispatch))), id.New("apt")
		err := c.Write(t.Context(), table.Change{
			Action: access.MessageSend, Target: apt, Event: event.Event{Name: event.GlassBroken, Version: 1},
			Put: []table.Item{{Key: c.Appointment(apt), Value: map[string]string{"id": apt}, New: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// waiting lists the events that stand in the outbox.
func (b *bench) waiting(t *testing.T) []event.Message {
	t.Helper()
	var out []event.Message
	for _, e := range b.Waiting(t) {
		out = append(out, e.Message())
	}
	return out
}

// received takes everything off the queue and gives the events' ids.
func (b *bench) received(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range b.sqs.Take(t, b.url) {
		read, err := queue.Decode(aws.ToString(m.Body))
		if err != nil {
			t.Fatalf("%s: %v", aws.ToString(m.Body), err)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(*m.Body), &fields); err != nil || len(fields) != 7 || len(m.MessageAttributes) > 0 {
			t.Errorf("a message carries more than ids: %s", *m.Body)
		}
		out = append(out, read.Event)
	}
	return out
}

func ids(all []event.Message) []string {
	var out []string
	for _, m := range all {
		out = append(out, m.Event)
	}
	slices.Sort(out)
	return out
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}

func TestSend(t *testing.T) {
	t.Run("tells the queue of every event, in batches of ten, and empties the outbox", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 25)
		all := b.waiting(t)
		if len(all) != 25 {
			t.Fatalf("%d wait", len(all))
		}
		rep := b.relay.Send(t.Context(), slices.Concat(all, all[:5])) // some twice, as a stream may bring them
		if rep.Sent != 25 || len(rep.Failed)+len(rep.Unmarked) > 0 || b.sqs.Proxy.Counts()["SendMessageBatch"] != 3 {
			t.Errorf("%+v in %d calls", rep, b.sqs.Proxy.Counts()["SendMessageBatch"])
		}
		if got := sorted(b.received(t)); !slices.Equal(got, ids(all)) {
			t.Errorf("the queue got %d, want 25", len(got))
		}
		if left := b.waiting(t); len(left) > 0 {
			t.Errorf("%d still wait", len(left))
		}
	})

	t.Run("keeps in the outbox exactly what a queue did not take", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 20)
		all := b.waiting(t)
		if err := b.sqs.Proxy.Set(7, faultproxy.Rule{Op: "SendMessageBatch", Fault: faultproxy.EntryFailed, Probability: 1}); err != nil {
			t.Fatal(err)
		}
		rep := b.relay.Send(t.Context(), all)
		b.sqs.Proxy.Clear()
		if rep.Sent != 18 || len(rep.Failed) != 2 {
			t.Fatalf("%+v", rep)
		}
		got, left := sorted(b.received(t)), ids(b.waiting(t))
		if len(got) != 18 || !slices.Equal(left, keys(rep.Failed)) || !slices.Equal(sorted(slices.Concat(got, left)), ids(all)) {
			t.Errorf("%d sent, %v left, failed %v", len(got), left, rep.Failed)
		}
	})

	t.Run("a lost answer sends twice rather than never", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 3)
		all := b.waiting(t)
		if err := b.sqs.Proxy.Set(1, faultproxy.Rule{Op: "SendMessageBatch", Fault: faultproxy.LostReply, Nth: 1}); err != nil {
			t.Fatal(err)
		}
		if rep := b.relay.Send(t.Context(), all); rep.Sent != 0 || len(rep.Failed) != 3 {
			t.Errorf("%+v", rep)
		}
		if rep := b.relay.Send(t.Context(), all); rep.Sent != 3 {
			t.Errorf("%+v", rep)
		}
		if got := b.received(t); len(got) != 6 {
			t.Errorf("the queue got %d, want 6", len(got))
		}
	})

	t.Run("what was sent but cannot be taken off the outbox is not a failure", func(t *testing.T) {
		down := false
		b := newBench(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
			if op == "UpdateItem" && down {
				return errDown
			}
			return send()
		}))
		b.happen(t, 3)
		all := b.waiting(t)
		down = true
		if rep := b.relay.Send(t.Context(), all); rep.Sent != 3 || len(rep.Failed) != 0 || len(rep.Unmarked) != 3 {
			t.Errorf("%+v", rep)
		}
	})

	t.Run("refuses what no worker could read, and sends its siblings", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 2)
		all := b.waiting(t)
		strange := all[0]
		strange.Event, strange.Name = id.New("evt"), "appointment.eaten"
		rep := b.relay.Send(t.Context(), append(all, event.Message{V: 1}, strange))
		if rep.Sent != 2 || len(rep.Failed) != 2 || !fault.Is(rep.Failed[""], fault.Invalid) || !fault.Is(rep.Failed[strange.Event], fault.Invalid) {
			t.Errorf("%+v", rep)
		}
		if got := b.received(t); len(got) != 2 {
			t.Errorf("the queue got %d", len(got))
		}
	})

	t.Run("a queue whose address is not known fails, and nothing is lost", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 1)
		rep := relay.New(clinictest.Config("http://127.0.0.1:1"), nil, b.Table.Outbox()).Send(t.Context(), b.waiting(t))
		if len(rep.Failed) != 1 || len(b.waiting(t)) != 1 {
			t.Errorf("%+v", rep)
		}
	})
}

func keys(m map[string]error) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return sorted(out)
}

func TestSweep(t *testing.T) {
	soon := func() time.Time { return time.Now().Add(time.Second) }
	t.Run("sends what the stream lost, and not what is too young", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 12)
		before := time.Now().Add(5 * time.Millisecond)
		time.Sleep(10 * time.Millisecond)
		old := ids(b.waiting(t))
		b.happen(t, 3)
		s, err := b.relay.Sweep(t.Context(), before)
		if err != nil || s.Found != 12 || s.Sent != 12 || s.More {
			t.Errorf("%+v, %v", s, err)
		}
		if got := sorted(b.received(t)); !slices.Equal(got, old) {
			t.Errorf("the queue got %v", got)
		}
		if left := b.waiting(t); len(left) != 3 {
			t.Errorf("%d wait", len(left))
		}
		if s, err := b.relay.Sweep(t.Context(), before); err != nil || s.Found != 0 {
			t.Errorf("a second sweep found %+v, %v", s, err)
		}
	})

	t.Run("gets past a whole page that cannot be sent", func(t *testing.T) {
		b := newBench(t)
		const stuck = 130
		shard := b.malformed(t, stuck)
		b.happenIn(t, shard, 3)
		s, err := b.relay.Sweep(t.Context(), soon())
		if err != nil || s.Sent < 3 || s.Failed == 0 {
			t.Errorf("%+v, %v", s, err)
		}
		if got := b.received(t); len(got) != s.Sent {
			t.Errorf("the queue got %d", len(got))
		}
		if left := b.waiting(t); len(left) != stuck {
			t.Errorf("%d wait, want %d", len(left), stuck)
		}
	})

	t.Run("says so when the queue cannot be reached, and loses nothing", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 9)
		if err := b.sqs.Proxy.Set(1, faultproxy.Rule{Op: "SendMessageBatch", Fault: faultproxy.InternalError, Probability: 1}); err != nil {
			t.Fatal(err)
		}
		if s, err := b.relay.Sweep(t.Context(), soon()); err == nil || !s.More || s.Sent > 0 {
			t.Errorf("%+v, %v", s, err)
		}
		b.sqs.Proxy.Clear()
		if s, err := b.relay.Sweep(t.Context(), soon()); err != nil || s.Sent != 9 || len(b.received(t)) != 9 {
			t.Errorf("%+v, %v", s, err)
		}
	})

	t.Run("a shard that cannot be read does not keep the others", func(t *testing.T) {
		failing := true
		b := newBench(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
			if op == "Query" && failing {
				failing = false
				return errDown
			}
			return send()
		}))
		failing = false
		b.happen(t, 30)
		failing = true
		s, err := b.relay.Sweep(t.Context(), soon())
		if err == nil || !s.More || s.Sent == 0 {
			t.Errorf("%+v, %v", s, err)
		}
		if again, err := b.relay.Sweep(t.Context(), soon()); err != nil || s.Sent+again.Sent != 30 {
			t.Errorf("%+v and %+v, %v", s, again, err)
		}
	})

	t.Run("stops when its time is over, and the next one goes on", func(t *testing.T) {
		b := newBench(t)
		b.happen(t, 10)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s, err := b.relay.Sweep(ctx, soon()); err == nil || !s.More || s.Sent > 0 {
			t.Errorf("%+v, %v", s, err)
		}
		if s, err := b.relay.Sweep(t.Context(), soon()); err != nil || s.Sent != 10 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

var errDown = errors.New("down")
