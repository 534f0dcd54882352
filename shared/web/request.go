package web

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"almanac/shared/fault"
)

// headers are a request's headers by lower-case name. API Gateway joins a header that came twice with a comma.
type headers map[string]string

func newHeaders(from map[string]string) headers {
	h := make(headers, len(from))
	for name, value := range from {
		h[strings.ToLower(name)] = value
	}
	return h
}

func (h headers) get(name string) string { return h[strings.ToLower(name)] }

func (h headers) each(call func(name, value string)) {
	for name, value := range h {
		call(name, value)
	}
}

// maxKey is the greatest length of an Idempotency-Key.
const maxKey = 255

// key gives the Idempotency-Key. The draft standard
// (draft-ietf-httpapi-idempotency-key-header) writes it in quotes; most clients do not. Both name the same key.
func (x *exchange) key() (string, error) {
	key := strings.TrimSpace(x.headers.get("Idempotency-Key"))
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	switch {
	case key == "":
		return "", malformed("idempotency_key_missing", "Send an Idempotency-Key of "+ofKeys)
	case len(key) > maxKey:
		return "", malformed("idempotency_key_malformed", "The Idempotency-Key is too long: send one of "+ofKeys)
	case !printable(key, maxKey):
		return "", malformed("idempotency_key_malformed", "The Idempotency-Key cannot be read: send one of "+ofKeys)
	}
	return key, nil
}

const ofKeys = "1 to 255 printable ASCII characters, a fresh one for each thing you want done."

// preconditions reads the two headers that make writes safe to repeat and safe to make at the same time as others.
func (x *exchange) preconditions() error {
	if x.endpoint.keyed {
		key, err := x.key()
		if err != nil {
			return err
		}
		x.once.Key = key
	}
	if !x.endpoint.matched {
		return nil
	}
	tag := strings.TrimSpace(x.headers.get("If-Match"))
	if tag == "" {
		return refuse(http.StatusPreconditionRequired, fault.Invalid, "if_match_missing",
			"Send If-Match with the ETag of the copy you are changing.")
	}
	version, ok := parseETag(tag)
	if !ok {
		return malformed("if_match_malformed", `If-Match must be one ETag as you received it, such as "3".`)
	}
	x.version = version
	return nil
}

// parseETag reads the strong ETag of a version, as Versioned answers carry it. Versions begin at 1.
func parseETag(tag string) (int64, bool) {
	digits, ok := strings.CutPrefix(tag, `"`)
	digits, closed := strings.CutSuffix(digits, `"`)
	if !ok || !closed || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	version, err := strconv.ParseInt(digits, 10, 64)
	return version, err == nil
}

// readQuery takes the query apart and refuses a parameter that the route does not know, or knows once and got twice:
// ignored, either would change what was asked for.
func (x *exchange) readQuery() error {
	query, err := url.ParseQuery(x.event.RawQueryString)
	if err != nil {
		return malformed("malformed_query", "The query could not be read.")
	}
	var known, many []string
	for _, p := range x.endpoint.built().op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
			if p.Explode != nil && *p.Explode {
				many = append(many, p.Name)
			}
		}
	}
	for name, values := range query {
		switch {
		case !slices.Contains(known, name):
			return malformed("bad_parameter", "The query has a parameter that this address does not take.",
				fault.Detail{Code: "unknown_parameter", Message: "Only these may be sent.", Choices: known})
		case len(values) > 1 && !slices.Contains(many, name):
			return malformed("bad_parameter", "A query parameter is given more than once.",
				fault.Detail{Code: "repeated_parameter", Message: "Parameter " + name + ": may be given once only."})
		case slices.ContainsFunc(values, unreadable):
			return malformed("bad_parameter", "A query parameter holds characters that cannot be read.",
				fault.Detail{
					Code: "wrong_format", Message: "Parameter " + name + ": must be UTF-8 without control characters.",
				})
		}
	}
	x.query = query
	return nil
}

func unreadable(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}

// readBody checks the body's form strictly, before anything decodes it.
func (x *exchange) readBody() error {
	body, err := x.rawBody()
	if err != nil {
		return err
	}
	b := x.endpoint.built()
	switch {
	case len(body) > maxBody:
		return errTooLarge()
	case !x.lengthHolds(len(body)):
		return malformed("length_mismatch",
			"The body's length is not what Content-Length says, or it was not valid UTF-8.")
	case b.body == nil && len(body) > 0:
		return malformed("body_unexpected", "This request takes no body.")
	case b.body == nil:
		return nil
	case len(body) == 0:
		return malformed("body_missing", "This request needs a JSON body.")
	case !x.sentJSON():
		return refuse(http.StatusUnsupportedMediaType, fault.Invalid, "not_json",
			"Send the body as application/json in UTF-8, not compressed.")
	}
	if err := check(body, b.body, b.registry); err != nil {
		return err
	}
	x.body = body
	return nil
}

// lengthHolds compares the body with Content-Length. API Gateway counts for itself, but hands the text on with bytes
// that are not UTF-8 replaced, which shows here.
func (x *exchange) lengthHolds(n int) bool {
	said, ok := x.headers["content-length"]
	if !ok {
		return true
	}
	return said == strconv.Itoa(n)
}

func (x *exchange) sentJSON() bool {
	if coding := x.headers.get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return false
	}
	kind, params, err := mime.ParseMediaType(x.headers.get("Content-Type"))
	if err != nil || kind != contentJSON {
		return false
	}
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8")
}

// fingerprint tells a repeat of a request from another request under the same key. White space in the body does not
// count; everything else does. It is keyed with the Idempotency-Key, of which only a digest is stored: whoever has the
// table cannot find out by trying whether a guessed person was in a request.
func (x *exchange) fingerprint() [sha256.Size]byte {
	var body bytes.Buffer
	if len(x.body) > 0 {
		if err := json.Compact(&body, x.body); err != nil {
			body.Write(x.body) // unreachable: the body was checked
		}
	}
	h := hmac.New(sha256.New, []byte(x.once.Key))
	for _, part := range []string{
		x.endpoint.method, x.event.RawPath, x.event.RawQueryString, x.person, x.headers.get("If-Match"),
	} {
		h.Write([]byte(part))
		h.Write([]byte{0}) // no part can hold it, so parts cannot run into each other
	}
	h.Write(body.Bytes())
	return [sha256.Size]byte(h.Sum(nil))
}
