package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the command line asks for must be a run.
func TestArguments(t *testing.T) {
	for _, args := range []string{
		"-requests -1", "-requests x", "-canaries 0", "-workers 0", "-share -0.1", "-share 1.1", "-share NaN", "-pairs -1",
		"-nonsense", "leftover", "-seed x",
	} {
		var said strings.Builder
		if _, err := parse(strings.Fields(args), &said); err == nil || said.Len() > 0 {
			t.Errorf("%s was accepted: %s", args, said.String())
		} else if name, _, _ := strings.Cut(args, " "); !strings.Contains(err.Error(), strings.Trim(name, "-")) {
			t.Errorf("%s: %v", args, err)
		}
	}
	o, err := parse([]string{"-requests", "0", "-quick"}, nil)
	if err != nil || o.canaries != 100 || o.visits != 8 || o.seed == 0 {
		t.Errorf("%+v, %v", o, err)
	}
	var said strings.Builder
	if _, err := parse([]string{"-h"}, &said); !errors.Is(err, flag.ErrHelp) || !strings.Contains(said.String(), "-canaries") {
		t.Errorf("%v\n%s", err, said.String())
	}
}

// TestRun: a small run, of all that a whole one does.
func TestRun(t *testing.T) {
	if _, err := os.Stat("../../bin/dist"); err != nil {
		t.Fatal("the functions are not built: run tests with `make test`")
	}
	var out strings.Builder
	began := time.Now()
	ok, err := run(t.Context(), options{
		seed: 1, root: "../..", logs: filepath.Join(t.TempDir(), "isolation.log"),
		requests: 200, canaries: 20, workers: 4, share: 0.03, provoked: 2, reviews: 1, visits: 4,
	}, &out, t.Output())
	if err != nil || !ok {
		t.Errorf("%v\n%s", err, out.String())
	}
	t.Log(time.Since(began))
}
