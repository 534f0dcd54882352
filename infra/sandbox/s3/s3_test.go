package s3_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/s3"
)

// The signatures, lengths, digests and conditions are tried in shared/file, with the client that signs.

func TestRefusesLambda(t *testing.T) {
	on := func(name string) (string, bool) { return "x", name == "AWS_LAMBDA_FUNCTION_NAME" }
	if _, err := s3.New(s3.Config{Engine: "http://127.0.0.1:1", Lookup: on}); !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("started on Lambda: %v", err)
	}
	if _, err := s3.New(s3.Config{Engine: "nowhere"}); err == nil {
		t.Error("started without an engine")
	}
}

// TestUnsigned: what is not signed, or not signed as it must be, does not reach the engine.
func TestUnsigned(t *testing.T) {
	engine := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request reached the engine")
	}))
	defer engine.Close()
	now := time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC)
	s, err := s3.New(s3.Config{Engine: engine.URL, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	const scope = "Credential=test/20270104/eu-west-2/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
	for name, header := range map[string]http.Header{
		"nothing":       {},
		"a bearer":      {"Authorization": {"Bearer x"}},
		"no digest":     {"Authorization": {"AWS4-HMAC-SHA256 " + scope + "Signature=0"}},
		"another one's": {"Authorization": {"AWS4-HMAC-SHA256 " + scope + "Signature=" + strings.Repeat("0", 64)}, "X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}, "X-Amz-Date": {"20270104T120000Z"}},
		"too old":       {"Authorization": {"AWS4-HMAC-SHA256 " + scope + "Signature=0"}, "X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}, "X-Amz-Date": {"20270104T110000Z"}},
		"other scope":   {"Authorization": {"AWS4-HMAC-SHA256 Credential=test/x, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="}, "X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}, "X-Amz-Date": {"20270104T120000Z"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/bucket/key", http.NoBody)
		r.Header = header
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden && w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "<Code>") {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://evil.example/bucket/key", http.NoBody)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("another host: status %d", w.Code)
	}
}
