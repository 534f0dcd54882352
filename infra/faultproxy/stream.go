package faultproxy

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// readerMark divides the engine's shard iterator from what the proxy adds: the shard's number and, while records
	// are held back, the number of the state in which the next poll finds them. A client that asks again with the same
	// iterator, because the reply was lost, gets the same held records again.
	readerMark = "~"
	// maxStates bounds the memory. A client does not go back thousands of polls.
	maxStates = 4096
)

// readers holds the records that wait, by the iterator with which they will be asked for.
type readers struct {
	mu     sync.Mutex
	shards map[string]int // number by stream and shard
	states map[int]shelf
	last   int         // number of the newest state
	latest map[int]int // number of a shard's newest state, for a new reader of it
}

func newReaders() *readers {
	return &readers{shards: make(map[string]int), states: make(map[int]shelf), latest: make(map[int]int)}
}

// release makes everything due: the rules that held it back are gone.
func (r *readers) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		s.release()
	}
}

// shard returns the number of a shard, never 0, and that of its newest state, 0 if nothing waits there.
func (r *readers) shard(stream, id string) (int, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := stream + readerMark + id
	if r.shards[key] == 0 {
		r.shards[key] = len(r.shards) + 1
	}
	return r.shards[key], r.latest[r.shards[key]]
}

func (r *readers) load(state int) shelf {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states[state])
}

// store keeps what waits after a poll that found the state before, and returns the mark that finds it again.
func (r *readers) store(shard, before int, waiting shelf) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	mark := readerMark + strconv.Itoa(shard)
	if len(waiting) == 0 {
		if r.latest[shard] == before {
			delete(r.latest, shard)
		}
		return mark
	}
	r.last++
	r.latest[shard], r.states[r.last] = r.last, waiting
	delete(r.states, r.last-maxStates)
	return mark + "." + strconv.Itoa(r.last)
}

// place is an iterator, divided. The numbers are 0 where there are none.
type place struct {
	engine       string
	shard, state int
}

func newPlace(iterator string) place {
	engine, mark, _ := strings.Cut(iterator, readerMark)
	first, second, _ := strings.Cut(mark, ".")
	p := place{engine: engine}
	p.shard, _ = strconv.Atoi(first) // what is no number stays 0
	p.state, _ = strconv.Atoi(second)
	return p
}

// shardIterator notes which shard an iterator is for.
func (x *exchange) shardIterator(ctx context.Context) (*reply, error) {
	var q struct {
		Stream string `json:"StreamArn"`
		Shard  string `json:"ShardId"`
		Type   string `json:"ShardIteratorType"`
	}
	if err := json.Unmarshal(x.Body, &q); err != nil {
		return x.forward(ctx, x.Body) // the engine knows better what is wrong with it
	}
	return x.merge(ctx, x.Body, func(answer object) error {
		var iterator string
		if err := json.Unmarshal(answer["ShardIterator"], &iterator); err != nil {
			return err
		}
		shard, state := x.proxy.readers.shard(q.Stream, q.Shard)
		iterator += readerMark + strconv.Itoa(shard)
		if state != 0 && q.Type != "TRIM_HORIZON" { // which reads everything anew
			iterator += "." + strconv.Itoa(state)
		}
		answer["ShardIterator"] = encode(iterator)
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
	at := newPlace(iterator)
	body["ShardIterator"] = encode(at.engine)
	waiting := x.proxy.readers.load(at.state)
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
			answer["NextShardIterator"] = encode(*next + x.proxy.readers.store(at.shard, at.state, waiting))
		}
		return nil
	})
}

// deliver puts the records that are due into the answer and returns those that wait on.
func (x *exchange) deliver(answer object, waiting shelf) (shelf, error) {
	fresh, err := answer.list("Records")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	waiting.poll()
	out := append([]json.RawMessage{}, waiting.take(now, len(waiting))...) // the list is there even if it is empty
	for _, record := range fresh {
		n, err := x.record(record, &waiting, now)
		if err != nil {
			return nil, err
		}
		out = append(out, slices.Repeat([]json.RawMessage{record}, n)...)
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
	answer["Records"] = encode(out)
	return waiting, nil
}

// record asks the rules about one record and returns how often it is delivered now.
func (x *exchange) record(record json.RawMessage, waiting *shelf, now time.Time) (int, error) {
	item, err := itemOf(record)
	if err != nil {
		return 0, err
	}
	q := Request{Service: x.Service, Op: x.Op, Body: record}
	if h := x.proxy.fired(Late, q); h != nil {
		*waiting = append(*waiting, newHeld(record, item, h, now))
		return 0, nil
	}
	if waiting.holds(item) {
		*waiting = append(*waiting, held{content: record, item: item})
		return 0, nil
	}
	h := x.proxy.fired(Duplicate, q)
	if h == nil {
		return 1, nil
	}
	if h.Polls == 0 && h.Delay == 0 {
		return 2, nil
	}
	again := newHeld(record, item, h, now)
	again.free = true
	*waiting = append(*waiting, again)
	return 1, nil
}

// itemOf returns the key of the item that a record is about, the same text for the same item.
func itemOf(record json.RawMessage) (string, error) {
	var r struct {
		DynamoDB struct {
			Keys map[string]map[string]any `json:"Keys"`
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
