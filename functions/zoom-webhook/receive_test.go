package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"almanac/shared/video"
)

const secret = "a webhook secret token"

// names are what a genuine body holds of people, and nothing that leaves the door may.
const names = "Zebedee Canary"

var now = time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC)

// bench is the door before a queue that keeps what it is given, or takes nothing.
type bench struct {
	door
	log  bytes.Buffer
	got  []string
	down bool
}

func newBench() *bench {
	b := &bench{}
	b.door = door{
		log: slog.New(slog.NewJSONHandler(&b.log, nil)), now: func() time.Time { return now },
		secrets: []string{"the next one", secret}, maxAge: 2 * time.Hour,
		put: func(_ context.Context, bodies ...string) error {
			if b.down {
				return errors.New("no queue")
			}
			b.got = append(b.got, bodies...)
			return nil
		},
	}
	return b
}

func sign(secret, stamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

func signed(body string, at time.Time) request {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return request{Body: body, Headers: map[string]string{
		"x-zm-signature": sign(secret, stamp, body), "x-zm-request-timestamp": stamp,
	}}
}

func (b *bench) send(t *testing.T, ev request) response {
	t.Helper()
	res, err := b.receive(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"log": b.log.String(), "answer": res.Body, "queue": strings.Join(b.got, "")} {
		if strings.Contains(text, "Zebedee") || strings.Contains(text, secret) || strings.Contains(text, "pwd=") {
			t.Errorf("the %s says too much: %s", what, text)
		}
	}
	return res
}

// joined is what Zoom sends when somebody comes in, with an emoji both ways and an order of keys of its own.
const joined = `{"payload":{"object":{"uuid":"abcdefABCDEF0123456789==","participant":{"user_name":"` + names +
	` \ud83d\ude00 😀","email":"z@canary.example","id":"","participant_uuid":"55555AAAiAAAAAiAiAiiAii","user_id":"16778240",` +
	`"join_time":"2027-01-05T08:59:59Z"},"id":"85746065432","host_id":"hostHOST123","topic":"Talk","type":2,` +
	`"start_time":"2027-01-05T09:00:00Z","duration":30,"timezone":""},"account_id":"accACC123"},` +
	`"event_ts":1799139599000,"event":"meeting.participant_joined"}`

func TestReceive(t *testing.T) {
	b := newBench()
	if res := b.send(t, signed(joined, now)); res.StatusCode != http.StatusOK || res.Body != "" {
		t.Fatalf("%+v", res)
	}
	if len(b.got) != 1 {
		t.Fatalf("queued %q", b.got)
	}
	n, err := video.DecodeNotice(b.got[0])
	if err != nil || n.Kind != video.Joined || n.Room != "85746065432" || n.User != "hostHOST123" || n.Account != "accACC123" ||
		n.Host || n.Participant == "" || !n.Received.Equal(now) {
		t.Errorf("%+v, %v", n, err)
	}

	// As API Gateway hands over a body that it took for binary, and with other capitals.
	ev := signed(joined, now)
	ev.Headers = map[string]string{
		"X-Zm-Signature": ev.Headers["x-zm-signature"], "X-ZM-REQUEST-TIMESTAMP": ev.Headers["x-zm-request-timestamp"],
	}
	ev.Body, ev.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(joined)), true
	if res := b.send(t, ev); res.StatusCode != http.StatusOK || len(b.got) != 2 {
		t.Errorf("%+v, %d queued", res, len(b.got))
	}
}

