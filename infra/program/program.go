// Package program is how the programs begin and end that hold the product to its word. Its rule: what is wrong with a
// command line is said once and in one line, before anything is started.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main reads the command line, runs the program until it is through or interrupted, and ends the process: with 2 if it
// is asked for what parse refuses, with 1 for an error and where run says that a limit is broken.
func Main[O any](
	name string, parse func(args []string, help io.Writer) (O, error),
	run func(ctx context.Context, o O, out, progress io.Writer) (bool, error),
) {
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// Parse reads flags and refuses everything else. Who asks for help gets it, and flag.ErrHelp is the error.
func Parse(flags *flag.FlagSet, args []string, help io.Writer) error {
	flags.SetOutput(io.Discard) // what is wrong is said once, by Main
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return nil
}
