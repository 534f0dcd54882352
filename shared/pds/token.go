package pds

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"almanac/shared/fault"
)

const (
	// assertionLife is for how long an assertion says that it holds; five minutes is the most that is taken.
	assertionLife = 4 * time.Minute
	// renewEarly is how long before its end a token is replaced, so that none runs out under way.
	renewEarly = 45 * time.Second
	// skewed is from where on the two clocks are said to differ: an assertion has ten seconds of grace.
	skewed   = 5 * time.Second
	maxToken = 64 << 10
)

// tokens keeps the access token of the application. One goroutine at a time asks for a new one; the others wait for it.
type tokens struct {
	client *Client
	turn   chan struct{} // holds one value while nobody asks
	value  string
	until  time.Time
	skew   time.Duration // the token service's clock less ours
}

func newTokens(c *Client) *tokens {
	t := &tokens{client: c, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// Another gives an access token of the application, for other services of the same platform, but not the one that was
// just refused. Errors: fault Unavailable.
func (c *Client) Another(ctx context.Context, refused string) (string, error) {
	return c.token.get(ctx, refused)
}

// get gives a token that holds, other than the one that was just refused.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case <-t.turn:
		defer func() { t.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", unanswered(ctx.Err())
	}
	now := t.client.set.Now()
	if t.value != "" && t.value != refused && now.Before(t.until) {
		return t.value, nil
	}
	t.value = ""
	grant, err := t.ask(ctx)
	if err != nil {
		return "", err
	}
	t.value, t.until = grant.Token, now.Add(grant.life()-renewEarly)
	return t.value, nil
}

// grant is the token service's answer. expires_in comes as a string of seconds, though the standard says number.
type grant struct {
	Token string          `json:"access_token"`
	Life  json.RawMessage `json:"expires_in"`
}

func (g grant) life() time.Duration {
	seconds, err := strconv.Atoi(strings.Trim(string(g.Life), `" `))
	if err != nil || seconds < 0 {
		return 0 // good for the one request that it was fetched for
	}
	return time.Duration(seconds) * time.Second
}

// ask fetches a token. If it is refused and the service's clock differs from ours, the assertion was too old or too far
// ahead: another one is made by the service's clock.
func (t *tokens) ask(ctx context.Context) (grant, error) {
	g, said, err := t.exchange(ctx)
	if !fault.Is(err, fault.Unavailable) || fault.Of(err).Code != codeTokenRefused {
		return g, err
	}
	theirs, badDate := http.ParseTime(said)
	off := theirs.Sub(t.client.set.Now()) - t.skew
	if badDate != nil || off.Abs() < skewed {
		return g, err
	}
	t.skew += off
	g, _, err = t.exchange(ctx)
	return g, err
}

const codeTokenRefused = "pds_token_refused" //nolint:gosec // names an error, and is no token

// exchange makes one request for a token. It gives the answer's date as well.
func (t *tokens) exchange(ctx context.Context) (grant, string, error) {
	assertion, err := t.assertion(ctx)
	if err != nil {
		return grant{}, "", fault.Wrap(err, fault.Unavailable, "pds_unsigned",
			"The request to the NHS could not be signed.")
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	body := strings.NewReader(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.client.set.TokenURL, body)
	if err != nil {
		return grant{}, "", unanswered(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	res, err := t.client.fetch(req, maxToken)
	if err != nil {
		return grant{}, "", err
	}
	date := res.Header.Get("Date")
	switch {
	case res.Status == http.StatusTooManyRequests || res.Status >= http.StatusInternalServerError:
		return grant{}, date, fault.Wrap(answer{res.Status, ""}, fault.Unavailable, "pds_token_unavailable",
			"The NHS gives no access just now.")
	case res.Status != http.StatusOK:
		return grant{}, date, fault.Wrap(answer{res.Status, oauthCode(res.Body)}, fault.Unavailable, codeTokenRefused,
			"The NHS refuses this application access. Its key or registration needs looking at.")
	}
	var g grant
	if json.Unmarshal(res.Body, &g) != nil || g.Token == "" || strings.ContainsFunc(g.Token, notToken) {
		return grant{}, date, unreadable(res.Status)
	}
	return g, date, nil
}

// notToken tells what a bearer token cannot hold (RFC 6750, 2.1), which would not be fit for a header.
func notToken(r rune) bool { return r <= ' ' || r > '~' }

// oauthCode is the error's code; anything else that the answer says stays unread.
func oauthCode(body []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return plainCode(said.Error)
}

// assertion is a fresh JWT (RFC 7523) signed with RS512, the only algorithm that is taken. Its jti is never used twice.
func (t *tokens) assertion(ctx context.Context) (string, error) {
	set := t.client.set
	head, err := json.Marshal(map[string]string{"alg": "RS512", "typ": "JWT", "kid": set.KID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": set.APIKey, "sub": set.APIKey, "aud": set.TokenURL, "jti": uuid.NewString(),
		"exp": set.Now().Add(t.skew + assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString(head) + "." + b64.EncodeToString(claims)
	digest := sha512.Sum512([]byte(text))
	signature, err := set.Sign(ctx, digest[:])
	if err != nil {
		return "", err
	}
	return text + "." + b64.EncodeToString(signature), nil
}
