package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/lambdahost"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/id"
)

// gate is the real function that takes webhooks, before a real queue.
type gate struct {
	w     *world
	sqs   *sqs.Client
	queue string

	mu    sync.Mutex
	hosts []*lambdahost.Host // the last is the one that is deployed
}

const webhookFunction = "zoom-webhook"

// newGate makes the queue. The function is deployed by deploy.
func (w *world) newGate(ctx context.Context) *gate {
	g := &gate{w: w, sqs: sqs.New(sqs.Options{
		Region: region, BaseEndpoint: aws.String(w.queues), HTTPClient: w.transport,
		Credentials: aws.CredentialsProviderFunc(credentials),
	})}
	out, err := g.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("faults-" + id.New("que"))})
	w.must(err)
	g.queue = aws.ToString(out.QueueUrl)
	return g
}

// deploy puts the function into service with these secrets. What the one before has begun, it ends.
func (g *gate) deploy(ctx context.Context, secrets ...string) {
	bin := g.w.bin
	if !filepath.IsAbs(bin) {
		bin = filepath.Join(g.w.root, bin)
	}
	g.w.evidence.plant("a secret of webhooks", secrets...)
	h, err := lambdahost.New(ctx, lambdahost.Options{Logs: &g.w.log}, lambdahost.Function{
		Name: webhookFunction, Dir: filepath.Join(bin, "dist", webhookFunction), Timeout: 20 * time.Second,
		MaxConcurrency: 4, Env: map[string]string{
			"ZOOM_WEBHOOK_SECRETS": strings.Join(secrets, ","), "NOTICE_QUEUE_URL": g.queue,
			"AWS_ENDPOINT_URL_SQS": g.w.queues,
		},
	})
	g.w.must(err)
	g.w.must(h.Warm(ctx, webhookFunction))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts = append(g.hosts, h)
}

// live is the function that is in service.
func (g *gate) live() *lambdahost.Host {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hosts[len(g.hosts)-1]
}

func (g *gate) close(ctx context.Context) {
	for _, h := range g.hosts {
		_ = h.Close() // it has no error
	}
	in := &sqs.DeleteQueueInput{QueueUrl: &g.queue}
	_, _ = g.sqs.DeleteQueue(context.WithoutCancel(ctx), in) // the engine forgets it anyway
}

// delivery is a webhook as API Gateway hands it on.
type delivery struct {
	body    string
	headers map[string]string
}

// signed signs a body as Zoom does.
func signed(secret string, at time.Time, body string) delivery {
	stamp, signature := zoomsim.Sign(secret, at, []byte(body))
	return delivery{body, map[string]string{
		"content-type": "application/json", "x-zm-request-timestamp": stamp, "x-zm-signature": signature,
	}}
}

// told is the body of a webhook about a meeting; its number tells it apart.
func told(number int64) string {
	return `{"event":"meeting.updated","event_ts":` + strconv.FormatInt(1_799_000_000_000+number, 10) +
		`,"payload":{"account_id":"anAccountOfZoom","operator_id":"aUserOfZoom","scope":"all","object":{"id":` +
		strconv.FormatInt(80_000_000_000+number, 10) + `,"topic":"` + family + `","duration":30},` +
		`"old_object":{"duration":25},"time_stamp":` + strconv.FormatInt(1_799_000_000_000+number, 10) + `}}`
}

// send gives a webhook to the function, and tells the status and the body of the answer.
func (g *gate) send(ctx context.Context, d delivery) (int, string, error) {
	ev := events.APIGatewayV2HTTPRequest{RawPath: "/zoom/events", Headers: d.headers, Body: d.body}
	ev.RequestContext.HTTP.Method, ev.RequestContext.RequestID = http.MethodPost, id.New("req")
	payload, err := json.Marshal(ev)
	if err != nil {
		return 0, "", err
	}
	answer, err := g.live().Invoke(ctx, webhookFunction, payload)
	if err != nil {
		return 0, "", fmt.Errorf("the function: %w", err)
	}
	var res events.APIGatewayV2HTTPResponse
	err = json.Unmarshal(answer, &res)
	return res.StatusCode, res.Body, err
}

