// Package filetest helps tests that need files: a bucket of the test's own on the real engine, behind the stand-in that
// is as strict as S3. Its rule: only tests import it.
package filetest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"almanac/infra/sandbox/s3"
	"almanac/shared/file"
	"almanac/shared/id"
)

// Bucket is an empty bucket.
type Bucket struct {
	*file.Store
	Name   string
	Server *s3.Server // where faults are set
	engine string
}

// New makes a Bucket. The engine must run at S3_ENDPOINT; infra/engine/cmd/with-engines sets it. Wrappers put faults
// between the Store and the engine.
func New(tb testing.TB, now func() time.Time, wrap ...func(aws.HTTPClient) aws.HTTPClient) *Bucket {
	tb.Helper()
	//nolint:forbidigo // where the engine is; the second is the same one
	engine := cmp.Or(os.Getenv("S3_ENDPOINT"), os.Getenv("SQS_ENDPOINT"))
	if engine == "" {
		tb.Fatal("S3_ENDPOINT is not set: run tests with `make test`, or a package's with\n" +
			"go run ./infra/engine/cmd/with-engines -- go test ./shared/file")
	}
	server, err := s3.New(s3.Config{Engine: engine, Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	front := httptest.NewServer(server)
	tb.Cleanup(front.Close)
	b := &Bucket{Name: "almanac-" + id.New("tst"), Server: server, engine: engine}
	b.Name = b.Name[:len("almanac-tst")] + "-" + b.Name[len("almanac-tst_"):]
	b.mustAsk(tb, http.MethodPut, "", nil)
	through := aws.HTTPClient(awshttp.NewBuildableClient())
	for _, w := range wrap {
		through = w(through)
	}
	b.Store = file.New(aws.Config{
		Region: "eu-west-2", BaseEndpoint: aws.String(front.URL), HTTPClient: through,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}, b.Name, now)
	return b
}

func client() *http.Client { return &http.Client{Timeout: time.Minute} }

// Overwrite replaces an object behind everybody's back.
func (b *Bucket) Overwrite(tb testing.TB, key string, body []byte) {
	tb.Helper()
	b.mustAsk(tb, http.MethodPut, "/"+key, body)
}

// Read gives an object's bytes, and whether it is there.
func (b *Bucket) Read(tb testing.TB, key string) ([]byte, bool) {
	tb.Helper()
	res := b.ask(tb, http.MethodGet, "/"+key, nil)
	defer res.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return body, res.StatusCode == http.StatusOK
}

// List gives the bucket's listing, as the engine words it.
func (b *Bucket) List(tb testing.TB) string {
	tb.Helper()
	body, _ := b.Read(tb, "")
	return string(body)
}

// Send uses a ticket, as a client would, and gives the status of the answer.
func Send(tb testing.TB, t file.Ticket, body []byte) int {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), t.Method, t.URL, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for name, value := range t.Headers {
		req.Header.Set(name, value)
	}
	res, err := client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// Fetch follows a link, as a browser would.
func Fetch(tb testing.TB, url string) (int, http.Header, string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

func (b *Bucket) mustAsk(tb testing.TB, method, path string, body []byte) {
	tb.Helper()
	res := b.ask(tb, method, path, body)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		tb.Fatalf("%s %s: status %d", method, path, res.StatusCode)
	}
}

func (b *Bucket) ask(tb testing.TB, method, path string, body []byte) *http.Response {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, b.engine+"/"+b.Name+path, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := client().Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	return res
}
