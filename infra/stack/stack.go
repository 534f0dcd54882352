// Package stack is the whole product on one computer: the engines with the fault proxies before them, the function
// binaries under the Lambda host, the gateway, the event sources and the sandbox of outside services, wired from
// template.yaml alone. Its rule: everything listens on 127.0.0.1 only, and nothing outlives Close.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/cfn"
	"almanac/infra/engine"
	"almanac/infra/faultproxy"
	"almanac/infra/iam"
	"almanac/infra/lambdahost"
	"almanac/infra/pump"
	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/oidc"
	"almanac/infra/sandbox/ses"
	"almanac/infra/sandbox/zoom"
)

// Options says what to start. The zero value is the whole product in memory on free ports.
type Options struct {
	Root string // of the repository; the working directory if empty
	// Port is the API's; log-in, mailbox, control, files and Zoom take the next five. 0 takes free ones.
	Port int
	// DataDir keeps the table on disk; empty keeps it in memory.
	DataDir string
	// Logs gets the functions' log lines and the stack's own; nil drops them.
	Logs io.Writer
	// Progress hears of each step while the stack starts; nil drops it.
	Progress func(step string)
	// People can log in, besides those whom a demonstration adds.
	People []oidc.Person
	// Unthrottled leaves the API's rate limit out, for measurements.
	Unthrottled bool
}

// Stack is the running product.
type Stack struct {
	API, Login, Mailbox, Control string // base URLs
	Files                        string // base URL of the bucket's engine
	Zoom                         string // base URL of the stand-in for Zoom
	Region                       string
	Template                     *cfn.Template
	Host                         *lambdahost.Host
	Scheduler                    *pump.Scheduler
	Table, Queues                *faultproxy.Proxy // before the engines
	Mail                         *ses.Server
	People                       *oidc.Issuer
	NHS                          *nhs.Server
	Video                        *zoom.Server
	Calls                        *iam.Ledger      // what the functions asked of AWS
	DynamoDB                     *dynamodb.Client // straight to the engine
	SQS                          *sqs.Client      // straight to the engine
	TableName, KeyTableName      string
	Fresh                        bool // the table was empty

	options   Options
	engine    *engine.Engine
	queueURLs map[string]string // by logical id
	streamARN string
	offset    atomic.Int64 // of the stack's clock from the real one, in nanoseconds
	listeners []net.Listener
	closers   []func() error
	stop      context.CancelFunc
	running   sync.WaitGroup
	log       *slog.Logger
	streams   *dynamodbstreams.Client // through the proxy
	received  *sqs.Client             // through the proxy
}

const region = "eu-west-2"

// Start starts everything and returns when the API answers. Ending ctx does not stop it; Close does.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Root == "" {
		o.Root = "."
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	s := &Stack{
		options: o, Region: region, Calls: iam.New(region, account), log: slog.New(slog.NewJSONHandler(o.Logs, nil)),
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.listen(); err != nil {
		return err
	}
	s.options.Progress("starting the engines")
	if err := s.startEngines(ctx); err != nil {
		return err
	}
	s.options.Progress("creating the table and the queues")
	if err := s.create(ctx); err != nil {
		return err
	}
	if err := s.startSandbox(); err != nil { //nolint:contextcheck // what it starts ends with Close, not with ctx
		return err
	}
	s.options.Progress("starting the functions")
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	if err := s.startFunctions(run); err != nil {
		return err
	}
	return s.startSources(run)
}

// listen takes the ports first, so that a port in use is told before anything is started.
func (s *Stack) listen() error {
	for i, url := range []*string{&s.API, &s.Login, &s.Mailbox, &s.Control, &s.Files, &s.Zoom} {
		port := 0
		if s.options.Port != 0 {
			port = s.options.Port + i
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(port))) //nolint:noctx // at start only
		if err != nil {
			return fmt.Errorf("port %d is in use: stop what uses it, or take others (PORT=0 takes free ones)", port)
		}
		s.listeners = append(s.listeners, l)
		*url = "http://" + l.Addr().String()
	}
	return nil
}

const (
	apiListener = iota
	loginListener
	mailboxListener
	controlListener
	filesListener
	zoomListener
)

func (s *Stack) serve(listener int, h http.Handler) {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	l := s.listeners[listener]
	s.running.Go(func() { _ = srv.Serve(l) }) // ends with Close
	s.closers = append(s.closers, srv.Close)
}

// Now is the stack's clock: the real one, moved by what was set.
func (s *Stack) Now() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }

// SetClock moves the stack's clock. Functions follow within a second.
func (s *Stack) SetClock(to time.Time) { s.offset.Store(int64(time.Until(to))) }

// Done is closed when an engine has ended by itself.
func (s *Stack) Done() <-chan struct{} { return s.engine.Done() }

// Close stops everything and waits for it.
func (s *Stack) Close() error {
	var errs []error
	if s.stop != nil {
		s.stop()
	}
	for _, end := range slices.Backward(s.closers) {
		errs = append(errs, end())
	}
	for _, l := range s.listeners {
		_ = l.Close() // closed already where something served on it
	}
	s.running.Wait()
	return errors.Join(errs...)
}

func (s *Stack) path(elem ...string) string {
	return filepath.Join(append([]string{s.options.Root}, elem...)...)
}
