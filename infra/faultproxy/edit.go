package faultproxy

import (
	"context"
	"encoding/json"
	"math"
	"time"
)

// object is a JSON object whose members stay as they are until one is asked for.
type object map[string]json.RawMessage

// edit returns what to do for a fault that changes the request and its answer, or nil.
func (x *exchange) edit() func(context.Context) (*reply, error) {
	f := x.plan.fault()
	switch {
	case f == ShortPage:
		return x.shortPage
	case f == Unprocessed:
		return x.unprocessed
	case f == EntryFailed:
		return x.entryFailed
	case f == Late:
		return x.lateSend
	}
	return nil
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

// unprocessed forwards about half of each table's part of the batch and hands the rest back. A batch of one passes as it
// is: where nothing can be done, DynamoDB refuses the request instead.
func (x *exchange) unprocessed(ctx context.Context) (*reply, error) {
	var body object
	var tables map[string]json.RawMessage
	if json.Unmarshal(x.Body, &body) != nil || json.Unmarshal(body["RequestItems"], &tables) != nil {
		return x.forward(ctx, x.Body)
	}
	rest := make(object)
	keep := 1 // at least one item of the whole batch is done
	for name, part := range tables {
		done, left, n := splitPart(x.Op, part, keep)
		keep = max(0, keep-n)
		if left == nil {
			continue
		}
		rest[name] = left
		if done == nil {
			delete(tables, name)
		} else {
			tables[name] = done
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

// splitPart divides one table's part of a batch into what is done, at least keep of it, and what is left; n is the
// number of items done. A side without items is nil.
func splitPart(op string, part json.RawMessage, keep int) (done, left json.RawMessage, n int) {
	var whole object // of BatchGetItem: the keys and how to read them
	list := part
	if op == "BatchGetItem" {
		if json.Unmarshal(part, &whole) != nil {
			return part, nil, 0
		}
		list = whole["Keys"]
	}
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return part, nil, 0
	}
	n = max(len(items)/2, keep)
	if n >= len(items) {
		return part, nil, len(items)
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
	return wrap(items[:n]), wrap(items[n:]), n
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
		var list []json.RawMessage
		if raw, ok := answer[member]; ok {
			if err := json.Unmarshal(raw, &list); err != nil {
				return err
			}
		}
		answer[member] = encode(append(list, results...))
		return nil
	})
}

// merge forwards the body and changes the answer if it is no error.
func (x *exchange) merge(ctx context.Context, body []byte, change func(object) error) (*reply, error) {
	r, err := x.forward(ctx, body)
	if err != nil || r.status != 200 {
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
	return &reply{status: 200, header: map[string][]string{"Content-Type": {contentType}}, body: encode(content)}
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
