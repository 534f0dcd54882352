package page

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/cause"
	"almanac/shared/fault"
)

// margin is left of Lambda's deadline to answer in.
const margin = 300 * time.Millisecond

// maxBody is the longest body that a form of ours sends, by far.
const maxBody = 8 << 10

// Serve makes the function's handler.
func (e Edge) Serve(routes Routes) Handler {
	var warm atomic.Bool
	plain := NewSheet(plain)
	return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		x := &exchange{edge: e, event: &ev, plain: plain, route: "none", began: e.Now(), cold: !warm.Swap(true)}
		out := x.serve(ctx, routes)
		x.log(ctx, out.StatusCode)
		return out, nil
	}
}

// exchange is one request on its way to its one answer.
type exchange struct {
	edge   Edge
	event  *events.APIGatewayV2HTTPRequest
	plain  *Sheet
	route  string
	answer Answer
	fault  *fault.Error
	causes []string
	began  time.Time
	cold   bool
}

func (x *exchange) serve(ctx context.Context, routes Routes) events.APIGatewayV2HTTPResponse {
	var err error
	if x.answer, err = x.attempt(ctx, routes); err != nil {
		x.answer = x.refuse(err)
	}
	out, err := x.respond(x.answer)
	if err != nil { // a template that does not fit its content: nothing of it is shown
		x.answer = x.refuse(err)
		out, _ = x.respond(x.answer)
	}
	if x.event.RequestContext.HTTP.Method == http.MethodHead {
		out.Body = ""
	}
	return out
}

// attempt turns a panic into an error, so that the process lives on for the next request.
func (x *exchange) attempt(ctx context.Context, routes Routes) (a Answer, err error) { //nolint:nonamedreturns // defer
	defer func() {
		if p := recover(); p != nil {
			x.causes = append([]string{"panic"}, cause.Stack(p, 0)...)
			a, err = Answer{}, errPanic
		}
	}()
	return x.do(ctx, routes)
}

var errPanic = errors.New("panic")

func (x *exchange) do(ctx context.Context, routes Routes) (Answer, error) {
	call, path, allowed := x.find(routes)
	switch {
	case call == nil && allowed == nil:
		return x.nowhere(), nil
	case call == nil:
		return x.wrongMethod(allowed), nil
	case x.bodyLength() > maxBody:
		return x.tooLong(), nil
	}
	query, err := url.ParseQuery(x.event.RawQueryString)
	if err != nil {
		query = url.Values{}
	}
	return call(ctx, Request{
		Path: path, Query: query, Cookies: x.event.Cookies, Address: x.event.RequestContext.HTTP.SourceIP,
	})
}

func (x *exchange) bodyLength() int {
	if x.event.IsBase64Encoded {
		return base64.StdEncoding.DecodedLen(len(x.event.Body))
	}
	return len(x.event.Body)
}

// find gives what answers a request; where only the method differs, the methods that there are.
func (x *exchange) find(routes Routes) (Func, map[string]string, []string) {
	method := x.event.RequestContext.HTTP.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(x.event.RawPath, "/")
	var allowed []string
	for row, call := range routes {
		verb, pattern, _ := strings.Cut(row, " ")
		path, ok := match(strings.Split(pattern, "/"), segments)
		if !ok {
			continue
		}
		if verb == method {
			x.route = row
			return call, path, nil
		}
		allowed = append(allowed, verb)
		if verb == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return nil, nil, allowed
}

func match(pattern, segments []string) (map[string]string, bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	path := map[string]string{}
	for i, want := range pattern {
		switch name, variable := strings.CutPrefix(want, "{"); {
		case variable && segments[i] != "":
			path[strings.TrimSuffix(name, "}")] = segments[i]
		case variable || want != segments[i]:
			return nil, false
		}
	}
	return path, true
}

// respond makes the response of an answer.
func (x *exchange) respond(a Answer) (events.APIGatewayV2HTTPResponse, error) {
	out := events.APIGatewayV2HTTPResponse{StatusCode: a.Status, Cookies: a.Cookies, Headers: map[string]string{
		"cache-control":                "no-store",
		"content-security-policy":      policy(a.FormTo),
		"cross-origin-opener-policy":   "same-origin",
		"cross-origin-resource-policy": "same-origin",
		"permissions-policy":           "camera=(), geolocation=(), microphone=()",
		"referrer-policy":              "no-referrer", // addresses of pages are secrets
		"strict-transport-security":    "max-age=31536000; includeSubDomains",
		"x-content-type-options":       "nosniff",
		"x-frame-options":              "DENY",
		"x-request-id":                 x.event.RequestContext.RequestID,
		"x-robots-tag":                 "noindex, nofollow, noarchive",
	}}
	maps.Copy(out.Headers, a.headers)
	if a.To != "" {
		if out.StatusCode == 0 {
			out.StatusCode = http.StatusSeeOther
		}
		out.Headers["location"] = a.To
		return out, nil
	}
	body, err := a.Sheet.render(a)
	if err != nil {
		return out, err
	}
	if out.StatusCode == 0 {
		out.StatusCode = http.StatusOK
	}
	out.Headers["content-type"] = "text/html; charset=utf-8"
	out.Body = body
	if a.Refresh > 0 {
		out.Headers["refresh"] = refresh(a)
	}
	return out, nil
}

func refresh(a Answer) string {
	text := strconv.Itoa(int(math.Ceil(a.Refresh.Seconds())))
	if a.Again != "" {
		text += "; url=" + a.Again
	}
	return text
}

// log writes the one line of the invocation. It names the route's pattern, never the path or the query, and of errors
// kind, code and the shape of their causes, never their text.
func (x *exchange) log(ctx context.Context, status int) {
	attrs := []slog.Attr{
		slog.String("request", x.event.RequestContext.RequestID),
		slog.String("route", x.route),
		slog.String("organisation", x.answer.Org),
		slog.String("action", x.answer.Action),
		slog.String("state", x.answer.State),
		slog.Int("status", status),
		slog.Float64("took_ms", float64(x.edge.Now().Sub(x.began))/float64(time.Millisecond)),
		slog.Bool("cold", x.cold),
	}
	level, why := cause.Refusal(x.fault, x.causes)
	x.edge.Log.LogAttrs(ctx, level, "request", append(attrs, why...)...)
}
