package gateway

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	keysFor        = 2 * time.Hour // API Gateway caches an issuer's keys as long
	defaultRefresh = 5 * time.Second
	maxKeys        = 1 << 20 // bytes of a key set
)

var (
	errIssuer     = errors.New("the issuer's keys could not be fetched")
	errUnknownKey = errors.New("the token names no key of the issuer")
)

// keySet holds the public keys of an issuer. It is fetched when first needed, when it is old, and, not more often than
// every few seconds, when a token names a key that is not in it: issuers change keys.
type keySet struct {
	issuer  string
	client  *http.Client
	refresh time.Duration // least time between two fetches

	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey
	fetched time.Time // by the token clock
	tried   time.Time // by the real clock: it must not stand still
}

func newKeySet(issuer string, client *http.Client, refresh time.Duration) *keySet {
	if refresh == 0 {
		refresh = defaultRefresh
	}
	return &keySet{issuer: issuer, client: client, refresh: refresh}
}

func (s *keySet) get(ctx context.Context, kid string, now time.Time) (*rsa.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.keys != nil && now.Sub(s.fetched).Abs() < keysFor
	if key, ok := s.keys[kid]; ok && fresh && kid != "" {
		return key, nil
	}
	if time.Since(s.tried) >= s.refresh {
		s.tried = time.Now()
		keys, err := s.fetch(context.WithoutCancel(ctx)) // the keys are for all callers, not only for this one
		if err != nil {
			s.tried = time.Now().Add(-s.refresh * 4 / 5) // sooner than after a success
			return nil, fmt.Errorf("%w: %w", errIssuer, err)
		}
		s.keys, s.fetched, fresh = keys, now, true
	}
	if key, ok := s.keys[kid]; ok && fresh && kid != "" {
		return key, nil
	}
	return nil, errUnknownKey
}

// fetch follows the issuer's own description to its keys.
func (s *keySet) fetch(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	document := strings.TrimSuffix(s.issuer, "/") + "/.well-known/openid-configuration"
	if err := s.load(ctx, document, &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != s.issuer {
		return nil, fmt.Errorf("the document is of the issuer %q", discovery.Issuer)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := s.load(ctx, discovery.Keys, &set); err != nil {
		return nil, err
	}
	out := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		if key := k.rsa(); key != nil {
			out[k.ID] = key
		}
	}
	return out, nil
}

func (s *keySet) load(ctx context.Context, url string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxKeys)).Decode(v)
}

type jwk struct {
	ID   string `json:"kid"`
	Kind string `json:"kty"`
	Use  string `json:"use"`
	Alg  string `json:"alg"`
	N    string `json:"n"`
	E    string `json:"e"`
}

// signs says whether the key is meant for RS256. Its use and algorithm may be left out.
func (k jwk) signs() bool {
	return k.ID != "" && k.Kind == "RSA" && (k.Use == "" || k.Use == "sig") && (k.Alg == "" || k.Alg == "RS256")
}

// rsa is the key, or nil if it is of another kind, for another use, or too weak.
func (k jwk) rsa() *rsa.PublicKey {
	if !k.signs() {
		return nil
	}
	n, errN := base64.RawURLEncoding.DecodeString(k.N)
	e, errE := base64.RawURLEncoding.DecodeString(k.E)
	if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 {
		return nil
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if key.N.BitLen() < 2048 || key.E < 3 || key.E%2 == 0 {
		return nil
	}
	return key
}
