// Race lets many clients ask for the same times at once and holds the diary to its word: each time is won exactly
// once, and everything that happens concurrently could have happened one after the other.
//
//	go run ./infra/race -times 1000 -clients 100
//
// It needs the engine at DYNAMODB_ENDPOINT, or at -endpoint. Between the diary and the engine stands the fault proxy,
// which cancels transactions for conflicts, throttles and loses replies, because the engine never does. It prints one
// figure a line, with its limit where it has one, and ends with 1 if a limit is broken.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	endpoint       string
	seed           uint64
	times, clients int
	conflicts      float64

	histories, operations, workers, broken int
}

func main() {
	var o options
	flag.StringVar(&o.endpoint, "endpoint", os.Getenv("DYNAMODB_ENDPOINT"), "address of the engine")
	flag.Uint64Var(&o.seed, "seed", 0, "repeats the draws of an earlier run; 0 takes a new seed")
	flag.IntVar(&o.times, "times", 1000, "how many times are raced for")
	flag.IntVar(&o.clients, "clients", 100, "how many clients ask for each time")
	flag.Float64Var(&o.conflicts, "conflicts", 0.02, "share of transactions that are cancelled for a conflict")
	flag.IntVar(&o.histories, "histories", 20, "how many concurrent histories are recorded and checked")
	flag.IntVar(&o.operations, "operations", 1000, "operations in each history")
	flag.IntVar(&o.workers, "workers", 16, "clients of a history that work at once")
	flag.IntVar(&o.broken, "broken", 5, "histories of a diary that looks before it writes, which the check must catch")
	flag.Parse()
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "race:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run races and reports. ok tells whether every limit was kept.
func run(ctx context.Context, o options, out, progress io.Writer) (bool, error) {
	start := time.Now()
	switch {
	case o.endpoint == "":
		return false, errors.New("no engine: set DYNAMODB_ENDPOINT, or start with `make race`")
	case o.times < 0 || o.clients < 1 || o.histories < 0 || o.operations < 1 || o.workers < 1 || o.broken < 0:
		return false, errors.New("a count is too small")
	}
	h, err := newHouse(ctx, o)
	if err != nil {
		return false, err
	}
	defer h.close(ctx)
	say(progress, "seed %d", o.seed)

	won, err := h.race(ctx, o, progress)
	if err != nil {
		return false, err
	}
	checked, err := h.histories(ctx, o, progress)
	if err != nil {
		return false, err
	}
	r := report{out: out, ok: true}
	won.print(&r, o)
	checked.print(&r, o)
	r.figure("faults injected", h.injected())
	r.figure("seconds", int(time.Since(start).Seconds()))
	say(out, "seed %d", o.seed)
	return r.ok, nil
}

// report prints figures and remembers whether all kept their limit.
type report struct {
	out io.Writer
	ok  bool
}

func (r *report) figure(name string, value int) { say(r.out, "%s %d", name, value) }

// exactly prints a figure that must have one value.
func (r *report) exactly(name string, value, want int) {
	say(r.out, "%s %d (%d)", name, value, want)
	r.ok = r.ok && value == want
}

// say prints a line. If it cannot be printed there is nobody to tell.
func say(to io.Writer, format string, values ...any) { _, _ = fmt.Fprintf(to, format+"\n", values...) }
