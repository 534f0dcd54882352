package gateway_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"almanac/infra/cfn"
	"almanac/infra/gateway"
	"almanac/infra/lambdahost/hosttest"
)

func (f *front) lastEvent(t *testing.T) events.APIGatewayV2HTTPRequest {
	t.Helper()
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(f.event.Load().(string)), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRoutes(t *testing.T) {
	f := newFront(t, nil)
	cases := []struct{ method, path, key string }{
		{"GET", "/open", "GET /open"},
		{"GET", "/items/7", "GET /items/{id}"},
		{"GET", "/items/mine", "GET /items/mine"},
		{"GET", "/items/a%2Fb", "GET /items/{id}"},
		{"GET", "/items/7/parts/8", "GET /items/{id}/parts/{part}"},
		{"PUT", "/any/a/b/c", "ANY /any/{proxy+}"},
		{"GET", "/any/fixed", "GET /any/fixed"},
		{"GET", "/any/fixed/more", "ANY /any/{proxy+}"},
		{"HEAD", "/any/x", "ANY /any/{proxy+}"},
		{"GET", "/", ""},
		{"GET", "/open/", ""},
		{"GET", "//open", ""},
		{"GET", "/OPEN", ""},
		{"GET", "/items/", ""},
		{"GET", "/items", ""},
		{"GET", "/items/7/parts", ""},
		{"DELETE", "/open", ""},
		{"OPTIONS", "/open", ""},
		{"HEAD", "/open", ""},
		{"TRACE", "/open", ""},
		{"TRACE", "/any/x", ""},
		{"BREW", "/any/x", ""},
		{"CONNECT", "/any/x", ""},
		{"GET", "/undeclared", ""},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			before := f.calls.Load()
			r := f.do(t, c.method, c.path, nil, "X-HTTP-Method-Override", "GET")
			if c.key == "" {
				if r.StatusCode != http.StatusNotFound || c.method != "HEAD" && r.text != `{"message":"Not Found"}` || f.calls.Load() != before {
					t.Errorf("%d %s", r.StatusCode, r.text)
				}
				return
			}
			if e := f.lastEvent(t); r.StatusCode != http.StatusOK || e.RouteKey != c.key || e.RequestContext.RouteKey != c.key {
				t.Errorf("%d, route %s", r.StatusCode, e.RouteKey)
			}
		})
	}
	f.do(t, "GET", "/items/a%2Fb%20c", nil)
	if e := f.lastEvent(t); e.PathParameters["id"] != "a/b c" || e.RawPath != "/items/a/b c" {
		t.Errorf("%+v", e)
	}
}

func TestEvent(t *testing.T) {
	f := newFront(t, nil)
	before := time.Now().UnixMilli()
	f.do(t, "POST", "/open?a=1&b=x%20y&a=2&c&d=%C3%A9+z", strings.NewReader(`{"a":"é"}`),
		"Content-Type", "application/json", "Cookie", "s=1; t=2", "X-Two", "a", "X-Two", "b",
		"X-Forwarded-For", "6.6.6.6", "User-Agent", "tester", "Idempotency-Key", "k1")
	got := f.lastEvent(t)
	host := strings.TrimPrefix(f.URL, "http://")
	want := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST /open", RawPath: "/open", RawQueryString: "a=1&b=x%20y&a=2&c&d=%C3%A9+z",
		Body: `{"a":"é"}`, Cookies: []string{"s=1", "t=2"},
		QueryStringParameters: map[string]string{"a": "1,2", "b": "x y", "c": "", "d": "é z"},
		Headers: map[string]string{
			"accept-encoding": "gzip", "content-length": "10", "content-type": "application/json", "host": host,
			"idempotency-key": "k1", "user-agent": "tester", "x-forwarded-for": "6.6.6.6, 127.0.0.1",
			"x-forwarded-port": host[strings.Index(host, ":")+1:], "x-forwarded-proto": "http", "x-two": "a,b",
		},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST /open", AccountID: "000000000000", Stage: "$default", APIID: "local", DomainName: "127.0.0.1",
			DomainPrefix: "127",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: "POST", Path: "/open", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "tester",
			},
		},
	}
	c := &got.RequestContext
	if at, err := time.Parse("02/Jan/2006:15:04:05 -0700", c.Time); err != nil || at.Unix() != c.TimeEpoch/1000 || c.TimeEpoch < before {
		t.Errorf("time %s, %d", c.Time, c.TimeEpoch)
	}
	if len(c.RequestID) != 16 {
		t.Errorf("request id %q", c.RequestID)
	}
	c.Time, c.TimeEpoch, c.RequestID = "", 0, ""
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestBodies(t *testing.T) {
	f := newFront(t, nil)
	for _, c := range []struct {
		kind, encoding, body string
		binary               bool
	}{
		{"application/json", "", "{}", false},
		{"application/json; charset=utf-8", "", "{}", false},
		{"application/problem+json", "", "{}", false},
		{"text/csv", "", "a,b", false},
		{"", "", "plain", false},
		{"application/octet-stream", "", "abc", true},
		{"application/x-www-form-urlencoded", "", "a=b", true},
		{"application/json", "gzip", "xx", true},
		{"application/json", "", "\xff\xfe", true},
		{"nonsense;;", "", "abc", true},
	} {
		h := []string{}
		if c.kind != "" {
			h = append(h, "Content-Type", c.kind)
		}
		if c.encoding != "" {
			h = append(h, "Content-Encoding", c.encoding)
		}
		f.do(t, "POST", "/open", strings.NewReader(c.body), h...)
		e := f.lastEvent(t)
		want := c.body
		if c.binary {
			want = base64.StdEncoding.EncodeToString([]byte(c.body))
		}
		if e.IsBase64Encoded != c.binary || e.Body != want {
			t.Errorf("%q: %q, base64 %v", c.kind, e.Body, e.IsBase64Encoded)
		}
	}
}

