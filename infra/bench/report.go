package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report prints figures as they are measured.
type report struct {
	out                     io.Writer
	only                    string
	printed, limits, missed int
}

// wants tells whether any figure whose name begins with one of the names is asked for.
func (r *report) wants(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return strings.HasPrefix(n, r.only) || strings.HasPrefix(r.only, n)
	})
}

// atMost prints a figure with the limit it must keep; peer, where given, says what to compare it with besides.
func (r *report) atMost(name string, value float64, unit string, limit float64, peer string) {
	note := "limit " + number(limit)
	if peer != "" {
		note += "; " + peer
	}
	r.figure(name, value, unit, note, value > limit)
}

// atLeast prints a figure with the limit that it must reach.
func (r *report) atLeast(name string, value float64, unit string, limit float64, peer string) {
	r.figure(name, value, unit, "limit at least "+number(limit)+"; "+peer, value < limit)
}

// info prints a figure without a limit.
func (r *report) info(name string, value float64, unit, peer string) {
	r.figure(name, value, unit, peer, false)
}

func (r *report) figure(name string, value float64, unit, note string, missed bool) {
	if !strings.HasPrefix(name, r.only) {
		return
	}
	r.printed++
	line := fmt.Sprintf("%s %s %s (%s)", name, number(value), unit, note)
	if strings.HasPrefix(note, "limit ") {
		r.limits++
	}
	if missed {
		r.missed++
		line += " MISSED"
	}
	_, _ = fmt.Fprintln(r.out, line) // nobody is left to be told
}

func (r *report) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) // as above
}

func (r *report) summary() {
	r.progress("%d figures, %d of %d limits missed", r.printed, r.missed, r.limits)
}

// number writes three significant digits, and whole numbers whole.
func number(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	s := strconv.FormatFloat(v, 'g', 3, 64)
	if strings.ContainsRune(s, 'e') {
		s = strconv.FormatFloat(v, 'f', 6, 64)
	}
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median is the middle value; it orders the values.
func median[T int | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}

// percentile is the value that the share q of the values does not exceed; it orders the values.
func percentile(values []time.Duration, q float64) time.Duration {
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[min(len(values)-1, int(q*float64(len(values))))]
}
