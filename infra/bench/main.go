// Bench measures what Almanac costs and how fast it is, and prints one line a figure: name, value, unit and, in
// brackets, the limit it must keep or the peer it is compared with. A limit that is not kept is marked MISSED. Its
// rule: it measures the real function binaries over the wire; what cannot be measured is said and ends it with 1, but
// a missed limit does not, because the machine may be busy. It ends with 2 if it is asked for what is no measurement.
//
// Run it with `make bench`, which builds the functions and starts the engines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/infra/program"
)

func main() {
	program.Main("bench", parse, func(ctx context.Context, b *bench, _, _ io.Writer) (bool, error) {
		return true, b.run(ctx)
	})
}

// options are the command line's.
type options struct {
	only     string
	stored   []int // numbers of appointments to measure at
	lines    int   // of an uploaded file
	patients []int // numbers of patients to search among
	events   int   // of Zoom's, each delivered ten times
	host     string
	arm      string
}

// parse reads the command line, and refuses what would measure nothing.
func parse(args []string, help io.Writer) (*bench, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var o options
	flags.StringVar(&o.only, "only", "", "measure only figures whose name begins like this, such as booking. or start.")
	stored := flags.String("stored", "100,10000",
		"numbers of stored appointments to measure at; a million takes half an hour and some GB")
	flags.IntVar(&o.lines, "lines", 5000, "number of lines of an uploaded file; 100,000 take a quarter of an hour")
	patients := flags.String("patients", "100,20000",
		"numbers of patients to search among; a million takes 20 minutes and 6 GB")
	flags.IntVar(&o.events, "events", 1000, "number of events of Zoom's, each delivered ten times on the average")
	flags.StringVar(&o.host, "host", "bin", "folder with the functions built for this computer (make binaries)")
	flags.StringVar(&o.arm, "arm", ".", "folder with the functions built for AWS (make build)")
	if err := program.Parse(flags, args, help); err != nil {
		return nil, err
	}
	var err error
	if o.stored, err = counts("stored", *stored); err != nil {
		return nil, err
	}
	if o.patients, err = counts("patients", *patients); err != nil {
		return nil, err
	}
	b := &bench{options: o, report: report{out: os.Stdout, only: o.only}}
	switch {
	case o.events < 1:
		return nil, fmt.Errorf("-events: %d is no number above zero", o.events)
	case o.lines < 1:
		return nil, fmt.Errorf("-lines: %d is no number above zero", o.lines)
	case !slices.ContainsFunc(b.parts(), func(p part) bool { return b.wants(p.names) }):
		return nil, fmt.Errorf("-only: no figure's name begins with %q", o.only)
	}
	return b, nil
}

// counts reads a list of numbers.
func counts(flag, list string) ([]int, error) {
	var out []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-%s: %q is no number above zero", flag, text)
		}
		out = append(out, n)
	}
	return out, nil
}

// bench is one run.
type bench struct {
	options
	report
	endpoint string // of DynamoDB
	queues   string // endpoint of SQS
	scratch  string // a folder of our own
}

// part is a set of figures that are measured together; names are what their names begin with.
type part struct {
	names   []string
	measure func(context.Context) error
}

func (b *bench) parts() []part {
	return []part{
		{[]string{
			"booking.", "move.", "cancel.", "hold.", "hold-book.", "relay.", "confirmation.", "availability.",
		}, b.cost},
		{[]string{"month-cpu"}, b.month},
		{[]string{"seal."}, b.seal},
		{[]string{"upload."}, b.uploads},
		{[]string{"zip."}, b.zips},
		{[]string{"start.", "first."}, b.starts}, // before the engine holds much
		{[]string{"availability-cpu.", "availability-wall.", "booking-cpu.", "booking-wall."}, b.speed},
		{[]string{"mail."}, b.mail},
		{[]string{"trace."}, b.trace},
		{[]string{"search."}, b.searches},
		{[]string{"webhook."}, b.webhooks},
		{[]string{"deliveries."}, b.deliveries},
	}
}

func (b *bench) run(ctx context.Context) error {
	b.endpoint, b.queues = os.Getenv("DYNAMODB_ENDPOINT"), os.Getenv("SQS_ENDPOINT")
	if b.endpoint == "" || b.queues == "" {
		return errors.New("DYNAMODB_ENDPOINT or SQS_ENDPOINT is not set: run `make bench`")
	}
	var err error
	if b.scratch, err = os.MkdirTemp("", "almanac-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.scratch) //nolint:errcheck // a leftover in the system's temporary folder does no harm
	var failed []error
	for _, p := range b.parts() {
		if !b.wants(p.names) {
			continue
		}
		began := time.Now()
		if err := p.measure(ctx); err != nil {
			failed = append(failed, fmt.Errorf("not measured: %s: %w", strings.Join(p.names, " "), err))
		}
		b.progress("%s took %.1f s", strings.Join(p.names, " "), time.Since(began).Seconds())
		if ctx.Err() != nil {
			break
		}
	}
	b.summary()
	return errors.Join(failed...)
}
