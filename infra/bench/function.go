package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// function is one process of a function binary, served by a Runtime API that does no more than it must: what is
// measured is the function.
type function struct {
	cmd    *exec.Cmd
	server *http.Server
	// start is the time from the start of the process to its first request for an invocation.
	start time.Duration

	next   chan []byte // a payload for the process
	asked  chan time.Time
	answer chan answer
	exited chan struct{}
	stderr bytes.Buffer
}

type answer struct {
	body []byte
	err  error
}

const (
	runtimeAPI = "/2018-06-01/runtime/"
	patience   = 20 * time.Second
)

// launch starts dir/bootstrap and waits until it asks for its first invocation.
func launch(ctx context.Context, dir string, env []string) (*function, error) {
	f := &function{
		next: make(chan []byte), asked: make(chan time.Time, 1), answer: make(chan answer, 1),
		exited: make(chan struct{}),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding to loopback does not wait
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"invocation/next", f.giveNext)
	mux.HandleFunc("POST "+runtimeAPI+"invocation/{id}/{kind}", f.takeAnswer)
	mux.HandleFunc("POST "+runtimeAPI+"init/error", f.takeAnswer)
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	go f.server.Serve(l) //nolint:errcheck // ends with stop
	path, err := filepath.Abs(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return nil, err
	}
	f.cmd = exec.CommandContext(ctx, path) //nolint:gosec // our own function
	f.cmd.Dir, f.cmd.Env = filepath.Dir(path), append(env, "AWS_LAMBDA_RUNTIME_API="+l.Addr().String())
	f.cmd.Stderr = &f.stderr
	began := time.Now()
	if err := f.cmd.Start(); err != nil {
		_ = f.server.Close()
		return nil, err
	}
	go func() {
		_ = f.cmd.Wait() // it is always killed
		close(f.exited)
	}()
	select {
	case at := <-f.asked:
		f.start = at.Sub(began)
		return f, nil
	case <-f.exited:
	case <-time.After(patience):
	}
	f.stop()
	return nil, fmt.Errorf("%s does not start: %s", dir, lastLine(f.stderr.String()))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func (f *function) giveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case f.asked <- time.Now():
	default:
	}
	select {
	case payload := <-f.next:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(patience).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-2:000000000000:function:bench")
		_, _ = w.Write(payload) // a process that is gone shows below
	case <-r.Context().Done():
	case <-f.exited:
	}
}

func (f *function) takeAnswer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.PathValue("kind") != "response" {
		err = fmt.Errorf("the function answers an error: %s", body)
	}
	select {
	case f.answer <- answer{body, err}:
	default:
	}
	w.WriteHeader(http.StatusAccepted)
}

// invoke sends one event and gives the answer.
func (f *function) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case f.next <- payload:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.exited:
		return nil, errors.New("the function has ended: " + lastLine(f.stderr.String()))
	}
	select {
	case a := <-f.answer:
		return a.body, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.exited:
		return nil, errors.New("the function has ended: " + lastLine(f.stderr.String()))
	}
}

// cpu is the time that the process has spent on processors so far, garbage collection and system calls included. Linux
// tells it to the nanosecond for each thread, and a Go program's threads stay.
func (f *function) cpu() (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	if len(threads) == 0 {
		return 0, errors.New("this system does not tell the processor time of a running process")
	}
	var total time.Duration
	for _, name := range threads {
		text, err := os.ReadFile(name) //nolint:gosec // of our own child
		if err != nil {
			return 0, err
		}
		on, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(on, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// stop ends the process and its Runtime API.
func (f *function) stop() {
	_ = f.cmd.Process.Kill() // it may have ended by itself
	<-f.exited
	_ = f.server.Close()
}