// An answer of the queue's that is lost takes its messages along for so long, and so long is looked for them.
const (
	lostFor = 3 * time.Second
	awaited = 5 * time.Second
)

// taken takes everything off the queue, and counts the notices by the meeting that they are about. Some n are awaited:
// a queue may say that it is empty when it is not.
func (g *gate) taken(ctx context.Context, n int64) map[int64]int {
	out := map[int64]int{}
	for end := time.Now().Add(awaited); ; {
		got, err := g.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &g.queue, MaxNumberOfMessages: 10, VisibilityTimeout: int32(lostFor / time.Second),
		})
		g.w.must(err)
		switch {
		case len(got.Messages) > 0:
		case int64(len(out)) < n && time.Now().Before(end):
			time.Sleep(100 * time.Millisecond)
			continue
		default:
			return out
		}
		var done []types.DeleteMessageBatchRequestEntry
		for i, m := range got.Messages {
			var n struct {
				Room string `json:"room"`
			}
			g.w.must(json.Unmarshal([]byte(aws.ToString(m.Body)), &n))
			number, err := strconv.ParseInt(n.Room, 10, 64)
			g.w.must(err)
			out[number-80_000_000_000]++
			g.w.evidence.saw(inMessages, aws.ToString(m.Body))
			done = append(done, types.DeleteMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle,
			})
		}
		_, err = g.sqs.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &g.queue, Entries: done})
		g.w.must(err)
	}
}

// doors are the cases at the door of webhooks.
func doors() []plan {
	return []plan{
		{
			name: "F25", what: "the secret of webhooks rotated while they arrive, at the real function",
			broken: "has the new secret in the place of the old one", run: rotation,
		},
		{
			name: "A4", what: "webhooks forged, among genuine ones, at the real function",
			broken: "compares what it encoded anew, and asks for no freshness", run: forgeries,
		},
	}
}

// deliveries of a run, and who sends them at once.
const (
	atTheDoor = 60
	senders   = 4
)

