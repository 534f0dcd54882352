package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"almanac/infra/client"
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
	page, err := client.New(s.Zoom).Do(t.Context(), http.MethodGet, "/", nil)
	if err != nil || page.Status != http.StatusOK || !strings.Contains(text, s.Zoom+"/\n") {
		t.Errorf("Zoom's page is not where it is said to be: %d, %v", page.Status, err)
	}
	for range 2 { // whoever types them again gets the same answer
		out, err := exec.CommandContext(t.Context(), "bash", "-euc", "TOKEN="+lines).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"slots":[{"start"`) || !strings.Contains(string(out), `"status":"booked"`) ||
			!strings.Contains(string(out), "<h1>Zoom is connected</h1>") {
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

// Two starts on one folder would write over each other: the second is refused at once, and says why, until the first has
// ended.
func TestOneStartAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(dir, "shared-local-instance.db")
	if err := os.WriteFile(db, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = run([]string{"-port", "0", "-data", dir, "-logs", filepath.Join(t.TempDir(), "log")})
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second start says %v", err)
	}
	if _, err := os.Stat(db); err != nil {
		t.Error("the refused start threw away the diary of the first")
	}
	if other, err := lock(filepath.Join(t.TempDir(), "other")); err != nil {
		t.Errorf("another folder: %v", err)
	} else {
		other()
	}
	unlock()
	again, err := lock(dir)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	again()
	memory, err := lock("")
	if err != nil {
		t.Fatalf("in memory: %v", err)
	}
	memory()
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
