package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"almanac/infra/cfn"
)

const (
	startRounds = 61
	firstRounds = 9
	maxStart    = 2.2 // × bare
	maxZip      = 4.5 // MB
	bare        = "bare"
)

// bareFor builds the function that does nothing, with the flags of the Makefile.
func (b *bench) bareFor(ctx context.Context, arch ...string) (string, error) {
	dir := filepath.Join(append([]string{b.scratch, bare}, arch...)...)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=",
		"-o", filepath.Join(dir, "bootstrap"), "./infra/bench/bare")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if len(arch) > 0 {
		cmd.Env = append(cmd.Env, "GOOS=linux", "GOARCH="+arch[0])
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the bare function: %w: %s", err, out)
	}
	return dir, nil
}

// candidate is a function whose start is measured.
type candidate struct {
	name, dir string
	env       []string
	starts    []time.Duration
	cpus      []time.Duration // processor time until then, which a busy machine does not lengthen
	firsts    []time.Duration
}

// starts measures the time from the start of each function's process to its first request for an invocation, in turns
// with the bare one, and then how long its first invocation takes.
func (b *bench) starts(ctx context.Context) error {
	h, err := b.build(ctx)
	if err != nil {
		return err
	}
	defer h.drop(ctx)
	dir, err := b.bareFor(ctx)
	if err != nil {
		return err
	}
	all := []*candidate{{name: bare, dir: dir, env: functionEnv(b.endpoint, h.name, nil)}}
	t, err := template()
	if err != nil {
		return err
	}
	for _, f := range t.Functions {
		name := filepath.Base(f.CodeURI)
		all = append(all, &candidate{name: name, dir: filepath.Join(b.host, f.CodeURI), env: b.envOf(f, h.name)})
	}
	for range startRounds {
		for _, c := range all {
			f, err := launch(ctx, c.dir, c.env)
			if err != nil {
				return err
			}
			cpu, err := f.cpu()
			if err != nil {
				f.stop()
				return err
			}
			c.starts, c.cpus = append(c.starts, f.start), append(c.cpus, cpu)
			f.stop()
		}
	}
	base, baseCPU := median(all[0].starts), median(all[0].cpus)
	b.info("start."+bare, milliseconds(base), "ms", "a function that does nothing, start to first /next")
	for _, c := range all[1:] {
		m := median(c.starts)
		b.atMost("start."+c.name, float64(m)/float64(base), "× "+bare, maxStart,
			fmt.Sprintf("%s ms, p90 %s ms; processor time %s ×; median of %d", number(milliseconds(m)),
				number(milliseconds(percentile(c.starts, .9))), number(float64(median(c.cpus))/float64(baseCPU)), startRounds))
	}
	return b.firsts(ctx, all[1:])
}

// firsts measures the first invocation of a fresh process, which works out what later ones find ready. The events are
// those of events/; where they name an organisation that is not there, the answer is a refusal after the same reads.
func (b *bench) firsts(ctx context.Context, all []*candidate) error {
	for _, c := range all {
		files, err := filepath.Glob(filepath.Join("events", c.name+".*.json"))
		if err != nil || len(files) == 0 {
			return errors.Join(fmt.Errorf("no event of %s in events/", c.name), err)
		}
		slices.Sort(files)
		payload, err := os.ReadFile(files[0])
		if err != nil {
			return err
		}
		for range firstRounds {
			f, err := launch(ctx, c.dir, c.env)
			if err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond) // on AWS, too, the first event comes after the start
			began := time.Now()
			_, err = f.invoke(ctx, payload)
			c.firsts = append(c.firsts, time.Since(began))
			f.stop()
			if err != nil {
				return fmt.Errorf("%s: %w", files[0], err)
			}
		}
		b.info("first."+c.name, milliseconds(median(c.firsts)), "ms",
			fmt.Sprintf("first invocation of a process, %s; median of %d", filepath.Base(files[0]), firstRounds))
	}
	return nil
}

// envOf is a function's environment; what it may call besides the table is not there, and not asked for.
func (b *bench) envOf(f cfn.Function, table string) []string {
	env := functionEnv(b.endpoint, table, f.Env)
	for _, service := range []string{"SQS", "SESV2", "KMS"} {
		env = append(env, "AWS_ENDPOINT_URL_"+service+"=http://127.0.0.1:9")
	}
	return env
}

// zips measures what is uploaded to AWS for each function.
func (b *bench) zips(ctx context.Context) error {
	dir, err := b.bareFor(ctx, "arm64")
	if err != nil {
		return err
	}
	size, err := zipped(filepath.Join(dir, "bootstrap"))
	if err != nil {
		return err
	}
	b.info("zip."+bare, size, "MB", "a function that does nothing, arm64")
	t, err := template()
	if err != nil {
		return err
	}
	for _, f := range t.Functions {
		size, err := zipped(filepath.Join(b.arm, f.CodeURI, "bootstrap"))
		if err != nil {
			return err
		}
		b.atMost("zip."+filepath.Base(f.CodeURI), size, "MB", maxZip, "arm64")
	}
	return nil
}

// zipped is the size in MB of a zip with the program in it, packed as hard as zip -9.
func zipped(program string) (float64, error) {
	in, err := os.Open(program) //nolint:gosec // our own build
	if err != nil {
		return 0, err
	}
	defer in.Close() //nolint:errcheck // only read
	var size counter
	w := zip.NewWriter(&size)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	out, err := w.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(out, in); err != nil {
		return 0, err
	}
	return float64(size) / 1e6, w.Close()
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
