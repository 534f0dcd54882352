package zoom

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almanac/shared/exchange"
	"almanac/shared/fault"
	"almanac/shared/private"
	"almanac/shared/video"
)

// App is an app as it is registered with Zoom: the one that each person connects, or the one that makes users in a
// clinic's account. Every field is required; Check tells which is missing. It prints as [redacted].
type App struct {
	private.Hidden

	URL          string // of Zoom's OAuth, such as https://zoom.us
	API          string // of its REST API, such as https://api.zoom.us; it tells which addresses of a token to trust
	ClientID     string
	ClientSecret string
	Redirect     string   // as it stands on the app's list, to the letter
	Scopes       []string // what must be granted: UserScopes or AdminScopes
	HTTP         *http.Client
	Now          func() time.Time
}

// Check names what is missing or malformed.
func (a App) Check() error {
	if _, err := newSite(a.API); err != nil {
		return err
	}
	if _, err := newSite(a.URL); err != nil {
		return err
	}
	if to, err := url.Parse(a.Redirect); err != nil || to.Host == "" {
		return errors.New("the address that Zoom sends people back to must be absolute")
	}
	if a.ClientID == "" || a.ClientSecret == "" || len(a.Scopes) == 0 || a.HTTP == nil || a.Now == nil {
		return errors.New("the Zoom app needs its id, secret and scopes, an HTTP client and a clock")
	}
	return nil
}

// Grant is what somebody granted the app. It prints as [redacted].
type Grant struct {
	private.Hidden

	Access  string
	Refresh string // good for one use: the next Refresh gives another
	Expires time.Time
	Scopes  []string
	APIURL  string // the base address for calls with this token, checked
}

// Codes of the errors of an App, besides those of a video.Provider.
const (
	// CodeRefused says that Zoom takes the code of a callback for none: used, too old, or not of this app.
	CodeRefused = "authorisation_refused"
	// Misconfigured says that Zoom refuses the app itself: its id, its secret or its address of return.
	Misconfigured = "zoom_misconfigured"
	// Unexpected says that Zoom's answer is none that anybody knows.
	Unexpected = "zoom_unexpected"
)

// AuthoriseURL is where somebody goes to grant access. The challenge is the base64url of the SHA-256 of the verifier
// that Exchange is given (RFC 7636).
func (a App) AuthoriseURL(state, challenge string) string {
	return strings.TrimRight(a.URL, "/") + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.ClientID}, "redirect_uri": {a.Redirect}, "state": {state},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

// Exchange gives the grant for the code of a callback. Errors are those of Refresh, but where the code is refused it is
// fault.Invalid CodeRefused: nothing that was connected is dead.
func (a App) Exchange(ctx context.Context, code, verifier string) (Grant, error) {
	return a.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.Redirect}, "code_verifier": {verifier},
	}, func(said answer) error {
		return fault.Wrap(said, fault.Invalid, CodeRefused, "Zoom did not accept this log-in. Connect again.")
	})
}

// Refresh gives the next grant for a refresh token, which is spent by it. Errors:
//
//	Denied      needs_reauth          the grant is dead, by Zoom's own word
//	Unavailable outcome_unknown       it was sent, and no answer came that could be read: the token may be spent
//	Unavailable provider_unavailable  Zoom cannot answer, or was not reached; try again with the same token
//	Limited     provider_busy         too many calls
//	Internal    Misconfigured         Zoom refuses the app; the grant is not to blame
//	Internal    Unexpected            an answer that nobody knows; the grant is not known to be dead
func (a App) Refresh(ctx context.Context, refreshToken string) (Grant, error) {
	return a.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}},
		func(said answer) error {
			return fault.Wrap(said, fault.Denied, video.NeedsReauth, "Zoom must be connected again.")
		})
}

// Revoke takes back at Zoom what was granted. A grant that is dead already is no error. Errors are otherwise those of
// Refresh, but a lost answer is provider_unavailable: it may be done again.
func (a App) Revoke(ctx context.Context, accessToken string) error {
	res, err := a.post(ctx, "/oauth/revoke", url.Values{"token": {accessToken}})
	if err != nil {
		return unreached(err)
	}
	if res.Status/100 == 2 {
		return nil
	}
	return a.refusal(res, func(answer) error { return nil })
}

