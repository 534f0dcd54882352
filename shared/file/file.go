// Package file keeps files in one bucket of S3: it lends the right to put one object there, reads objects a block at a
// time, and writes those of our own. Its rules: nothing in an object's name says anything of anybody; what is read is
// the object that was looked at before, or nothing; and no other package speaks S3.
//
// It signs requests with the signer that the DynamoDB client brings along, and sends them itself: the five that there
// are do not pay for the size and the start of the SDK's S3 client.
package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"almanac/shared/delay"
	"almanac/shared/fault"
)

const (
	service = "s3"
	// reply is how long one request may take, a block's or a report's body included.
	reply = 10 * time.Second
	tries = 4
	// firstDelay and longestDelay bound the wait before a further try.
	firstDelay   = 50 * time.Millisecond
	longestDelay = 800 * time.Millisecond
	checksum     = "X-Amz-Checksum-Sha256"
	payload      = "X-Amz-Content-Sha256"
)

// Store is a bucket. It is safe for concurrent use.
type Store struct {
	client      aws.HTTPClient
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	region      string
	base        string // the bucket's address, which ends with a slash
	now         func() time.Time
}

// New makes the Store of a bucket. With an endpoint of its own, which local engines have, the bucket is the first part
// of the path; on AWS it is part of the host's name, and the connection is always TLS.
func New(cfg aws.Config, bucket string, now func() time.Time) *Store {
	s := &Store{
		client: cfg.HTTPClient, credentials: cfg.Credentials, region: cfg.Region, now: now,
		base: "https://" + bucket + ".s3." + cfg.Region + ".amazonaws.com/",
		// S3 takes the path as it is sent; every other service, escaped once more.
		signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
	}
	if cfg.BaseEndpoint != nil {
		s.base = strings.TrimSuffix(*cfg.BaseEndpoint, "/") + "/" + bucket + "/"
	}
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		s.client = b.WithTimeout(reply)
	}
	return s
}

// Info is what is known of an object without reading it.
type Info struct {
	Size int64
	// Tag names this very content (ETag): another object under the same name has another.
	Tag string
	// SHA256 is the digest that S3 checked when it took the object, in hex; empty where it keeps none.
	SHA256 string
}

// Stat looks at an object. Errors: fault NotFound, Unavailable.
func (s *Store) Stat(ctx context.Context, key string) (Info, error) {
	res, err := s.do(ctx, request{method: http.MethodHead, key: key, header: http.Header{
		"X-Amz-Checksum-Mode": {"ENABLED"},
	}})
	if err != nil {
		return Info{}, err
	}
	info := Info{Size: res.size, Tag: res.header.Get("ETag")}
	if sum, err := base64.StdEncoding.DecodeString(res.header.Get(checksum)); err == nil && len(sum) == sha256.Size {
		info.SHA256 = hex.EncodeToString(sum)
	}
	return info, nil
}

// Get reads a whole object of ours, of at most limit bytes. Errors: fault NotFound, Unavailable.
func (s *Store) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	res, err := s.do(ctx, request{method: http.MethodGet, key: key, most: limit})
	return res.body, err
}

// Put writes an object of ours, in place of one that is there. Errors: fault Unavailable.
func (s *Store) Put(ctx context.Context, key, contentType string, body []byte) error {
	_, err := s.do(ctx, request{
		method: http.MethodPut, key: key, body: body, header: http.Header{"Content-Type": {contentType}},
	})
	return err
}

// Remove deletes an object; one that is not there is no error. Errors: fault Unavailable.
func (s *Store) Remove(ctx context.Context, key string) error {
	_, err := s.do(ctx, request{method: http.MethodDelete, key: key})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// request is one request, which can be sent again: all that there are can.
type request struct {
	method, key string
	header      http.Header
	body        []byte
	most        int64 // of the answer's body
}

type answer struct {
	status int
	header http.Header
	size   int64
	body   []byte
}

// do sends a request until it is answered by other than a server's error.
func (s *Store) do(ctx context.Context, r request) (answer, error) {
	var err error
	for attempt := range tries {
		if attempt > 0 {
			if waited := delay.For(ctx, delay.Drawn(attempt, firstDelay, longestDelay)); waited != nil {
				return answer{}, unavailable(waited)
			}
		}
		var a answer
		if a, err = s.send(ctx, r); err == nil {
			return a, judge(a)
		}
	}
	return answer{}, unavailable(err)
}

// errServer is an answer that says that the same request may succeed later.
var errServer = errors.New("the file store is busy")

// errLonger is an answer that is longer than was asked for.
var errLonger = errors.New("the file store sent more than was asked for")

func (s *Store) send(ctx context.Context, r request) (answer, error) {
	req, err := s.signed(ctx, r)
	if err != nil {
		return answer{}, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	a := answer{status: res.StatusCode, header: res.Header, size: res.ContentLength}
	if busy(a.status) {
		return answer{}, fmt.Errorf("%w: status %d", errServer, a.status)
	}
	if r.method == http.MethodGet && a.status < http.StatusMultipleChoices {
		a.body, err = io.ReadAll(io.LimitReader(res.Body, r.most+1))
		if err == nil && int64(len(a.body)) > r.most {
			err = errLonger
		}
		return a, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	return a, nil
}

// signed makes the request, signed with its body's digest.
func (s *Store) signed(ctx context.Context, r request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, s.base+r.key, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if len(r.body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
	}
	maps.Copy(req.Header, r.header)
	sum := sha256.Sum256(r.body)
	req.Header.Set(payload, hex.EncodeToString(sum[:]))
	who, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return req, s.signer.SignHTTP(ctx, who, req, hex.EncodeToString(sum[:]), service, s.region, s.now())
}

func busy(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests ||
		status == http.StatusRequestTimeout
}

// The codes of refusals that are about an object, and not about a record of ours.
const (
	NotFound = "file_missing"
	Changed  = "file_changed"
)

// judge turns a status into the error that it means.
func judge(a answer) error {
	switch {
	case a.status < http.StatusMultipleChoices:
		return nil
	case a.status == http.StatusNotFound:
		return fault.New(fault.NotFound, NotFound, "There is no such file.")
	case a.status == http.StatusPreconditionFailed:
		return fault.New(fault.Stale, Changed, "The file is not the one that was there before.")
	}
	return fmt.Errorf("the file store answered %d", a.status)
}

func unavailable(cause error) error {
	e := fault.Wrap(cause, fault.Unavailable, "files_unavailable",
		"Files cannot be reached just now. Nothing was changed: try again in a moment.")
	e.RetryAfter = reply
	return e
}

func length(n int64) string { return strconv.FormatInt(n, 10) }

func address(base, key string, query url.Values) string {
	if len(query) == 0 {
		return base + key
	}
	return base + key + "?" + query.Encode()
}
