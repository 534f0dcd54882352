// Smoke starts the whole product on free ports and does the main job through HTTP as a client would. It ends with the
// line "N passed, N failed" and exits 1 if anything failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"almanac/infra/demo"
	"almanac/infra/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logs := flag.String("logs", "bin/smoke.log", "file for the functions' logs")
	flag.Parse()
	if err := run(ctx, *logs); err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

// limit bounds the whole run.
const limit = 8 * time.Minute

func run(ctx context.Context, logs string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(logs), 0o755); err != nil { //nolint:gosec // a folder of build products
		return err
	}
	out, err := os.Create(logs) //nolint:gosec // the developer names it
	if err != nil {
		return err
	}
	began := time.Now()
	s, err := stack.Start(ctx, stack.Options{Logs: out, People: demo.People(), Progress: func(step string) {
		fmt.Printf("      %s\n", step)
	}})
	if err != nil {
		return err
	}
	fmt.Println("      founding the demonstration clinic")
	if err := demo.Found(ctx, demo.Store{
		DB: s.DynamoDB, Table: s.TableName, Keys: s.KeyTableName, Keeper: s.Keeper(),
	}, s.Now(), 1); err != nil {
		return errors.Join(err, s.Close())
	}
	fmt.Printf("      ready after %.1f s\n", time.Since(began).Seconds())
	j := newJob(s)
	for _, part := range []func(context.Context){
		j.logIn, j.look, j.hold, j.book, j.replay, j.firstMail, j.compete, j.move, j.cancel, j.lists, j.neighbour,
		j.times, j.people, j.behalf, j.glass, j.consents, j.uploads, j.connect, j.numbers, j.videos,
		j.leaver, j.pages, j.roles, func(context.Context) { j.canary(logs) },
	} {
		part(ctx)
	}
	fmt.Printf("%d passed, %d failed\n", j.passed, j.failed)
	if err := s.Close(); err != nil {
		return err
	}
	if j.failed > 0 {
		return fmt.Errorf("the functions' logs are in %s", logs)
	}
	return nil
}
