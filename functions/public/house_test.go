package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/infra/cfn"
	"almanac/infra/gateway"
	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/page"
	"almanac/shared/table"
	"almanac/shared/video"
)

// org is the organisation of the good link.
const (
	org     = "org_01kajw1ca0e00800000006ywk7"
	secret  = "kQ7s0Yf1mB9xTzWcVn3p8A" // the part of the good link's token that cannot be guessed
	joinURL = "https://us02web.zoom.us/j/93412345678?pwd=PlantedPasscode"
)

// now is a Monday in summer: 9:45am in London.
func now() time.Time { return time.Date(2027, 7, 5, 8, 45, 0, 0, time.UTC) }

// token makes the token of an organisation and a secret part.
func token(t *testing.T, org, secret string) string {
	t.Helper()
	raw, err := id.Raw(org)
	if err != nil {
		t.Fatal(err)
	}
	const half = 22 // characters of base64 that the secret part has; its last ones are re-aligned below
	if len(secret) != half {
		t.Fatalf("%d characters", len(secret))
	}
	return encode(raw[:], decode(t, secret))
}

// world is what stands behind the page in these tests, in place of the diary.
type world struct {
	inv     video.Invitation
	err     error
	to      string
	joinErr error
	full    string // the bucket that is full
	asked   []string
	joined  int
	took    []string
	log     bytes.Buffer
	clock   time.Time
	good    string // the one link that there is
	origins []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		inv: typical(), to: joinURL, clock: now(), good: token(t, org, secret),
		origins: []string{"https://zoom.us", "https://*.zoom.us"},
	}
}

// typical is a visit at 10am that is open in five minutes, with everything known of it.
func typical() video.Invitation {
	start := time.Date(2027, 7, 5, 9, 0, 0, 0, time.UTC)
	return video.Invitation{
		Start: start, End: start.Add(30 * time.Minute), Zone: "Europe/London", Told: start,
		RoomReady: true, HostThere: true, Organisation: "Riverside Health", Practitioner: "Dr Amara Okafor",
		Site: video.Contact{Name: "Riverside Clinic", Phone: "020 7946 0123", Email: "hello@riverside.example"},
	}
}

func (w *world) visits() visits {
	v := visits{
		as: func(org string) access.Caller { return access.System(org, string(access.VideoVisitor)) },
		visitor: func(_ context.Context, by access.Caller, token string) (video.Invitation, error) {
			w.asked = append(w.asked, by.Org()+" "+token)
			if w.err != nil {
				return video.Invitation{}, w.err
			}
			if token != w.good || by.Org() != org {
				return video.Invitation{}, fault.New(fault.NotFound, "not_found", "There is no such record.")
			}
			return w.inv, nil
		},
		join: func(_ context.Context, _ access.Caller, token string) (string, error) {
			if token != w.good {
				return "", fault.New(fault.NotFound, "not_found", "There is no such record.")
			}
			w.joined++
			return w.to, w.joinErr
		},
		take: func(_ context.Context, of table.Bucket, who string) error {
			w.took = append(w.took, of.Name+" "+who)
			if of.Name != w.full {
				return nil
			}
			e := fault.New(fault.Limited, "busy", "That was too often. Come back later.")
			e.RetryAfter = 40 * time.Second
			return e
		},
		origins: w.origins,
		now:     func() time.Time { return w.clock },
		sheet:   page.NewSheet(sheet),
	}
	return v
}

func (w *world) handler() page.Handler {
	e := edge(slog.New(slog.NewJSONHandler(&w.log, nil)), func() time.Time { return w.clock })
	return e.Serve(w.visits().routes())
}

