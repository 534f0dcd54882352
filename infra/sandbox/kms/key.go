package kms

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The states a key can be in.
const (
	enabled         = "Enabled"
	disabled        = "Disabled"
	pendingDeletion = "PendingDeletion"
)

// blobVersion is the first byte of what this stand-in encrypts.
const blobVersion = 0xA1

// key is one key, as its file has it too.
type key struct {
	ID          string     `json:"id"`
	Description string     `json:"description"`
	State       string     `json:"state"`
	Created     time.Time  `json:"created"`
	Deletion    *time.Time `json:"deletion,omitempty"`
	Spec        string     `json:"spec,omitempty"`     // empty: symmetric
	Material    []byte     `json:"material,omitempty"` // the key itself; of a pair, PKCS #8, once it is made

	pair func() (*rsa.PrivateKey, error) // of a pair: makes it at the first call, or waits until it is made
}

type alias struct {
	Target  string    `json:"target"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// kept is the content of the key file.
type kept struct {
	Keys    []*key           `json:"keys"`
	Aliases map[string]alias `json:"aliases"`
}

// newKey makes a key; a spec makes it a pair for signing.
func (s *Server) newKey(description, spec string) *key {
	k := &key{ID: uuid.NewString(), Description: description, State: enabled, Created: s.config.Now(), Spec: spec}
	if spec == "" {
		k.Material = make([]byte, 32)
		_, _ = rand.Read(k.Material) // never fails: crypto/rand stops the program instead
	}
	k.prepare()
	s.keys = append(s.keys, k)
	return k
}

func (s *Server) arn(k *key) string {
	return "arn:aws:kms:" + s.config.Region + ":" + account + ":key/" + k.ID
}

func (s *Server) aliasARN(name string) string {
	return "arn:aws:kms:" + s.config.Region + ":" + account + ":" + name
}

// find returns the key a KeyId names: an ID or ARN, and where KMS allows it an alias or its ARN.
func (s *Server) find(id string, aliasToo bool) (*key, error) {
	here := "arn:aws:kms:" + s.config.Region + ":" + account + ":"
	name := strings.TrimPrefix(id, here)
	if strings.HasPrefix(name, "alias/") {
		a, ok := s.aliases[name]
		switch {
		case !aliasToo:
			return nil, refuse("NotFoundException", "Invalid keyId '%s'", id)
		case !ok:
			return nil, refuse("NotFoundException", "Alias %s is not found.", s.aliasARN(name))
		}
		name = a.Target
	}
	if name != id {
		name = strings.TrimPrefix(name, "key/")
	}
	n := slices.IndexFunc(s.keys, func(k *key) bool { return k.ID == name })
	switch {
	case id == "":
		return nil, refuse("ValidationException", "KeyId is required.")
	case n < 0:
		return nil, refuse("NotFoundException", "Key '%skey/%s' does not exist", here, name)
	}
	return s.keys[n], nil
}

// usable finds a key for encrypting and decrypting.
func (s *Server) usable(id string) (*key, error) {
	k, err := s.awake(id)
	if err == nil && k.Spec != "" {
		return nil, refuse("InvalidKeyUsageException",
			"%s key usage is SIGN_VERIFY which is not valid for this operation.", s.arn(k))
	}
	return k, err
}

// awake finds a key that is in a state to be used.
func (s *Server) awake(id string) (*key, error) {
	k, err := s.find(id, true)
	if err != nil {
		return nil, err
	}
	switch k.State {
	case enabled:
		return k, nil
	case disabled:
		return nil, refuse("DisabledException", "%s is disabled.", s.arn(k))
	}
	return nil, refuse("KMSInvalidStateException", "%s is pending deletion.", s.arn(k))
}

// destroyDue deletes the keys whose waiting time is over, for good.
func (s *Server) destroyDue() error {
	now := s.config.Now()
	due := func(k *key) bool { return k.Deletion != nil && !now.Before(*k.Deletion) }
	if !slices.ContainsFunc(s.keys, due) {
		return nil
	}
	s.keys = slices.DeleteFunc(s.keys, func(k *key) bool {
		if !due(k) {
			return false
		}
		clear(k.Material)
		maps.DeleteFunc(s.aliases, func(_ string, a alias) bool { return a.Target == k.ID })
		return true
	})
	return s.save()
}

// seal encrypts under a key. The blob is a version, the key's ID, a nonce and what AES-256-GCM made.
func seal(k *key, plain []byte, context map[string]string) ([]byte, error) {
	gcm, err := aead(k)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(k.ID)
	if err != nil {
		return nil, fmt.Errorf("key ID: %w", err)
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails: crypto/rand stops the program instead
	head := slices.Concat([]byte{blobVersion}, id[:], nonce)
	return gcm.Seal(head, nonce, plain, bound(k, context)), nil
}

// errBlob is for what this stand-in did not encrypt, or not like this. KMS gives no reason either.
var errBlob = errors.New("not a blob of ours")

// open takes a blob apart: the key's ID and what is encrypted, nonce first.
func open(blob []byte) (string, []byte, error) {
	const head = 1 + 16
	if len(blob) < head+12+16 || blob[0] != blobVersion {
		return "", nil, errBlob
	}
	id, err := uuid.FromBytes(blob[1:head])
	if err != nil {
		return "", nil, errBlob
	}
	return id.String(), blob[head:], nil
}

func unseal(k *key, sealed []byte, context map[string]string) ([]byte, error) {
	gcm, err := aead(k)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], bound(k, context))
	if err != nil {
		return nil, errBlob
	}
	return plain, nil
}

func aead(k *key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.Material)
	if err != nil {
		return nil, fmt.Errorf("key material: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("key material: %w", err)
	}
	return gcm, nil
}

// bound is what a blob is bound to: its key and its encryption context, with lengths, so that no two contexts read
// alike.
func bound(k *key, context map[string]string) []byte {
	var b bytes.Buffer
	put := func(text string) {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) //nolint:gosec // a body has at most 64 kB
		b.WriteString(text)
	}
	put(k.ID)
	for _, name := range slices.Sorted(maps.Keys(context)) {
		put(name)
		put(context[name])
	}
	return b.Bytes()
}

// load reads the key file, if there is one.
func (s *Server) load() error {
	if s.config.File == "" {
		return nil
	}
	data, err := os.ReadFile(s.config.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: key file: %w", ErrConfig, err)
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return fmt.Errorf("%w: key file: %w", ErrConfig, err)
	}
	for _, one := range k.Keys {
		if one == nil || !one.whole() || uuid.Validate(one.ID) != nil ||
			!slices.Contains([]string{enabled, disabled, pendingDeletion}, one.State) {
			return fmt.Errorf("%w: key file %s holds something that is no key", ErrConfig, s.config.File)
		}
		one.prepare()
	}
	s.keys = k.Keys
	maps.Copy(s.aliases, k.Aliases)
	return nil
}

// save writes the key file whole and at once, so that a crash leaves the old one or the new one.
func (s *Server) save() error {
	if s.config.File == "" {
		return nil
	}
	data, err := json.MarshalIndent(kept{s.keys, s.aliases}, "", "  ")
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.config.File), ".keys-*") // readable by its owner only
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	_, err = f.Write(data)
	err = cmp.Or(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.config.File)
	}
	if err != nil {
		return fmt.Errorf("key file: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
