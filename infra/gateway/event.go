package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// request is a request on its way to a function.
type request struct {
	*http.Request

	id     string
	at     time.Time
	route  Route
	params map[string]string
	grant  *grant // nil where the route is open
}

func (q *request) routeKey() string {
	if q.route.Function == "" {
		return "-" // no route
	}
	return q.route.Key()
}

// event is the request in the payload format 2.0.
func (q *request) event(account string, body []byte) events.APIGatewayV2HTTPRequest {
	path := q.URL.Path
	host, _, _ := strings.Cut(q.Host, ":")
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: q.route.Key(), RawPath: path, RawQueryString: q.URL.RawQuery, Cookies: q.cookies(),
		Headers: q.headers(), QueryStringParameters: query(q.URL.RawQuery), PathParameters: q.params,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: q.route.Key(), AccountID: account, Stage: "$default", RequestID: q.id,
			APIID: "local", DomainName: host, DomainPrefix: strings.SplitN(host, ".", 2)[0],
			Time: q.at.UTC().Format("02/Jan/2006:15:04:05 +0000"), TimeEpoch: q.at.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: q.Method, Path: path, Protocol: q.Proto, SourceIP: q.sourceIP(), UserAgent: q.UserAgent(),
			},
		},
	}
	if q.grant != nil {
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
				Claims: q.grant.claims, Scopes: q.grant.scopes,
			},
		}
	}
	e.Body = string(body)
	if binary(q.Header, body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// sourceIP is the other end of the connection, whatever the headers say.
func (q *request) sourceIP() string {
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return q.RemoteAddr
	}
	return host
}

// headers are in lower case, values of one name joined by a comma. Cookies have a field of their own.
func (q *request) headers() map[string]string {
	out := map[string]string{"host": q.Host}
	for k, v := range q.Header {
		out[strings.ToLower(k)] = strings.Join(v, ",")
	}
	delete(out, "cookie")
	if via := out["x-forwarded-for"]; via != "" {
		out["x-forwarded-for"] = via + ", " + q.sourceIP()
	} else {
		out["x-forwarded-for"] = q.sourceIP()
	}
	out["x-forwarded-proto"] = "http"
	_, port, err := net.SplitHostPort(q.Host)
	if err != nil {
		port = "80"
	}
	out["x-forwarded-port"] = port
	return out
}

func (q *request) cookies() []string {
	var out []string
	for _, line := range q.Header.Values("Cookie") {
		for c := range strings.SplitSeq(line, ";") {
			if c = strings.TrimSpace(c); c != "" {
				out = append(out, c)
			}
		}
	}
	return out
}

// query decodes the query string; values of one name are joined by a comma.
func query(raw string) map[string]string {
	var out map[string]string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		k, v = unescapeQuery(k), unescapeQuery(v)
		if out == nil {
			out = map[string]string{}
		}
		if old, ok := out[k]; ok {
			v = old + "," + v
		}
		out[k] = v
	}
	return out
}

func unescapeQuery(s string) string {
	if v, err := url.QueryUnescape(s); err == nil {
		return v
	}
	return s
}

// binary says whether the body travels as base64: if it is encoded, no text by its type, or no UTF-8.
func binary(h http.Header, body []byte) bool {
	if len(body) == 0 {
		return false
	}
	if h.Get("Content-Encoding") != "" || !utf8.Valid(body) {
		return true
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return h.Get("Content-Type") != ""
	}
	switch {
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "+json"), strings.HasSuffix(kind, "+xml"),
		kind == "application/json", kind == "application/xml", kind == "application/javascript":
		return false
	}
	return true
}

// newID is a request id in the form of API Gateway's.
func newID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.URLEncoding.EncodeToString(b[:])
}
