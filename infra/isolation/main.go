// Isolation holds the API to its promise that nobody sees or changes what is not theirs to see. It starts the whole
// product and asks, as every kind of caller, for every kind of record; an oracle that shares no code with the product
// says beforehand what must come of it. Then it searches everything that the product wrote for the invented patients
// that it planted.
//
//	go run ./infra/isolation -requests 100000 -canaries 1000
//
// It prints one figure a line, with its limit where it has one, lists what leaked without telling anything of anybody,
// and ends with 1 if a limit is broken, with 2 if it is asked for what is no run. Run it with `make isolation`, which
// builds the functions.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"almanac/infra/program"
)

// options are what the command line says.
type options struct {
	seed               uint64
	requests, canaries int
	workers            int
	share              float64       // of the cells of the matrix
	pairs              int           // of requests whose times are compared, for each route
	provoked           int           // canaries that are sent as nonsense; a quarter of them also into faults
	reviews            int           // of numbers, at each site: each can be decided once
	visits             int           // that patients come to, and the diary and Zoom change
	patience           time.Duration // until mails that fail are dead letters; 0 does without
	quick              bool
	logs               string
	root               string
}

func main() { program.Main("isolation", parse, run) }

// parse reads the command line, and refuses what would ask nothing.
func parse(args []string, help io.Writer) (options, error) {
	o := options{provoked: 60, reviews: 5, visits: 24, patience: time.Minute}
	flags := flag.NewFlagSet("isolation", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", 0, "repeats the draws of an earlier run; 0 takes a new seed")
	flags.IntVar(&o.requests, "requests", 100_000, "how many random requests are made")
	flags.IntVar(&o.canaries, "canaries", 1000, "how many invented patients are planted and searched for")
	flags.IntVar(&o.workers, "workers", 12, "random requests at once")
	flags.Float64Var(&o.share, "share", 1, "share of the cells of the matrix that are tried")
	flags.IntVar(&o.pairs, "pairs", 15, "pairs of requests of each route whose times are compared")
	flags.BoolVar(&o.quick, "quick", false, "a smaller run, in less than a minute")
	flags.StringVar(&o.logs, "logs", "bin/isolation.log", "file for the functions' logs")
	flags.StringVar(&o.root, "root", ".", "the repository")
	if err := program.Parse(flags, args, help); err != nil {
		return o, err
	}
	if err := o.check(); err != nil {
		return o, err
	}
	if o.quick {
		o.requests, o.canaries = min(o.requests, 2000), min(o.canaries, 100)
		o.share, o.pairs = min(o.share, 0.2), min(o.pairs, 3)
		o.provoked, o.reviews, o.visits, o.patience = 8, 1, 8, 15*time.Second
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	return o, nil
}

func (o options) check() error {
	switch {
	case o.requests < 0:
		return errors.New("-requests must be at least 0")
	case o.canaries < 1:
		return errors.New("-canaries must be at least 1")
	case o.workers < 1:
		return errors.New("-workers must be at least 1")
	case !(o.share >= 0 && o.share <= 1): // which NaN is not either
		return errors.New("-share must be from 0 to 1")
	case o.pairs < 0:
		return errors.New("-pairs must be at least 0")
	}
	return nil
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

// atMost prints a figure that has a limit.
func (r *report) atMost(name string, value, limit float64, unit string) {
	say(r.out, "%s %.1f %s (at most %.0f)", name, value, unit, limit)
	r.ok = r.ok && value <= limit
}

// maxListed bounds the list of leaks: one mistake can show in a thousand of them.
const maxListed = 60

// leaks lists leaks, each with how often it was met.
func (r *report) leaks(all []leak) {
	counts := map[leak]int{}
	var order []leak
	for _, l := range all {
		if counts[l]++; counts[l] == 1 {
			order = append(order, l)
		}
	}
	for i, l := range order {
		if i == maxListed {
			say(r.out, "  and %d more kinds of leaks", len(order)-i)
			return
		}
		say(r.out, "  %s | %s | %s | expected: %s | got: %s | %d×",
			l.route, l.who, l.whose, l.expected, l.got, counts[l])
	}
}

// say prints a line. If it cannot be printed there is nobody to tell.
func say(to io.Writer, format string, values ...any) { _, _ = fmt.Fprintf(to, format+"\n", values...) }
