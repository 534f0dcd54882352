package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

const maxMonth = 0.4 // ms

// month runs the benchmark that shared/booking keeps of its pure part, and prints what a practitioner's month costs.
func (b *bench) month(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkMonth$", "-benchtime", "300x",
		"-count", "7", "./shared/booking")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go test: %w: %s%s", err, stdout.String(), stderr.String())
	}
	costs, err := parseBenchmark(stdout.String(), "cpu-ns/op")
	if err != nil {
		return err
	}
	b.atMost("month-cpu", median(costs)/1e6, "ms", maxMonth,
		"a practitioner's free times over 31 busy days, two rooms, no reading; Cal.com 41 ms")
	return nil
}

// parseBenchmark takes one unit's values out of the output of go test.
func parseBenchmark(out, unit string) ([]float64, error) {
	var values []float64
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		for i, f := range fields {
			if f != unit || i == 0 {
				continue
			}
			v, err := strconv.ParseFloat(fields[i-1], 64)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return nil, errors.New("the benchmark gave no " + unit)
	}
	return values, nil
}
