package faultproxy

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// readerMark divides the engine's shard iterator from what the proxy adds: the shard's number and, while records are
	// held back, the number of the state in which the next poll finds them. A client that asks again with the same
	// iterator, because the reply was lost, gets the same held records again.
	readerMark = "~"
	// maxStates bounds the memory. A client does not go back thousands of polls.
	maxStates = 4096
)

// readers holds the records that wait, by the iterator with which they will be asked for.
type readers struct {
	mu     sync.Mutex
	shards map[string]int // number by stream and shard
	latest map[int]shelf  // what waited after the last poll of a shard, for a new reader of it
	states map[int]shelf
	last   int // number of the newest state
}

func newReaders() *readers {
	return &readers{shards: make(map[string]int), latest: make(map[int]shelf), states: make(map[int]shelf)}
}

// release makes everything due: the rules that held it back are gone.
func (r *readers) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		s.release()
	}
	for _, s := range r.latest {
		s.release()
	}
}

// shard returns the number of a shard, never 0, and what waits there for a reader that does not start at its beginning.
func (r *readers) shard(stream, id string) (int, shelf) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := stream + readerMark + id
	if r.shards[key] == 0 {
		r.shards[key] = len(r.shards) + 1
	}
	return r.shards[key], append(shelf(nil), r.latest[r.shards[key]]...)
}

func (r *readers) load(state int) shelf {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(shelf(nil), r.states[state]...)
}

// mark stores what waits and returns the iterator that finds it again.
func (r *readers) mark(iterator string, shard int, waiting shelf) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	iterator += readerMark + strconv.Itoa(shard)
	if len(waiting) == 0 {
		delete(r.latest, shard)
		return iterator
	}
	r.last++
	r.latest[shard], r.states[r.last] = append(shelf(nil), waiting...), waiting
	delete(r.states, r.last-maxStates)
	return iterator + "." + strconv.Itoa(r.last)
}

// unmark divides an iterator. The numbers are 0 where there are none.
func unmark(iterator string) (engine string, shard, state int) {
	engine, mark, _ := strings.Cut(iterator, readerMark)
	first, second, _ := strings.Cut(mark, ".")
	shard, _ = strconv.Atoi(first) // 0 is what no number means
	state, _ = strconv.Atoi(second)
	return engine, shard, state
}

// shardIterator notes which shard an iterator is for.
func (x *exchange) shardIterator(ctx context.Context) (*reply, error) {
	var q struct{ StreamArn, ShardId, ShardIteratorType string } //nolint:revive // the service's own names
	if err := json.Unmarshal(x.Body, &q); err != nil {
		return x.forward(ctx, x.Body) // the engine knows better what is wrong with it
	}
	return x.merge(ctx, x.Body, func(answer object) error {
		var iterator string
		if err := json.Unmarshal(answer["ShardIterator"], &iterator); err != nil {
			return err
		}
		shard, waiting := x.proxy.readers.shard(q.StreamArn, q.ShardId)
		if q.ShardIteratorType == "TRIM_HORIZON" {
			waiting = nil // it reads everything anew
		}
		answer["ShardIterator"] = encode(x.proxy.readers.mark(iterator, shard, waiting))
		return nil
	})
}

// records forwards a poll of a shard and applies the rules to the records that come.
func (x *exchange) records(ctx context.Context) (*reply, error) {
	var body object
	var iterator string
	if json.Unmarshal(x.Body, &body) != nil || json.Unmarshal(body["ShardIterator"], &iterator) != nil {
		return x.forward(ctx, x.Body)
	}
	engine, shard, state := unmark(iterator)
	body["ShardIterator"] = encode(engine)
	waiting := x.proxy.readers.load(state)
	return x.merge(ctx, encode(body), func(answer object) error {
		if len(waiting) > 0 || x.proxy.disturbs(x.Op) {
			var err error
			if waiting, err = x.deliver(answer, waiting); err != nil {
				return err
			}
		}
		var next *string
		if raw, ok := answer["NextShardIterator"]; ok {
			if err := json.Unmarshal(raw, &next); err != nil {
				return err
			}
		}
		if next != nil {
			answer["NextShardIterator"] = encode(x.proxy.readers.mark(*next, shard, waiting))
		}
		return nil
	})
}

// deliver puts the records that are due into the answer and returns those that wait on.
func (x *exchange) deliver(answer object, waiting shelf) (shelf, error) {
	var fresh []json.RawMessage
	if raw, ok := answer["Records"]; ok {
		if err := json.Unmarshal(raw, &fresh); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	waiting.poll()
	out := waiting.take(now, len(waiting))
	for _, record := range fresh {
		item, err := itemOf(record)
		if err != nil {
			return nil, err
		}
		q := Request{Service: x.Service, Op: x.Op, Body: record}
		if h := x.proxy.fired(Late, q); h != nil {
			waiting = append(waiting, newHeld(record, item, h, now))
			continue
		}
		if waiting.holds(item) {
			waiting = append(waiting, held{content: record, item: item})
			continue
		}
		out = append(out, record)
		if h := x.proxy.fired(Duplicate, q); h == nil {
			continue
		} else if h.Polls == 0 && h.Delay == 0 {
			out = append(out, record)
		} else {
			again := newHeld(record, item, h, now)
			again.free = true
			waiting = append(waiting, again)
		}
	}
	if raw, ok := answer["NextShardIterator"]; !ok || string(raw) == "null" {
		// The shard is at its end: nobody will ask again.
		waiting.release()
		out = append(out, waiting.take(now, len(waiting))...)
	}
	if h := x.proxy.fired(Reorder, x.Request); h != nil {
		if err := shuffleRecords(out, h.draw); err != nil {
			return nil, err
		}
	}
	if out == nil {
		out = []json.RawMessage{}
	}
	answer["Records"] = encode(out)
	return waiting, nil
}

// itemOf returns the key of the item that a record is about, the same text for the same item.
func itemOf(record json.RawMessage) (string, error) {
	var r struct {
		DynamoDB struct {
			Keys map[string]map[string]any
		} `json:"dynamodb"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return "", err
	}
	return string(encode(r.DynamoDB.Keys)), nil // maps are written in the order of their keys
}

// shuffle puts the list into another order, chosen by the seed.
func shuffle[T any](list []T, seed uint64) {
	for i := len(list) - 1; i > 0; i-- {
		j := draw(seed, uint64(i)) % uint64(i+1)
		list[i], list[j] = list[j], list[i]
	}
}

// shuffleRecords shuffles which item's turn it is; the records of each item keep their order.
func shuffleRecords(records []json.RawMessage, seed uint64) error {
	turns := make([]string, len(records))
	byItem := make(map[string][]json.RawMessage)
	for i, r := range records {
		item, err := itemOf(r)
		if err != nil {
			return err
		}
		turns[i] = item
		byItem[item] = append(byItem[item], r)
	}
	shuffle(turns, seed)
	for i, item := range turns {
		records[i] = byItem[item][0]
		byItem[item] = byItem[item][1:]
	}
	return nil
}
