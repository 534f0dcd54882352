package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/fault"
)

type fuzzIn struct {
	Keyed
	ID   string `path:"id" maxLength:"30"`
	Page int    `query:"page" minimum:"1"`
	Body fuzzBody
}

type fuzzBody struct {
	Name  string               `json:"name" maxLength:"10"`
	Count int                  `json:"count,omitempty" maximum:"100"`
	Parts []fuzzPart           `json:"parts,omitempty"`
	Map   map[string]*fuzzPart `json:"map,omitempty"`
	ID    string               `json:"id,omitempty" readOnly:"true"`
}

type fuzzPart struct {
	On bool `json:"on"`
}

func fuzzServe(log *bytes.Buffer) (Handler, *endpoint) {
	routes := Routes{
		"POST /v1/things/{id}": Do(access.AppointmentBook, "Make", func(_ context.Context, _ Request, _ *fuzzIn) (fuzzBody, error) {
			return fuzzBody{Name: "made"}, nil
		}),
	}
	e := Edge{Log: slog.New(slog.NewJSONHandler(log, nil)), Gate: Gate{
		Caller: func(_ context.Context, org, subject string, _ bool) (access.Caller, error) {
			return access.NewCaller(org, subject, []access.Role{access.Manager}, 1), nil
		},
		Recall: func(context.Context, access.Caller, access.Once) ([]byte, bool, error) { return nil, false, nil },
	}}
	return e.Serve(routes), newEndpoint("POST /v1/things/{id}", routes["POST /v1/things/{id}"])
}

// FuzzCheck holds the strict reader against encoding/json: what it accepts, a decoder that refuses unknown fields
// decodes without loss, and it accepts again what it gave.
func FuzzCheck(f *testing.F) {
	_, e := fuzzServe(&bytes.Buffer{})
	b := e.built()
	for _, seed := range []string{
		`{"name":"a","count":1,"parts":[{"on":true}],"map":{"k":{"on":false}}}`, `{"name":"\ud83d\ude00"}`, `{"name":"\u0000"}`,
		`{"name":"a","name":"b"}`, `[[[]]]`, `{"NAME":"a"}`, "\"\xff\"", `1e999`, ` null `, `{"name":"\\u0000"}`, `{"a":{},"a":[]}`, `{"name":"\ud800\udc00\udc00"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := check(body, b.body, b.registry)
		if err != nil {
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || len(f.Details) > maxDetails {
				t.Fatalf("a refusal of the wrong kind: %v", err)
			}
			return
		}
		mustDecode(t, body, b)
	})
}

// mustDecode checks what is promised of a body that was accepted.
func mustDecode(t *testing.T, body []byte, b *built) {
	t.Helper()
	if !utf8.Valid(body) || !json.Valid(body) {
		t.Fatal("accepted what is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var v fuzzBody
	if err := d.Decode(&v); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok { // types are huma's to check
			t.Fatalf("accepted what cannot be decoded: %v", err)
		}
		return
	}
	if strings.Contains(v.Name, "\x00") {
		t.Fatal("accepted a NUL")
	}
	again, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(again, b.body, b.registry); err != nil {
		t.Fatalf("refuses its own: %s: %v", again, err)
	}
}

// FuzzServe throws whole requests at the edge: it never fails, never panics, and never shows or logs what it was sent.
func FuzzServe(f *testing.F) {
	log := &bytes.Buffer{}
	serve, _ := fuzzServe(log)
	f.Add("POST", "/v1/things/a", "page=1", "application/json", "k", `{"name":"a"}`, false)
	f.Add("POST", "/v1/things/a", "page=x", "application/json", "k", `{"name":"a","count":101}`, false)
	f.Add("POST", "/v1/things/%41", "a=b&a=c", "text/plain", "", `eyJuYW1lIjoiYSJ9`, true)
	f.Add("GET", "/v1/things", "", "", "", "", false)
	f.Fuzz(func(t *testing.T, method, path, query, kind, key, body string, b64 bool) {
		log.Reset()
		const secret = "Q7secretQ7"
		ev := events.APIGatewayV2HTTPRequest{
			RawPath: path, RawQueryString: query, Body: strings.ReplaceAll(body, "a", secret), IsBase64Encoded: b64,
			Headers: map[string]string{"Content-Type": kind, "Idempotency-Key": key},
		}
		ev.RequestContext.HTTP.Method = method
		ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{
				"sub": "s", "cognito:groups": "[org_01kc4z7v8wfj7rw4q3hxe6m2ta]",
			}},
		}
		res, err := serve(t.Context(), ev)
		if err != nil || res.StatusCode < 200 || res.StatusCode >= 500 {
			t.Fatalf("%d %v %s\n%s", res.StatusCode, err, res.Body, log)
		}
		if strings.Contains(res.Body, secret) || strings.Contains(log.String(), secret) {
			t.Fatalf("shown or logged: %s\n%s", res.Body, log)
		}
		if res.StatusCode >= 400 && !json.Valid([]byte(res.Body)) {
			t.Fatalf("not JSON: %s", res.Body)
		}
		if strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("not one log line: %s", log)
		}
	})
}

// BenchmarkServe measures a request that books, edge alone.
func BenchmarkServe(b *testing.B) {
	serve, _ := fuzzServe(&bytes.Buffer{})
	ev := events.APIGatewayV2HTTPRequest{
		RawPath: "/v1/things/a", Body: `{"name":"a","count":1,"parts":[{"on":true}]}`,
		Headers: map[string]string{"content-type": "application/json", "idempotency-key": "k", "accept-encoding": "gzip"},
	}
	ev.RequestContext.HTTP.Method = "POST"
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{
			"sub": "s", "cognito:groups": "[org_01kc4z7v8wfj7rw4q3hxe6m2ta]",
		}},
	}
	for b.Loop() {
		if res, err := serve(b.Context(), ev); err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res, err)
		}
	}
}

// BenchmarkStart measures what a function of 25 routes does before its first request, and BenchmarkFirstUse what the
// first request of a route adds.
func BenchmarkStart(b *testing.B) {
	route := Do(access.AppointmentBook, "Make", func(context.Context, Request, *fuzzIn) (fuzzBody, error) { return fuzzBody{}, nil })
	routes := Routes{}
	for i := range 25 {
		routes["POST /v1/things"+strings.Repeat("s", i)+"/{id}"] = route
	}
	e := Edge{Log: slog.New(slog.DiscardHandler)}
	for b.Loop() {
		e.Serve(routes)
	}
}

// BenchmarkFirstUse: see BenchmarkStart.
func BenchmarkFirstUse(b *testing.B) {
	route := Do(access.AppointmentBook, "Make", func(context.Context, Request, *fuzzIn) (fuzzBody, error) { return fuzzBody{}, nil })
	for b.Loop() {
		newEndpoint("POST /v1/things/{id}", route).built()
	}
}
