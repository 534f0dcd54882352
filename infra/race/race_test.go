package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"almanac/shared/id"
)

// script writes down a history by hand: each operation begins and ends where it says.
type script struct {
	t   *testing.T
	ops []porcupine.Operation
}

func (s *script) add(call, back int64, in input, out output) {
	s.ops = append(s.ops, porcupine.Operation{Input: in, Call: call, Output: out, Return: back})
}

func testRules() rules {
	return rules{start: 1000, shapes: []shape{
		{length: 6}, {length: 6, before: 1, after: 1, rooms: []int{0}}, {length: 9, after: 3, rooms: []int{0, 1}},
	}}
}

func taken409(reasons ...string) output { return output{outcome: "time_taken", reasons: reasons} }

// The model takes what can have happened and nothing else: each pair of histories differs in one answer.
func TestModelJudges(t *testing.T) {
	a, b, h := id.New("apt"), id.New("apt"), id.New("hld")
	yes := func(id string, version, until int64) output { return output{id: id, version: version, until: until} }
	first := input{kind: book, service: 1, practitioner: 0, patient: 0, start: 10}
	for _, test := range []struct {
		name     string
		in       input
		good     output
		bad      output
		from, to int64 // when the second operation runs; the first runs from 1 to 10
	}{
		{"the same time twice", input{kind: book, service: 1, patient: 1, start: 10}, taken409("practitioner_busy", "room_busy"), yes(b, 1, 0), 11, 20},
		{"up to its buffer", input{kind: book, service: 0, patient: 1, start: 3}, yes(b, 1, 0), taken409("practitioner_busy"), 11, 20},
		{"into its buffer", input{kind: book, service: 0, patient: 1, start: 4}, taken409("practitioner_busy"), yes(b, 1, 0), 11, 20},
		{"its room with another practitioner", input{kind: hold, service: 2, practitioner: 1, patient: 1, start: 16}, taken409("room_busy"), yes(b, 1, 2000), 11, 20},
		{"its patient elsewhere", input{kind: book, service: 0, practitioner: 1, patient: 0, start: 12}, taken409("patient_busy"), yes(b, 1, 0), 11, 20},
		{"a reason that is not true", input{kind: book, service: 0, practitioner: 1, patient: 1, start: 12}, yes(b, 1, 0), taken409("room_busy"), 11, 20},
		{"a refusal for no reason", input{kind: book, service: 1, patient: 1, start: 40}, yes(b, 1, 0), taken409("practitioner_busy"), 11, 20},
		{"moving onto itself", input{kind: move, id: a, version: 1, start: 12}, yes(a, 2, 0), taken409("practitioner_busy"), 11, 20},
		{"moving an old copy", input{kind: move, id: a, version: 2, start: 30}, output{outcome: "stale"}, yes(a, 3, 0), 11, 20},
		{"cancelling what is booked", input{kind: cancel, id: a, version: 1}, yes(a, 2, 0), output{outcome: "not_changeable"}, 11, 20},
		{"cancelling what is not there", input{kind: cancel, id: b, version: 1}, output{outcome: "stale"}, yes(b, 2, 0), 11, 20},
		{"seeing it", input{kind: look}, output{seen: testRules().firm(state{entries: []entry{{id: a, service: 1, start: 10}}}, 0)}, output{}, 11, 20},
		{"seeing it too early", input{kind: look, practitioner: 1}, output{}, output{seen: "9:aa "}, 11, 20},
	} {
		for what, out := range map[string]output{"right": test.good, "wrong": test.bad} {
			s := script{t: t}
			s.add(1, 10, first, yes(a, 1, 0))
			s.add(test.from, test.to, test.in, out)
			if ok := porcupine.CheckOperations(testRules().model(), s.ops); ok != (what == "right") {
				t.Errorf("%s, the %s answer: linearizable is %t", test.name, what, ok)
			}
		}
	}
	s := script{t: t}
	s.add(1, 10, input{kind: hold, service: 0, patient: -1, start: 10}, yes(h, 1, 1300))
	s.add(11, 20, input{kind: book, service: 0, patient: 1, start: 10}, taken409("practitioner_busy"))
	s.add(21, 30, input{kind: pass, to: 1301}, output{})
	s.add(31, 40, input{kind: book, service: 0, patient: 1, start: 12}, yes(a, 1, 0))
	s.add(41, 50, input{kind: bookHeld, id: h, patient: 2}, output{outcome: "hold_expired"})
	if !porcupine.CheckOperations(testRules().model(), s.ops) {
		t.Error("a hold that ran out is not taken for one")
	}
	late := script{t: t, ops: slices.Clone(s.ops)}
	late.ops[4].Output = yes(b, 1, 0)
	early := script{t: t, ops: slices.Clone(s.ops)}
	early.ops[2].Input = input{kind: pass, to: 1300}
	for what, bad := range map[string]script{"booked though somebody else has it": late, "taken in its last second": early} {
		if porcupine.CheckOperations(testRules().model(), bad.ops) {
			t.Errorf("a hold was %s", what)
		}
	}
}

