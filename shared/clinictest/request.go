package clinictest

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/id"
	"almanac/shared/web"
)

// Claims are those of a verified token, as API Gateway hands them on.
type Claims map[string]string

// ClaimsOf are those of a token of the organisation's member.
func ClaimsOf(org, subject string) Claims {
	return Claims{"sub": subject, "cognito:groups": "[" + org + "]", "scope": "almanac/use"}
}

// Request is a request as API Gateway hands it on. What changes it gives another: the request itself stays as it is.
type Request struct {
	events.APIGatewayV2HTTPRequest
	canaries *canaries // of the house that is asked; none where a test made the request itself
}

// Ask makes a request by one of the clinic's staff. Every write gets a fresh key; nil, and so a nil map, is no body.
func (c *Clinic) Ask(tb testing.TB, subject, method, path string, body any) Request {
	tb.Helper()
	path, query, _ := strings.Cut(path, "?")
	r := Request{canaries: c.canaries, APIGatewayV2HTTPRequest: events.APIGatewayV2HTTPRequest{
		RawPath: path, RawQueryString: query, Headers: map[string]string{},
	}}
	r.RequestContext.HTTP.Method = method
	r.RequestContext.RequestID = id.New("req")
	if v := reflect.ValueOf(body); v.IsValid() && (v.Kind() != reflect.Map || !v.IsNil()) {
		raw, err := json.Marshal(body)
		if err != nil {
			tb.Fatal(err)
		}
		r.Body, r.Headers["content-type"] = string(raw), "application/json"
	}
	if method != http.MethodGet {
		r.Headers["idempotency-key"] = id.New("key")
	}
	return r.As(ClaimsOf(c.Org, subject))
}

// As gives the request with the claims of another verified token.
func (r Request) As(claims Claims) Request {
	r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
	}
	return r
}

// With gives the request with one header changed, or without it.
func (r Request) With(header, value string) Request {
	r.Headers = maps.Clone(r.Headers)
	if value == "" {
		delete(r.Headers, header)
		return r
	}
	r.Headers[header] = value
	return r
}

// Match gives the request on condition that the record is still at this entity tag.
func (r Request) Match(tag string) Request { return r.With("if-match", tag) }

// Keyless gives the request without an Idempotency-Key.
func (r Request) Keyless() Request { return r.With("idempotency-key", "") }

// Send gives the answer to a request, whatever it is.
func Send(tb testing.TB, serve web.Handler, r Request) events.APIGatewayV2HTTPResponse {
	tb.Helper()
	res, err := serve(tb.Context(), r.APIGatewayV2HTTPRequest)
	if err != nil {
		tb.Fatal(err)
	}
	r.canaries.answered(res)
	return res
}

// Must sends a request that has to be answered with the status.
func Must(tb testing.TB, serve web.Handler, status int, r Request) events.APIGatewayV2HTTPResponse {
	tb.Helper()
	res := Send(tb, serve, r)
	if res.StatusCode != status {
		tb.Fatalf("%s %s: status %d, want %d: %s", r.RequestContext.HTTP.Method, r.RawPath, res.StatusCode, status, res.Body)
	}
	return res
}

// Read decodes an answer.
func Read[T any](tb testing.TB, res events.APIGatewayV2HTTPResponse) T {
	tb.Helper()
	var out T
	if err := json.Unmarshal([]byte(res.Body), &out); err != nil {
		tb.Fatalf("%v: %s", err, res.Body)
	}
	return out
}

// Body is what a request sends.
type Body map[string]any

// With gives the body with one field changed; nil takes the field out.
func (b Body) With(field string, value any) Body {
	b = maps.Clone(b)
	if value == nil {
		delete(b, field)
		return b
	}
	b[field] = value
	return b
}
