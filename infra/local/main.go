// Local runs the whole product on this computer, with a demonstration clinic around today, until Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"almanac/infra/demo"
	"almanac/infra/stack"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "almanac:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	port := flags.Int("port", 8080,
		"port of the API; log-in, mailbox, control, files and Zoom take the next five; 0 takes free ones")
	data := flags.String("data", "", "folder that keeps the diary; empty keeps it in memory")
	logs := flags.String("logs", "bin/local.log", "file for the functions' logs; - for standard error")
	seed := flags.Uint64("seed", 1, "another seed gives another demonstration diary")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *port < 0 || *port > 65530 {
		return errors.New("the port must lie between 0 and 65530")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	unlock, err := lock(*data)
	if err != nil {
		return err
	}
	defer unlock()
	out, err := logFile(*logs)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := discardUnfinished(*data); err != nil {
		return err
	}
	s, err := stack.Start(ctx, stack.Options{
		Port: *port, DataDir: *data, Logs: out, People: demo.People(), Progress: progress(began),
	})
	if err != nil {
		return err
	}
	err = serve(ctx, s, began, *logs, *data, *seed)
	fmt.Println("stopping")
	return errors.Join(err, s.Close())
}

func progress(began time.Time) func(string) {
	return func(step string) { fmt.Printf("%5.1f s  %s\n", time.Since(began).Seconds(), step) }
}

// logFile empties the log for this start, unless another writes to it: then it stays, and this start adds to it, or
// nothing at all if its ports are taken.
func logFile(name string) (io.Writer, error) {
	if name == "-" {
		return os.Stderr, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder of build products
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644) //nolint:gosec // the developer names it
	if err != nil {
		return nil, err
	}
	if alone := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil; alone {
		err = f.Truncate(0)
	}
	return f, err
}

// serve fills a fresh table, tells how to use what runs, and waits for the end.
func serve(ctx context.Context, s *stack.Stack, began time.Time, logs, data string, seed uint64) error {
	if s.Fresh {
		progress(began)("founding the demonstration clinic")
		if err := demo.Found(ctx, demo.Store{
			DB: s.DynamoDB, Table: s.TableName, Keys: s.KeyTableName, Keeper: s.Keeper(),
		}, s.Now(), seed); err != nil {
			return unlessStopped(ctx, err)
		}
		if err := markFounded(data); err != nil {
			return err
		}
	}
	text, err := welcome(ctx, s, logs)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	progress(began)("ready")
	fmt.Print(text)
	select {
	case <-ctx.Done():
		return nil
	case <-s.Done():
		return errors.New("an engine has ended by itself; its reason follows")
	}
}

// unlessStopped drops an error that is only the echo of Ctrl-C.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}
