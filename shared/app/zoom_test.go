package app

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// How old a webhook may be is a setting with a usual value; one that makes no sense stops the start.
func TestZoomWebhook(t *testing.T) {
	given := map[string]string{"NOTICE_QUEUE_URL": "q", "ZOOM_WEBHOOK_SECRETS": " new, ,old"}
	a := &App{env: environment{get: func(name string) string { return given[name] }}}
	for text, want := range map[string]time.Duration{
		"": 2 * time.Hour, "7200": 2 * time.Hour, "5400": 90 * time.Minute, "86400": 24 * time.Hour,
	} {
		given["ZOOM_WEBHOOK_MAX_AGE"] = text
		w, err := a.ZoomWebhook()
		if err != nil || w.MaxAge != want || w.Queue != "q" || !slices.Equal(w.Secrets, []string{"new", "old"}) {
			t.Errorf("%q: %+v, %v", text, w.MaxAge, err)
		}
	}
	for _, text := range []string{"5399", "300", "86401", "0", "-7200", "2h", "7200.0", " ", "9223372036854775807", "18446744073709559616", "1e4"} {
		given["ZOOM_WEBHOOK_MAX_AGE"] = text
		if _, err := a.ZoomWebhook(); err == nil || !strings.Contains(err.Error(), "ZOOM_WEBHOOK_MAX_AGE") {
			t.Errorf("%q: %v", text, err)
		}
	}
	given["ZOOM_WEBHOOK_MAX_AGE"], given["NOTICE_QUEUE_URL"] = "", ""
	if _, err := a.ZoomWebhook(); err == nil || !strings.Contains(err.Error(), "NOTICE_QUEUE_URL") {
		t.Errorf("without a queue: %v", err)
	}
}
