package file

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// unsigned stands for the digest of a body that the signer does not see. What is put is bound by its length and by its
// own digest, which are both signed.
const unsigned = "UNSIGNED-PAYLOAD"

// Parcel is a file that somebody is about to send: S3 takes these bytes and no others.
type Parcel struct {
	Key    string
	Type   string // content type
	Size   int64
	SHA256 [32]byte
}

// Ticket is the right to send one request, by whoever holds it.
type Ticket struct {
	Method string `json:"method" enum:"PUT"`
	URL    string `json:"url" doc:"Send the file here, as the whole body, without your access token."`
	// Headers must be sent as they are.
	Headers map[string]string `json:"headers" doc:"Send these headers exactly."`
	Expires time.Time         `json:"expires"`
}

// Take gives the right to put a parcel where there is nothing yet. S3 refuses another length, another type, other
// bytes, and a second file under the name.
func (s *Store) Take(ctx context.Context, p Parcel, life time.Duration) (Ticket, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address(s.base, p.Key, lifeOf(life)), http.NoBody)
	if err != nil {
		return Ticket{}, err
	}
	headers := map[string]string{
		"Content-Type": p.Type, checksum: base64.StdEncoding.EncodeToString(p.SHA256[:]), "If-None-Match": "*",
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	req.ContentLength = p.Size
	headers["Content-Length"] = length(p.Size)
	t := Ticket{Method: http.MethodPut, Headers: headers}
	t.URL, t.Expires, err = s.presign(ctx, req, life)
	return t, err
}

// Link is the address of an object that can be read for a short time, by whoever holds it.
type Link struct {
	URL     string    `json:"url" doc:"Read the report here, without your access token."`
	Expires time.Time `json:"expires"`
}

// Give lends the right to read an object as a download of that name. It does not look whether the object is there.
func (s *Store) Give(ctx context.Context, key, name, contentType string, life time.Duration) (Link, error) {
	query := lifeOf(life)
	query.Set("response-content-disposition", `attachment; filename="`+name+`"`)
	query.Set("response-content-type", contentType)
	query.Set("response-cache-control", "no-store")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address(s.base, key, query), http.NoBody)
	if err != nil {
		return Link{}, err
	}
	var l Link
	l.URL, l.Expires, err = s.presign(ctx, req, life)
	return l, err
}

func lifeOf(life time.Duration) url.Values {
	return url.Values{"X-Amz-Expires": {length(int64(life / time.Second))}}
}

// presign puts the signature into the request's address. The right ends with life or with the credentials that it was
// signed with, whichever is first.
func (s *Store) presign(ctx context.Context, req *http.Request, life time.Duration) (string, time.Time, error) {
	who, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("credentials: %w", err)
	}
	at := s.now()
	signed, _, err := s.signer.PresignHTTP(ctx, who, req, unsigned, service, s.region, at,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err != nil {
		return "", time.Time{}, fmt.Errorf("presign: %w", err)
	}
	ends := at.Add(life).UTC().Truncate(time.Second)
	if who.CanExpire && who.Expires.Before(ends) {
		ends = who.Expires.UTC().Truncate(time.Second)
	}
	return signed, ends, nil
}
