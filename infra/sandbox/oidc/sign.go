package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"almanac/infra/sandbox"
)

type signingKey struct {
	id  string
	key *rsa.PrivateKey
}

// addKey puts a key in front; a nil key makes a new one.
func (i *Issuer) addKey(key *rsa.PrivateKey) error {
	if key == nil {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return fmt.Errorf("oidc: signing key: %w", err)
		}
	}
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]signingKey{{id: b64(sum[:12]), key: key}}, i.keys...)
	return nil
}

// RotateKey signs with a new key from now on. With keepOld the keys before it stay published, as in an orderly
// rotation; without, tokens they signed must be refused once caches have run out.
func (i *Issuer) RotateKey(keepOld bool) error {
	if err := i.addKey(nil); err != nil {
		return err
	}
	if !keepOld {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.keys = i.keys[:1]
	}
	return nil
}

func (i *Issuer) devRotate(w http.ResponseWriter, r *http.Request) {
	if err := i.RotateKey(r.URL.Query().Get("keep") != "no"); err != nil {
		fail(w, http.StatusInternalServerError, "server_error", err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (i *Issuer) signingKeys() []signingKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.keys)
}

type jsonKey struct {
	Type string `json:"kty"`
	Use  string `json:"use"`
	Alg  string `json:"alg"`
	ID   string `json:"kid"`
	N    string `json:"n"`
	E    string `json:"e"`
}

func (i *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	var set []jsonKey
	for _, k := range i.signingKeys() {
		set = append(set, jsonKey{
			Type: "RSA", Use: "sig", Alg: "RS256", ID: k.id,
			N: b64(k.key.N.Bytes()), E: b64(big.NewInt(int64(k.key.E)).Bytes()),
		})
	}
	w.Header().Set("Cache-Control", "max-age=60")
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{"keys": set})
}

// login is one act of logging in; every token that comes from it carries its facts.
type login struct {
	client   string
	subject  string
	scopes   []string
	nonce    string
	at       time.Time
	originID string // origin_jti, the same in all tokens of one login
}

func (i *Issuer) newLogin(client Client, p Person, scopes []string) login {
	return login{client: client.ID, subject: p.Subject, scopes: scopes, at: i.now(), originID: uuid.NewString()}
}

// accessClaims are those of a Cognito access token. There is no aud: Cognito names the client in client_id.
func (i *Issuer) accessClaims(l login, p Person) jwt.MapClaims {
	now := i.now()
	c := jwt.MapClaims{
		"sub": p.Subject, "username": p.Subject, "client_id": l.client, "token_use": "access", "version": 2,
		"scope": strings.Join(l.scopes, " "), "iss": i.url, "jti": uuid.NewString(), "origin_jti": l.originID,
		"auth_time": l.at.Unix(), "iat": now.Unix(), "exp": now.Add(accessLife).Unix(),
	}
	addGroups(c, p)
	return c
}

// idClaims are those of a Cognito ID token. Its aud is the client, for whom alone it is.
func (i *Issuer) idClaims(l login, p Person) jwt.MapClaims {
	now := i.now()
	c := jwt.MapClaims{
		"sub": p.Subject, "cognito:username": p.Subject, "aud": l.client, "token_use": "id", "iss": i.url,
		"jti": uuid.NewString(), "origin_jti": l.originID,
		"auth_time": l.at.Unix(), "iat": now.Unix(), "exp": now.Add(accessLife).Unix(),
	}
	if slices.Contains(l.scopes, "profile") {
		c["name"] = p.Name
	}
	if slices.Contains(l.scopes, "email") && p.Email != "" {
		c["email"], c["email_verified"] = p.Email, true
	}
	if l.nonce != "" {
		c["nonce"] = l.nonce
	}
	addGroups(c, p)
	return c
}

// addGroups leaves the claim out for a person without groups, as Cognito does.
func addGroups(c jwt.MapClaims, p Person) {
	if len(p.Groups) > 0 {
		c["cognito:groups"] = slices.Clone(p.Groups)
	}
}

// sign signs with the newest key. Cognito's header has kid and alg only, so typ goes.
func (i *Issuer) sign(claims jwt.MapClaims) (string, error) {
	k := i.signingKeys()[0]
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	delete(t.Header, "typ")
	t.Header["kid"] = k.id
	signed, err := t.SignedString(k.key)
	if err != nil {
		return "", fmt.Errorf("oidc: sign: %w", err)
	}
	return signed, nil
}

// verify reads one of our own tokens, of the given use, and returns its claims.
func (i *Issuer) verify(token, use string) (jwt.MapClaims, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		for _, k := range i.signingKeys() {
			if k.id == t.Header["kid"] {
				return &k.key.PublicKey, nil
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuer(i.url),
		jwt.WithTimeFunc(i.now))
	if err != nil {
		return nil, fmt.Errorf("oidc: %w", err)
	}
	if claims["token_use"] != use {
		return nil, fmt.Errorf("oidc: %w: not an %s token", jwt.ErrTokenInvalidClaims, use)
	}
	return claims, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// secret returns 256 random bits as text.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand stops the program instead
	return b64(b)
}

// digest is what a secret is remembered by, so that what the issuer holds cannot be presented to it.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return b64(sum[:])
}
