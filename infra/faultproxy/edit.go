package faultproxy

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"
)

// object is a JSON object whose members stay as they are until one is asked for.
type object map[string]json.RawMessage

// list returns a member that is a list, empty if it is missing.
func (o object) list(name string) ([]json.RawMessage, error) {
	raw, ok := o[name]
	if !ok {
		return nil, nil
	}
	var list []json.RawMessage
	err := json.Unmarshal(raw, &list)
	return list, err
}

// edits returns what to do for the faults that change a request and its answer.
func (x *exchange) edits() map[Fault]func(context.Context) (*reply, error) {
	if x.plan.hit == nil {
		return nil
	}
	return map[Fault]func(context.Context) (*reply, error){
		ShortPage:   x.shortPage,
		Unprocessed: x.unprocessed,
		EntryFailed: x.entryFailed,
		Late:        x.lateSend,
	}
}

func (x *exchange) shortPage(ctx context.Context) (*reply, error) {
	var body object
	if err := json.Unmarshal(x.Body, &body); err != nil {
		return x.forward(ctx, x.Body) // the engine knows better what is wrong with it
	}
	body["Limit"] = json.RawMessage("1")
	return x.forward(ctx, encode(body))
}

// lateSend asks the engine to deliver the message, or each of the batch, later.
func (x *exchange) lateSend(ctx context.Context) (*reply, error) {
	seconds := encode(int(math.Ceil(time.Duration(x.plan.hit.Delay).Seconds())))
	var body object
	if err := json.Unmarshal(x.Body, &body); err != nil {
		return x.forward(ctx, x.Body)
	}
	if x.Op == "SendMessage" {
		body["DelaySeconds"] = seconds
		return x.forward(ctx, encode(body))
	}
	var entries []object
	if err := json.Unmarshal(body["Entries"], &entries); err != nil {
		return x.forward(ctx, x.Body)
	}
	for _, e := range entries {
		e["DelaySeconds"] = seconds
	}
	body["Entries"] = encode(entries)
	return x.forward(ctx, encode(body))
}

// unprocessed forwards about half of each table's part of the batch and hands the rest back. A batch of one passes as
// it is: where nothing can be done, DynamoDB refuses the request instead.
func (x *exchange) unprocessed(ctx context.Context) (*reply, error) {
	var body object
	var tables map[string]json.RawMessage
	if json.Unmarshal(x.Body, &body) != nil || json.Unmarshal(body["RequestItems"], &tables) != nil {
		return x.forward(ctx, x.Body)
	}
	rest := make(object)
	keep := 1 // at least one item of the whole batch is done
	for name, part := range tables {
		s := splitPart(x.Op, part, keep)
		keep = max(0, keep-s.n)
		if s.left == nil {
			continue
		}
		rest[name] = s.left
		if s.done == nil {
			delete(tables, name)
		} else {
			tables[name] = s.done
		}
	}
	if len(rest) == 0 {
		return x.forward(ctx, x.Body)
	}
	body["RequestItems"] = encode(tables)
	member := "UnprocessedItems"
	if x.Op == "BatchGetItem" {
		member = "UnprocessedKeys"
	}
	return x.merge(ctx, encode(body), func(answer object) error {
		answer[member] = encode(rest)
		return nil
	})
}

// split is one table's part of a batch. A side without items is nil.
type split struct {
	done, left json.RawMessage
	n          int // items done
}

// splitPart divides a part so that at least keep of its items are done.
func splitPart(op string, part json.RawMessage, keep int) split {
	var whole object // of BatchGetItem: the keys and how to read them
	list := part
	if op == "BatchGetItem" {
		if json.Unmarshal(part, &whole) != nil {
			return split{done: part}
		}
		list = whole["Keys"]
	}
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return split{done: part}
	}
	n := max(len(items)/2, keep)
	if n >= len(items) {
		return split{done: part, n: len(items)}
	}
	wrap := func(items []json.RawMessage) json.RawMessage {
		if len(items) == 0 {
			return nil
		}
		if whole == nil {
			return encode(items)
		}
		whole["Keys"] = encode(items)
		return encode(whole)
	}
	return split{done: wrap(items[:n]), left: wrap(items[n:]), n: n}
}

// entryFailed takes one entry out of the batch and reports it as failed.
func (x *exchange) entryFailed(ctx context.Context) (*reply, error) {
	body, entries, err := batch(x.Body)
	if err != nil || len(entries) == 0 {
		return x.forward(ctx, x.Body)
	}
	i := x.plan.hit.draw % uint64(len(entries))
	failed := encode(map[string]any{
		"Id": entries[i]["Id"], "SenderFault": false, "Code": "InternalError", "Message": "Internal error",
	})
	entries = append(entries[:i], entries[i+1:]...)
	return x.sendRest(ctx, body, entries, "Failed", []json.RawMessage{failed})
}

// sendRest forwards the entries of a batch that are left and adds results for the others to the answer. If none is
// left, it answers by itself.
func (x *exchange) sendRest(
	ctx context.Context, body object, entries []object, member string, results []json.RawMessage,
) (*reply, error) {
	if len(entries) == 0 {
		return x.empty(map[string]any{"Successful": []any{}, "Failed": []any{}, member: results}), nil
	}
	body["Entries"] = encode(entries)
	return x.merge(ctx, encode(body), func(answer object) error {
		list, err := answer.list(member)
		answer[member] = encode(append(list, results...))
		return err
	})
}

// merge forwards the body and changes the answer if it is no error.
func (x *exchange) merge(ctx context.Context, body []byte, change func(object) error) (*reply, error) {
	r, err := x.forward(ctx, body)
	if err != nil || r.status != http.StatusOK {
		return r, err
	}
	answer := make(object)
	if err := json.Unmarshal(r.body, &answer); err != nil {
		return nil, err
	}
	if err := change(answer); err != nil {
		return nil, err
	}
	r.replace(encode(answer))
	return r, nil
}

// empty is a successful answer of a queue that the engine was not asked for.
func (x *exchange) empty(content any) *reply {
	return &reply{status: http.StatusOK, header: http.Header{"Content-Type": {contentType}}, body: encode(content)}
}

// batch reads the entries of a batch to a queue.
func batch(body []byte) (object, []object, error) {
	var whole object
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, nil, err
	}
	var entries []object
	err := json.Unmarshal(whole["Entries"], &entries)
	return whole, entries, err
}

// encode writes JSON from values that hold nothing which could fail.
func encode(v any) json.RawMessage {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