// post sends a form with the app's credentials.
func (a App) post(ctx context.Context, path string, form url.Values) (exchange.Reply, error) {
	body := strings.NewReader(form.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(a.URL, "/")+path, body)
	if err != nil {
		return exchange.Reply{}, silent(err, false)
	}
	req.SetBasicAuth(a.ClientID, a.ClientSecret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return fetch(ctx, a.HTTP, req)
}

// token asks for a grant. dead makes the error for Zoom's word that what was presented is good no more.
func (a App) token(ctx context.Context, form url.Values, dead func(answer) error) (Grant, error) {
	asked := a.Now() // the token's life begins no earlier
	res, err := a.post(ctx, "/oauth/token", form)
	if err != nil {
		if s, ok := errors.AsType[silence](err); ok && s.sent {
			return Grant{}, unknown(err)
		}
		return Grant{}, unreached(err)
	}
	if res.Status/100 != 2 {
		return Grant{}, a.refusal(res, dead)
	}
	g, ok := a.read(res.Body, asked)
	if ok {
		return g, nil
	}
	if word, code := oauthWord(res.Body); word != "" || code != 0 {
		res.Status = http.StatusBadRequest
		return Grant{}, a.refusal(res, dead)
	}
	return Grant{}, unknown(answer{status: res.Status})
}

// maxToken is the longest token that is taken.
const maxToken = 16 << 10

// read reads the answer of success. It is not ok where anything of it is not as it must be.
func (a App) read(body []byte, asked time.Time) (Grant, bool) {
	o, err := readObject(body)
	if err != nil {
		return Grant{}, false
	}
	g := Grant{Access: o.text("access_token"), Refresh: o.text("refresh_token")}
	if !tokenly(g.Access) || !tokenly(g.Refresh) || o.told("token_type") &&
		!strings.EqualFold(o.text("token_type"), "bearer") {
		return Grant{}, false
	}
	// A token whose life is not told is taken for one of the usual hour; if it ends sooner, Zoom says so.
	const usual, most = 3600, 24 * 3600
	life, ok := o.whole("expires_in")
	if !ok || life == 0 || life > most {
		life = usual
	}
	g.Expires = asked.Add(time.Duration(life) * time.Second)
	g.Scopes = strings.FieldsFunc(o.text("scope"), func(r rune) bool { return r == ' ' || r == ',' })
	if s, err := newSite(a.API); err == nil {
		g.APIURL = s.api(o.text("api_url"))
	}
	return g, true
}

// tokenly tells what can be a token (RFC 6750, 2.1) and is fit for a header.
func tokenly(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

const unauthorisedClient = "unauthorized_client" //nolint:misspell // RFC 6749, 5.2

// oauthWord reads the error of OAuth and the code of Zoom, either of which may be missing. Words that we do not know
// are left out: they could be anything, and errors are logged.
func oauthWord(body []byte) (string, int64) {
	o, err := readObject(body)
	if err != nil {
		return "", 0
	}
	var code int64
	for _, key := range []string{"code", "errorCode", "error_code"} {
		if n, ok := o.whole(key); ok && n != 0 {
			code = n
		}
	}
	switch word := o.text("error"); word {
	case "invalid_grant", "invalid_request", "invalid_token", "invalid_client", unauthorisedClient,
		"unsupported_grant_type", "invalid_scope":
		return word, code
	}
	return "", code
}

// refusal tells what an answer means that is no grant.
func (a App) refusal(res exchange.Reply, dead func(answer) error) error {
	word, code := oauthWord(res.Body)
	said := answer{res.Status, code, word}
	switch {
	case res.Status == http.StatusTooManyRequests:
		e := fault.Wrap(said, fault.Limited, video.ProviderBusy, "Zoom takes no more requests just now.")
		e.RetryAfter, _ = tooMany(res, "", a.Now())
		return e // even where it is for the day: the code is the one that callers of this know
	case res.Status == http.StatusBadGateway || res.Status == http.StatusGatewayTimeout:
		return unknown(said) // something before Zoom did not hear what became of it
	case res.Status >= http.StatusInternalServerError:
		return unreached(said)
	case ours(said), said.word == "" && code == 0 && res.Status == http.StatusUnauthorized && json.Valid(res.Body):
		return fault.Wrap(said, fault.Internal, Misconfigured, "Zoom refuses this service. Its operator must mend it.")
	case gone(said), code == 4733, code == 4734:
		return dead(said)
	case word == "invalid_request", word == "invalid_token":
		return ofRequest(said, dead)
	case json.Valid(res.Body):
		return fault.Wrap(said, fault.Internal, Unexpected, "Zoom gave an answer that nobody expected.")
	}
	return unreached(said) // not Zoom's own words
}

// ofRequest is for what Zoom says of a bad code of a callback, or of a bad token; at a refresh, where a token is bad
// with other words, the same says nothing about it.
func ofRequest(said answer, dead func(answer) error) error {
	if e := dead(said); !fault.Is(e, fault.Denied) {
		return e
	}
	return fault.Wrap(said, fault.Internal, Unexpected, "Zoom gave an answer that nobody expected.")
}

// ours tells whether Zoom refuses the app and not what it presented: no grant may be taken for dead by it.
func ours(said answer) bool {
	switch said.code {
	case 4702, 4704, 4705, 4706, 4709:
		return true
	}
	switch said.word {
	case "invalid_client", unauthorisedClient, "unsupported_grant_type", "invalid_scope":
		return true
	}
	return false
}

// gone tells whether a grant is dead: revoked, disabled, replaced, or its owner gone.
func gone(said answer) bool {
	switch said.code {
	case 4711, 4717, 4735, 4737, 4738, 4740, 4741:
		return true
	}
	return said.word == "invalid_grant"
}

// unreached is for what was not done, or may be done again.
func unreached(cause error) *fault.Error {
	return fault.Wrap(cause, fault.Unavailable, video.ProviderUnavailable, "Zoom cannot answer just now.")
}

// unknown is for what was sent and may have been done.
func unknown(cause error) *fault.Error {
	return fault.Wrap(cause, fault.Unavailable, video.OutcomeUnknown, "Zoom did not say what became of the request.")
}
