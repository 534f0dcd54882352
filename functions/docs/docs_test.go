package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

func mustLoad(t *testing.T, name string) events.APIGatewayV2HTTPRequest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "events", name))
	if err != nil {
		t.Fatal(err)
	}
	var ev events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(text, &ev); err != nil {
		t.Fatal(err)
	}
	return ev
}

func mustServe(t *testing.T, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, string) {
	t.Helper()
	var log bytes.Buffer
	res, err := serve(slog.New(slog.NewJSONHandler(&log, nil)), files(page, document))(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("want one log line, got %q", log.String())
	}
	return res, log.String()
}

func TestServe(t *testing.T) {
	cases := []struct {
		event, kind, caching string
		body                 []byte
	}{
		{"docs.page.json", "text/html; charset=utf-8", "no-cache", page},
		{"docs.openapi.json", "application/json", "no-cache", document},
		{"docs.health.json", "application/json", "no-store", []byte(`{"status":"ok"}`)},
	}
	for _, c := range cases {
		t.Run(c.event, func(t *testing.T) {
			ev := mustLoad(t, c.event)
			res, log := mustServe(t, ev)
			if res.StatusCode != http.StatusOK || res.Body != string(c.body) || res.Headers["content-type"] != c.kind || res.Headers["cache-control"] != c.caching {
				t.Errorf("answered %d, %d bytes, %v", res.StatusCode, len(res.Body), res.Headers)
			}
			if !strings.HasPrefix(res.Headers["content-security-policy"], "default-src 'none'") || res.Headers["x-content-type-options"] != "nosniff" {
				t.Errorf("headers are %v", res.Headers)
			}
			if !strings.Contains(log, `"route":"GET `+ev.RawPath+`"`) {
				t.Errorf("the log says %s", log)
			}
			ev.Headers = maps.Clone(ev.Headers)
			ev.Headers["if-none-match"] = res.Headers["etag"]
			if again, _ := mustServe(t, ev); again.StatusCode != http.StatusNotModified || again.Body != "" {
				t.Errorf("a copy that is current was answered %d with %d bytes", again.StatusCode, len(again.Body))
			}
		})
	}
}

func TestPacked(t *testing.T) {
	ev := mustLoad(t, "docs.page.json")
	ev.Headers = map[string]string{"accept-encoding": "gzip, deflate, br"}
	long := bytes.Repeat([]byte("<p>text</p>"), 1000)
	res, err := serve(slog.New(slog.DiscardHandler), files(long, nil))(t.Context(), ev)
	if err != nil || res.Headers["content-encoding"] != "gzip" || !res.IsBase64Encoded {
		t.Fatalf("%v %v", res.Headers, err)
	}
	raw, err := base64.StdEncoding.DecodeString(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, long) {
		t.Errorf("unpacked to %d bytes, %v", len(got), err)
	}
}

func TestRefuse(t *testing.T) {
	ev := mustLoad(t, "docs.page.json")
	ev.RawPath = "/docs/Zebedee"
	if res, log := mustServe(t, ev); res.StatusCode != http.StatusNotFound || strings.Contains(log, "Zebedee") {
		t.Errorf("%d, %s", res.StatusCode, log)
	}
	ev = mustLoad(t, "docs.page.json")
	ev.RequestContext.HTTP.Method = "POST"
	if res, _ := mustServe(t, ev); res.StatusCode != http.StatusMethodNotAllowed || res.Headers["allow"] != "GET" {
		t.Errorf("%d %v", res.StatusCode, res.Headers)
	}
}

// TestPolicy: the page has one style element, whose hash the policy names, and nothing that the policy would stop.
func TestPolicy(t *testing.T) {
	if n := bytes.Count(page, []byte("<style")); n != 1 {
		t.Errorf("%d style elements, want 1", n)
	}
	for _, never := range []string{"<script", "<link", "<img", " style=", " onclick=", " src=", "url(", `="http`, `="//`} {
		if bytes.Contains(page, []byte(never)) {
			t.Errorf("the page has %s", never)
		}
	}
	one, other := pagePolicy([]byte("<style>a</style>")), pagePolicy([]byte("<style>b</style>"))
	// echo -n a | openssl dgst -sha256 -binary | base64
	if one == other || !strings.Contains(one, "'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='") {
		t.Errorf("policies are %s and %s", one, other)
	}
}

// TestDocument: what is embedded is the whole API, not one function's part.
func TestDocument(t *testing.T) {
	var doc struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/docs", "/healthz", "/v1/appointments", "/v1/sites"} {
		if doc.Paths[path] == nil {
			t.Errorf("the document lacks %s; it has %v", path, slices.Sorted(maps.Keys(doc.Paths)))
		}
	}
}
