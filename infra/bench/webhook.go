package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/infra/sandbox/zoom"
	"almanac/shared/id"
)

const (
	webhooks      = 2000 // measured
	webhooksFirst = 200  // before that
	// maxWebhook is what an answer to Zoom may take, in milliseconds.
	maxWebhook    = 100
	webhookSecret = "a webhook secret token of the bench"
)

// webhooks measures how long Zoom waits for its answer: the real function checks the signature, reads the event, puts
// it into the queue and answers. A forged one is answered without a queue.
func (b *bench) webhooks(ctx context.Context) error {
	queue, err := b.queue(ctx)
	if err != nil {
		return err
	}
	f, err := launch(ctx, b.hostDir("zoom-webhook"), append(functionEnv(b.endpoint, "none", map[string]string{
		"ZOOM_WEBHOOK_SECRETS": webhookSecret, "NOTICE_QUEUE_URL": queue,
	}), "AWS_ENDPOINT_URL_SQS="+b.queues))
	if err != nil {
		return err
	}
	defer f.stop()
	if _, _, err := b.deliverTo(ctx, f, webhooksFirst, webhookSecret, http.StatusOK); err != nil {
		return err
	}
	took, cpu, err := b.deliverTo(ctx, f, webhooks, webhookSecret, http.StatusOK)
	if err != nil {
		return err
	}
	forged, forgedCPU, err := b.deliverTo(ctx, f, webhooks, "another secret", http.StatusUnauthorized)
	if err != nil {
		return err
	}
	b.atMost("webhook.p99", milliseconds(percentile(took, 0.99)), "ms", maxWebhook, fmt.Sprintf(
		"Zoom gives up after 3000; signature, event, queue and answer, of %d", webhooks))
	b.info("webhook.p50", milliseconds(percentile(took, 0.5)), "ms", "of the same")
	b.info("webhook.cpu", milliseconds(cpu)/webhooks, "ms", "of the function for each")
	b.info("webhook.forged-p99", milliseconds(percentile(forged, 0.99)), "ms", "refused")
	b.info("webhook.forged-cpu", milliseconds(forgedCPU)/webhooks, "ms", "of the function for each")
	return nil
}

// deliverTo gives webhooks to the function, one after the other, and tells how long each took and what they cost.
func (b *bench) deliverTo(
	ctx context.Context, f *function, n int, secret string, want int,
) ([]time.Duration, time.Duration, error) {
	before, err := f.cpu()
	if err != nil {
		return nil, 0, err
	}
	took := make([]time.Duration, 0, n)
	for i := range n {
		payload, err := joined(i, secret)
		if err != nil {
			return nil, 0, err
		}
		began := time.Now()
		answer, err := f.invoke(ctx, payload)
		took = append(took, time.Since(began))
		if err != nil {
			return nil, 0, err
		}
		var res events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(answer, &res); err != nil || res.StatusCode != want {
			return nil, 0, fmt.Errorf("a webhook was answered %d, not %d: %w", res.StatusCode, want, err)
		}
	}
	after, err := f.cpu()
	return took, after - before, err
}

// joined is a webhook of somebody who comes into a meeting, as API Gateway hands it on.
func joined(n int, secret string) ([]byte, error) {
	now := time.Now()
	body := `{"payload":{"account_id":"accACC123","object":{"uuid":"abcdefABCDEF0123456789==","participant":{` +
		`"user_name":"Jean Sample 😀","email":"jean@example.org","id":"","participant_uuid":"55555AAAiAAAAAiAiAiiAii",` +
		`"user_id":"` + strconv.Itoa(16_778_240+n) + `","join_time":"2027-01-05T08:59:59Z"},"id":"85746065432",` +
		`"host_id":"hostHOST123","topic":"Video visit","type":2,"start_time":"2027-01-05T09:00:00Z","duration":30,` +
		`"timezone":"Europe/London"}},` +
		`"event_ts":` + strconv.FormatInt(now.UnixMilli(), 10) + `,"event":"meeting.participant_joined"}`
	stamp, signature := zoom.Sign(secret, now, []byte(body))
	ev := events.APIGatewayV2HTTPRequest{RawPath: "/zoom/events", Body: body, Headers: map[string]string{
		"content-type": "application/json; charset=utf-8", "user-agent": "Zoom Marketplace/1.0a",
		"x-zm-request-timestamp": stamp, "x-zm-signature": signature,
	}}
	ev.RequestContext.HTTP.Method, ev.RequestContext.RequestID = http.MethodPost, id.New("req")
	return json.Marshal(ev)
}
