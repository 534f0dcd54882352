package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
)

// small are the options of a test. In F11 its seed draws a trouble for which Zoom names no seconds, which the client
// would wait indeed, and in F26 that Zoom is away, while the broken variant has us away.
func small(t *testing.T) options {
	t.Helper()
	o := options{
		endpoint: os.Getenv("DYNAMODB_ENDPOINT"), queues: os.Getenv("SQS_ENDPOINT"), bin: "bin", seed: 8, runs: 1,
		atOnce: 8, deaths: 1,
	}
	if o.endpoint == "" || o.queues == "" {
		t.Fatal("DYNAMODB_ENDPOINT or SQS_ENDPOINT is not set: run with `make test`")
	}
	return o
}

// few gives two plans with few runs of a case. Of the one with deaths they are some of all, and, for its wrongly built
// variant, those of its first scenario that are before a call; the calls are counted once.
func few(p plan) (plan, plan) {
	if p.points == nil {
		return p, p
	}
	const each = 47 // as a prime, it comes by all scenarios
	var all []point
	some, first := p, p
	some.points = func(ctx context.Context, h *house, o options) (int, error) {
		_, err := p.points(ctx, h, o)
		all, h.points = h.points, nil
		for i := 0; i < len(all); i += each {
			h.points = append(h.points, all[i])
		}
		return len(h.points), err
	}
	first.points = func(_ context.Context, h *house, _ options) (int, error) {
		h.points = nil
		for _, x := range all {
			if x.scenario == 0 && !x.after {
				h.points = append(h.points, x)
			}
		}
		return len(h.points), nil
	}
	return some, first
}

// A few runs of each case find nothing; and of each one's wrongly built variant, they do.
func TestFaults(t *testing.T) {
	o := small(t)
	h, err := newHouse(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(context.WithoutCancel(t.Context())) })
	for _, p := range plans() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			some, first := few(p)
			var progress bytes.Buffer
			sum, err := h.runs(t.Context(), o, some, &progress)
			if err != nil || !sum.good() || sum.runs == 0 {
				t.Errorf("%v, %+v\n%s", err, sum, progress.String())
			}
			wrong := o
			wrong.broken = true
			sum, err = h.runs(t.Context(), wrong, first, &progress)
			if err != nil || sum.good() {
				t.Errorf("a variant that %s was not caught: %v, %+v", p.broken, err, sum)
			}
		})
	}
}

// Deliveries in disorder come to what they come to once in order, and do not where a worker obeys them.
func TestDeliveries(t *testing.T) {
	o := small(t)
	o.events = 60
	var out bytes.Buffer
	ok, err := deliver(t.Context(), o, &out, &out)
	if err != nil || !ok || !strings.Contains(out.String(), "state in disorder ") {
		t.Errorf("%t, %v\n%s", ok, err, out.String())
	}
	o.broken = true
	if ok, err := deliver(t.Context(), o, &out, &out); ok && err == nil {
		t.Error("a worker that does what it is told was not caught")
	}
}

// What the command line asks for must be a run.
func TestArguments(t *testing.T) {
	given := []string{"-endpoint", "http://127.0.0.1:1", "-queues", "http://127.0.0.1:1"}
	for _, args := range []string{
		"-runs 0", "-runs -1", "-runs many", "-at-once 0", "-at-once 65", "-deaths 0", "-events -1", "-only F99", "-only F8,",
		"-nonsense", "leftover", "-endpoint=", "-queues=", "-seed x",
	} {
		var said bytes.Buffer
		if _, err := parse(append(slices.Clone(given), strings.Fields(args)...), &said); err == nil || said.Len() > 0 {
			t.Errorf("%s was accepted, or said twice: %s", args, said.String())
		} else if name, _, _ := strings.Cut(args, " "); !strings.Contains(err.Error(), strings.Trim(name, "-=")) {
			t.Errorf("%s: %v", args, err)
		}
	}
	o, err := parse(append(given, "-only", "F9,A12"), nil)
	if err != nil || o.runs != 25 || o.seed == 0 {
		t.Errorf("%+v, %v", o, err)
	}
	if all, err := o.cases(); err != nil || len(all) != 2 || all[0].name != "F9" {
		t.Errorf("%+v, %v", all, err)
	}
}

// What does not hold ends with a failure, and says how to see it again.
func TestFails(t *testing.T) {
	o := small(t)
	o.broken, o.only, o.runs = true, "A13", 1
	var out, progress bytes.Buffer
	ok, err := run(t.Context(), o, &out, &progress)
	if ok || err != nil || !strings.Contains(progress.String(), "A13 seed 8: wrong: ") || !strings.HasSuffix(out.String(), "\nseed 8\n") {
		t.Errorf("%t, %v\n%s%s", ok, err, out.String(), progress.String())
	}
	o.endpoint = "http://127.0.0.1:1"
	if _, err := run(t.Context(), o, &out, &progress); err == nil {
		t.Error("there is no engine, and no error")
	}
}
