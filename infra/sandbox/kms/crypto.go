package kms

import (
	"crypto/rand"
	"errors"
)

// Limits of KMS.
const (
	maxPlain   = 4096
	maxBlob    = 6144
	maxContext = 8192
	maxDataKey = 1024
)

const symmetric = "SYMMETRIC_DEFAULT"

// terms is what the cryptographic operations have in common.
type terms struct {
	EncryptionContext   map[string]string
	EncryptionAlgorithm string
	GrantTokens         []string // taken and not checked: there are no callers to tell apart
	DryRun              bool
}

func (t terms) check() error {
	return checkTerms(t.EncryptionAlgorithm, t.EncryptionContext)
}

func checkTerms(algorithm string, context map[string]string) error {
	size := 0
	for name, value := range context {
		size += len(name) + len(value)
	}
	switch {
	case algorithm != "" && algorithm != symmetric:
		return refuse("InvalidKeyUsageException", "%s is not an algorithm of a symmetric key.", algorithm)
	case size > maxContext:
		return refuse("ValidationException", "EncryptionContext is longer than %d bytes.", maxContext)
	}
	return nil
}

// errDryRun is KMS's answer to a dry run that would have worked.
func errDryRun() error {
	return refuse("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
}

type encryptInput struct {
	KeyID     string `json:"KeyId"`
	Plaintext []byte
	terms
}

func (s *Server) encrypt(in encryptInput) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if len(in.Plaintext) == 0 || len(in.Plaintext) > maxPlain {
		return nil, refuse("ValidationException", "Plaintext must be 1 to %d bytes.", maxPlain)
	}
	k, err := s.usable(in.KeyID)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, errDryRun()
	}
	blob, err := seal(k, in.Plaintext, in.EncryptionContext)
	return fields{"KeyId": s.arn(k), "CiphertextBlob": blob, "EncryptionAlgorithm": symmetric}, err
}

type decryptInput struct {
	KeyID          string `json:"KeyId"`
	CiphertextBlob []byte
	terms
}

func (s *Server) decrypt(in decryptInput) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	k, plain, err := s.read(in.KeyID, in.CiphertextBlob, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, errDryRun()
	}
	return fields{"KeyId": s.arn(k), "Plaintext": plain, "EncryptionAlgorithm": symmetric}, nil
}

// read decrypts a blob; a KeyId, when given, must be that of the key that made it.
func (s *Server) read(keyID string, blob []byte, context map[string]string) (*key, []byte, error) {
	if len(blob) == 0 || len(blob) > maxBlob {
		return nil, nil, refuse("ValidationException", "CiphertextBlob must be 1 to %d bytes.", maxBlob)
	}
	id, sealed, err := open(blob)
	if err != nil {
		return nil, nil, refuse("InvalidCiphertextException", "")
	}
	if keyID != "" {
		named, err := s.usable(keyID)
		if err != nil {
			return nil, nil, err
		}
		if named.ID != id {
			return nil, nil, refuse("IncorrectKeyException",
				"The key ID in the request does not identify a CMK that can perform this operation.")
		}
	}
	k, err := s.usable(id)
	if err != nil {
		return nil, nil, err
	}
	plain, err := unseal(k, sealed, context)
	if errors.Is(err, errBlob) {
		return nil, nil, refuse("InvalidCiphertextException", "")
	}
	return k, plain, err
}

type reEncryptInput struct {
	CiphertextBlob                 []byte
	SourceKeyID                    string `json:"SourceKeyId"`
	DestinationKeyID               string `json:"DestinationKeyId"`
	SourceEncryptionContext        map[string]string
	DestinationEncryptionContext   map[string]string
	SourceEncryptionAlgorithm      string
	DestinationEncryptionAlgorithm string
	GrantTokens                    []string
	DryRun                         bool
}

func (s *Server) reEncrypt(in reEncryptInput) (any, error) {
	if err := checkTerms(in.SourceEncryptionAlgorithm, in.SourceEncryptionContext); err != nil {
		return nil, err
	}
	if err := checkTerms(in.DestinationEncryptionAlgorithm, in.DestinationEncryptionContext); err != nil {
		return nil, err
	}
	to, err := s.usable(in.DestinationKeyID)
	if err != nil {
		return nil, err
	}
	from, plain, err := s.read(in.SourceKeyID, in.CiphertextBlob, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, errDryRun()
	}
	blob, err := seal(to, plain, in.DestinationEncryptionContext)
	return fields{
		"CiphertextBlob": blob, "KeyId": s.arn(to), "SourceKeyId": s.arn(from),
		"SourceEncryptionAlgorithm": symmetric, "DestinationEncryptionAlgorithm": symmetric,
	}, err
}

type dataKeyInput struct {
	KeyID         string `json:"KeyId"`
	KeySpec       string
	NumberOfBytes *int
	terms
}

func (s *Server) generateDataKeyWithoutPlaintext(in dataKeyInput) (any, error) {
	out, err := s.dataKey(in)
	delete(out, "Plaintext")
	return out, err
}

func (s *Server) generateDataKey(in dataKeyInput) (any, error) { return s.dataKey(in) }

func (s *Server) dataKey(in dataKeyInput) (fields, error) {
	size := map[string]int{"AES_256": 32, "AES_128": 16}[in.KeySpec]
	if in.NumberOfBytes != nil {
		size = *in.NumberOfBytes
	}
	switch err := in.check(); {
	case err != nil:
		return nil, err
	case (in.KeySpec == "") == (in.NumberOfBytes == nil):
		return nil, refuse("ValidationException", "Please specify either number of bytes or key spec.")
	case size < 1 || size > maxDataKey:
		return nil, refuse("ValidationException",
			"KeySpec must be AES_128 or AES_256, NumberOfBytes 1 to %d.", maxDataKey)
	}
	k, err := s.usable(in.KeyID)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, errDryRun()
	}
	plain := make([]byte, size)
	_, _ = rand.Read(plain) // never fails: crypto/rand stops the program instead
	blob, err := seal(k, plain, in.EncryptionContext)
	return fields{"KeyId": s.arn(k), "Plaintext": plain, "CiphertextBlob": blob}, err
}