// serve puts the local API Gateway before the handler: the events are those that it makes.
func (w *world) serve(t *testing.T) *httptest.Server {
	t.Helper()
	handle := w.handler()
	g, err := gateway.New(gateway.Config{
		Routes: []gateway.Route{{Route: cfn.Route{Method: "ANY", Path: "/v/{proxy+}"}, Function: "Public"}},
		Invoke: func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
			var ev events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal(payload, &ev); err != nil {
				return nil, err
			}
			out, err := handle(ctx, ev)
			if err != nil {
				return nil, err
			}
			return json.Marshal(out)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return s
}

// ask asks as the gateway would hand it on.
func (w *world) ask(t *testing.T, method, path string, with ...func(*events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPResponse {
	t.Helper()
	ev := events.APIGatewayV2HTTPRequest{RawPath: path}
	ev.RequestContext.RequestID = "request-1"
	ev.RequestContext.HTTP.Method, ev.RequestContext.HTTP.SourceIP = method, "192.0.2.17"
	for _, f := range with {
		f(&ev)
	}
	w.log.Reset()
	out, err := w.handler()(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(w.log.String(), "\n"); n != 1 {
		t.Errorf("%d log lines: %s", n, w.log.String())
	}
	for _, planted := range []string{w.good, secret, "PlantedPasscode", "93412345678", "192.0.2.17"} {
		if strings.Contains(w.log.String(), planted) {
			t.Errorf("the log has %q: %s", planted, w.log.String())
		}
	}
	return out
}

// scene is a moment in a link's life.
type scene struct {
	name   string
	set    func(*world)
	status int
	title  string
	says   []string
	never  []string
	joins  bool
	waits  bool // it refreshes by itself
}

// scenes are all that a link can show.
func scenes() []scene {
	return []scene{
		{
			name: "too early", set: func(w *world) { w.clock = now().Add(-25 * time.Hour) }, title: "Your video appointment",
			says: []string{"You can join from 9:50am on Monday 5 July 2027.", "Monday 5 July 2027, 10am to 10:30am", "Dr Amara Okafor"},
		},
		{
			name: "too early, soon", set: func(*world) {}, title: "Your video appointment", waits: true,
			says: []string{"It is too early to join. You can join from 9:50am", "refreshes by itself when it is time"},
		},
		{
			name: "moved", set: func(w *world) {
				w.clock, w.inv.Moved, w.inv.Told = now().Add(-48*time.Hour), true, w.inv.Start.Add(-71*time.Hour)
			}, title: "Your video appointment has moved",
			says: []string{
				"Your appointment has moved to 10am on Monday 5 July 2027.", "It was at 11am on Friday 2 July 2027 when this link was sent.",
				"The link stays right", "You can join from 9:50am on Monday 5 July 2027.",
			},
		},
		{
			name: "open and moved", set: func(w *world) { w.clock, w.inv.Moved = now().Add(15*time.Minute), true },
			title: "Join your video appointment", joins: true, says: []string{"Your appointment has moved to 10am", "has started the call"},
		},
		{
			name: "open", set: func(w *world) { w.clock = now().Add(5 * time.Minute) }, title: "Join your video appointment", joins: true,
			says: []string{"Dr Amara Okafor has started the call.", "Join the video call"},
		},
		{
			name: "not started", set: func(w *world) { w.clock, w.inv.HostThere = now().Add(20*time.Minute), false },
			title: "Join your video appointment", joins: true, waits: true,
			says: []string{
				"Dr Amara Okafor is not in the call at the moment.", "If the call has not started by 10:10am, contact the clinic.",
				"refreshes by itself every minute", "Stop refreshing", "If you need help Phone",
			}, never: []string{"now."},
		},
		{
			name: "not started, late", set: func(w *world) { w.clock, w.inv.HostThere = now().Add(30*time.Minute), false },
			title: "Join your video appointment", joins: true, waits: true, says: []string{
				"You can join now", "was to begin at 10am. If you have not been seen, contact the clinic now. Contact the clinic Phone 020 7946 0123",
			}, never: []string{"What you need", "If you need help"},
		},
		{
			name: "no room yet", set: func(w *world) { w.clock, w.inv.RoomReady = now().Add(15*time.Minute-time.Second), false },
			title: "Your video call is not ready yet", waits: true, says: []string{
				"There is no call to join yet. As soon as there is one, this page has a button to join it.",
				"If there is still none at 10am, when your appointment begins, contact the clinic.", "If you need help Phone",
			}, never: []string{"clinic now", "do not need to do anything"},
		},
		{
			name: "no room", set: func(w *world) { w.clock, w.inv.RoomReady, w.inv.HostThere = now().Add(20*time.Minute), false, false },
			title: "Your video call is not ready", waits: true, says: []string{
				"Your appointment was to begin at 10am, and there is no call to join.", "Contact the clinic now, and ask how you will be seen.",
				"Contact the clinic Phone 020 7946 0123", "refreshes by itself every minute",
			}, never: []string{"What you need", "If you need help", "stay on this page"},
		},
		{
			name: "cancelled", set: func(w *world) { w.inv.Cancelled, w.inv.Moved = true, true }, title: "Your video appointment was cancelled",
			says: []string{"It was on", "Monday 5 July 2027, 10am to 10:30am", "020 7946 0123"}, never: []string{"You can join", "has moved"},
		},
		{
			name: "completed", set: func(w *world) { w.clock, w.inv.Over = now().Add(20*time.Minute), true }, title: "This video appointment is over",
			says: []string{"You can no longer join the call."},
		},
		{
			name: "late", set: func(w *world) { w.clock = now().Add(105 * time.Minute) }, title: "This video appointment is over",
			says: []string{"It was on"},
		},
		{
			name: "expired", set: func(w *world) { w.clock = now().Add(8 * 24 * time.Hour) }, status: http.StatusGone, title: "This link has expired",
			says: []string{"020 7946 0123"}, never: []string{"July", "Okafor", "10am"},
		},
		{
			name: "wrong link", set: func(w *world) { w.good = "there is no link" }, status: http.StatusNotFound, title: "This link does not work",
			never: []string{"Riverside", "July"},
		},
		{
			name: "too often", set: func(w *world) { w.full = "visit-link" }, status: http.StatusTooManyRequests, title: "Please wait a moment",
			says: []string{"Wait 40 seconds"}, never: []string{"Riverside", "July"},
		},
		{
			name: "not available", set: func(w *world) { w.err = fault.New(fault.Unavailable, "busy", "PlantedDetail") },
			status: http.StatusServiceUnavailable, title: "This page is not available just now", never: []string{"PlantedDetail"},
		},
		{
			name: "failed", set: func(w *world) { w.err = fmt.Errorf("PlantedDetail") }, status: http.StatusInternalServerError,
			title: "Something went wrong", never: []string{"PlantedDetail"},
		},
	}
}
