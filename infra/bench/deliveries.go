package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// deliveries has what Zoom told delivered in disorder and ten times as often, on the real engine, and compares what
// that comes to with the same told once in order. infra/faults does it, and prints what it did.
func (b *bench) deliveries(ctx context.Context) error {
	program := filepath.Join(b.scratch, "faults")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./infra/faults") //nolint:gosec // our own program
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build infra/faults: %w: %s", err, out)
	}
	run := exec.CommandContext(ctx, program, "-events", strconv.Itoa(b.events)) //nolint:gosec // our own program
	run.Env = os.Environ()
	var out, failed bytes.Buffer
	run.Stdout, run.Stderr = &out, &failed
	ran := run.Run() // it ends with 1 where the states differ, too
	said := map[string]string{}
	for lines := bufio.NewScanner(&out); lines.Scan(); {
		if i := strings.LastIndexByte(lines.Text(), ' '); i > 0 {
			said[lines.Text()[:i]] = lines.Text()[i+1:]
		}
	}
	once, disorder := said["state once in order"], said["state in disorder"]
	n, took := number64(said["deliveries"]), number64(said["milliseconds"])
	if once == "" || disorder == "" || n == 0 || took == 0 {
		return fmt.Errorf("deliveries: %w: %s", ran, lastLine(failed.String()))
	}
	differ := 0.0
	if once != disorder {
		differ = 1
	}
	b.atMost("deliveries.differ", differ, "states", 0, fmt.Sprintf(
		"%.0f deliveries of %s events, shuffled, each up to many times: state %s; once in order: %s",
		n, said["events"], disorder, once))
	b.info("deliveries.rate", n*1000/took, "1/s", fmt.Sprintf(
		"%s s in all; 8 workers in one process, engine and stand-in on the same computer", number(took/1000)))
	return nil
}

// number64 reads a figure; what is none is zero.
func number64(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return v
}
