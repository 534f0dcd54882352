package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// What is measured is a genuine webhook that says something, and a forged one is not genuine.
func TestJoined(t *testing.T) {
	for secret, genuine := range map[string]bool{webhookSecret: true, "another secret": false} {
		payload, err := joined(3, secret)
		if err != nil {
			t.Fatal(err)
		}
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &ev); err != nil {
			t.Fatal(err)
		}
		header := func(name string) []string {
			return map[string][]string{
				"X-Zm-Signature":         {ev.Headers["x-zm-signature"]},
				"X-Zm-Request-Timestamp": {ev.Headers["x-zm-request-timestamp"]},
			}[name]
		}
		_, err = zoom.Verify([]string{webhookSecret}, 2*time.Hour, header, []byte(ev.Body), time.Now())
		if genuine && err != nil || !genuine && !fault.Is(err, fault.Denied) {
			t.Errorf("signed with %q: %v", secret, err)
		}
		told, err := zoom.Parse([]byte(ev.Body))
		if err != nil || len(told) != 1 || told[0].Kind != video.Joined || told[0].Participant == "" {
			t.Errorf("it says %+v, %v", told, err)
		}
	}
}
