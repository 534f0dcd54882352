package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"almanac/infra/cfn"
	"almanac/infra/client"
	"almanac/infra/sandbox/oidc"
	"almanac/infra/stack"
	"almanac/shared/id"
)

const mails = 11

// mail measures the time from a booking's request to its confirmation in the mailbox, through the whole local stack:
// gateway, booking, table, stream, fanout, queue, email-dispatch, mail service.
func (b *bench) mail(ctx context.Context) error {
	h := &house{org: id.New("org")}
	s, err := stack.Start(ctx, stack.Options{
		Unthrottled: true, People: []oidc.Person{{Subject: staff, Name: "Bench", Groups: []string{h.org}}},
	})
	if err != nil {
		return err
	}
	err = b.mailOver(ctx, s, h)
	return errors.Join(err, s.Close())
}

func (b *bench) mailOver(ctx context.Context, s *stack.Stack, h *house) error {
	h.use(s.DynamoDB, s.TableName, s.KeyTableName)
	h.seal = s.Keeper
	if err := h.found(ctx); err != nil {
		return err
	}
	patients, err := h.addPatients(ctx, mails)
	if err != nil {
		return err
	}
	c := client.New(s.API)
	if err := c.LogIn(ctx, s.Login, staff); err != nil {
		return err
	}
	var took, answered []time.Duration
	for n, patient := range patients {
		answer, mail, err := b.mailed(ctx, s, c, h.booking(
			h.services[0], h.practitioners[0], patient, h.slot(1+n/daySlots, n%daySlots)), n+1)
		if err != nil {
			return err
		}
		took, answered = append(took, mail), append(answered, answer)
	}
	first := took[0]
	took, answered = took[1:], answered[1:]
	b.info("mail.booking-to-mail", milliseconds(median(took)), "ms", fmt.Sprintf(
		"request to mailbox through the local stack, %s ms of it template.yaml's batching windows; p90 %s ms, "+
			"the booking itself is answered after %s ms; median of %d", number(milliseconds(windows(s.Template))),
		number(milliseconds(percentile(took, .9))), number(milliseconds(median(answered))), len(took)))
	b.info("mail.first", milliseconds(first), "ms", "the first one: every function starts")
	return nil
}

// windows is how long the stream and the queue let batches fill at the most.
func windows(t *cfn.Template) time.Duration {
	var total time.Duration
	for _, f := range t.Functions {
		for _, s := range f.Streams {
			total += s.Window
		}
		for _, q := range f.Queues {
			total += q.Window
		}
	}
	return total
}

// mailed books, and waits for the mail that makes so many in all. It gives the time to the answer and to the mail.
func (b *bench) mailed(
	ctx context.Context, s *stack.Stack, c *client.Client, r request, count int,
) (time.Duration, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	a, err := c.Do(ctx, r.method, r.path, r.body, client.Key(id.New("key")))
	answered := time.Since(began)
	switch {
	case err != nil:
		return 0, 0, err
	case a.Status != http.StatusCreated:
		return 0, 0, fmt.Errorf("booking answers %d: %s", a.Status, a.Body)
	case len(s.Mail.WaitFor(ctx, mailbox, count)) < count:
		return 0, 0, fmt.Errorf("no mail within %s", patience)
	}
	return answered, time.Since(began), nil
}