// rotation changes the secret as the runbook says, while deliveries arrive: the new one is put before the old one, then
// it is changed at Zoom, whose retries may still be signed with the old one, and a day later the old one is taken away.
func rotation(ctx context.Context, w *world) {
	g := w.newGate(ctx)
	defer g.close(ctx)
	const before, after = "the secret before", "the secret after"
	g.deploy(ctx, before)
	var mu sync.Mutex
	var failed []error
	signing, next := before, int64(0)
	take := func() (int64, string) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next, signing
	}
	var wait sync.WaitGroup
	for range senders {
		wait.Go(func() {
			for {
				n, secret := take()
				if n > atTheDoor {
					return
				}
				status, _, err := g.send(ctx, signed(secret, time.Now(), told(n)))
				mu.Lock()
				if err != nil {
					failed = append(failed, err)
				} else if status != http.StatusOK {
					w.tally.missing("delivery %d was answered %d", n, status)
				}
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Duration(w.draw.IntN(20)) * time.Millisecond)
	if w.broken {
		g.deploy(ctx, after)
	} else {
		g.deploy(ctx, after, before)
	}
	time.Sleep(time.Duration(w.draw.IntN(20)) * time.Millisecond)
	mu.Lock()
	signing = after
	mu.Unlock()
	wait.Wait()
	w.must(errors.Join(failed...))
	g.deploy(ctx, after)
	status, _, err := g.send(ctx, signed(before, time.Now(), told(0)))
	w.must(err)
	w.answered("signed with a secret that is gone", status, http.StatusUnauthorized)
	g.compare(ctx, atTheDoor)
}

// compare looks whether exactly these notices are in the queue, once each.
func (g *gate) compare(ctx context.Context, n int64) {
	got := g.taken(ctx, n)
	for i := range n {
		switch c := got[i+1]; {
		case c == 0:
			g.w.tally.missing("notice %d is not in the queue", i+1)
		case c > 1:
			g.w.tally.twice("notice %d is in the queue %d times", i+1, c)
		}
		delete(got, i+1)
	}
	for i := range got {
		g.w.tally.amiss("notice %d is in the queue and should not be", i)
	}
}

// forgeries sends forged webhooks among genuine ones.
func forgeries(ctx context.Context, w *world) {
	g := w.newGate(ctx)
	defer g.close(ctx)
	secrets := []string{"the next secret", "the secret"}
	g.deploy(ctx, secrets...)
	genuine := int64(0)
	for range atTheDoor {
		now := time.Now()
		if w.draw.IntN(3) == 0 {
			genuine++
			status, _, err := g.send(ctx, signed(secrets[w.draw.IntN(2)], now, told(genuine)))
			w.must(err)
			w.answered("that is genuine", status, http.StatusOK)
			continue
		}
		all := forged(w, secrets[1], now)
		names := make([]string, 0, len(all))
		for name := range all {
			names = append(names, name)
		}
		slices.Sort(names)
		name := names[w.draw.IntN(len(names))]
		status, body, err := g.send(ctx, all[name])
		w.must(err)
		if w.broken && naive(secrets[1], all[name]) {
			status = http.StatusOK
		}
		w.answered(name, status, http.StatusUnauthorized)
		if body != "" {
			w.tally.amiss("a webhook %s was answered with words", name)
		}
	}
	g.compare(ctx, genuine)
}

// forged are webhooks that Zoom did not send, or not now.
func forged(w *world, secret string, now time.Time) map[string]delivery {
	body := told(1_000_000 + w.draw.Int64N(1_000_000))
	good := signed(secret, now, body)
	with := func(name, value string) delivery {
		d := signed(secret, now, body)
		if value == "" {
			delete(d.headers, name)
		} else {
			d.headers[name] = value
		}
		return d
	}
	const signature, stamp = "x-zm-signature", "x-zm-request-timestamp"
	sig := good.headers[signature]
	flipped := good
	at := w.draw.IntN(len(body))
	flipped.body = body[:at] + string(body[at]^1) + body[at+1:]
	spaced := good
	spaced.body = strings.Replace(body, `,"payload"`, ` , "payload"`, 1)
	return map[string]delivery{
		"with a flipped bit": flipped, "encoded otherwise": spaced, "without a signature": with(signature, ""),
		"without a time": with(stamp, ""), "without its v0=": with(signature, strings.TrimPrefix(sig, "v0=")),
		"in upper case": with(signature, "v0="+strings.ToUpper(sig[3:])),
		"cut short":     with(signature, sig[:len(sig)-1]),
		"signed twice":  with(signature, sig+","+sig), "signed by another app": signed("another secret", now, body),
		"three hours old": signed(secret, now.Add(-3*time.Hour), body),
		"far ahead":       signed(secret, now.Add(6*time.Minute), body),
		"in milliseconds": signed(secret, time.Unix(now.UnixMilli(), 0), body), "at no time": with(stamp, "yesterday"),
		"at a time too long":  with(stamp, strings.Repeat("9", 20)),
		"too long":            signed(secret, now, body+strings.Repeat(" ", 256<<10)),
		"signed with nothing": signed("", now, body),
	}
}

// naive is a check as they are often written.
func naive(secret string, d delivery) bool {
	var v any
	if json.Unmarshal([]byte(d.body), &v) != nil {
		return false
	}
	seconds, err := strconv.ParseInt(d.headers["x-zm-request-timestamp"], 10, 64)
	if err != nil {
		return false
	}
	for _, body := range []string{d.body, strings.ReplaceAll(d.body, " ", "")} {
		_, signature := zoomsim.Sign(secret, time.Unix(seconds, 0), []byte(body))
		if signature == d.headers["x-zm-signature"] {
			return true
		}
	}
	return false
}
