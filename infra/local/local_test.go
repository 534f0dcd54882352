package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"almanac/infra/demo"
	"almanac/infra/stack"
)

// TestWelcomeLinesWork starts the stack as `make run` does and types what it prints into a shell.
func TestWelcomeLinesWork(t *testing.T) {
	s, err := stack.Start(t.Context(), stack.Options{Root: filepath.Join("..", ".."), People: demo.People()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := demo.Found(t.Context(), demo.Store{
		DB: s.DynamoDB, Table: s.TableName, Keys: s.KeyTableName, Keeper: s.Keeper(),
	}, s.Now(), 1); err != nil {
		t.Fatal(err)
	}
	text, err := welcome(t.Context(), s, "bin/local.log")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, found := strings.Cut(text, "TOKEN=")
	if !found {
		t.Fatalf("no curl lines in %s", text)
	}
	for range 2 { // whoever types them again gets the same answer
		out, err := exec.CommandContext(t.Context(), "bash", "-euc", "TOKEN="+lines).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"slots":[{"start"`) || !strings.Contains(string(out), `"status":"booked"`) {
			t.Fatalf("the printed lines answer %v: %s", err, out)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"-port", "70000"}, {"-port", "x"}, {"-nonsense"}} {
		if err := run(args); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func TestUnfinishedDiaryIsDiscarded(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "shared-local-instance.db")
	write := func() {
		t.Helper()
		if err := os.WriteFile(db, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	if err := discardUnfinished(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(db); err == nil {
		t.Error("half a diary was kept")
	}
	write()
	if err := markFounded(dir); err != nil {
		t.Fatal(err)
	}
	if err := discardUnfinished(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(db); err != nil {
		t.Error("a complete diary was thrown away")
	}
}
