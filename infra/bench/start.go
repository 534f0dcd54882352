package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/cfn"
	"almanac/shared/id"
)

const (
	startSeries = 3
	startRounds = 41 // of each series
	firstRounds = 9
	maxStart    = 2.2 // × bare
	maxZip      = 4.5 // MB
	bare        = "bare"
)

// bareFor builds the function that does nothing, with the flags of the Makefile.
func (b *bench) bareFor(ctx context.Context, arch ...string) (string, error) {
	dir := filepath.Join(append([]string{b.scratch, bare}, arch...)...)
	cmd := exec.CommandContext(ctx, "go", "build", //nolint:gosec // our own program into a folder of our own
		"-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=",
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
	all, err := b.candidates(ctx, h)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.dir, err = b.copied(c); err != nil {
			return err
		}
	}
	if all, err = quietest(ctx, all); err != nil {
		return err
	}
	base, baseCPU := median(all[0].starts), median(all[0].cpus)
	b.info("start."+bare, milliseconds(base), "ms", "a function that does nothing, start to first /next")
	for _, c := range all[1:] {
		m := median(c.starts)
		cpu := float64(median(c.cpus)) / float64(baseCPU)
		b.atMost("start."+c.name, float64(m)/float64(base), "×", maxStart, fmt.Sprintf(
			"bare is 1; %s ms, p90 %s ms; processor time %s ×; median of %d",
			number(milliseconds(m)), number(milliseconds(percentile(c.starts, .9))), number(cpu), startRounds))
	}
	return b.firsts(ctx, all[1:])
}

// copied writes the function's program anew, so that all lie in the page cache alike: how the linker happened to write
// a file moves the same program's start by up to a fifth.
func (b *bench) copied(c *candidate) (string, error) {
	program, err := os.ReadFile(filepath.Join(c.dir, "bootstrap"))
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.scratch, "start", c.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	//nolint:gosec // a program of ours, in a folder of our own, which must be allowed to run
	return dir, os.WriteFile(filepath.Join(dir, "bootstrap"), program, 0o700)
}

// quietest measures several series, in each of which the functions take turns, and gives the one in which the bare
// function started fastest: other work on the computer delays a process with more threads more, and would be taken for
// the function's own. The others' figures have no say in the choice.
func quietest(ctx context.Context, all []*candidate) ([]*candidate, error) {
	var best []*candidate
	for range startSeries {
		series := make([]*candidate, len(all))
		for i, c := range all {
			series[i] = &candidate{name: c.name, dir: c.dir, env: c.env}
		}
		for range startRounds {
			for _, c := range series {
				if err := c.start(ctx); err != nil {
					return nil, err
				}
			}
		}
		if best == nil || median(series[0].starts) < median(best[0].starts) {
			best = series
		}
	}
	return best, nil
}

// candidates are the bare function and all those of template.yaml.
func (b *bench) candidates(ctx context.Context, h *house) ([]*candidate, error) {
	dir, err := b.bareFor(ctx)
	if err != nil {
		return nil, err
	}
	t, err := template()
	if err != nil {
		return nil, err
	}
	queue, err := b.queue(ctx)
	if err != nil {
		return nil, err
	}
	all := []*candidate{{name: bare, dir: dir, env: functionEnv(b.endpoint, h.name, nil)}}
	for _, f := range t.Functions {
		all = append(all, &candidate{
			name: filepath.Base(f.CodeURI), dir: filepath.Join(b.host, f.CodeURI), env: b.envOf(f, h.name, queue),
		})
	}
	return all, nil
}

// start starts the function once, and stops it.
func (c *candidate) start(ctx context.Context) error {
	f, err := launch(ctx, c.dir, c.env)
	if err != nil {
		return err
	}
	defer f.stop()
	cpu, err := f.cpu()
	c.starts, c.cpus = append(c.starts, f.start), append(c.cpus, cpu)
	return err
}

// firsts measures the first invocation of a fresh process, which works out what later ones find ready. The events are
// those of events/; where they name an organisation that is not there, the answer is a refusal after the same reads.
func (b *bench) firsts(ctx context.Context, all []*candidate) error {
	for _, c := range all {
		file, payload, err := sample(c.name)
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
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		b.info("first."+c.name, milliseconds(median(c.firsts)), "ms",
			fmt.Sprintf("first invocation of a process, %s; median of %d", file, firstRounds))
	}
	return nil
}

// sample is an event of a function: one that only reads, where there is one.
func sample(function string) (string, []byte, error) {
	files, err := filepath.Glob(filepath.Join("events", function+".*.json"))
	if err != nil || len(files) == 0 {
		return "", nil, errors.Join(fmt.Errorf("no event of %s in events/", function), err)
	}
	slices.Sort(files)
	var first []byte
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // of the repository
		if err != nil {
			return "", nil, err
		}
		if bytes.Contains(text, []byte(`"method": "GET"`)) {
			return filepath.Base(file), text, nil
		}
		if first == nil {
			first = text
		}
	}
	return filepath.Base(files[0]), first, nil
}

// envOf is a function's environment. The mail service is not there, and no event of events/ gets as far as asking it.
func (b *bench) envOf(f cfn.Function, table, queue string) []string {
	own := maps.Clone(f.Env)
	for name := range own {
		if strings.HasSuffix(name, "_QUEUE_URL") {
			own[name] = queue
		}
	}
	return append(functionEnv(b.endpoint, table, own), "AWS_ENDPOINT_URL_SQS="+b.queues,
		"AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:9", "AWS_ENDPOINT_URL_KMS=http://127.0.0.1:9")
}

// queue makes a queue for what functions send.
func (b *bench) queue(ctx context.Context) (string, error) {
	c := sqs.New(sqs.Options{
		Region: region, BaseEndpoint: &b.queues, Credentials: aws.CredentialsProviderFunc(credentials),
	})
	out, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("bench-" + id.New("que"))})
	if err != nil {
		return "", fmt.Errorf("create a queue: %w", err)
	}
	return aws.ToString(out.QueueUrl), nil
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
