// With-engines runs a command with the engines beside it and stops them when it ends:
//
//	go run ./infra/engine/cmd/with-engines -- go test ./...
//
// The command finds the endpoints in DYNAMODB_ENDPOINT, SQS_ENDPOINT and S3_ENDPOINT. An endpoint that is set already
// is used as it is, so that one use may stand inside another. The exit code is the command's own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"almanac/infra/engine"
)

const (
	dynamoDBVariable = "DYNAMODB_ENDPOINT"
	sqsVariable      = "SQS_ENDPOINT"
	s3Variable       = "S3_ENDPOINT" // of the same engine as the queues

	// grace is what the command has to clean up after a signal.
	grace = 10 * time.Second
	// parentCheck is how often we look whether our parent is still there: "go run" passes no signal on.
	parentCheck = 500 * time.Millisecond
)

func main() {
	data := flag.String("data", "", "folder that keeps the table; empty: in memory")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: with-engines [-data folder] -- command [arguments]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	code, err := run(*data, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "with-engines:", err)
	}
	os.Exit(code)
}

// run starts what is missing, runs the command and stops what it started. Without a command's exit code it returns 1.
func run(data string, args []string) (int, error) {
	ctx, stop := stopContext()
	defer stop()
	o := engine.Options{
		DataDir:      data,
		SkipDynamoDB: os.Getenv(dynamoDBVariable) != "",
		SkipSQS:      os.Getenv(sqsVariable) != "",
	}
	env := os.Environ()
	if o.SkipDynamoDB && o.SkipSQS {
		return command(ctx, args, env)
	}
	e, err := engine.Start(ctx, o)
	if err != nil {
		return 1, err
	}
	if !o.SkipDynamoDB {
		env = append(env, dynamoDBVariable+"="+e.DynamoDB())
	}
	if !o.SkipSQS {
		env = append(env, sqsVariable+"="+e.SQS(), s3Variable+"="+e.S3())
	}
	code, err := command(ctx, args, env)
	if stopErr := e.Close(); stopErr != nil {
		// An engine that died under the command: its results mean nothing.
		return max(code, 1), errors.Join(err, stopErr)
	}
	return code, err
}

// stopContext ends at a signal, or when the parent process has gone.
func stopContext() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(parentCheck)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					stop()
				}
			}
		}
	}()
	return ctx, stop
}

// command runs the command to its end. When the context ends, it and everything it started are asked to stop, and are
// killed if they do not.
func command(ctx context.Context, args, env []string) (int, error) {
	//nolint:gosec,noctx // it runs what it is given, and asks it to stop before it kills it
	c := exec.Command(args[0], args[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	// At a terminal the command stays in our process group: it may read from it, and Ctrl-C reaches it directly.
	// Elsewhere it gets a group of its own, so that a signal can be passed on to all it started.
	group := !terminal(os.Stdin)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: group}
	if err := c.Start(); err != nil {
		return 1, err
	}
	pid := c.Process.Pid
	if group {
		pid = -pid
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		// Whoever has ended in between cannot be signalled: both errors mean nothing.
		_ = syscall.Kill(pid, syscall.SIGTERM)
		select {
		case err = <-ended:
		case <-time.After(grace):
			_ = syscall.Kill(pid, syscall.SIGKILL)
			err = <-ended
		}
	}
	return exitCode(err)
}

func exitCode(err error) (int, error) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		if err != nil {
			return 1, err
		}
		return 0, nil
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signal() > 0 {
		return 128 + int(status.Signal()), nil // as a shell does
	}
	return exit.ExitCode(), nil
}

// terminal reports whether the file is a character device other than the null device.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
