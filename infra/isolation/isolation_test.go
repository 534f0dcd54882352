package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

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
