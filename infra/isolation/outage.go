package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/shared/id"
)

// outages are the ways in which NHS services fail here: with a web page, with half of a document about the patient,
// with an error of the gateway's own form, with timeouts, and not at all.
func outages() []string {
	return []string{
		apim.BadGateway, apim.Truncate, apim.PlainError, apim.Timeout, apim.CutOff, apim.GatewayTimeout, apim.Denied,
	}
}

// nhsFails has numbers of canaries traced and shared records opened while NHS services fail, each time with a queue
// that gives up at once, so that there are logs and dead letters of it. The last canary is one whom the NHS does not
// know: that is its 404.
func (h *house) nhsFails(ctx context.Context, s *searched, canaries int) (int, error) {
	err := errors.Join(h.impatient(ctx, "PdsQueue"), h.impatient(ctx, "AskedQueue"), h.tracing(ctx, true))
	if err != nil {
		return 0, err
	}
	n := 0
	for i, kind := range outages() {
		if i >= canaries {
			break
		}
		if err := h.outage(ctx, s, kind); err != nil {
			return n, err
		}
		n += 3
	}
	h.stack.NHS.Faults.Clear()
	before := len(h.stack.NHS.Requests())
	if _, err := h.admit(ctx, h.own); err != nil {
		return n, err
	}
	h.asksNHS(before)
	return n + 1, h.tracing(ctx, false)
}

// outage registers somebody whom the NHS knows, and opens a shared record, during one kind of failure.
func (h *house) outage(ctx context.Context, s *searched, kind string) error {
	granted, err := h.view(ctx, h.own, h.own.traced.viewable, nil)
	if err != nil {
		return err
	}
	h.mu.Lock()
	c := canary{number: len(h.canaries)}
	h.mu.Unlock()
	if c.number >= len(h.numbers) {
		return nil // all are used, and the one before did
	}
	if err := h.tellNHS(c, false); err != nil {
		return err
	}
	var all []sandbox.Fault
	for _, on := range []string{"pds", "scr", "gp"} {
		all = append(all, sandbox.Fault{Kind: kind, Count: sandbox.Forever, On: on})
	}
	if err := h.stack.NHS.Faults.Set(all); err != nil {
		return err
	}
	before := len(h.stack.NHS.Requests())
	made, err := h.admit(ctx, h.own)
	if err != nil {
		return err
	}
	for _, q := range []request{
		{who: h.own.org.boss, method: http.MethodPost, path: "/v1/patients/" + made.id + "/nhs-number/trace"},
		{
			who: h.own.staff[clinician], method: http.MethodGet,
			path: "/v1/patients/" + h.own.traced.viewable + "/record-views/" + granted,
		},
	} {
		q.header = map[string]string{"Idempotency-Key": id.New("key")}
		if err := h.refusedText(ctx, s, q); err != nil {
			return err
		}
	}
	h.asksNHS(before + 1) // the view is one, the trace another
	return nil
}

// asksNHS waits until so many requests have reached the NHS, for a while: what a worker puts off may come later.
func (h *house) asksNHS(more int) {
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if len(h.stack.NHS.Requests()) > more {
			return
		}
	}
}

// impatient makes a queue give a message up when it has failed once.
func (h *house) impatient(ctx context.Context, logicalID string) error {
	queue, err := h.queue(ctx, logicalID)
	if err != nil {
		return err
	}
	const redrive = types.QueueAttributeNameRedrivePolicy
	got, err := h.stack.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(queue), AttributeNames: []types.QueueAttributeName{redrive},
	})
	if err != nil {
		return err
	}
	count := regexp.MustCompile(`("maxReceiveCount": *"?)\d+`)
	policy := count.ReplaceAllString(got.Attributes[string(redrive)], "${1}1")
	_, err = h.stack.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: aws.String(queue), Attributes: map[string]string{
			string(redrive): policy, string(types.QueueAttributeNameVisibilityTimeout): "1",
		},
	})
	return err
}
