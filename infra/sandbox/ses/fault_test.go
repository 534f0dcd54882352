package ses_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	smithy "github.com/aws/smithy-go"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/ses"
)

func TestFaults(t *testing.T) {
	s := newStand(t)
	for fault, want := range map[string]string{
		ses.Throttle: "TooManyRequestsException", ses.Quota: "LimitExceededException", ses.Reject: "MessageRejected",
		ses.MailFrom: "MailFromDomainNotVerifiedException", ses.Paused: "SendingPausedException",
		ses.Suspended: "AccountSuspendedException", ses.Fail: "InternalServiceErrorException",
	} {
		if err := s.Faults.Add(sandbox.Fault{Kind: fault, Count: 2}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := s.send(raw); kind(err) != want {
				t.Errorf("%s: %v", fault, err)
			}
		}
		if n := len(s.Mails("")); n != 0 {
			t.Fatalf("%s: %d mails kept", fault, n)
		}
		if _, err := s.send(raw); err != nil {
			t.Errorf("after %s: %v", fault, err)
		}
		s.Empty()
	}
}

func TestFaultsAreTheSDKsTypes(t *testing.T) {
	s := newStand(t)
	if err := s.Faults.Set([]sandbox.Fault{{Kind: ses.Throttle, Count: 1}, {Kind: ses.Reject, Count: 1}}); err != nil {
		t.Fatal(err)
	}
	var throttled *types.TooManyRequestsException
	if _, err := s.send(raw); !errors.As(err, &throttled) {
		t.Errorf("%v", err)
	}
	var refused *types.MessageRejected
	if _, err := s.send(raw); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}

func TestFaultForOneRecipient(t *testing.T) {
	s := newStand(t)
	if err := s.Faults.Set([]sandbox.Fault{{Kind: ses.Reject, Count: sandbox.Forever, On: to}}); err != nil {
		t.Fatal(err)
	}
	other := func(in *sesv2.SendEmailInput) { in.Destination.ToAddresses = []string{"other@example.net"} }
	for range 3 {
		if _, err := s.send(raw); kind(err) != "MessageRejected" {
			t.Errorf("%v", err)
		}
		if _, err := s.send(raw, other); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestLostReply(t *testing.T) {
	s := newStand(t)
	if _, err := s.send(raw); err != nil { // so that the next request finds a connection to reuse
		t.Fatal(err)
	}
	s.Empty()
	for _, c := range []struct {
		fault string
		kept  int
	}{{ses.LoseReply, 1}, {ses.LoseRequest, 0}} {
		if err := s.Faults.Add(sandbox.Fault{Kind: c.fault, Count: 1}); err != nil {
			t.Fatal(err)
		}
		_, err := s.send(raw)
		var api smithy.APIError
		if err == nil || errors.As(err, &api) {
			t.Errorf("%s: %v is an answer", c.fault, err)
		}
		if n := len(s.Mails(to)); n != c.kept {
			t.Errorf("%s: %d mails kept, want %d", c.fault, n, c.kept)
		}
		s.Empty()
	}
}

func TestSlow(t *testing.T) {
	s := newStand(t)
	slow := sandbox.Fault{Kind: sandbox.Slow, Count: 1, Delay: sandbox.Delay(200 * time.Millisecond)}
	if err := s.Faults.Add(slow); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := s.send(raw); err != nil || time.Since(begun) < 200*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	s.Empty()
	slow.Delay = sandbox.Delay(time.Minute)
	if err := s.Faults.Add(slow); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.client.SendEmail(ctx, &sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte(raw)}}})
	if err == nil || len(s.Mails("")) != 0 {
		t.Errorf("sender that left: %v, %d mails", err, len(s.Mails("")))
	}
}

func TestSendRate(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	s := newStand(t, func(c *ses.Config) { c.MaxSendRate, c.Now = 2, func() time.Time { return now } })
	for n, want := range []string{"<nil>", "<nil>", "TooManyRequestsException"} {
		if _, err := s.send(raw); kind(err) != want {
			t.Errorf("mail %d: %v", n+1, err)
		}
	}
	now = now.Add(time.Second)
	if _, err := s.send(raw); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestFaultControl(t *testing.T) {
	s := newStand(t)
	resp, body := s.do("PUT", "/dev/faults", `[{"kind":"throttle","count":1},{"kind":"slow","count":-1,"delay":"1ms"}]`)
	if resp.Status != 200 || len(s.Faults.List()) != 2 {
		t.Fatalf("%d %s", resp.Status, body)
	}
	if _, err := s.send(raw); kind(err) != "TooManyRequestsException" {
		t.Errorf("%v", err)
	}
	if _, body := s.do("GET", "/dev/faults", ""); strings.Contains(body, "throttle") || !strings.Contains(body, `"delay": "1ms"`) {
		t.Errorf("left: %s", body)
	}
	for _, bad := range []string{
		`[{"kind":"fire","count":1}]`, `[{"kind":"throttle"}]`, `[{"kind":"throttle","count":-2}]`, `[{"kind":"slow","count":1}]`,
		`[{"kind":"slow","count":1,"delay":"x"}]`, `[{"kind":"throttle","count":1,"delay":"1s"}]`, `{}`, `[{"knd":"x"}]`, ``,
	} {
		if resp, _ := s.do("PUT", "/dev/faults", bad); resp.Status != 400 {
			t.Errorf("%s: %d", bad, resp.Status)
		}
	}
	if resp, _ := s.do("DELETE", "/dev/faults", ""); resp.Status != 200 || len(s.Faults.List()) != 0 {
		t.Errorf("clear: %d", resp.Status)
	}
}
