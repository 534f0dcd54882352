// Race lets many clients ask for the same times at once and holds the diary to its word: each time is won exactly
// once, and everything that happens concurrently could have happened one after the other.
//
//	go run ./infra/race -times 1000 -clients 100
//
// It needs the engine at DYNAMODB_ENDPOINT, or at -endpoint. Between the diary and the engine stands the fault proxy,
// which cancels transactions for conflicts, throttles and loses replies, because the engine never does. It prints one
// figure a line, with its limit where it has one, and ends with 1 if a limit is broken, with 2 if it is asked for what
// is no race.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"almanac/infra/program"
)

// options are what the command line says.
type options struct {
	endpoint       string
	seed           uint64
	times, clients int
	conflicts      float64

	histories, operations, workers, broken int
}

func main() { program.Main("race", parse, run) }

// parse reads the command line, and refuses what would race for nothing or not at all.
func parse(args []string, help io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("race", flag.ContinueOnError)
	flags.StringVar(&o.endpoint, "endpoint", os.Getenv("DYNAMODB_ENDPOINT"), "address of the engine")
	flags.Uint64Var(&o.seed, "seed", 0, "repeats the draws of an earlier run; 0 takes a new seed")
	flags.IntVar(&o.times, "times", 1000, "how many times are raced for")
	flags.IntVar(&o.clients, "clients", 100, "how many clients ask for each time")
	flags.Float64Var(&o.conflicts, "conflicts", 0.02, "share of transactions that are cancelled for a conflict")
	flags.IntVar(&o.histories, "histories", 20, "how many concurrent histories are recorded and checked")
	flags.IntVar(&o.operations, "operations", 1000, "operations in each history")
	flags.IntVar(&o.workers, "workers", 16, "clients of a history that work at once")
	flags.IntVar(&o.broken, "broken", 5, "histories of a diary that looks before it writes, which the check must catch")
	if err := program.Parse(flags, args, help); err != nil {
		return o, err
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	return o, o.check()
}

func (o options) check() error {
	for _, c := range []struct {
		flag         string
		value, least int
	}{
		{"times", o.times, 1},
		{"clients", o.clients, 2},
		{"histories", o.histories, 0},
		{"operations", o.operations, 1},
		{"workers", o.workers, 1},
		{"broken", o.broken, 0},
	} {
		if c.value < c.least {
			return fmt.Errorf("-%s must be at least %d", c.flag, c.least)
		}
	}
	switch {
	case !(o.conflicts >= 0 && o.conflicts < 1): // which NaN is not either
		return errors.New("-conflicts must be a share, from 0 to less than 1")
	case o.endpoint == "":
		return errors.New("no -endpoint: set DYNAMODB_ENDPOINT, or start with `make race`")
	}
	return nil
}

// run races and reports. ok tells whether every limit was kept.
func run(ctx context.Context, o options, out, progress io.Writer) (bool, error) {
	start := time.Now()
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
