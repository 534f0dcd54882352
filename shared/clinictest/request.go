package clinictest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/id"
	"almanac/shared/web"
)

// ClaimsOf are those of a token of the organisation's member.
func ClaimsOf(org, subject string) Claims {
	return Claims{"sub": subject, "cognito:groups": "[" + org + "]", "scope": "almanac/use"}
}

// Ask makes the event of a request by one of the clinic's staff. Every write gets a fresh key.
func (c *Clinic) Ask(tb testing.TB, subject, method, path string, body any) events.APIGatewayV2HTTPRequest {
	tb.Helper()
	path, query, _ := strings.Cut(path, "?")
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Headers: map[string]string{}}
	ev.RequestContext.HTTP.Method = method
	ev.RequestContext.RequestID = id.New("req")
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			tb.Fatal(err)
		}
		ev.Body, ev.Headers["content-type"] = string(raw), "application/json"
	}
	if method != http.MethodGet {
		ev.Headers["idempotency-key"] = id.New("key")
	}
	return AsBearer(ev, ClaimsOf(c.Org, subject))
}

// AsBearer gives the event with the claims of a verified token.
func AsBearer(ev events.APIGatewayV2HTTPRequest, claims Claims) events.APIGatewayV2HTTPRequest {
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
	}
	return ev
}

// With gives the event with one header set.
func With(ev events.APIGatewayV2HTTPRequest, header, value string) events.APIGatewayV2HTTPRequest {
	ev.Headers = maps.Clone(ev.Headers)
	ev.Headers[header] = value
	return ev
}

// Must sends a request that has to be answered with the status.
func Must(
	tb testing.TB, serve web.Handler, status int, ev events.APIGatewayV2HTTPRequest,
) events.APIGatewayV2HTTPResponse {
	tb.Helper()
	res, err := serve(tb.Context(), ev)
	if err != nil {
		tb.Fatal(err)
	}
	if res.StatusCode != status {
		tb.Fatalf("%s %s: status %d, want %d: %s", ev.RequestContext.HTTP.Method, ev.RawPath, res.StatusCode, status, res.Body)
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
