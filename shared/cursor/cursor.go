// Package cursor seals where a list goes on, so that what a client sends back as after is what it was given: by the
// same organisation, to the same person, for the same question, within the hour. Its rules: a cursor that anything of
// this is not true of does not open, and does not say why; and its key is the organisation's own, made when it is first
// needed, and opens nothing else.
//
// The key stands in the table and not among those that seal records: it keeps from clients what whoever has the table
// can read there anyway, and lists are read by functions that must not be able to open records.
package cursor

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Life is how long a list can be gone on with.
const Life = time.Hour

const (
	keyLength = 32
	// schema is the first byte of every cursor, and part of what it is bound to.
	schema = 1
	// longest bounds what is tried to be opened.
	longest = 2048
	// most bounds the memory of a process that serves very many organisations.
	most = 200
	// expiry is the length of the time that comes before the position.
	expiry = 8
)

// Sealer seals cursors and opens them. It is safe for concurrent use.
type Sealer struct {
	table *table.Table
	now   func() time.Time

	mu   sync.Mutex
	kept map[string]cipher.AEAD // by organisation
}

// New makes the Sealer.
func New(t *table.Table, now func() time.Time) *Sealer {
	return &Sealer{table: t, now: now, kept: map[string]cipher.AEAD{}}
}

// Seal gives the text that stands for a position. of is what it belongs to besides the organisation: who asks, and
// what.
func (s *Sealer) Seal(ctx context.Context, org string, of []string, position string) (string, error) {
	key, err := s.key(ctx, org)
	if fault.Is(err, fault.NotFound) {
		key, err = s.made(ctx, org)
	}
	if err != nil {
		return "", err
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(Life).Unix())) //nolint:gosec // after 1970
	plain = append(plain, position...)
	out := make([]byte, 1+key.NonceSize(), 1+key.NonceSize()+len(plain)+key.Overhead())
	out[0] = schema
	_, _ = rand.Read(out[1:])                           // never fails (crypto/rand)
	out = key.Seal(out, out[1:], plain, bound(org, of)) //nolint:gosec // G407 takes the random nonce for a fixed one
	return base64.RawURLEncoding.EncodeToString(out), nil
}

// Open gives the position that Seal was given for the same. Errors: fault Invalid "malformed_cursor", and those of the
// table.
func (s *Sealer) Open(ctx context.Context, org string, of []string, sealed string) (string, error) {
	key, err := s.key(ctx, org)
	if fault.Is(err, fault.NotFound) {
		return "", refused() // none was ever sealed
	}
	if err != nil {
		return "", err
	}
	if len(sealed) > longest || strings.ContainsAny(sealed, "\r\n") { // base64 would read over line breaks
		return "", refused()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < 1+key.NonceSize() || raw[0] != schema {
		return "", refused()
	}
	nonce, rest := raw[1:1+key.NonceSize()], raw[1+key.NonceSize():]
	plain, err := key.Open(nil, nonce, rest, bound(org, of))
	if err != nil || len(plain) < expiry {
		return "", refused()
	}
	if until := binary.BigEndian.Uint64(plain); uint64(s.now().Unix()) > until { //nolint:gosec // after 1970
		return "", refused()
	}
	return string(plain[expiry:]), nil
}

func refused() error {
	return fault.New(fault.Invalid, "malformed_cursor",
		"Begin without after, and then send the next of each answer, within an hour and with the same request.")
}

// bound is what a cursor belongs to. Each part comes after its length, so that parts cannot run into each other.
func bound(org string, of []string) []byte {
	out := []byte{schema}
	for _, part := range append([]string{org}, of...) {
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}

// stored is an organisation's key.
type stored struct {
	ID  string `dynamodbav:"id"`
	Key []byte `dynamodbav:"k"`
}

// key gives the organisation's key. It never changes, so it is read once. Errors: fault NotFound, Unavailable.
func (s *Sealer) key(ctx context.Context, org string) (cipher.AEAD, error) {
	s.mu.Lock()
	kept := s.kept[org]
	s.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	c := s.table.For(access.System(org, string(access.Keeper)))
	var found stored
	if err := c.Get(ctx, c.CursorKey(), &found); err != nil {
		return nil, err
	}
	return s.keep(org, found.Key)
}

// made makes an organisation's key. Of two that are made at once the first counts.
func (s *Sealer) made(ctx context.Context, org string) (cipher.AEAD, error) {
	key := make([]byte, keyLength)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	c := s.table.For(access.System(org, string(access.Keeper)))
	err := c.Write(ctx, table.Change{
		Action: access.KeyMake, Target: org, Event: event.Event{Name: event.KeyMade, Version: 1, Why: "cursors"},
		Put: []table.Item{{Key: c.CursorKey(), Value: stored{ID: org, Key: key}, New: true}},
	})
	if fault.Is(err, fault.Conflict) {
		return s.key(ctx, org)
	}
	if err != nil {
		return nil, err
	}
	return s.keep(org, key)
}

func (s *Sealer) keep(org string, key []byte) (cipher.AEAD, error) {
	if len(key) != keyLength {
		return nil, errors.New("a key of cursors of the wrong length")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= most {
		clear(s.kept)
	}
	s.kept[org] = aead
	return aead, nil
}
