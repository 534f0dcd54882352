package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
)

// What the sample event names.
const (
	sampleState  = "AZqlwLFAcACAAAAAAG9yZ5EO7NGH9ZgfcU81nFZ96fA"
	sampleCode   = "Xk2f0aR7QpW4dLrT8yVb5nJc1mHs6gZe"
	sampleCookie = "__Host-almanac-connect=5Jr8wq0ZtY1uXcV2bNmKdA"
)

// TestEvents carries out the sample event: somebody is back from Zoom, in the browser in which they began.
func TestEvents(t *testing.T) {
	d := newDesk(t)
	d.Clock.Set(time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC))
	b := d.begin(t, clinictest.Clinician, connection.Own)
	code := d.allow(t, b, zoomsim.Login{User: zoomsim.Ada})
	sample := func(pairs ...string) (int, string) {
		res := clinictest.Send(t, d.Serve, clinictest.Sample(t, "zoom-callback.back", pairs...))
		return res.StatusCode, res.Body
	}
	// As it stands it is of no connection that was begun here.
	if status, body := sample(); status != http.StatusBadRequest || !strings.Contains(body, "served already") {
		t.Errorf("as it stands: %d %s", status, body)
	}
	status, body := sample(sampleState, b.state(t), sampleCode, code, sampleCookie, b.cookie())
	if status != http.StatusOK || !strings.Contains(body, "Zoom is connected") {
		t.Errorf("%d %s", status, body)
	}
	if strings.Contains(d.Log.String(), "ada.okonjo") {
		t.Error("the log shows who it is")
	}
	clinictest.Sampled(t, "zoom-callback", 1)
}