// Whoever cannot prove to be Zoom hears 401 and nothing more, whatever is wrong.
func TestReceiveForged(t *testing.T) {
	change := func(header, to string) request {
		ev := signed(joined, now)
		ev.Headers[header] = to
		return ev
	}
	genuine := signed(joined, now).Headers["x-zm-signature"]
	flipped := signed(joined, now)
	flipped.Body = strings.Replace(joined, "Talk", "Talc", 1)
	none := signed(joined, now)
	none.Headers = nil
	reordered := signed(joined, now)
	var parsed map[string]any
	if err := json.Unmarshal([]byte(joined), &parsed); err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(parsed)
	reordered.Body = string(again)
	broken := signed(joined, now)
	broken.Body, broken.IsBase64Encoded = "%%%", true
	other := signed(joined, now)
	other.Headers["x-zm-signature"] = sign("some other app's", other.Headers["x-zm-request-timestamp"], joined)
	long := signed(joined+strings.Repeat(" ", 256<<10), now)
	for name, ev := range map[string]request{
		"no headers": none, "empty signature": change("x-zm-signature", ""), "no v0=": change("x-zm-signature", genuine[3:]),
		"upper case": change("x-zm-signature", "v0="+strings.ToUpper(genuine[3:])),
		"joined":     change("x-zm-signature", genuine+","+genuine),
		"short":      change("x-zm-signature", genuine[:40]),
		"a byte":     flipped, "encoded again": reordered, "no base64": broken, "another secret": other, "too long": long,
		"no number": change("x-zm-request-timestamp", "yesterday"), "negative": change("x-zm-request-timestamp", "-1"),
		"20 digits":       change("x-zm-request-timestamp", strings.Repeat("9", 20)),
		"in milliseconds": signed(joined, time.Unix(now.UnixMilli(), 0)),
		"6 minutes ahead": signed(joined, now.Add(6*time.Minute)), "3 hours old": signed(joined, now.Add(-3*time.Hour)),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			if res := b.send(t, ev); res.StatusCode != http.StatusUnauthorized || res.Body != "" || len(b.got) > 0 {
				t.Errorf("%+v, queued %q", res, b.got)
			}
		})
	}
}

// How old a delivery may be is a setting, and those that come near it are told of.
func TestReceiveAge(t *testing.T) {
	for _, limit := range []time.Duration{5 * time.Minute, 2 * time.Hour, 24 * time.Hour} {
		for age, want := range map[time.Duration]struct {
			status int
			late   bool
		}{
			0:                       {http.StatusOK, false},
			limit / 4 * 3:           {http.StatusOK, false},
			limit/4*3 + time.Second: {http.StatusOK, true},
			limit:                   {http.StatusOK, true},
			limit + time.Second:     {http.StatusUnauthorized, false},
			limit + 90*24*time.Hour: {http.StatusUnauthorized, false},
		} {
			b := newBench()
			b.maxAge = limit
			res := b.send(t, signed(joined, now.Add(-age)))
			if res.StatusCode != want.status || strings.Contains(b.log.String(), `"late":true`) != want.late {
				t.Errorf("%v old, of at most %v: %+v, logged %s", age, limit, res, b.log.String())
			}
		}
	}
}

// The address is proved without any store; what could forge a signature is refused.
func TestReceiveValidation(t *testing.T) {
	b := newBench()
	b.down = true
	body := `{"event":"endpoint.url_validation","event_ts":1799139599000,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`
	res := b.send(t, signed(body, now))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("qgg8vlvZRS6UYooatFL8Aw"))
	want := fmt.Sprintf(`{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"%s"}`, hex.EncodeToString(mac.Sum(nil)))
	if res.StatusCode != http.StatusOK || res.Body != want || res.Headers["Content-Type"] != "application/json" {
		t.Errorf("%+v, want %s", res, want)
	}
	for _, token := range []string{`"v0:1799139600:{\"event\":\"meeting.deleted\"}"`, `17`, `""`, `null`, `"` + strings.Repeat("a", 10_000) + `"`} {
		res := b.send(t, signed(`{"event":"endpoint.url_validation","payload":{"plainToken":`+token+`}}`, now))
		if res.StatusCode != http.StatusBadRequest || res.Body != "" {
			t.Errorf("%.20s: %+v", token, res)
		}
	}
	unsigned := signed(body, now)
	unsigned.Headers["x-zm-signature"] = "v0=" + strings.Repeat("0", 64)
	if res := b.send(t, unsigned); res.StatusCode != http.StatusUnauthorized || res.Body != "" {
		t.Errorf("unsigned: %+v", res)
	}
}

