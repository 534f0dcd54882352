package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// letter is a message in a queue.
type letter struct {
	body     string
	notice   bool // of Zoom's telling, not an event of ours
	due      time.Time
	receives int
}

// bag is the queues, which give what is in them in any order.
type bag struct {
	waiting []*letter
	dead    []*letter // which came too often
	seen    []string  // every body that was ever put in, notices with a mark before them

	copies int           // of each message; 0: one
	delay  time.Duration // up to which one is held back

	failures []failure
	fixed    bool // what failed cannot be hidden
	dying    bool // who takes a message dies at once
}

const (
	// visibility and receives are the queues' in template.yaml.
	visibility = 6 * time.Minute
	receives   = 30
)

// put puts a message into the bag, as often and as late as the bag makes it.
func (w *world) put(body string, notice bool) {
	b := &w.post
	n := 1
	if b.copies > 1 {
		n += w.draw.IntN(b.copies)
	}
	for range n {
		l := &letter{body: body, notice: notice, due: w.clock.now()}
		if b.delay > 0 {
			l.due = l.due.Add(time.Duration(w.draw.Int64N(int64(b.delay))))
		}
		b.waiting = append(b.waiting, l)
	}
	mark := ""
	if notice {
		mark = "!"
	}
	b.seen = append(b.seen, mark+body)
}

// receive is the door of webhooks: what functions/zoom-webhook does, on the world's clock.
func (w *world) receive(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(out, r.Body, zoom.MaxBody+1))
	if err != nil {
		out.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.evidence.overheard(body)
	w.heard = append(w.heard, heard{r.Header.Clone(), body})
	header := func(name string) []string { return r.Header.Values(name) }
	if _, err := zoom.Verify([]string{hookSecret, formerSecret}, hookAge, header, body, w.clock.now()); err != nil {
		out.WriteHeader(http.StatusUnauthorized)
		return
	}
	notices, err := zoom.Parse(body)
	if err != nil {
		return
	}
	for _, n := range notices {
		n.Received = w.clock.now()
		if w.stamp != nil {
			w.stamp(&n)
		}
		if text, err := video.EncodeNotice(n); err == nil {
			w.put(text, true)
		}
	}
}

// collect takes what stands in the outbox to the queues, and what Zoom has to tell to the door.
func (w *world) collect(ctx context.Context) {
	w.zoom.Flush(ctx)
	out := w.table.Outbox()
	var mine []event.Event
	for shard := range table.OutboxShards {
		all, err := out.Waiting(ctx, shard, time.Now().Add(time.Hour), 1000)
		w.must(err)
		for _, e := range all {
			if e.Org == w.org { // else another run's
				mine = append(mine, e)
			}
		}
	}
	// In the order in which they happened, so that a seed does the same with them again.
	slices.SortFunc(mine, func(a, b event.Event) int { return strings.Compare(a.ID, b.ID) })
	for _, e := range mine {
		m := e.Message()
		if slices.Contains(event.Queues(m.Name), event.Video) {
			body, err := queue.Encode(m)
			w.must(err)
			w.put(body, false)
		}
		w.must(out.Relayed(ctx, m))
	}
}

// sweep finds the accounts whose time has come, as the sweep does that runs every five minutes.
func (w *world) sweep(ctx context.Context) {
	var mine []table.Due
	for shard := range table.DueShards {
		all, err := w.table.Due(ctx, shard, w.clock.now(), 1000)
		w.must(err)
		for _, d := range all {
			if d.Org == w.org {
				mine = append(mine, d)
			}
		}
	}
	slices.SortFunc(mine, func(a, b table.Due) int { return strings.Compare(a.ID, b.ID) })
	for _, d := range mine {
		body, err := queue.Encode(event.Message{
			V: event.MessageVersion, Event: id.New("evt"), Name: event.ConnectionDue, Org: d.Org, Target: d.ID,
		})
		w.must(err)
		w.put(body, false)
	}
}

// deliver gives up to n messages whose time has come to the workers, in any order, and tells how many there were.
func (w *world) deliver(ctx context.Context, n int) int {
	b, now := &w.post, w.clock.now()
	w.draw.Shuffle(len(b.waiting), func(i, j int) { b.waiting[i], b.waiting[j] = b.waiting[j], b.waiting[i] })
	var batch, rest []*letter
	for _, l := range b.waiting {
		if len(batch) < n && !l.due.After(now) {
			batch = append(batch, l)
		} else {
			rest = append(rest, l)
		}
	}
	b.waiting = rest
	for _, l := range batch {
		asked := len(w.zoom.Requests())
		if w.work(ctx, l) {
			continue
		}
		w.failed(l, asked)
		if l.receives >= receives {
			b.dead = append(b.dead, l)
			continue
		}
		b.waiting = append(b.waiting, l)
	}
	return len(batch)
}

