package main

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
	"almanac/infra/sandbox/zoom"
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
	documentedLinesWork(t, s)
	documentedScopes(t, s)
	deactivatedUserIsGone(t, s)
}

// documentedLinesWork types what docs/local.md says of connecting Zoom, at the addresses of this stack.
func documentedLinesWork(t *testing.T, s *stack.Stack) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "local.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(text), "    DOCTOR=")
	lines, _, found := strings.Cut(lines, "\n\nThe last line")
	if !found {
		t.Fatal("docs/local.md has no lines that connect Zoom")
	}
	lines = strings.NewReplacer("http://127.0.0.1:8081", s.Login, "http://localhost:8080", s.Public()).Replace(lines)
	out, err := exec.CommandContext(t.Context(), "bash", "-euc", "DOCTOR="+lines).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "<h1>Zoom is connected</h1>") {
		t.Errorf("the lines of docs/local.md answer %v: %s", err, out)
	}
}

// documentedScopes looks at what Zoom asks people to allow: what docs/deploy.md has the app ask for, and no more.
func documentedScopes(t *testing.T, s *stack.Stack) {
	t.Helper()
	q := url.Values{
		"client_id": {"almanac-zoom"}, "redirect_uri": {s.Public() + "/zoom/callback"}, "response_type": {"code"},
		"user": {zoom.Ben},
	}
	page, err := client.New(s.Zoom).Do(t.Context(), http.MethodGet, "/oauth/authorize?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	scopes := regexp.MustCompile(`value="([a-z_]+:[a-z_]+:[a-z_]+)"`).FindAllStringSubmatch(string(page.Body), -1)
	if len(scopes) != 8 {
		t.Errorf("Zoom asks people for %v: %d %s", scopes, page.Status, page.Body)
	}
	for _, one := range scopes {
		if !strings.Contains(string(text), "`"+one[1]+"`") {
			t.Errorf("docs/deploy.md does not say that the app asks for %s", one[1])
		}
	}
}

// deactivatedUserIsGone takes a connected user's log-in away at Zoom: Zoom tells it, and the owner sees it.
func deactivatedUserIsGone(t *testing.T, s *stack.Stack) {
	t.Helper()
	c := client.New(s.API)
	if err := errors.Join(c.LogIn(t.Context(), s.Login, demo.Clinician), s.Video.Deactivate(zoom.Ada)); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		var found struct {
			Items []struct{ Provider, State, Why string }
		}
		if err := c.Get(t.Context(), "/v1/connections", &found); err != nil {
			t.Fatal(err)
		}
		for _, one := range found.Items {
			if one.Provider == "zoom" && one.State == "needs-reauth" && one.Why == "user_gone" {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("ten seconds after Zoom deactivated a user, the connection does not say so")
}

// A start beside another one leaves the log that the other writes to.
func TestLogFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bin", "local.log")
	open := func() *os.File {
		t.Helper()
		w, err := logFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return w.(*os.File)
	}
	holds := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("the log holds %q, %v; want %q", got, err, want)
		}
	}
	first := open()
	_, err := first.WriteString("first\n")
	second := open()
	holds("first\n")
	_, other := second.WriteString("second\n")
	_, again := first.WriteString("again\n")
	holds("first\nsecond\nagain\n")
	if err := errors.Join(err, other, again, first.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	if err := open().Close(); err != nil {
		t.Fatal(err)
	}
	holds("")
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
