package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"almanac/shared/fault"
	"almanac/shared/private"
	"almanac/shared/table"
)

const keyLength = 32

// schema is the first byte of everything sealed, and part of what it is bound to: another way to seal gets another.
const schema = 1

// ErrSealed says that something sealed cannot be opened: with another key, in another place, or changed.
var ErrSealed = errors.New("sealed with another key, or changed")

// Ring is what an organisation's root key is used for: to wrap its patients' data keys, and to make the digests by
// which they are found. It is safe for concurrent use.
type Ring struct {
	private.Hidden

	org    string
	wrap   cipher.AEAD
	lookup []byte
	cursor cipher.AEAD
}

func newRing(org string, root []byte) (*Ring, error) {
	if len(root) != keyLength {
		return nil, errors.New("a root key of the wrong length")
	}
	wrapping, err := derive(root, "wrap")
	if err != nil {
		return nil, err
	}
	lookup, err := derive(root, "look-up")
	if err != nil {
		return nil, err
	}
	cursor, err := derive(root, "cursor")
	if err != nil {
		return nil, err
	}
	r := &Ring{org: org, lookup: lookup}
	if r.wrap, err = newAEAD(wrapping); err != nil {
		return nil, err
	}
	r.cursor, err = newAEAD(cursor)
	return r, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return aead, nil
}

// wrapped is a patient's data key as it is stored.
type wrapped struct {
	ID  string `dynamodbav:"id"`
	Key []byte `dynamodbav:"k"`
}

// Make makes the data key of a new patient, and the item that stores it: it belongs into the transaction that writes
// the first thing sealed with it.
func (r *Ring) Make(c table.Clinic, patient string) (Key, table.Item, error) {
	plain := make([]byte, keyLength)
	if _, err := rand.Read(plain); err != nil {
		return Key{}, table.Item{}, fmt.Errorf("make a data key: %w", err)
	}
	stored := wrapped{ID: patient, Key: shut(r.wrap, plain, bound(r.org, patient, "key"))}
	key, err := r.key(patient, plain)
	return key, table.Item{Key: c.PatientKey(patient), Value: stored, New: true}, err
}

// Open opens a patient's data key from its row. No row, of a patient unknown or erased, is fault NotFound.
func (r *Ring) Open(patient string, row table.Row) (Key, error) {
	if row.SK == "" {
		return Key{}, fault.New(fault.NotFound, "not_found", "There is no such record.")
	}
	var stored wrapped
	if err := row.Decode(&stored); err != nil {
		return Key{}, err
	}
	plain, err := open(r.wrap, stored.Key, bound(r.org, patient, "key"))
	if err != nil {
		return Key{}, fmt.Errorf("a patient's data key: %w", err)
	}
	return r.key(patient, plain)
}

func (r *Ring) key(patient string, plain []byte) (Key, error) {
	aead, err := newAEAD(plain)
	clear(plain)
	return Key{org: r.org, patient: patient, aead: aead}, err
}

// digestLength is 128 bits: nobody finds two values with the same digest, and nobody without the key can tell which
// value a digest is of. (An unkeyed hash of all NHS numbers takes one processor minutes.)
const digestLength = 16

// Digest gives the digest of a value under which something is found, as 32 hexadecimal digits; kind keeps digests of
// one use from being compared with those of another.
func (r *Ring) Digest(kind, value string) string {
	mac := hmac.New(sha256.New, r.lookup)
	_, _ = io.WriteString(mac, kind+"\x00"+value) // a hash does not fail
	return hex.EncodeToString(mac.Sum(nil)[:digestLength])
}

// SealCursor makes a text that only this organisation's OpenCursor reads, bound to what it is for.
func (r *Ring) SealCursor(of string, plain []byte) []byte {
	return shut(r.cursor, plain, bound(r.org, of, "cursor"))
}

// OpenCursor reads what SealCursor made for the same; else the error is ErrSealed.
func (r *Ring) OpenCursor(of string, sealed []byte) ([]byte, error) {
	return open(r.cursor, sealed, bound(r.org, of, "cursor"))
}

// Key is a patient's data key.
type Key struct {
	private.Hidden

	org, patient string
	aead         cipher.AEAD
}

// Patient is the id of the patient whose key it is.
func (k Key) Patient() string { return k.patient }

// Seal seals v as JSON. what says what it is, such as "record": it opens under no other name, and for no other
// patient.
func (k Key) Seal(what string, v any) ([]byte, error) {
	if k.aead == nil {
		return nil, errors.New("seal without a key")
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode what is sealed: %w", err)
	}
	return shut(k.aead, plain, bound(k.org, k.patient, what)), nil
}

// Open reads what Seal made under the same name into v. Errors: ErrSealed.
func (k Key) Open(what string, sealed []byte, v any) error {
	if k.aead == nil {
		return ErrSealed
	}
	plain, err := open(k.aead, sealed, bound(k.org, k.patient, what))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return errMalformed // the decoder's own error may quote what it read
	}
	return nil
}

var errMalformed = errors.New("what was sealed is malformed")

// bound is what something sealed belongs to: sealed for one, it does not open for another.
func bound(org, patient, what string) []byte {
	return []byte(org + "|" + patient + "|" + what + "|" + string(rune('0'+schema)))
}

// shut seals with a fresh nonce of 96 bits: a patient's key seals far fewer things than the 2³² after which random
// nonces may repeat (NIST SP 800-38D, 8.3).
func shut(a cipher.AEAD, plain, to []byte) []byte {
	out := make([]byte, 1+a.NonceSize(), 1+a.NonceSize()+len(plain)+a.Overhead())
	out[0] = schema
	_, _ = rand.Read(out[1:])                             // never fails (crypto/rand)
	return a.Seal(out, out[1:1+a.NonceSize()], plain, to) //nolint:gosec // G407 takes the random nonce for a fixed one
}

func open(a cipher.AEAD, sealed, to []byte) ([]byte, error) {
	if len(sealed) < 1+a.NonceSize() || sealed[0] != schema {
		return nil, ErrSealed
	}
	nonce := sealed[1 : 1+a.NonceSize()]
	plain, err := a.Open(nil, nonce, sealed[1+a.NonceSize():], to)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
