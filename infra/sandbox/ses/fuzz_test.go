package ses_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"almanac/infra/sandbox/ses"
)

// FuzzSend sends any bytes as a raw message: no answer may be a failure of ours, and whatever is taken must be shown
// by every page.
func FuzzSend(f *testing.F) {
	f.Add([]byte(raw))
	f.Add([]byte("From: " + from + "\r\nTo: " + to + "\r\n\r\nhello"))
	f.Add([]byte("From: " + from + "\r\nTo: " + to + "\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\nBEGIN:VEVENT\n" +
		"DTSTART;TZID=Europe/London:20270701T093000\nDTEND;VALUE=DATE:20270702\nATTENDEE;CN=\"a;b\":mailto:x@example.net\nEND:VEVENT\n"))
	f.Add([]byte("From: " + from + "\nTo: " + to + "\nContent-Type: text/calendar\n\nBEGIN:0VEVENT\nUID:a\nEND:VEVENT\nBEGIN:VEVENT"))
	server, err := ses.New(ses.Config{Identities: []string{"almanac.example.com"}, Keep: 1, Lookup: func(string) (string, bool) { return "", false }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		server.Empty()
		body, err := json.Marshal(map[string]any{"Content": map[string]any{"Raw": map[string]any{"Data": data}}})
		if err != nil {
			t.Fatal(err)
		}
		if w := call(t, server, http.MethodPost, "/v2/email/outbound-emails", string(body)); w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, m := range server.Mails("") {
			checkShown(t, server, m)
		}
	})
}

func call(t *testing.T, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261121/eu-west-2/ses/aws4_request")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func checkShown(t *testing.T, h http.Handler, m ses.Mail) {
	t.Helper()
	for _, path := range []string{"/mailbox", "/mailbox/" + m.ID} {
		if w := call(t, h, http.MethodGet, path, ""); w.Code != 200 || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	paths := []string{"/mailbox.json", "/mailbox/" + m.ID + "/raw"}
	for n := range m.Attachments {
		paths = append(paths, "/mailbox/"+m.ID+"/part/"+strconv.Itoa(n))
	}
	for _, path := range paths {
		if w := call(t, h, http.MethodGet, path, ""); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, a := range m.Recipients {
		if strings.ContainsAny(a, "\r\n\x00 ") {
			t.Errorf("recipient %q", a)
		}
	}
}
