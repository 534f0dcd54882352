package main

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/event"
	"almanac/shared/queue"
)

func sample(t *testing.T, name string) events.SQSEvent {
	t.Helper()
	raw, err := os.ReadFile("../../events/pds-lookup." + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.SQSEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// The sample events: what is about nobody is done with, and poison fails alone.
func TestEvents(t *testing.T) {
	b := newBench(t)
	for name, want := range map[string][]int{"registered": nil, "batch": nil, "poison": {0, 1}} {
		e := sample(t, name)
		res, err := b.each(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		var failed []int
		for _, f := range res.BatchItemFailures {
			failed = append(failed, slices.IndexFunc(e.Records, func(r events.SQSMessage) bool { return r.MessageId == f.ItemIdentifier }))
		}
		if !slices.Equal(failed, want) {
			t.Errorf("%s: %v failed, want %v", name, failed, want)
		}
	}
	for _, name := range []string{"registered", "batch"} {
		for _, r := range sample(t, name).Records {
			m, err := queue.Decode(r.Body)
			q := event.Queues(m.Name)
			if err != nil || !slices.Contains(q, event.PDS) && !slices.Contains(q, event.Asked) {
				t.Errorf("%s: %s, %v", name, m.Name, err)
			}
		}
	}
}
