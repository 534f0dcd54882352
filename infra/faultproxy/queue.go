package faultproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// copyPrefix marks the receipt handle of a duplicate. The engine does not know it.
	copyPrefix = "duplicate-"
	// pollPause is how often a long poll looks again while messages are held back.
	pollPause = 20 * time.Millisecond
)

// queues holds the messages that wait, by the URL of their queue.
type queues struct {
	mu      sync.Mutex
	shelves map[string]shelf
	copies  int
}

func newQueues() *queues { return &queues{shelves: make(map[string]shelf)} }

// release makes everything due: the rules that held it back are gone.
func (q *queues) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.shelves {
		s.release()
	}
}

// found is what a poll finds on the shelf of its queue.
type found struct {
	due   []json.RawMessage
	more  bool // something waits on
	timed bool // and all of it for a time, none for further polls
}

// take counts a poll, if it is one, and removes what is due.
func (q *queues) take(url string, poll bool, limit int) found {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.shelves[url]
	if poll {
		s.poll()
	}
	f := found{due: s.take(time.Now(), limit)}
	f.more, f.timed = len(s) > 0, len(s) > 0
	for _, h := range s {
		f.timed = f.timed && h.polls <= 0
	}
	if f.more {
		q.shelves[url] = s
	} else {
		delete(q.shelves, url)
	}
	return f
}

func (q *queues) hold(url string, h held) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shelves[url] = append(q.shelves[url], h)
}

// duplicate returns a copy of the message as SQS delivers it again: the same id, another receipt, one more receipt
// counted.
func (q *queues) duplicate(message json.RawMessage) (json.RawMessage, error) {
	var m object
	if err := json.Unmarshal(message, &m); err != nil {
		return nil, err
	}
	q.mu.Lock()
	q.copies++
	m["ReceiptHandle"] = encode(copyPrefix + strconv.Itoa(q.copies))
	q.mu.Unlock()
	var attributes map[string]string
	if raw, ok := m["Attributes"]; ok && json.Unmarshal(raw, &attributes) == nil {
		if n, err := strconv.Atoi(attributes["ApproximateReceiveCount"]); err == nil {
			attributes["ApproximateReceiveCount"] = strconv.Itoa(n + 1)
			m["Attributes"] = encode(attributes)
		}
	}
	return encode(m), nil
}

// poll is a ReceiveMessage request.
type poll struct {
	body  object
	url   string
	limit int
	wait  time.Duration
}

func newPoll(body []byte) (poll, error) {
	var fields struct {
		QueueURL string `json:"QueueUrl"`
		Max      int    `json:"MaxNumberOfMessages"`
		Wait     int    `json:"WaitTimeSeconds"`
	}
	p := poll{limit: 1}
	if err := json.Unmarshal(body, &fields); err != nil {
		return p, err
	}
	if fields.Max > 0 {
		p.limit = fields.Max
	}
	p.url, p.wait = fields.QueueURL, time.Duration(fields.Wait)*time.Second
	return p, json.Unmarshal(body, &p.body)
}

// receive answers a poll from the engine and from what waits here. While nothing waits, the engine does the long poll;
// else the proxy looks again and again until something is due or the time is up.
func (x *exchange) receive(ctx context.Context) (*reply, error) {
	p, err := newPoll(x.Body)
	if err != nil {
		return x.forward(ctx, x.Body) // the engine knows better what is wrong with it
	}
	deadline := time.Now().Add(p.wait)
	for first := true; ; first = false {
		f := x.proxy.queues.take(p.url, first, p.limit)
		if first && !f.more && len(f.due) == 0 {
			return x.disturb(ctx, p, x.Body, nil)
		}
		r, err := x.ask(ctx, p, f.due)
		if err != nil || !f.timed || time.Now().After(deadline) || !r.emptyHanded() {
			return r, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollPause):
		}
	}
}

