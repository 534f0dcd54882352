package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"almanac/infra/sandbox"
)

// ErrSubject is returned for a subject nobody has.
var ErrSubject = errors.New("no person with this subject")

// Draft is a token before it is signed. Tests change it to make tokens that must be refused.
type Draft struct {
	Header map[string]any
	Claims jwt.MapClaims
	Method jwt.SigningMethod
	Key    any
}

// Token mints an access token for the first client with all the person's scopes. Each mutate may change the draft.
func (i *Issuer) Token(subject string, mutate ...func(*Draft)) (string, error) {
	p, ok := i.person(subject)
	if !ok {
		return "", fmt.Errorf("oidc: %w: %q", ErrSubject, subject)
	}
	return i.mint(i.accessClaims(i.newLogin(i.clients[0], p, p.scopes()), p), mutate...)
}

// IDToken mints an ID token for the first client, which no API may take for an access token.
func (i *Issuer) IDToken(subject string, mutate ...func(*Draft)) (string, error) {
	p, ok := i.person(subject)
	if !ok {
		return "", fmt.Errorf("oidc: %w: %q", ErrSubject, subject)
	}
	return i.mint(i.idClaims(i.newLogin(i.clients[0], p, p.scopes()), p), mutate...)
}

func (i *Issuer) mint(claims jwt.MapClaims, mutate ...func(*Draft)) (string, error) {
	k := i.signingKeys()[0]
	d := Draft{
		Header: map[string]any{"kid": k.id}, Claims: claims,
		Method: jwt.SigningMethodRS256, Key: k.key,
	}
	for _, m := range mutate {
		m(&d)
	}
	t := jwt.NewWithClaims(d.Method, d.Claims)
	delete(t.Header, "typ")
	maps.Copy(t.Header, d.Header)
	signed, err := t.SignedString(d.Key)
	if err != nil {
		return "", fmt.Errorf("oidc: mint: %w", err)
	}
	return signed, nil
}

// Wrong is a token that must be answered with 401, and what is wrong with it.
type Wrong struct{ Name, Token string }

// WrongTokens mints one of each kind of bad token for a person, for tests of whatever verifies tokens.
func (i *Issuer) WrongTokens(subject string) ([]Wrong, error) {
	good, err := i.Token(subject)
	if err != nil {
		return nil, err
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("oidc: stranger's key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&i.signingKeys()[0].key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("oidc: public key: %w", err)
	}
	public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	wrong := mangled(good)
	for _, m := range i.mutations(stranger, public) {
		token, err := i.Token(subject, m.mutate)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, Wrong{m.name, token})
	}
	return wrong, nil
}

type mutation struct {
	name   string
	mutate func(*Draft)
}

func (i *Issuer) mutations(stranger *rsa.PrivateKey, public []byte) []mutation {
	claim := func(name string, v any) func(*Draft) { return func(d *Draft) { d.Claims[name] = v } }
	without := func(name string) func(*Draft) { return func(d *Draft) { delete(d.Claims, name) } }
	signed := func(m jwt.SigningMethod, key any) func(*Draft) { return func(d *Draft) { d.Method, d.Key = m, key } }
	now := i.now()
	return []mutation{
		{"alg none", signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)},
		{"HS256 with the public key as secret", signed(jwt.SigningMethodHS256, public)},
		{"HS256 with an empty secret", signed(jwt.SigningMethodHS256, []byte{})},
		{"a stranger's key under our kid", signed(jwt.SigningMethodRS256, stranger)},
		{"a stranger's key under its own kid", func(d *Draft) { d.Key, d.Header["kid"] = stranger, "stranger" }},
		{"an unknown kid", func(d *Draft) { d.Header["kid"] = "unknown" }},
		{"a kid that is a path", func(d *Draft) { d.Header["kid"] = "../../../dev/null" }},
		{"a stranger's key set named in jku", func(d *Draft) {
			d.Key, d.Header["kid"], d.Header["jku"] = stranger, "stranger", "https://example.com/jwks.json"
		}},
		{"no exp", without("exp")},
		{"exp an hour ago", claim("exp", now.Add(-time.Hour).Unix())},
		{"exp not a number", claim("exp", "tomorrow")},
		{"nbf in an hour", claim("nbf", now.Add(time.Hour).Unix())},
		{"no iss", without("iss")},
		{"another iss", claim("iss", "https://example.com")},
		{"iss with a trailing slash", claim("iss", i.url+"/")},
		{"no client", without("client_id")},
		{"another client", claim("client_id", "another")},
		{"another audience", func(d *Draft) { delete(d.Claims, "client_id"); d.Claims["aud"] = "another" }},
	}
}

// mangled are tokens broken as text.
func mangled(good string) []Wrong {
	part := strings.Split(good, ".")
	flipped := []byte(part[2])
	flipped[10] ^= 1 // stays in the alphabet or leaves it; wrong either way
	other := b64([]byte(`{"sub":"somebody else"}`))
	return []Wrong{
		{"nothing", ""},
		{"no token at all", "abc"},
		{"no signature", part[0] + "." + part[1] + "."},
		{"two parts", part[0] + "." + part[1]},
		{"four parts", good + ".AAAA"},
		{"one bit of the signature flipped", part[0] + "." + part[1] + "." + string(flipped)},
		{"claims replaced", part[0] + "." + other + "." + part[2]},
	}
}

// devToken mints tokens without a browser: POST {"subject":"…"}.
func (i *Issuer) devToken(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Subject string `json:"subject"`
		Scope   string `json:"scope"` // empty: all the person's scopes
	}
	if err := sandbox.ReadJSON(w, r, &in); err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	p, ok := i.person(in.Subject)
	if !ok {
		fail(w, http.StatusBadRequest, "invalid_grant", ErrSubject.Error())
		return
	}
	scopes := p.scopes()
	if in.Scope != "" {
		if scopes = within(strings.Fields(in.Scope), p.scopes()); len(scopes) == 0 {
			fail(w, http.StatusBadRequest, "invalid_scope", "this person has "+strings.Join(p.scopes(), " "))
			return
		}
	}
	out, err := i.tokens(i.newLogin(i.clients[0], p, scopes), p)
	if err != nil {
		fail(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	sandbox.WriteJSON(w, http.StatusOK, out)
}
