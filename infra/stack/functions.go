package stack

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/cfn"
	"almanac/infra/gateway"
	"almanac/infra/iam"
	"almanac/infra/lambdahost"
	"almanac/infra/pump"
)

// Binaries is the folder below the repository's root in which `make binaries` puts the functions, built for this
// computer, under the paths that template.yaml names.
const Binaries = "bin"

// startFunctions hosts every function of the template and puts the gateway before those with routes.
func (s *Stack) startFunctions(ctx context.Context) error {
	table, err := s.Table.Listen(0, s.Calls.Watch)
	if err != nil {
		return err
	}
	queues, err := s.Queues.Listen(0, s.Calls.Watch)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, table.Close, queues.Close)
	local := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": table.URL(),
		"AWS_ENDPOINT_URL_SQS":      queues.URL(),
		"AWS_ENDPOINT_URL_SESV2":    s.Mailbox,
		"AWS_ENDPOINT_URL_KMS":      s.Control + "/kms/",
		"AWS_ENDPOINT_URL_S3":       s.Files,
		"ALMANAC_CLOCK_URL":         s.Control + "/clock",
	}
	var hosted []lambdahost.Function
	for _, f := range s.Template.Functions {
		h := lambdahost.FromTemplate(f, s.path(Binaries))
		h.AccessKey = iam.AccessKey(f.ID)
		if _, err := os.Stat(filepath.Join(h.Dir, "bootstrap")); err != nil {
			return fmt.Errorf("%s is not built: run `make binaries` first", f.ID)
		}
		h.Env = maps.Clone(h.Env)
		if h.Env == nil {
			h.Env = map[string]string{}
		}
		maps.Copy(h.Env, local)
		hosted = append(hosted, h)
	}
	s.Host, err = lambdahost.New(ctx,
		lambdahost.Options{Region: region, Account: account, Logs: s.options.Logs}, hosted...)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.Host.Close)
	s.ends(table.URL(), queues.URL())
	return s.startGateway()
}

func (s *Stack) startGateway() error {
	for _, api := range s.Template.APIs {
		g, err := gateway.New(gateway.Config{
			API: api, Routes: gateway.Routes(s.Template, api.ID), Invoke: s.Host.Invoke,
			Client: &http.Client{Timeout: 5 * time.Second}, Now: s.Now, Log: s.log, Account: account,
			Unthrottled: s.options.Unthrottled,
		})
		if err != nil {
			return err
		}
		s.serve(apiListener, g)
	}
	return nil
}

// ends keeps where streams and queues are read from: through the proxies, which make them late or duplicate.
func (s *Stack) ends(table, queues string) {
	s.streams = dynamodbstreams.New(dynamodbstreams.Options{
		Region: region, BaseEndpoint: aws.String(table), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	s.received = sqs.New(sqs.Options{
		Region: region, BaseEndpoint: aws.String(queues), Credentials: aws.CredentialsProviderFunc(credentials),
	})
}

// startSources starts the stream, the queues and the schedules that wake functions.
func (s *Stack) startSources(ctx context.Context) error {
	var schedules []pump.Schedule
	for _, f := range s.Template.Functions {
		for _, t := range f.Streams {
			if err := s.startStream(ctx, f, t); err != nil {
				return err
			}
		}
		for _, t := range f.Queues {
			if err := s.startQueue(ctx, f, t); err != nil {
				return err
			}
		}
		for _, sc := range f.Schedules {
			p := pump.FromSchedule(f, sc)
			p.OnFailure = s.deadLetter(f.Async.OnFailure)
			schedules = append(schedules, p)
		}
	}
	scheduler, err := pump.NewScheduler(pump.SchedulerConfig{
		Invoke: s.Host.Invoke, Now: s.Now, Region: region, Log: s.log,
	}, schedules...)
	if err != nil {
		return err
	}
	s.Scheduler = scheduler
	s.running.Go(func() { s.report(ctx, "scheduler", scheduler.Run(ctx)) })
	return nil
}

func (s *Stack) startStream(ctx context.Context, f cfn.Function, t cfn.StreamTrigger) error {
	stream, err := pump.FromStreamTrigger(f, t)
	if err != nil {
		return err
	}
	stream.Client, stream.ARN, stream.Region = s.streams, s.streamARN, region
	stream.Invoke, stream.Log = s.Host.Invoke, s.log // the age of records is by the engine's clock, the real one
	stream.OnFailure = s.deadLetter(t.OnFailure)
	s.running.Go(func() { s.report(ctx, "stream of "+f.ID, stream.Run(ctx)) })
	return nil
}

func (s *Stack) startQueue(ctx context.Context, f cfn.Function, t cfn.QueueTrigger) error {
	queue, err := pump.FromQueueTrigger(f, t)
	if err != nil {
		return err
	}
	queue.Client, queue.URL, queue.ARN, queue.Region = s.received, s.queueURLs[t.Queue], t.QueueARN, region
	queue.Invoke, queue.Log = s.Host.Invoke, s.log
	s.running.Go(func() { s.report(ctx, "queue of "+f.ID, queue.Run(ctx)) })
	return nil
}

func (s *Stack) deadLetter(queue string) func(context.Context, []byte) error {
	if queue == "" {
		return nil
	}
	return pump.SendTo(s.SQS, s.queueURLs[queue])
}

func (s *Stack) report(ctx context.Context, what string, err error) {
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "source ended",
			slog.String("source", what), slog.String("error", err.Error()))
	}
}