func TestAnswers(t *testing.T) {
	f := newFront(t, nil)
	const failed = `{"message":"Internal Server Error"}`
	cases := []struct {
		name   string
		answer hosttest.Answer
		status int
		body   string
		header string // name: value
	}{
		{"plain", hosttest.Answer{Body: `{"statusCode":201,"headers":{"Content-Type":"application/json","X-A":"b"},"body":"{}"}`}, 201, "{}", "X-A: b"},
		{"status as text", hosttest.Answer{Body: `{"statusCode":"202","body":"x"}`}, 202, "x", ""},
		{"base64", hosttest.Answer{Body: `{"statusCode":200,"isBase64Encoded":true,"body":"//4="}`}, 200, "\xff\xfe", ""},
		{"a number as header", hosttest.Answer{Body: `{"statusCode":429,"headers":{"Retry-After":5}}`}, 429, "", "Retry-After: 5"},
		{"cookies", hosttest.Answer{Body: `{"statusCode":200,"cookies":["a=1; Secure"]}`}, 200, "", "Set-Cookie: a=1; Secure"},
		{"no content", hosttest.Answer{Body: `{"statusCode":204,"body":"ignored"}`}, 204, "", ""},
		{"no status: the result is the body", hosttest.Answer{Body: `{"a":1}`}, 200, `{"a":1}`, "Content-Type: application/json"},
		{"text", hosttest.Answer{Body: `"hello"`}, 200, "hello", ""},
		{"content type left out", hosttest.Answer{Body: `{"statusCode":200,"body":"x"}`}, 200, "x", "Content-Type: text/plain;charset=UTF-8"},
		{"the id is the gateway's", hosttest.Answer{Body: `{"statusCode":200,"headers":{"apigw-requestid":"forged","content-length":"99"},"body":"x"}`}, 200, "x", "Content-Length: 1"},
		{"error", hosttest.Answer{Do: "error", Body: "secret"}, 500, failed, "Content-Type: application/json"},
		{"panic", hosttest.Answer{Do: "panic", Body: "secret"}, 500, failed, ""},
		{"crash", hosttest.Answer{Do: "exit"}, 500, failed, ""},
		{"status out of range", hosttest.Answer{Body: `{"statusCode":999}`}, 500, failed, ""},
		{"status no number", hosttest.Answer{Body: `{"statusCode":"no"}`}, 500, failed, ""},
		{"body no text", hosttest.Answer{Body: `{"statusCode":200,"body":{"a":1}}`}, 500, failed, ""},
		{"body no base64", hosttest.Answer{Body: `{"statusCode":200,"isBase64Encoded":true,"body":"%"}`}, 500, failed, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f.answer.Store(func([]byte) hosttest.Answer { return c.answer })
			r := f.do(t, "GET", "/open", nil)
			if r.StatusCode != c.status || r.text != c.body {
				t.Errorf("%d %q", r.StatusCode, r.text)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && r.Header.Get(name) != value {
				t.Errorf("%s is %q", name, r.Header.Get(name))
			}
			if id := r.Header.Get("Apigw-Requestid"); id == "" || id == "forged" {
				t.Errorf("request id %q", id)
			}
		})
	}
}

