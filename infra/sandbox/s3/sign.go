package s3

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	basicTime = "20060102T150405Z"
	skew      = 15 * time.Minute
	maxLife   = 7 * 24 * time.Hour
)

// claim is what a request says of its signature.
type claim struct {
	credential, signature, digest string
	headers                       []string
	at                            time.Time
	life                          time.Duration // of an address; zero for a signed header
}

// check verifies the signature (AWS Signature Version 4), written from its description and not with the signer that
// the product uses; then what was signed.
func (s *Server) check(r *http.Request) error {
	query := r.URL.Query()
	c, err := read(r, query)
	if err != nil {
		return err
	}
	if err := c.covers(r, s.config.Now()); err != nil {
		return err
	}
	if want := s.sign(r, query, c); want == "" || !hmac.Equal([]byte(want), []byte(c.signature)) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated is another.")
	}
	if c.life > 0 {
		*r = *r.WithContext(context.WithValue(r.Context(), queryKey{}, query))
	}
	return body(r, c.digest)
}

// covers tells whether the signature holds at the instant, and for all that has to be signed.
func (c claim) covers(r *http.Request, now time.Time) error {
	early, late := c.at.Sub(now) > skew, now.Sub(c.at) > skew
	switch {
	case early, late && c.life == 0:
		return refuse(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the times is too large.")
	case c.life > 0 && now.After(c.at.Add(c.life)):
		return refuse(http.StatusForbidden, "AccessDenied", "Request has expired")
	case !slices.Contains(c.headers, "host"):
		return refuse(http.StatusForbidden, "AccessDenied", "The host must be signed")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(c.headers, lower) {
			return refuse(http.StatusForbidden, "AccessDenied", "There were headers present which were not signed")
		}
	}
	return nil
}

// read finds the signature in the address or in a header.
func read(r *http.Request, query url.Values) (claim, error) {
	var c claim
	var err error
	stamp := r.Header.Get("X-Amz-Date")
	if query.Has("X-Amz-Signature") {
		stamp = query.Get("X-Amz-Date")
		err = c.fromAddress(query)
	} else {
		err = c.fromHeader(r)
	}
	if err != nil {
		return c, err
	}
	if c.at, err = time.Parse(basicTime, stamp); err != nil {
		return c, denied()
	}
	return c, nil
}

func denied() error { return refuse(http.StatusForbidden, "AccessDenied", "Access Denied") }

func (c *claim) fromAddress(query url.Values) error {
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	c.life = time.Duration(seconds) * time.Second
	if err != nil || c.life < time.Second || c.life > maxLife || query.Get("X-Amz-Algorithm") != algorithm {
		return denied()
	}
	c.credential, c.signature = query.Get("X-Amz-Credential"), query.Get("X-Amz-Signature")
	c.headers, c.digest = strings.Split(query.Get("X-Amz-SignedHeaders"), ";"), unsigned
	return nil
}

func (c *claim) fromHeader(r *http.Request) error {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" ")
	if !ok {
		return denied()
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			c.credential = value
		case "SignedHeaders":
			c.headers = strings.Split(value, ";")
		case "Signature":
			c.signature = value
		}
	}
	if c.digest = r.Header.Get(payload); c.digest == "" {
		return refuse(http.StatusBadRequest, "InvalidRequest", "Missing required header: x-amz-content-sha256")
	}
	return nil
}

// sign makes the signature that the request ought to have; empty where it cannot have one.
func (s *Server) sign(r *http.Request, query url.Values, c claim) string {
	parts := strings.SplitN(c.credential, "/", 2)
	if len(parts) != 2 {
		return ""
	}
	scope := strings.Split(parts[1], "/")
	if len(scope) != 4 || scope[0] != c.at.Format("20060102") || scope[2] != "s3" || scope[3] != "aws4_request" {
		return ""
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	var headers strings.Builder
	for _, name := range c.headers {
		_, _ = headers.WriteString(name + ":" + signed(r, name) + "\n")
	}
	request := strings.Join([]string{
		r.Method, path, canonical(query), headers.String(), strings.Join(c.headers, ";"), c.digest,
	}, "\n")
	sum := sha256.Sum256([]byte(request))
	text := strings.Join([]string{algorithm, c.at.Format(basicTime), parts[1], hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + s.config.Secret(parts[0]))
	for _, part := range scope {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

// signed is a header's value as it is signed; Go keeps two of them apart from the others.
func signed(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	return strings.Join(strings.Fields(strings.Join(r.Header.Values(name), ",")), " ")
}

// canonical writes the query as it is signed: without the signature, in order, with %20 for a space.
func canonical(query url.Values) string {
	rest := url.Values{}
	for name, values := range query {
		if name != "X-Amz-Signature" {
			rest[name] = values
		}
	}
	return strings.ReplaceAll(rest.Encode(), "+", "%20")
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = io.WriteString(m, text) // a hash does not fail
	return m.Sum(nil)
}
