package stack_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/faultproxy"
	"almanac/infra/stack"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/queue"
)

// journal keeps what the functions log.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

// line is what a worker logs of a message.
type line struct {
	Outcome  string   `json:"outcome"`
	Queue    string   `json:"queue"`
	Message  string   `json:"message"`
	Receives int      `json:"receives"`
	Hidden   *int     `json:"hidden_ms"`
	Failed   []string `json:"not_hidden"`
}

// of gives the lines of a message. Each begins with the function's name.
func (j *journal) of(message string) []line {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []line
	for s := bufio.NewScanner(bytes.NewReader(j.b.Bytes())); s.Scan(); {
		_, text, _ := strings.Cut(s.Text(), " ")
		var l line
		if json.Unmarshal([]byte(text), &l) == nil && l.Message == message {
			out = append(out, l)
		}
	}
	return out
}

// soon is far below the visibility of every queue that a worker has.
const soon = 25 * time.Second

// waitFor waits until a message's lines are as they should be.
func (j *journal) waitFor(t *testing.T, message string, enough func([]line) bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < soon; time.Sleep(20 * time.Millisecond) {
		if enough(j.of(message)) {
			return
		}
	}
	t.Errorf("after %s: %+v", soon, j.of(message))
}

// post puts a message into a queue, and gives its id.
func post(t *testing.T, s *stack.Stack, name, body string) string {
	t.Helper()
	q, ok := s.Template.Queue(name)
	if !ok || q.Visibility < 4*soon {
		t.Fatalf("%s hides a message for %s", name, q.Visibility)
	}
	url, err := s.SQS.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &q.Name})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: &body})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.MessageId)
}

// What fails comes again when the worker says, long before the visibility of its queue is over: at every worker, through
// the real functions with the roles and addresses of template.yaml.
func TestWhatFailsComesSoon(t *testing.T) {
	var log journal
	s, err := stack.Start(t.Context(), stack.Options{Root: filepath.Join("..", ".."), Logs: &log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var wait sync.WaitGroup
	for _, f := range s.Template.Functions {
		for _, m := range f.Queues {
			poison := post(t, s, m.Queue, "not a message")
			wait.Go(func() {
				log.waitFor(t, poison, func(all []line) bool {
					return slices.ContainsFunc(all, func(l line) bool { return l.Receives == 2 && l.Outcome == "refused" })
				})
				for _, l := range log.of(poison) {
					if l.Hidden == nil || l.Failed != nil {
						t.Errorf("%s: a message was not hidden: %+v", f.ID, l)
					}
				}
			})
		}
	}
	wait.Wait()

	// The table is away for a moment.
	if err := s.Table.Set(1, faultproxy.Rule{Fault: faultproxy.ThroughputExceeded, Op: "GetItem", Probability: 1}); err != nil {
		t.Fatal(err)
	}
	body, err := queue.Encode(event.Message{
		V: event.MessageVersion, Event: id.New("evt"), Name: event.ConnectionDue, Org: id.New("org"), Target: id.New("con"),
	})
	if err != nil {
		t.Fatal(err)
	}
	good := post(t, s, "VideoQueue", body)
	log.waitFor(t, good, func(all []line) bool { return len(all) >= 2 && all[1].Outcome == "again" })
	s.Table.Clear()
	log.waitFor(t, good, func(all []line) bool { return len(all) > 0 && all[len(all)-1].Outcome == "gone" })

	if refused := s.Calls.Refused(s.Template); len(refused) > 0 {
		t.Errorf("roles that lack something: %q", refused)
	}
	if n := len(s.Calls.Calls()); n < 6 {
		t.Errorf("only %d kinds of calls were seen", n)
	}
}
