package apim

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// The window of an assertion's exp.
const (
	maxAhead = 5 * time.Minute
	grace    = 10 * time.Second
)

// header and claims are read as loosely as JSON allows, so that what is wrong with them can be said.
type (
	header struct {
		Alg any `json:"alg"`
		Typ any `json:"typ"`
		KID any `json:"kid"`
	}
	claims struct {
		Issuer   any `json:"iss"`
		Subject  any `json:"sub"`
		Audience any `json:"aud"`
		ID       any `json:"jti"`
		Expires  any `json:"exp"`
	}
)

// checkAssertion checks a client assertion as the real endpoint does and returns whose it is. An assertion that is
// good uses up its jti.
func (g *Gateway) checkAssertion(jwt, audience string, hideKey bool) (App, error) {
	parts := strings.Split(jwt, ".")
	var head header
	var body claims
	if len(parts) != 3 || decode(parts[0], &head) != nil || decode(parts[1], &body) != nil {
		return App{}, invalid("Malformed JWT in client_assertion")
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return App{}, invalid("Malformed JWT in client_assertion")
	}
	kid, err := checkHeader(head)
	if err != nil {
		return App{}, err
	}
	if err := g.checkClaims(body, audience); err != nil {
		return App{}, err
	}
	g.mu.Lock()
	app, ok := g.apps[body.Issuer.(string)]
	g.mu.Unlock()
	switch {
	case !ok:
		return App{}, stranger("Invalid 'iss'/'sub' claims in client_assertion JWT")
	case app.Unapproved:
		return app, tokenError{
			http.StatusUnauthorized, "access_denied",
			"The developer app associated with the API key is not approved or revoked",
		}
	}
	public, err := publicKey(app, kid, hideKey)
	if err != nil {
		return app, err
	}
	sum := sha512.Sum512([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(public, crypto.SHA512, sum[:], signature) != nil {
		return app, stranger("JWT signature verification failed due to invalid token")
	}
	return app, g.useOnce(app.Key, body.ID.(string))
}

// decode reads one part of a JWT: base64url of exactly one JSON object.
func decode(part string, into any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return ErrConfig // never shown: any error means malformed
	}
	return nil
}

func checkHeader(h header) (string, error) {
	typ, _ := h.Typ.(string)
	kid, isText := h.KID.(string)
	switch {
	case h.Alg != "RS512":
		return "", invalid("Invalid 'alg' header in client_assertion JWT - unsupported JWT algorithm - must be 'RS512'")
	case !strings.EqualFold(typ, "JWT"):
		return "", invalid("Invalid 'typ' header in client_assertion JWT - must be 'JWT'")
	case h.KID == nil || !isText || kid == "":
		return "", invalid("Missing 'kid' header in client_assertion JWT")
	}
	return kid, nil
}

func (g *Gateway) checkClaims(c claims, audience string) error {
	iss, issText := c.Issuer.(string)
	id, idText := c.ID.(string)
	switch {
	case !issText || iss == "" || c.Subject != iss:
		return invalid("Missing or non-matching 'iss'/'sub' claims in client_assertion JWT")
	case c.ID == nil:
		return invalid("Missing 'jti' claim in client_assertion JWT")
	case !idText || id == "":
		return invalid("Invalid 'jti' claim in client_assertion JWT - must be a unique string value such as a GUID")
	case c.Audience != audience:
		return stranger("Missing or invalid 'aud' claim in client_assertion JWT")
	}
	return checkExpiry(c.Expires, g.config.Now())
}

func checkExpiry(expires any, now time.Time) error {
	if expires == nil {
		return invalid("Missing 'exp' claim in client_assertion JWT")
	}
	number, ok := expires.(json.Number)
	seconds, err := number.Int64()
	if !ok || err != nil {
		return invalid("Invalid 'exp' claim in client_assertion JWT - must be an integer")
	}
	switch {
	case seconds <= now.Add(-grace).Unix():
		return invalid("Invalid 'exp' claim in client_assertion JWT - JWT has expired")
	case seconds > now.Add(maxAhead+grace).Unix(): // milliseconds end here too
		return invalid("Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future")
	}
	return nil
}

// publicKey finds the key of that name in what the application registered.
func publicKey(app App, kid string, hide bool) (*rsa.PublicKey, error) {
	keys, err := app.Keys()
	if err != nil {
		return nil, tokenError{
			http.StatusForbidden, "public_key error",
			"The JWKS endpoint, for your client_assertion can't be reached",
		}
	}
	for _, k := range keys {
		if k.ID == kid && k.Public != nil && !hide {
			return k.Public, nil
		}
	}
	return nil, stranger("Invalid 'kid' header in client_assertion JWT - no matching public key")
}

// useOnce takes a jti that nobody has used while it would still be accepted.
func (g *Gateway) useOnce(app, id string) error {
	now := g.config.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for old, until := range g.used {
		if now.After(until) {
			delete(g.used, old)
		}
	}
	if _, seen := g.used[app+" "+id]; seen {
		return invalid("Non-unique 'jti' claim in client_assertion JWT")
	}
	g.used[app+" "+id] = now.Add(maxAhead + 2*grace)
	return nil
}
