package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script tells where the engines are, then waits to be asked to stop and says so.
const script = `trap 'echo asked; exit 3' TERM; echo $DYNAMODB_ENDPOINT; echo $SQS_ENDPOINT; sleep 60 & wait`

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		command string
		want    int
	}{{"exit 0", 0}, {"exit 7", 7}, {"kill -KILL $$", 137}} {
		t.Run(test.command, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), build(t), "--", "sh", "-c", test.command)
			// Endpoints that are set already are used: nothing is started for this test.
			cmd.Env = append(os.Environ(), dynamoDBVariable+"=http://set", sqsVariable+"=http://set")
			_ = cmd.Run() // the exit code says it all
			if got := cmd.ProcessState.ExitCode(); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
		})
	}
}

func TestSignal(t *testing.T) {
	cmd, out := start(t, build(t), "--", "sh", "-c", script)
	endpoints := []string{line(t, out), line(t, out)}
	for _, e := range endpoints {
		if !listening(t, e) {
			t.Errorf("%q does not answer", e)
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if got := line(t, out); got != "asked" {
		t.Errorf("the command says %q", got)
	}
	_ = cmd.Wait() // the exit code says it all
	if got := cmd.ProcessState.ExitCode(); got != 3 {
		t.Errorf("exit code %d, want the command's 3", got)
	}
	for _, e := range endpoints {
		if listening(t, e) {
			t.Errorf("%q still answers", e)
		}
	}
}

// TestEngineDies: what the command found out on a dead engine means nothing, so its success does not count.
func TestEngineDies(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	const killSiblings = `for p in $(cat /proc/$PPID/task/*/children); do [ $p = $$ ] || kill -KILL $p; done; sleep 0.2`
	cmd, _ := start(t, build(t), "--", "sh", "-c", killSiblings)
	_ = cmd.Wait() // the exit code says it all
	if got := cmd.ProcessState.ExitCode(); got != 1 {
		t.Errorf("exit code %d, want 1", got)
	}
}

// TestParentGone stands for "go run" that is killed: it passes no signal on.
func TestParentGone(t *testing.T) {
	cmd, out := start(t, "sh", "-c", `"$0" -- sh -c "$1" & wait`, build(t), script)
	endpoint := line(t, out)
	_ = line(t, out)
	must(t, cmd.Process.Kill())
	if got := line(t, out); got != "asked" {
		t.Errorf("the command says %q", got)
	}
	for deadline := time.Now().Add(10 * time.Second); listening(t, endpoint); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the engines outlive the parent")
		}
	}
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "with-engines")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func start(t *testing.T, name string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, dynamoDBVariable+"=") && !strings.HasPrefix(v, sqsVariable+"=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewReader(read)
}

func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString('\n')
	must(t, err)
	return strings.TrimSpace(text)
}

func listening(t *testing.T, endpoint string) bool {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint, nil)
	must(t, err)
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	must(t, resp.Body.Close())
	return true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