// emptyHanded reports whether a poll succeeded and brought no message.
func (r *reply) emptyHanded() bool {
	answer := make(object)
	if r.status != http.StatusOK || json.Unmarshal(r.body, &answer) != nil {
		return false
	}
	messages, err := answer.list("Messages")
	return err == nil && len(messages) == 0
}

// ask completes the due messages with what the engine has at the moment.
func (x *exchange) ask(ctx context.Context, p poll, due []json.RawMessage) (*reply, error) {
	if len(due) >= p.limit {
		return x.empty(map[string]any{"Messages": due}), nil
	}
	p.body["WaitTimeSeconds"] = json.RawMessage("0")
	p.body["MaxNumberOfMessages"] = encode(p.limit - len(due))
	r, err := x.disturb(ctx, p, encode(p.body), due)
	if (err != nil || r.status != http.StatusOK) && len(due) > 0 {
		return x.empty(map[string]any{"Messages": due}), nil // the engine's trouble must not lose them
	}
	return r, err
}

// disturb forwards a poll and applies the rules to the messages that come.
func (x *exchange) disturb(ctx context.Context, p poll, body []byte, due []json.RawMessage) (*reply, error) {
	if len(due) == 0 && !x.proxy.disturbs(x.Op) {
		return x.forward(ctx, body)
	}
	return x.merge(ctx, body, func(answer object) error {
		fresh, err := answer.list("Messages")
		if err != nil {
			return err
		}
		messages := due
		for _, m := range fresh {
			kept, err := x.message(p, m)
			if err != nil {
				return err
			}
			if kept {
				messages = append(messages, m)
			}
		}
		if h := x.proxy.fired(Reorder, x.Request); h != nil {
			shuffle(messages, h.draw)
		}
		delete(answer, "Messages") // SQS leaves an empty list out
		if len(messages) > 0 {
			answer["Messages"] = encode(messages)
		}
		return nil
	})
}

// message asks the rules about one message and reports whether it is delivered now.
func (x *exchange) message(p poll, m json.RawMessage) (bool, error) {
	q := Request{Service: x.Service, Op: x.Op, Body: m}
	if h := x.proxy.fired(Duplicate, q); h != nil {
		again, err := x.proxy.queues.duplicate(m)
		if err != nil {
			return false, err
		}
		x.proxy.queues.hold(p.url, newHeld(again, "", h, time.Now()))
	}
	if h := x.proxy.fired(Late, q); h != nil {
		x.proxy.queues.hold(p.url, newHeld(m, "", h, time.Now()))
		return false, nil
	}
	return true, nil
}

// acknowledge answers for the duplicates, which the engine does not know, and forwards the rest.
func (x *exchange) acknowledge(ctx context.Context) (*reply, error) {
	if x.plan.fault() == EntryFailed {
		return x.entryFailed(ctx)
	}
	if !bytes.Contains(x.Body, []byte(copyPrefix)) {
		return x.forward(ctx, x.Body)
	}
	if !strings.HasSuffix(x.Op, "Batch") {
		var one object
		if json.Unmarshal(x.Body, &one) == nil && isCopy(one) {
			return x.empty(struct{}{}), nil
		}
		return x.forward(ctx, x.Body)
	}
	body, entries, err := batch(x.Body)
	if err != nil {
		return x.forward(ctx, x.Body)
	}
	var rest []object
	var done []json.RawMessage
	for _, e := range entries {
		if isCopy(e) {
			done = append(done, encode(map[string]any{"Id": e["Id"]}))
			continue
		}
		rest = append(rest, e)
	}
	if len(done) == 0 {
		return x.forward(ctx, x.Body)
	}
	return x.sendRest(ctx, body, rest, "Successful", done)
}

// isCopy reports whether a request or an entry is about a duplicate.
func isCopy(o object) bool {
	var handle string
	return json.Unmarshal(o["ReceiptHandle"], &handle) == nil && strings.HasPrefix(handle, copyPrefix)
}
