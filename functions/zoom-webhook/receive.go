package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// patience is how long the queue may take: within Zoom's three seconds there must be time to say that it failed.
const patience = 2500 * time.Millisecond

// door is where Zoom's deliveries arrive.
type door struct {
	log     *slog.Logger
	now     func() time.Time
	secrets []string
	maxAge  time.Duration // of a delivery
	put     func(ctx context.Context, bodies ...string) error
}

type (
	request  = events.APIGatewayV2HTTPRequest
	response = events.APIGatewayV2HTTPResponse
)

// receive deals with one delivery. Whoever cannot prove to be Zoom hears nothing but 401. What is genuine and says
// nothing to us is taken and dropped: Zoom would only tell it again.
func (d door) receive(ctx context.Context, ev request) (response, error) {
	began := d.now()
	res, about := d.judge(ctx, ev)
	level := slog.LevelInfo
	if res.StatusCode >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	line := []slog.Attr{
		slog.String("request", ev.RequestContext.RequestID), slog.Int("status", res.StatusCode),
		slog.Int64("took_ms", d.now().Sub(began).Milliseconds()),
	}
	d.log.LogAttrs(ctx, level, "delivery", append(line, about...)...)
	return res, nil
}

func (d door) judge(ctx context.Context, ev request) (response, []slog.Attr) {
	body := []byte(ev.Body)
	if ev.IsBase64Encoded {
		raw, err := base64.StdEncoding.DecodeString(ev.Body)
		if err != nil {
			return bare(http.StatusUnauthorized), nil
		}
		body = raw
	}
	match, err := zoom.Verify(d.secrets, d.maxAge, headers(ev.Headers), body, d.now())
	switch {
	case fault.Is(err, fault.Denied):
		return bare(http.StatusUnauthorized), nil
	case err != nil: // no secret is configured
		return bare(http.StatusServiceUnavailable), []slog.Attr{slog.String("code", fault.Of(err).Code)}
	}
	about := []slog.Attr{slog.Int("secret", match.Secret), slog.Int64("age_s", int64(match.Age.Seconds()))}
	if match.Age > d.late() {
		about = append(about, slog.Bool("late", true))
	}
	answer, tried, err := zoom.Validation(d.secrets[match.Secret], body)
	switch {
	case err != nil && tried:
		return bare(http.StatusBadRequest), append(about, slog.String("code", fault.Of(err).Code))
	case err != nil: // genuine, and no JSON: telling it again would not help
		return dropped(about, "unreadable", err)
	case tried:
		return validated(answer), append(about, slog.String("kind", "validation"))
	}
	return d.take(ctx, body, about)
}

// late is an age near the greatest, from which on deliveries are told of in the log: if they get more, either Zoom's
// retries or our clock is not as we think.
func (d door) late() time.Duration { return d.maxAge / 4 * 3 }

// take puts what a verified body says into the queue.
func (d door) take(ctx context.Context, body []byte, about []slog.Attr) (response, []slog.Attr) {
	notices, err := zoom.Parse(body)
	if err != nil {
		return dropped(about, "unreadable", err)
	}
	bodies := make([]string, 0, len(notices))
	for _, n := range notices {
		n.Received = d.now()
		text, err := video.EncodeNotice(n)
		if err != nil {
			return dropped(about, "unusable", err)
		}
		bodies = append(bodies, text)
		about = append(about, slog.String("kind", string(n.Kind)))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := d.put(ctx, bodies...); err != nil {
		return bare(http.StatusServiceUnavailable), append(about, slog.String("code", fault.Of(err).Code))
	}
	return bare(http.StatusOK), about
}

// dropped takes what is genuine and of no use.
func dropped(about []slog.Attr, kind string, why error) (response, []slog.Attr) {
	return bare(http.StatusOK), append(about, slog.String("kind", kind), slog.String("code", fault.Of(why).Code))
}

// headers finds a header's values whatever capitals its name is in. API Gateway joins several by commas, which no
// single one of ours has in it.
func headers(all map[string]string) func(name string) []string {
	return func(name string) []string {
		var out []string
		for k, v := range all {
			if strings.EqualFold(k, name) {
				out = append(out, v)
			}
		}
		return out
	}
}

// bare is an answer that says nothing but its status.
func bare(status int) response {
	return response{StatusCode: status, Headers: map[string]string{"Cache-Control": "no-store"}}
}

func validated(a zoom.Answer) response {
	body, err := json.Marshal(a)
	if err != nil {
		return bare(http.StatusInternalServerError)
	}
	return response{
		StatusCode: http.StatusOK, Body: string(body),
		Headers: map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json"},
	}
}
