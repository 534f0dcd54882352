package web

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/cause"
	"almanac/shared/fault"
)

// minGzip is the length from which a body is worth compressing.
const minGzip = 1 << 10

// answer makes the response of a result or a refusal.
func (x *exchange) answer(res result, err error) events.APIGatewayV2HTTPResponse {
	out := events.APIGatewayV2HTTPResponse{Headers: map[string]string{
		"cache-control":             "no-store",
		"content-security-policy":   "default-src 'none'; frame-ancestors 'none'",
		"referrer-policy":           "no-referrer",
		"strict-transport-security": "max-age=31536000; includeSubDomains",
		"x-content-type-options":    "nosniff",
		"x-request-id":              x.event.RequestContext.RequestID,
	}}
	if err != nil {
		x.refuse(&out, err)
	} else {
		x.succeed(&out, res)
	}
	x.compress(&out)
	return out
}

func (x *exchange) succeed(out *events.APIGatewayV2HTTPResponse, res result) {
	out.StatusCode, out.Cookies = x.endpoint.status, res.cookies
	if res.etag != "" {
		out.Headers["etag"] = res.etag
	}
	if res.location != "" && out.StatusCode == http.StatusCreated {
		out.Headers["location"] = res.location
	}
	if res.replayed {
		out.Headers["idempotent-replayed"] = "true"
	}
	if out.StatusCode != http.StatusNoContent {
		out.Headers["content-type"] = contentJSON
		out.Body = string(res.body)
	}
}

func (x *exchange) refuse(out *events.APIGatewayV2HTTPResponse, err error) {
	f, status := classify(err)
	x.refusal = f
	if x.causes == nil {
		x.causes = cause.Chain(err)
	}
	if own, ok := errors.AsType[*refusal](err); ok && own.header[0] != "" {
		out.Headers[own.header[0]] = own.header[1]
	}
	if f.Kind == fault.Unavailable || f.Kind == fault.Limited {
		wait := f.RetryAfter
		if wait <= 0 {
			wait = retryAfter
		}
		out.Headers["retry-after"] = strconv.Itoa(int(math.Ceil(wait.Seconds())))
	}
	out.StatusCode = status
	out.Headers["content-type"] = contentProblem
	out.Body = string(problem(f, status, x.event.RequestContext.RequestID))
}

// compress sends a long body as gzip to a client that takes it; the gateway does not do so itself.
func (x *exchange) compress(out *events.APIGatewayV2HTTPResponse) {
	if len(out.Body) < minGzip {
		return
	}
	out.Headers["vary"] = "accept-encoding"
	if !takesGzip(x.headers.get("Accept-Encoding")) {
		return
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return
	}
	if _, err := w.Write([]byte(out.Body)); err != nil {
		return
	}
	if err := w.Close(); err != nil {
		return
	}
	out.Headers["content-encoding"] = "gzip"
	out.Body = base64.StdEncoding.EncodeToString(buf.Bytes())
	out.IsBase64Encoded = true
}

// takesGzip reads Accept-Encoding as far as one coding needs it (RFC 9110, section 12.5.3).
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !ok || err == nil && weight > 0
		}
	}
	return false
}

func join(words []string) string { return strings.Join(words, ", ") }

// log writes the one line of the invocation. It names the route's pattern, never the path or the query, and of errors
// kind, code and the shape of their causes, never their text.
func (x *exchange) log(status int) {
	route, action := "none", ""
	if x.endpoint != nil {
		route, action = x.endpoint.method+" "+x.endpoint.pattern, string(x.endpoint.permission)
	}
	attrs := []slog.Attr{
		slog.String("request", x.event.RequestContext.RequestID),
		slog.String("route", route),
		slog.String("organisation", x.org),
		slog.String("person", x.person),
		slog.String("action", action),
		slog.Int("status", status),
		slog.Float64("took_ms", float64(x.edge.Now().Sub(x.began))/float64(time.Millisecond)),
		slog.Bool("cold", x.cold),
	}
	level, why := cause.Refusal(x.refusal, x.causes)
	x.edge.Log.LogAttrs(x.ctx, level, "request", append(attrs, why...)...)
}