// What says nothing to us is taken and dropped; what the queue does not take is told again.
func TestReceiveOdd(t *testing.T) {
	b := newBench()
	for _, body := range []string{
		`{"event":"phone.caller_ended","payload":{}}`, `{}`, `[]`, `no JSON`, `{"event":"meeting.updated","payload":{"account_id":"a","object":{}}}`,
		strings.Replace(joined, `"85746065432"`, `"123.0"`, 1), strings.Replace(joined, `"85746065432"`, `-5`, 1),
		strings.Repeat("[", 10_000),
	} {
		if res := b.send(t, signed(body, now)); res.StatusCode != http.StatusOK || len(b.got) > 0 {
			t.Errorf("%.30s: %+v, queued %q", body, res, b.got)
		}
	}
	b.down = true
	if res := b.send(t, signed(joined, now)); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%+v", res)
	}
	b.secrets = nil
	if res := b.send(t, signed(joined, now)); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a secret: %+v", res)
	}
}

// A secret is changed while deliveries arrive: those signed with the former one are taken as long as it stands there.
func TestReceiveRotation(t *testing.T) {
	b := newBench()
	stamp := strconv.FormatInt(now.Unix(), 10)
	for i, s := range []string{"the next one", secret} {
		ev := signed(joined, now)
		ev.Headers["x-zm-signature"] = sign(s, stamp, joined)
		if res := b.send(t, ev); res.StatusCode != http.StatusOK || !strings.Contains(b.log.String(), fmt.Sprintf(`"secret":%d`, i)) {
			t.Errorf("%+v, logged %s", res, b.log.String())
		}
	}
	b.secrets = b.secrets[:1]
	if res := b.send(t, signed(joined, now)); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a secret that is gone: %+v", res)
	}
}

// Whatever is sent, genuine or not, the answer is one of four, and nothing of it is told on.
func FuzzReceive(f *testing.F) {
	f.Add(joined, "v0=00", "1799139600", true)
	f.Add(`{"event":"app_deauthorized","payload":{"account_id":"a","user_id":"u","client_id":"c"}}`, "", "", true)
	f.Add("{", "v0=", "0", false)
	f.Fuzz(func(t *testing.T, body, signature, stamp string, genuine bool) {
		b := newBench()
		ev := request{Body: body, Headers: map[string]string{"x-zm-signature": signature, "x-zm-request-timestamp": stamp}}
		if genuine {
			ev = signed(body, now)
		}
		res, err := b.receive(t.Context(), ev)
		if err != nil {
			t.Fatal(err)
		}
		switch res.StatusCode {
		case http.StatusOK, http.StatusBadRequest:
			if !genuine && res.StatusCode != http.StatusUnauthorized {
				t.Errorf("taken without a signature: %+v", res)
			}
		case http.StatusUnauthorized:
		default:
			t.Errorf("%+v", res)
		}
		for _, text := range b.got {
			if _, err := video.DecodeNotice(text); err != nil {
				t.Errorf("queued what no worker can read: %q", text)
			}
		}
	})
}

// The sample events are genuine deliveries of the bench's moment.
func TestSamples(t *testing.T) {
	for name, queued := range map[string]int{"joined": 1, "validation": 0, "uninstalled": 1} {
		raw, err := os.ReadFile("../../events/zoom-webhook." + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var ev request
		if err := json.Unmarshal(raw, &ev); err != nil {
			t.Fatal(err)
		}
		b := newBench()
		if res := b.send(t, ev); res.StatusCode != http.StatusOK || len(b.got) != queued {
			t.Errorf("%s: %+v, %d queued", name, res, len(b.got))
		}
	}
}
