package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"almanac/infra/cfn"
)

// maxToken bounds what is parsed at all.
const maxToken = 8 << 10

// authorizer is a JWT authorizer of the API.
type authorizer struct {
	declared cfn.Authorizer
	keys     *keySet
	parser   *jwt.Parser
	now      func() time.Time
}

// grant is what a good token grants.
type grant struct {
	claims map[string]string
	scopes []string
}

func newAuthorizer(a cfn.Authorizer, keys *keySet, now func() time.Time) *authorizer {
	return &authorizer{
		declared: a, keys: keys, now: now,
		// One algorithm, so that a public key can never be taken for a shared secret, nor "none" for a signature.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(a.Issuer), jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(), jwt.WithTimeFunc(now), jwt.WithJSONNumber(), jwt.WithStrictDecoding(),
		),
	}
}

// authorize judges the request's token: 401 where it is not good, 403 where it lacks the route's scopes.
func (a *authorizer) authorize(ctx context.Context, h http.Header, scopes []string) (*grant, *problem) {
	raw := bearer(h)
	if raw == "" {
		return nil, unauthorised(nil, "Bearer")
	}
	claims, err := a.verify(ctx, raw)
	if err != nil {
		return nil, unauthorised(err,
			fmt.Sprintf(`Bearer scope="" error="invalid_token" error_description="%s"`, describe(err)))
	}
	g := &grant{claims: render(claims)}
	if len(scopes) == 0 {
		return g, nil
	}
	held := tokenScopes(claims)
	for _, s := range held {
		if slices.Contains(scopes, s) {
			g.scopes = append(g.scopes, s)
		}
	}
	if len(g.scopes) == 0 {
		return nil, &problem{
			status: http.StatusForbidden, message: "Forbidden",
			challenge: fmt.Sprintf(`Bearer scope="%s" error="insufficient_scope" error_description="%s"`,
				strings.Join(scopes, " "), "the token does not have a valid scope"),
		}
	}
	return g, nil
}

func unauthorised(cause error, challenge string) *problem {
	return &problem{
		status: http.StatusUnauthorized, cause: cause, challenge: challenge,
		message: "Unauthorized", //nolint:misspell // API Gateway's word
	}
}

// bearer is the token of the request: with or without the word Bearer, as API Gateway takes it. More than one is none.
func bearer(h http.Header) string {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	v := strings.TrimSpace(values[0])
	if word, rest, ok := strings.Cut(v, " "); ok {
		if !strings.EqualFold(word, "Bearer") {
			return ""
		}
		v = strings.TrimSpace(rest)
	}
	return v
}

var errAudience = errors.New("the token does not have a valid audience") // API Gateway's words

func (a *authorizer) verify(ctx context.Context, raw string) (jwt.MapClaims, error) {
	if len(raw) > maxToken {
		return nil, errors.New("the token is too long")
	}
	claims := jwt.MapClaims{}
	_, err := a.parser.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		// The header names a key of the issuer's set and nothing else: jku, jwk and x5u are not looked at. An
		// extension that must be understood is not.
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("critical header extensions are not supported")
		}
		kid, _ := t.Header["kid"].(string)
		return a.keys.get(ctx, kid, a.now())
	})
	if err != nil {
		return nil, err
	}
	if !a.audience(claims) {
		return nil, errAudience
	}
	return claims, nil
}

// audience checks aud, or client_id in a token that has no aud, as Cognito's access tokens have none.
func (a *authorizer) audience(claims jwt.MapClaims) bool {
	if _, ok := claims["aud"]; !ok {
		id, _ := claims["client_id"].(string)
		return id != "" && slices.Contains(a.declared.Audience, id)
	}
	aud, err := claims.GetAudience()
	if err != nil {
		return false
	}
	for _, v := range aud {
		if slices.Contains(a.declared.Audience, v) {
			return true
		}
	}
	return false
}

// tokenScopes reads scope, a text of words, or scp, which some issuers send as a list.
func tokenScopes(claims jwt.MapClaims) []string {
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case string:
			return strings.Fields(v)
		case []any:
			var out []string
			for _, s := range v {
				if s, ok := s.(string); ok {
					out = append(out, s)
				}
			}
			return out
		}
	}
	return nil
}

// render makes every claim a text, in the forms that API Gateway gives them: a list is [a b].
func render(claims jwt.MapClaims) map[string]string {
	out := make(map[string]string, len(claims))
	for k, v := range claims {
		switch v := v.(type) {
		case string:
			out[k] = v
		case json.Number:
			out[k] = v.String()
		default:
			out[k] = fmt.Sprint(v)
		}
	}
	return out
}

// describe gives the reason in words that hold nothing of the token.
func describe(err error) string {
	switch {
	case errors.Is(err, errAudience):
		return errAudience.Error()
	case errors.Is(err, jwt.ErrTokenExpired):
		return "the token has expired"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "the token does not have a valid issuer"
	case errors.Is(err, errIssuer):
		return "OIDC discovery endpoint communication error"
	case errors.Is(err, errUnknownKey):
		return "unable to find a signing key"
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "the token is malformed"
	}
	return "the token is not valid"
}
