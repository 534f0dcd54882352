package zoom

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"almanac/shared/fault"
	"almanac/shared/private"
)

const (
	// MaxBody is the longest body of a webhook that is looked at.
	MaxBody = 256 << 10
	// MaxAhead is how far ahead of our clock the sender's may be.
	MaxAhead = 5 * time.Minute
)

// The headers of a webhook. Their names come in any capitals.
const (
	signatureHeader = "X-Zm-Signature"
	stampHeader     = "X-Zm-Request-Timestamp"
)

// Match says how a delivery was found genuine.
type Match struct {
	Secret int           // which of the secrets signed it
	Age    time.Duration // by its timestamp; negative where the sender's clock is ahead
}

// Verify tells whether Zoom sent a body: signed with one of the secrets over its raw bytes, not longer ago than maxAge.
// It comes before all else that is done with a body. header gives all values of a header, whatever capitals its name
// is in. A replay within maxAge does no harm, because every delivery is taken once.
// Errors: fault.Denied, which does not say what is wrong; fault.Internal if there is no secret.
func Verify(
	secrets []string, maxAge time.Duration, header func(name string) []string, body []byte, now time.Time,
) (Match, error) {
	signature, stamp := single(header(signatureHeader)), single(header(stampHeader))
	at, ok := seconds(stamp)
	age := now.Sub(at)
	if !ok || age > maxAge || age < -MaxAhead || len(body) > MaxBody {
		return Match{}, refused()
	}
	found, usable := -1, false
	for i, secret := range secrets {
		if secret == "" { // anybody could sign with it
			continue
		}
		usable = true
		if found < 0 && hmac.Equal([]byte("v0="+signed(secret, "v0:"+stamp+":", body)), []byte(signature)) {
			found = i
		}
	}
	switch {
	case !usable:
		return Match{}, fault.New(fault.Internal, Misconfigured, "This service cannot tell who sent this.")
	case found < 0:
		return Match{}, refused()
	}
	return Match{found, age}, nil
}

func refused() *fault.Error {
	return fault.New(fault.Denied, "denied", "This is not signed as it must be.")
}

// single gives the value of a header that was sent once; one that was not has none.
func single(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// seconds reads a timestamp, of seconds since 1970: digits and nothing else.
func seconds(text string) (time.Time, bool) {
	const most = 11
	if text == "" || len(text) > most || strings.Trim(text, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(n, 0), err == nil
}

// signed is the HMAC-SHA256 of a prefix and a text, in lower-case hexadecimal.
func signed(secret, prefix string, text []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(prefix)) // a hash does not fail
	_, _ = mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// Answer is what Zoom wants to hear when it tries an address. It prints as [redacted].
type Answer struct {
	private.Hidden

	PlainToken     string `json:"plainToken"`
	EncryptedToken string `json:"encryptedToken"`
}

const validation = "endpoint.url_validation"

// Validation gives the answer to a body with which Zoom tries the address; it is false for every other body. The body
// must be verified, and the secret be the one that signed it. The answer is an HMAC under the secret that signs
// webhooks too, so a token that could be the beginning of what is signed there is refused: it cannot have a colon.
// Errors: fault.Invalid.
func Validation(secret string, body []byte) (Answer, bool, error) {
	o, err := readEvent(body)
	if err != nil {
		return Answer{}, false, err
	}
	if o.text("event") != validation {
		return Answer{}, false, nil
	}
	const least, most = 8, 128
	token := o.sub("payload").text("plainToken")
	if len(token) < least || len(token) > most || strings.ContainsFunc(token, func(r rune) bool { return !wordly(r) }) {
		return Answer{}, true, fmt.Errorf("validation: %w", unreadable())
	}
	return Answer{PlainToken: token, EncryptedToken: signed(secret, "", []byte(token))}, true, nil
}
