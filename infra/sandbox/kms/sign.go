package kms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
)

// What a key is for.
const (
	encryptDecrypt = "ENCRYPT_DECRYPT"
	signVerify     = "SIGN_VERIFY"
)

// bits is the length of a pair of this spec; 0: no such pair.
func bits(spec string) int {
	return map[string]int{"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}[spec]
}

// algorithms are those of the stand-in's pairs. KMS's have RSASSA_PSS too.
func algorithms() []string {
	return []string{"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"}
}

func hashOf(algorithm string) (crypto.Hash, bool) {
	h, ok := map[string]crypto.Hash{
		"RSASSA_PKCS1_V1_5_SHA_256": crypto.SHA256,
		"RSASSA_PKCS1_V1_5_SHA_384": crypto.SHA384,
		"RSASSA_PKCS1_V1_5_SHA_512": crypto.SHA512,
	}[algorithm]
	return h, ok
}

// prepare starts making a pair in the background, as it takes seconds and most programs never sign.
func (k *key) prepare() {
	if k.Spec == "" {
		return
	}
	material := k.Material
	k.pair = sync.OnceValues(func() (*rsa.PrivateKey, error) {
		if len(material) > 0 {
			return readPair(material)
		}
		return rsa.GenerateKey(rand.Reader, bits(k.Spec))
	})
	if len(material) == 0 {
		go func() { _, _ = k.pair() }() // who uses the key gets the error
	}
}

func readPair(material []byte) (*rsa.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		return nil, fmt.Errorf("key material: %w", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key material: %w", errBlob)
	}
	return private, nil
}

// whole tells whether what the file has of a key is a key.
func (k *key) whole() bool {
	switch {
	case k.Spec == "":
		return len(k.Material) == 32
	case bits(k.Spec) == 0:
		return false
	case len(k.Material) == 0:
		return true // the program ended before it was made, and nobody can have seen it
	}
	_, err := readPair(k.Material)
	return err == nil
}

// await waits, without the lock, until the pair that a request is about is made.
func (s *Server) await(body []byte) {
	var in struct {
		KeyID string `json:"KeyId"`
	}
	_ = json.Unmarshal(body, &in) // what cannot be read is about nothing; the operation will refuse it
	s.mu.Lock()
	k, err := s.find(in.KeyID, true)
	s.mu.Unlock()
	if err == nil && k.pair != nil {
		_, _ = k.pair() // the operation meets the error again
	}
}

// private gives the pair of a key that is in a state to sign, and keeps it in the file.
func (s *Server) private(id string) (*key, *rsa.PrivateKey, error) {
	k, err := s.awake(id)
	if err != nil {
		return nil, nil, err
	}
	if k.Spec == "" {
		return nil, nil, refuse("InvalidKeyUsageException",
			"%s key usage is ENCRYPT_DECRYPT which is not valid for this operation.", s.arn(k))
	}
	pair, err := k.pair()
	if err != nil {
		return nil, nil, err
	}
	if len(k.Material) == 0 {
		if k.Material, err = x509.MarshalPKCS8PrivateKey(pair); err != nil {
			return nil, nil, fmt.Errorf("key material: %w", err)
		}
		return k, pair, s.save()
	}
	return k, pair, nil
}

type signInput struct {
	KeyID            string `json:"KeyId"`
	Message          []byte
	MessageType      string
	SigningAlgorithm string
	GrantTokens      []string
	DryRun           bool
}

// digest is what gets signed: the message's hash, or the message when it is one already.
func (in signInput) digest() (crypto.Hash, []byte, error) {
	hash, ok := hashOf(in.SigningAlgorithm)
	switch {
	case !ok:
		return 0, nil, refuse("InvalidKeyUsageException",
			"Algorithm %s is incompatible with this key.", in.SigningAlgorithm)
	case len(in.Message) == 0 || len(in.Message) > maxPlain:
		return 0, nil, refuse("ValidationException", "Message must be 1 to %d bytes.", maxPlain)
	}
	switch in.MessageType {
	case "", "RAW":
		h := hash.New()
		_, _ = h.Write(in.Message) // never fails
		return hash, h.Sum(nil), nil
	case "DIGEST":
		if len(in.Message) != hash.Size() {
			return 0, nil, refuse("ValidationException",
				"Digest is invalid length for algorithm %s.", in.SigningAlgorithm)
		}
		return hash, in.Message, nil
	}
	return 0, nil, refuse("ValidationException", "MessageType must be RAW or DIGEST.")
}

func (s *Server) sign(in signInput) (any, error) {
	k, pair, err := s.private(in.KeyID)
	if err != nil {
		return nil, err
	}
	hash, digest, err := in.digest()
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, errDryRun()
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, pair, hash, digest)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return fields{"KeyId": s.arn(k), "Signature": signature, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

type verifyInput struct {
	signInput
	Signature []byte
}

func (s *Server) verify(in verifyInput) (any, error) {
	k, pair, err := s.private(in.KeyID)
	if err != nil {
		return nil, err
	}
	hash, digest, err := in.digest()
	if err != nil {
		return nil, err
	}
	if rsa.VerifyPKCS1v15(&pair.PublicKey, hash, digest, in.Signature) != nil {
		return nil, refuse("KMSInvalidSignatureException", "")
	}
	if in.DryRun {
		return nil, errDryRun()
	}
	return fields{"KeyId": s.arn(k), "SignatureValid": true, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

func (s *Server) getPublicKey(in keyInput) (any, error) {
	if k, err := s.find(in.KeyID, true); err == nil && k.Spec == "" {
		return nil, refuse("UnsupportedOperationException", "%s is symmetric and has no public half.", s.arn(k))
	}
	k, pair, err := s.private(in.KeyID)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return fields{
		"KeyId": s.arn(k), "PublicKey": public, "KeySpec": k.Spec, "CustomerMasterKeySpec": k.Spec,
		"KeyUsage": signVerify, "SigningAlgorithms": algorithms(),
	}, nil
}

// PublicKey returns the public half of a pair, as whoever publishes it in a JWKS reads it once; it waits until the pair
// is made. The key may be disabled, as what was published stays published.
func (s *Server) PublicKey(id string) (*rsa.PublicKey, error) {
	s.mu.Lock()
	k, err := s.find(id, true)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if k.pair == nil {
		return nil, fmt.Errorf("%w: %s is no pair", ErrConfig, id)
	}
	pair, err := k.pair()
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	return &pair.PublicKey, nil
}