// work gives one message to its worker, which hides it where it comes again, and tells whether it is done with.
func (w *world) work(ctx context.Context, l *letter) bool {
	l.receives++
	l.due = w.clock.now().Add(visibility)
	if w.post.dying {
		return false
	}
	edge := queue.Edge{Log: w.logger(), Hide: w.hiding(l)}
	handle := edge.Each(event.Video, access.VideoRooms, w.meetings)
	if l.notice {
		handle = queue.Told(edge, "notices", video.DecodeNotice, func(n video.Notice) []slog.Attr {
			return []slog.Attr{slog.String("kind", string(n.Kind))}
		}, w.notices)
	}
	received := map[string]string{"ApproximateReceiveCount": strconv.Itoa(l.receives)}
	res, err := handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "1", Body: l.body, Attributes: received,
	}}})
	w.must(err)
	return len(res.BatchItemFailures) == 0
}

var errFixed = errors.New("it cannot be hidden")

// hiding is the queue's side of a message that comes again: as shared/visibility, by the world's clock and draws.
func (w *world) hiding(l *letter) queue.Hide {
	return func(_ context.Context, _ events.SQSMessage, least, most time.Duration) error {
		if w.post.fixed {
			return errFixed
		}
		if most > least {
			least += time.Duration(w.draw.Int64N(int64(most - least)))
		}
		l.due = w.clock.now().Add(least)
		return nil
	}
}

// meetings is what functions/zoom-meetings does about a message.
func (w *world) meetings(ctx context.Context, by access.Caller, m event.Message) error {
	switch m.Name { //nolint:exhaustive // the events that the queue is told of
	case event.VideoAsked, event.VideoLinkAsked, event.AppointmentMoved, event.AppointmentCancelled:
		return w.video.Sync(ctx, by, m.Target)
	case event.ConnectionMade:
		return w.video.Resume(ctx, by, m.Target)
	case event.ConnectionDue:
		return w.video.Check(ctx, by, m.Target)
	case event.ConnectionEnding:
		return w.video.Erase(ctx, by, m.Target, "asked")
	case event.ConnectionEnded:
		return w.video.Ended(ctx, by, m.Target)
	}
	return fault.New(fault.Invalid, "unknown_name", "Nothing is to be done about events of this name here.")
}

// notices is what functions/zoom-notices does about a notice.
func (w *world) notices(ctx context.Context, n video.Notice) error {
	if w.observe != nil {
		return w.observe(ctx, n)
	}
	return w.video.Observe(ctx, n)
}

// settle lets time pass until nothing waits any more and every account was looked at twice.
func (w *world) settle(ctx context.Context) {
	quiet := 0
	for hour := 0; quiet < 2; hour++ {
		if hour > 100 {
			w.tally.missing("there is no end of messages: %d wait", len(w.post.waiting))
			return
		}
		w.sweep(ctx)
		if w.drain(ctx) == 0 {
			quiet++
		} else {
			quiet = 0
		}
		w.clock.pass(settleStep)
	}
	if n := len(w.post.dead); n > 0 {
		w.tally.count("dead letters", n)
	}
}

// settleStep is longer than any account waits to be looked at.
const settleStep = 6*time.Hour + 10*time.Minute

// drain works until no message waits, and tells how many there were besides looks at accounts.
func (w *world) drain(ctx context.Context) int {
	total := 0
	for round := 0; ; round++ {
		w.collect(ctx)
		if len(w.post.waiting) == 0 {
			return total
		}
		if w.must(ctx.Err()); round > 400 {
			return total
		}
		for _, l := range w.post.waiting {
			if l.receives == 0 && !strings.Contains(l.body, string(event.ConnectionDue)) {
				total++
			}
		}
		if w.deliver(ctx, len(w.post.waiting)) == 0 {
			w.clock.pass(max(time.Minute, w.next().Sub(w.clock.now())))
		}
	}
}

// next is when the next message is due, now where none waits.
func (w *world) next() time.Time {
	at := w.clock.now()
	for i, l := range w.post.waiting {
		if i == 0 || l.due.Before(at) {
			at = l.due
		}
	}
	return at
}
