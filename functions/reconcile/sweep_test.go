package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/relay"
	"almanac/shared/schedule"
	"almanac/shared/table"
)

// A stream record is lost: two minutes later the next run tells the queue, and the runs after it tell nothing more.
func TestSweep(t *testing.T) {
	h, org := clinictest.New(t), id.New("org")
	endpoint := os.Getenv("SQS_ENDPOINT")
	if endpoint == "" {
		t.Fatal("SQS_ENDPOINT is not set: run tests with `make test`")
	}
	cfg := aws.Config{
		Region: "eu-west-2", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}
	client := sqs.NewFromConfig(cfg)
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("reconcile-" + id.New("tst"))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}) }()
	c, apt := h.Table.For(access.System(org, string(access.EmailDispatch))), id.New("apt")
	err = c.Write(t.Context(), table.Change{
		Action: access.MessageSend, Target: apt, Event: event.Event{Name: event.AppointmentMoved, Version: 2, Sequence: 1},
		Put: []table.Item{{Key: c.Appointment(apt), Value: map[string]string{"id": apt}, New: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tick, err := os.ReadFile("../../events/reconcile.scheduled.json")
	if err != nil {
		t.Fatal(err)
	}
	now, log := time.Now(), slog.New(slog.NewJSONHandler(h.Log, nil))
	r := relay.New(cfg, map[event.Queue]string{event.Email: aws.ToString(out.QueueUrl)}, h.Table.Outbox())
	run := schedule.Run(log, sweep(log, r, func() time.Time { return now }))
	for _, x := range []struct {
		later time.Duration
		logs  string
		tells int
	}{
		{time.Minute, `"found":0,"sent":0`, 0},
		{2*time.Minute + time.Second, `"found":1,"sent":1,"failed":0`, 1},
		{7 * time.Minute, `"found":0,"sent":0`, 0},
	} {
		now = time.Now().Add(x.later)
		if err := run(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(h.Log.String()), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, x.logs) {
			t.Errorf("after %v logged %s", x.later, last)
		}
		got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: out.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil || len(got.Messages) != x.tells {
			t.Fatalf("after %v the queue got %d, %v", x.later, len(got.Messages), err)
		}
		for _, m := range got.Messages {
			if told, err := queue.Decode(aws.ToString(m.Body)); err != nil || told.Target != apt || told.Sequence != 1 || told.Version != 2 {
				t.Errorf("%+v, %v", told, err)
			}
		}
	}
}