// endless is a body that counts what is read of it.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	n := min(len(p), e.left)
	if e.left -= n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestLimits(t *testing.T) {
	f := newFront(t, func(c *gateway.Config) {
		for i := range c.Routes {
			c.Routes[i].Timeout = 300 * time.Millisecond
		}
	})
	t.Run("body above 10 MB", func(t *testing.T) {
		r := f.do(t, "POST", "/open", bytes.NewReader(make([]byte, 10<<20+1)))
		if r.StatusCode != http.StatusRequestEntityTooLarge || r.text != `{"message":"Request Entity Too Large"}` {
			t.Errorf("%d %s", r.StatusCode, r.text)
		}
	})
	t.Run("what is above is not even read", func(t *testing.T) {
		body := &endless{left: 200 << 20}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/open", body)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := f.Client().Do(req); err == nil { // or the connection was cut
			_ = resp.Body.Close()
		}
		if sent := 200<<20 - body.left; sent > 20<<20 {
			t.Errorf("%d bytes were read", sent)
		}
	})
	t.Run("body that Lambda does not take", func(t *testing.T) {
		r := f.do(t, "POST", "/open", bytes.NewReader(make([]byte, 7<<20)))
		if r.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d %s", r.StatusCode, r.text)
		}
	})
	t.Run("a body is not read before its sender is known", func(t *testing.T) {
		if r := f.do(t, "POST", "/use", bytes.NewReader(make([]byte, 10<<20+1))); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d %s", r.StatusCode, r.text)
		}
	})
	t.Run("headers above 10,240 bytes", func(t *testing.T) {
		if r := f.do(t, "GET", "/open", nil, "X-Long", strings.Repeat("x", 10300)); r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d %s", r.StatusCode, r.text)
		}
	})
	if n := f.calls.Load(); n != 0 {
		t.Errorf("the function was called %d times", n)
	}
	t.Run("time", func(t *testing.T) {
		f.answer.Store(func([]byte) hosttest.Answer { time.Sleep(time.Second); return hosttest.Answer{} })
		r := f.do(t, "GET", "/open", nil)
		if r.StatusCode != http.StatusServiceUnavailable || r.text != `{"message":"Service Unavailable"}` {
			t.Errorf("%d %s", r.StatusCode, r.text)
		}
	})
}

func TestThrottle(t *testing.T) {
	set := func(c *gateway.Config) { c.API.Rate, c.API.Burst = 10, 5 }
	f := newFront(t, set)
	limited := 0
	for range 10 {
		if r := f.do(t, "GET", "/open", nil); r.StatusCode == http.StatusTooManyRequests && r.text == `{"message":"Too Many Requests"}` {
			limited++
		}
	}
	if limited < 3 || limited > 5 {
		t.Errorf("%d of 10 were refused", limited)
	}
	time.Sleep(250 * time.Millisecond)
	if r := f.do(t, "GET", "/open", nil); r.StatusCode != http.StatusOK {
		t.Errorf("later: %d", r.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	f := newFront(t, func(c *gateway.Config) {
		c.API.CORS = &cfn.CORS{
			Origins: []string{"https://app.example"}, Methods: []string{"GET", "POST"}, Headers: []string{"authorization"},
			Expose: []string{"etag"}, MaxAge: time.Hour, Credentials: true,
		}
	})
	ask := func(origin string) reply {
		return f.do(t, "OPTIONS", "/use", nil, "Origin", origin, "Access-Control-Request-Method", "GET")
	}
	r := ask("https://app.example")
	if r.StatusCode != http.StatusNoContent || r.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		r.Header.Get("Access-Control-Allow-Methods") != "GET,POST" || r.Header.Get("Access-Control-Max-Age") != "3600" ||
		r.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	if r := ask("https://evil.example"); r.StatusCode != http.StatusNoContent || r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	f.answer.Store(func([]byte) hosttest.Answer {
		return hosttest.Answer{Body: `{"statusCode":200,"headers":{"access-control-allow-origin":"*"}}`}
	})
	if r := f.do(t, "GET", "/open", nil, "Origin", "https://app.example"); r.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("%v", r.Header)
	}
	if r := f.do(t, "GET", "/open", nil, "Origin", "https://evil.example"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", r.Header)
	}
	none := newFront(t, nil)
	if r := none.do(t, "OPTIONS", "/use", nil, "Origin", "https://app.example", "Access-Control-Request-Method", "GET"); r.StatusCode != http.StatusNotFound {
		t.Errorf("without CORS: %d", r.StatusCode)
	}
}

func TestNewRefuses(t *testing.T) {
	twice := gateway.Config{Routes: []gateway.Route{route("GET", "/a", ""), route("GET", "/a", "")}}
	if _, err := gateway.New(twice); err == nil {
		t.Error("a route given twice was accepted")
	}
	if _, err := gateway.New(gateway.Config{Routes: []gateway.Route{route("GET", "/a", "Missing")}}); err == nil {
		t.Error("an authorizer that is not there was accepted")
	}
}