// An answer that never came may have been a yes or a no, at any later time.
func TestModelAllowsTheUnknown(t *testing.T) {
	a, b := id.New("apt"), id.New("apt")
	wish := input{kind: book, service: 0, patient: 0, start: 10}
	other := wish
	other.patient = 1
	const never = 1 << 62
	for _, out := range []output{{id: b, version: 1}, taken409("practitioner_busy")} {
		s := script{t: t}
		s.add(1, never, wish, output{outcome: unknown, id: a})
		s.add(11, 20, other, out)
		if !porcupine.CheckOperations(testRules().model(), s.ops) {
			t.Errorf("after an unknown outcome %+v is not possible", out)
		}
	}
	s := script{t: t}
	s.add(1, never, wish, output{outcome: unknown, id: a})
	s.add(11, 20, other, output{id: b, version: 1})
	s.add(21, 30, other, output{id: id.New("apt"), version: 1})
	if porcupine.CheckOperations(testRules().model(), s.ops) {
		t.Error("an unknown outcome excuses a double booking")
	}
}

// A small race on the engine: everything that make race holds, and the diary that looks before it writes is caught.
func TestRace(t *testing.T) {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Fatal("DYNAMODB_ENDPOINT is not set: run with `make test`")
	}
	var out, progress bytes.Buffer
	ok, err := run(t.Context(), options{
		endpoint: endpoint, seed: 7, times: 4, clients: 25, conflicts: 0.05, histories: 2, operations: 240, workers: 8, broken: 2,
	}, &out, &progress)
	if err != nil || !ok {
		t.Errorf("%t, %v\n%s%s", ok, err, progress.String(), out.String())
	}
	for _, line := range []string{
		"times 4", "clients 25", "winners 4 (4)", "losers 96 (96)", "doubles 0 (0)", "unwon 0 (0)", "other errors 0 (0)",
		"histories checked 2 (2)", "histories linearizable 2 (2)", "histories of the broken variant caught 2 (2)", "seed 7",
	} {
		if !slices.Contains(strings.Split(out.String(), "\n"), line) {
			t.Errorf("no line %q in\n%s", line, out.String())
		}
	}
}

// What the command line asks for must be a race.
func TestArguments(t *testing.T) {
	for _, args := range []string{
		"-times 0", "-times -1", "-clients 1", "-operations 0", "-workers 0", "-histories -1", "-broken -1",
		"-conflicts -0.1", "-conflicts 1", "-conflicts NaN", "-times many", "-nonsense", "leftover", "-endpoint= -times 4",
	} {
		var said bytes.Buffer
		if _, err := parse(append([]string{"-endpoint", "http://127.0.0.1:1"}, strings.Fields(args)...), &said); err == nil || said.Len() > 0 {
			t.Errorf("%s was accepted, or said twice: %s", args, said.String())
		} else if name, _, _ := strings.Cut(args, " "); !strings.Contains(err.Error(), strings.Trim(name, "-=")) {
			t.Errorf("%s: %v", args, err)
		}
	}
	o, err := parse([]string{"-endpoint", "http://127.0.0.1:1", "-times", "1", "-clients", "2", "-histories", "0", "-broken", "0"}, nil)
	if err != nil || o.times != 1 || o.seed == 0 {
		t.Errorf("%+v, %v", o, err)
	}
}

// What does not hold ends with a failure.
func TestReportFails(t *testing.T) {
	var out bytes.Buffer
	r := report{out: &out, ok: true}
	won{winners: 9, losers: 90, doubles: 1}.print(&r, options{times: 10, clients: 10})
	if r.ok || !strings.Contains(out.String(), "doubles 1 (0)\n") {
		t.Errorf("%t\n%s", r.ok, out.String())
	}
	if _, err := run(t.Context(), options{endpoint: "http://127.0.0.1:1", clients: 1, operations: 1, workers: 1}, &out, &out); err == nil {
		t.Error("there is no engine, and no error")
	}
}
