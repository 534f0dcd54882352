package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/faultproxy"
	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
	"almanac/infra/sandbox/ses"
	"almanac/shared/id"
)

// provoke makes errors happen in requests that are full of canaries, looks through all the answers, and gives how many
// there were.
func (h *house) provoke(ctx context.Context, s *searched, canaries int) (int, error) {
	n := 0
	for _, part := range []func(context.Context, *searched, int) (int, error){
		h.nonsense, h.nhsFails, h.underFaults, h.withoutKeys,
	} {
		made, err := part(ctx, s, canaries)
		if err != nil {
			return n, err
		}
		n += made
	}
	return n, nil
}

// refusedText looks through the answer to a request, which may repeat nothing that was sent.
func (h *house) refusedText(ctx context.Context, s *searched, q request) error {
	got, err := h.send(ctx, q)
	if err != nil || got.ok() {
		return err
	}
	s.text("bodies and headers of refusals", []byte(got.stable()))
	return nil
}

const searching = "/v1/patients/search"

// nonsense sends canaries where they do not belong: in addresses, keys, unknown fields, and broken bodies.
func (h *house) nonsense(ctx context.Context, s *searched, canaries int) (int, error) {
	who, n := h.own.org.boss, 0
	for i := range canaries {
		c := canary{number: i}
		name, number := capital(c.word(familyWord)), h.numbers[i]
		whole, err := json.Marshal(c.record(number))
		if err != nil {
			return n, err
		}
		other := c.record(number)
		other[name], other["names"] = number, name
		once := func() map[string]string { return map[string]string{"Idempotency-Key": id.New("key")} }
		for _, q := range []request{
			{who: who, method: http.MethodPost, path: "/v1/patients", raw: whole[:len(whole)-2], header: once()},
			{who: who, method: http.MethodPost, path: "/v1/patients", body: other, header: once()},
			{who: who, method: http.MethodPost, path: searching, body: object{"name": strings.Repeat(name, 30)}},
			{who: who, method: http.MethodPost, path: searching, body: object{name: number}},
			{who: who, method: http.MethodGet, path: "/v1/patients/" + url.PathEscape(name)},
			{who: who, method: http.MethodGet, path: "/v1/patients/" + number + "/appointments"},
			{who: who, method: http.MethodGet, path: "/v1/" + name + "?q=" + number},
			{who: who, method: http.MethodGet, path: "/v1/sites?nhsNumber=" + number + "&" + name + "=" + c.mail()},
			{
				who: who, method: http.MethodPost, path: "/v1/holds", body: object{"patientId": name, "start": number},
				header: map[string]string{"Idempotency-Key": c.mail()},
			},
			{who: who, method: http.MethodGet, path: "/v1/sites", header: map[string]string{
				"Almanac-Organisation": name, "X-Request-Id": number, "User-Agent": c.mail(), "Traceparent": name,
			}},
			{who: who, method: name, path: "/v1/sites"},
			{who: &person{token: name + "." + number + "." + name}, method: http.MethodGet, path: "/v1/sites"},
		} {
			if err := h.refusedText(ctx, s, q); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// underFaults registers, changes and books while the table throttles, fails, and loses replies.
func (h *house) underFaults(ctx context.Context, s *searched, canaries int) (int, error) {
	err := h.faults(
		faultproxy.Rule{Op: "GetItem", Fault: faultproxy.Throttled, Probability: 0.3},
		faultproxy.Rule{Op: "Query", Fault: faultproxy.InternalError, Probability: 0.3},
		faultproxy.Rule{Op: "BatchGetItem", Fault: faultproxy.CustomError, Probability: 0.3, Error: &faultproxy.Error{
			Code: "AccessDeniedException",
		}},
		faultproxy.Rule{Op: "TransactWriteItems", Fault: faultproxy.LostReply, Probability: 0.2},
		faultproxy.Rule{Op: "TransactWriteItems", Fault: faultproxy.TransactionConflict, Probability: 0.3},
	)
	if err != nil {
		return 0, err
	}
	n, err := h.ordinary(ctx, s, canaries)
	return n, errors.Join(err, h.faults())
}

// ordinary sends what would be carried out if nothing failed.
func (h *house) ordinary(ctx context.Context, s *searched, canaries int) (int, error) {
	n, who := 0, h.own.org.boss
	for i := range canaries / 4 {
		c, ok := h.owner(i)
		if !ok || c.id == "" || c.org != h.own.org.id {
			continue
		}
		of := "/v1/patients/" + c.id
		for _, q := range []request{
			{method: http.MethodGet, path: of},
			{method: http.MethodPost, path: "/v1/patients", body: c.record(h.numbers[i])},
			{method: http.MethodPut, path: of, body: c.record(h.numbers[i])},
			{method: http.MethodPost, path: searching, body: object{"name": family(c), "birthDate": born(i)}},
			{method: http.MethodPost, path: of + "/representatives", body: c.friend()},
			{method: http.MethodPost, path: of + "/disclosures", body: h.disclosureBody(c.word(noteWord))},
			{method: http.MethodPost, path: of + "/exports", body: exportBody(c.word(noteWord))},
			{method: http.MethodPost, path: of + "/claim", body: claimBody(c.word(noteWord))},
		} {
			q.who, q.header = who, map[string]string{"Idempotency-Key": id.New("key"), "If-Match": `"1"`}
			if err := h.refusedText(ctx, s, q); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// withoutKeys does the same while KMS refuses, after the functions' copies of the keys are too old.
func (h *house) withoutKeys(ctx context.Context, s *searched, canaries int) (int, error) {
	h.stack.SetClock(h.stack.Now().Add(6 * time.Minute))
	time.Sleep(1500 * time.Millisecond) // functions follow within a second
	down := []sandbox.Fault{{Kind: kms.Unavailable, Count: sandbox.Forever}}
	if err := h.keyFaults(ctx, http.MethodPut, down); err != nil {
		return 0, err
	}
	n, err := h.ordinary(ctx, s, canaries)
	return n, errors.Join(err, h.keyFaults(ctx, http.MethodDelete, nil))
}

func (h *house) keyFaults(ctx context.Context, method string, faults []sandbox.Fault) error {
	body, err := json.Marshal(faults)
	if err != nil {
		return err
	}
	control := h.stack.Control + "/kms/dev/faults"
	req, err := http.NewRequestWithContext(ctx, method, control, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is read
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the faults of the keys: %d", res.StatusCode)
	}
	return nil
}

// queue is the address of a queue of the template.
func (h *house) queue(ctx context.Context, logicalID string) (string, error) {
	q, ok := h.stack.Template.Queue(logicalID)
	if !ok {
		return "", fmt.Errorf("the template has no %s", logicalID)
	}
	out, err := h.stack.SQS.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.Name})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.QueueUrl), nil
}

// deadLetters reads what is in every dead-letter queue.
func (h *house) deadLetters(ctx context.Context, s *searched) (int, error) {
	n := 0
	for _, q := range h.stack.Template.Queues {
		if q.DeadLetter != "" {
			continue
		}
		url, err := h.queue(ctx, q.ID)
		if err != nil {
			return n, err
		}
		got, err := h.drain(ctx, s, url)
		if err != nil {
			return n, err
		}
		n += got
	}
	return n, nil
}

// failing is how many mails are given up.
const failing = 3

// giveUp books while every mail is refused, with the queue in haste, until the mails have become dead letters, or for
// as long as there is patience.
func (h *house) giveUp(ctx context.Context, patience time.Duration) error {
	if patience == 0 {
		return nil
	}
	email, err := h.queue(ctx, "EmailQueue")
	if err != nil {
		return err
	}
	dead, err := h.queue(ctx, "EmailDeadLetters")
	if err != nil {
		return err
	}
	if err := h.hasten(ctx, email, "1"); err != nil {
		return err
	}
	if err := h.stack.Mail.Faults.Set([]sandbox.Fault{{Kind: ses.Throttle, Count: sandbox.Forever}}); err != nil {
		return err
	}
	for range failing {
		if _, err := h.book(ctx, h.own, h.any(h.own)); err != nil {
			return err
		}
	}
	const waiting = types.QueueAttributeNameApproximateNumberOfMessages
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(250 * time.Millisecond) {
		out, err := h.stack.SQS.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &dead, AttributeNames: []types.QueueAttributeName{waiting},
		})
		if err != nil {
			return err
		}
		if n, _ := strconv.Atoi(out.Attributes[string(waiting)]); n >= failing {
			break
		}
	}
	h.stack.Mail.Faults.Clear()
	return h.hasten(ctx, email, "180")
}

// hasten sets after how many seconds a message of the queue comes again.
func (h *house) hasten(ctx context.Context, queue, seconds string) error {
	_, err := h.stack.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: &queue, Attributes: map[string]string{string(types.QueueAttributeNameVisibilityTimeout): seconds},
	})
	return err
}

// drain looks through the messages of a queue.
func (h *house) drain(ctx context.Context, s *searched, queue string) (int, error) {
	n := 0
	for {
		out, err := h.stack.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &queue, MaxNumberOfMessages: 10,
		})
		if err != nil || len(out.Messages) == 0 {
			return n, err
		}
		for _, m := range out.Messages {
			s.text("dead letters", []byte(aws.ToString(m.Body)))
			n++
		}
	}
}
