// Faults lets video visits go wrong in every way that they can: messages come twice, late and in any order, processes
// die at each of their calls, answers are lost, Zoom is down, tokens die, and people forge, replay and guess. After
// each run it looks at everything that is stored and at the Zoom beside it, and says what was lost, what is there twice
// and what is not as it must be.
//
//	go run ./infra/faults -runs 25
//
// It needs the engines at DYNAMODB_ENDPOINT and SQS_ENDPOINT, and the functions for this computer in bin. It prints one
// line a case, with its limits in brackets, and ends with 1 if one is broken, with 2 if it is asked for what is no run.
// Run i of a case begins with the seed plus i: `-only F9 -runs 1 -seed …` is one run again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"almanac/infra/program"
)

// options are what the command line says.
type options struct {
	endpoint, queues string
	bin              string
	seed             uint64
	runs, atOnce     int
	deaths           int
	events           int // 0: the cases, and no deliveries
	only             string
	broken           bool
}

func main() { program.Main("faults", parse, act) }

// act runs the cases, or delivers.
func act(ctx context.Context, o options, out, progress io.Writer) (bool, error) {
	if o.events > 0 {
		return deliver(ctx, o, out, progress)
	}
	return run(ctx, o, out, progress)
}

// parse reads the command line, and refuses what would run nothing.
func parse(args []string, help io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.StringVar(&o.endpoint, "endpoint", os.Getenv("DYNAMODB_ENDPOINT"), "address of the table's engine")
	flags.StringVar(&o.queues, "queues", os.Getenv("SQS_ENDPOINT"), "address of the queues' engine")
	flags.StringVar(&o.bin, "bin", "bin", "folder with the functions built for this computer (make binaries)")
	flags.Uint64Var(&o.seed, "seed", 0, "repeats the draws of an earlier run; 0 takes a new seed")
	flags.IntVar(&o.runs, "runs", 25, "how often each case is run")
	flags.IntVar(&o.deaths, "deaths", 1, "of the calls of F8, a process dies at each n-th; 1: at all of them")
	flags.IntVar(&o.events, "events", 0,
		"instead of the cases, so many events told once in order, and ten times as often in disorder")
	flags.IntVar(&o.atOnce, "at-once", 8, "how many runs go on at once")
	flags.StringVar(&o.only, "only", "", "only these cases, separated by commas, such as F9,A12")
	flags.BoolVar(&o.broken, "broken", false, "with the wrongly built variant of each case, which must be caught")
	if err := program.Parse(flags, args, help); err != nil {
		return o, err
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	return o, o.check()
}

func (o options) check() error {
	switch {
	case o.runs < 1:
		return errors.New("-runs must be at least 1")
	case o.events < 0:
		return errors.New("-events must be at least 0")
	case o.deaths < 1:
		return errors.New("-deaths must be at least 1")
	case o.atOnce < 1 || o.atOnce > 64:
		return errors.New("-at-once must be from 1 to 64")
	case o.endpoint == "":
		return errors.New("no -endpoint: set DYNAMODB_ENDPOINT, or start with `make faults`")
	case o.queues == "":
		return errors.New("no -queues: set SQS_ENDPOINT, or start with `make faults`")
	}
	_, err := o.cases()
	return err
}

// cases are those that are asked for.
func (o options) cases() ([]plan, error) {
	all := plans()
	if o.only == "" {
		return all, nil
	}
	var out []plan
	for name := range strings.SplitSeq(o.only, ",") {
		i := slices.IndexFunc(all, func(p plan) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: there is no case %q", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}

// run runs the cases and reports. ok tells whether every limit was kept.
func run(ctx context.Context, o options, out, progress io.Writer) (bool, error) {
	began := time.Now()
	cases, err := o.cases()
	if err != nil {
		return false, err
	}
	h, err := newHouse(ctx, o)
	if err != nil {
		return false, err
	}
	defer h.close(ctx)
	say(progress, "seed %d", o.seed)
	ok := true
	say(out, "case\truns\tlost\tduplicated\twrong\twhat")
	for _, p := range cases {
		sum, err := h.runs(ctx, o, p, progress)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.name, err)
		}
		if p.all {
			h.searched.of(sum)
		}
		say(out, "%s\t%d\t%d (0)\t%d (0)\t%d (0)\t%s",
			p.name, sum.runs, sum.lost, sum.duplicated, sum.wrong, p.what+sum.also())
		ok = ok && sum.good()
	}
	say(out, "seed %d", o.seed)
	say(progress, "%d seconds", int(time.Since(began).Seconds()))
	return ok, nil
}

// say prints a line. If it cannot be printed there is nobody to tell.
func say(to io.Writer, format string, values ...any) { _, _ = fmt.Fprintf(to, format+"\n", values...) }
