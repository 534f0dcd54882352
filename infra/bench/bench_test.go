package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// newHouse builds a house on the engine for the time of a test.
func newHouse(t *testing.T) (*bench, *house) {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Fatal("DYNAMODB_ENDPOINT is not set: run tests with `make test`")
	}
	t.Chdir("../..") // where template.yaml is
	b := &bench{endpoint: endpoint}
	h, err := b.build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.drop(context.WithoutCancel(t.Context())) })
	return b, h
}

// TestSeed: what the recorder stores is what booking would have written. The real code finds seeded times taken, lists
// the appointments, can cancel one, and finds its time free again.
func TestSeed(t *testing.T) {
	_, h := newHouse(t)
	const stored = inMonth + 25 // the last 25 fill the working day before today
	if err := h.seed(t.Context(), stored, func(int) {}); err != nil {
		t.Fatal(err)
	}
	patients, err := h.addPatients(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	tab := table.New(h.db, h.name, time.Now, id.New)
	s := booking.New(tab, clinic.NewDirectory(tab, time.Now), time.Now, id.New)
	wish := booking.Wish{
		ServiceID: h.services[0], SiteID: h.site, PractitionerID: h.practitioners[0], PatientID: patients[0],
		Start: h.slot(1, 3), RoomIDs: h.rooms[:1],
	}
	if _, err := s.Book(t.Context(), h.by(), once(), wish); !fault.Is(err, fault.Conflict) {
		t.Errorf("booking a seeded time: %v, want a conflict", err)
	}
	day := h.workday(1).Format(time.DateOnly)
	all, err := s.Day(t.Context(), h.by(), h.practitioners[0], day)
	if err != nil || len(all) != 5 {
		t.Fatalf("%d appointments on %s, error %v; want 5", len(all), day, err)
	}
	if _, err := s.Cancel(t.Context(), h.by(), once(), all[1].ID, 1, booking.ByClinic); err != nil {
		t.Fatalf("cancel a seeded appointment: %v", err)
	}
	if _, err := s.Book(t.Context(), h.by(), once(), wish); err != nil {
		t.Errorf("booking a time that is free again: %v", err)
	}
	past := 0
	for _, p := range h.practitioners {
		all, err := s.Day(t.Context(), h.by(), p, h.workday(-1).Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		past += len(all)
	}
	if past != stored-inMonth {
		t.Errorf("%d appointments before today, want %d", past, stored-inMonth)
	}
}

func once() access.Once { return access.Once{Key: id.New("key"), Fingerprint: [32]byte{1}} }

// What the command line asks for must be a measurement.
func TestArguments(t *testing.T) {
	for _, args := range []string{
		"-only nonsense", "-stored x", "-stored 0", "-patients 1,", "-lines 0", "-events 0", "-events many", "-nonsense", "leftover",
	} {
		var said strings.Builder
		if _, err := parse(strings.Fields(args), &said); err == nil || said.Len() > 0 {
			t.Errorf("%s was accepted: %s", args, said.String())
		} else if name, _, _ := strings.Cut(args, " "); !strings.Contains(err.Error(), strings.Trim(name, "-")) {
			t.Errorf("%s: %v", args, err)
		}
	}
	for _, only := range []string{"", "start.", "b", "booking.16"} {
		if b, err := parse([]string{"-only", only, "-stored", "7,8"}, nil); err != nil || len(b.stored) != 2 || b.options.only != only {
			t.Errorf("%q: %v", only, err)
		}
	}
}

// TestReport: a line is name, value, unit and what to compare with; a missed limit is marked and counted.
func TestReport(t *testing.T) {
	var out strings.Builder
	r := report{out: &out, only: "a."}
	r.atMost("a.kept", 16, "WCU", 16, "")
	r.atMost("a.missed", 2.204, "×", 2.2, "bare is 1")
	r.info("a.free", 1234.5, "ms", "a peer")
	r.info("b.other", 1, "ms", "not asked for")
	want := "a.kept 16 WCU (limit 16)\na.missed 2.2 × (limit 2.2; bare is 1) MISSED\na.free 1234 ms (a peer)\n"
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
	if r.printed != 3 || r.limits != 2 || r.missed != 1 {
		t.Errorf("counted %d figures, %d limits, %d missed; want 3, 2, 1", r.printed, r.limits, r.missed)
	}
	for only, want := range map[string]bool{"": true, "a": true, "a.b": true, "a.b.c": true, "b": false} {
		r.only = only
		if got := r.wants([]string{"a.b"}); got != want {
			t.Errorf("-only %q wants a.b: %t, want %t", only, got, want)
		}
	}
}

// TestNumber: three significant digits, and nothing in powers of ten.
func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 16: "16", 0.21234: "0.212", 3.456: "3.46", 99.96: "100", 0.00001: "0.000010"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// TestBenchmarkOutput reads what go test prints.
func TestBenchmarkOutput(t *testing.T) {
	out := "goos: linux\nBenchmarkMonth-2  300  141222 ns/op  137540 cpu-ns/op\nBenchmarkMonth-2  300  1 ns/op  2 cpu-ns/op\nPASS\n"
	got, err := parseBenchmark(out, "cpu-ns/op")
	if err != nil || len(got) != 2 || median(got) != 137540 {
		t.Errorf("got %v, error %v", got, err)
	}
	if _, err := parseBenchmark("PASS\n", "cpu-ns/op"); err == nil {
		t.Error("a benchmark that printed nothing counts as measured")
	}
}

// TestLaunch: a program that ends before it asks for work is an error that repeats what it said.
func TestLaunch(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/bootstrap", []byte("#!/bin/sh\necho something is missing >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := launch(ctx, dir, nil); err == nil || !strings.Contains(err.Error(), "something is missing") {
		t.Errorf("error %v, want what the program said", err)
	}
}
