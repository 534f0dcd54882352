// Package oidc is a stand-in for the clinic's identity provider: an OpenID Connect issuer for one's own computer,
// whose access tokens have the shape of Amazon Cognito's. Rule: nobody types a password, so nobody real is in here;
// everything else (PKCE, exact redirects, single-use codes, scopes) is as strict as a real issuer, so that a mistake
// shows here first.
package oidc

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"almanac/infra/sandbox"
)

// The scopes this issuer knows. A person may use Almanac; an operator may also create organisations.
const (
	ScopeUse     = "almanac/use"
	ScopeOperate = "almanac/operate"
)

// Lifetimes, as Cognito has them by default, except the code's, which is short.
const (
	codeLife    = 60 * time.Second
	accessLife  = time.Hour
	refreshLife = 30 * 24 * time.Hour
)

// ErrConfig is wrapped by the errors about a Config that cannot work.
var ErrConfig = errors.New("oidc configuration")

// Config says who the issuer is and whom it knows.
type Config struct {
	Issuer  string           // required: base URL, a loopback http address without a trailing slash
	Clients []Client         // at least one; tokens from /dev/token are for the first
	People  []Person         // more can be added at run time
	Now     func() time.Time // nil: the real clock
	Key     *rsa.PrivateKey  // nil: a new RSA-2048 key
	Lookup  sandbox.LookupEnv
}

// Client is an application people log in to.
type Client struct {
	ID           string
	Secret       string   // empty: a public client
	RedirectURIs []string // compared character by character
	LogoutURIs   []string // where /logout may send a browser afterwards
}

// Issuer is the stand-in. Its methods are safe for use from several goroutines.
type Issuer struct {
	url     string
	prefix  string // path part of url
	clients []Client
	now     func() time.Time
	handler http.Handler

	mu       sync.Mutex
	people   []Person
	keys     []signingKey // the newest first
	codes    map[string]grant
	spent    map[string]spentCode
	families map[string]*family // refresh tokens by family
}

// New returns an issuer ready to serve. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Issuer, error) {
	if err := sandbox.RefuseLambda(c.Lookup); err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	base, err := checkIssuer(c.Issuer)
	if err != nil {
		return nil, err
	}
	if err := checkClients(c.Clients); err != nil {
		return nil, err
	}
	i := &Issuer{
		url: c.Issuer, prefix: base.Path, clients: slices.Clone(c.Clients), now: c.Now,
		codes: map[string]grant{}, spent: map[string]spentCode{}, families: map[string]*family{},
	}
	if i.now == nil {
		i.now = time.Now
	}
	if err := i.addKey(c.Key); err != nil {
		return nil, err
	}
	for _, p := range c.People {
		if err := i.AddPerson(p); err != nil {
			return nil, err
		}
	}
	i.handler = sandbox.Guard(i.routes())
	return i, nil
}

// URL is the issuer identifier, the iss of every token.
func (i *Issuer) URL() string { return i.url }

// ServeHTTP serves the issuer under the path of its URL.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.handler.ServeHTTP(w, r) }

func (i *Issuer) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(method, path string, f http.HandlerFunc) { mux.HandleFunc(method+" "+i.prefix+path, f) }
	handle("GET", "/.well-known/openid-configuration", i.discovery)
	handle("GET", "/.well-known/jwks.json", i.jwks)
	handle("GET", "/authorize", i.authorize)
	handle("POST", "/authorize", i.choose)
	handle("POST", "/token", i.token)
	handle("POST", "/revoke", i.revoke)
	handle("GET", "/userinfo", i.userInfo)
	handle("POST", "/userinfo", i.userInfo)
	handle("GET", "/logout", i.logout)
	handle("GET", "/style.css", sandbox.Style)
	handle("POST", "/dev/token", i.devToken)
	handle("POST", "/dev/rotate", i.devRotate)
	handle("GET", "/dev/people", i.listPeople)
	handle("PUT", "/dev/people", i.putPerson)
	handle("DELETE", "/dev/people/{subject}", i.deletePerson)
	return mux
}

func checkIssuer(issuer string) (*url.URL, error) {
	u, err := url.Parse(issuer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: issuer: %w", ErrConfig, err)
	case u.Scheme != "http" || !sandbox.Loopback(u.Host):
		return nil, fmt.Errorf("%w: issuer %q is not an http address of this computer", ErrConfig, issuer)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(u.Path, "/"):
		return nil, fmt.Errorf("%w: issuer %q has a query, fragment, user or trailing slash", ErrConfig, issuer)
	case strings.ContainsAny(u.Path, "{} "):
		return nil, fmt.Errorf("%w: issuer %q has a path that cannot be served", ErrConfig, issuer)
	}
	return u, nil
}

func checkClients(clients []Client) error {
	if len(clients) == 0 {
		return fmt.Errorf("%w: no client", ErrConfig)
	}
	for n, c := range clients {
		if c.ID == "" || slices.ContainsFunc(clients[:n], func(o Client) bool { return o.ID == c.ID }) {
			return fmt.Errorf("%w: client ID %q is empty or used twice", ErrConfig, c.ID)
		}
		for _, target := range slices.Concat(c.RedirectURIs, c.LogoutURIs) {
			u, err := url.Parse(target)
			if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Fragment != "" {
				return fmt.Errorf("%w: client %s: %q is no web address to send a browser to", ErrConfig, c.ID, target)
			}
		}
	}
	return nil
}

func (i *Issuer) client(id string) (Client, bool) {
	n := slices.IndexFunc(i.clients, func(c Client) bool { return c.ID == id })
	if n < 0 {
		return Client{}, false
	}
	return i.clients[n], true
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer":                                i.url,
		"authorization_endpoint":                i.url + "/authorize",
		"token_endpoint":                        i.url + "/token",
		"userinfo_endpoint":                     i.url + "/userinfo",
		"revocation_endpoint":                   i.url + "/revoke",
		"end_session_endpoint":                  i.url + "/logout",
		"jwks_uri":                              i.url + "/.well-known/jwks.json",
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"none", "client_secret_basic", "client_secret_post"},
		"scopes_supported":                      allScopes(),
		"claims_supported": []string{
			"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "name", "email", "email_verified",
			"cognito:groups",
		},
		"authorization_response_iss_parameter_supported": true, // RFC 9207
		"request_uri_parameter_supported":                false,
	})
}
