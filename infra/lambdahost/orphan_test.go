package lambdahost_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"almanac/infra/lambdahost"
	"almanac/infra/lambdahost/hosttest"
)

// helper makes the test program play a host that is killed.
const helper = "LAMBDAHOST_HELPER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helper); dir != "" {
		playHost(dir)
		return
	}
	os.Exit(hosttest.Main(m))
}

// playHost starts a function, prints its process id and waits to be killed.
func playHost(dir string) {
	h, err := lambdahost.New(context.Background(), lambdahost.Options{}, lambdahost.Function{
		Name: "probe", Dir: dir, Timeout: time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := h.Invoke(context.Background(), "probe", []byte(`{"Do":"pid"}`))
	// Busy, so that it does not notice by itself that nobody hands out work any more.
	go func() { _, _ = h.Invoke(context.Background(), "probe", []byte(`{"Sleep":60000}`)) }()
	time.Sleep(100 * time.Millisecond)
	fmt.Println(string(answer), err)
	select {}
}

// A host that is killed has no chance to end its functions: the system must.
func TestFunctionsDieWithTheirHost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends children with their parent")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helper+"="+hosttest.Build(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&pid); err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the function does not run")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitFor(t, "the function outlived its host", func() bool { return !alive(pid) })
}
