package kms_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"almanac/infra/sandbox/kms"
)

const rs512 = types.SigningAlgorithmSpecRsassaPkcs1V15Sha512

// pair makes a short pair, as a long one takes seconds.
func (s *stand) pair(t *testing.T) *string {
	t.Helper()
	k, err := s.CreateKey(t.Context(), &awskms.CreateKeyInput{
		KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	m := k.KeyMetadata
	if m.KeySpec != types.KeySpecRsa2048 || m.KeyUsage != types.KeyUsageTypeSignVerify || len(m.EncryptionAlgorithms) > 0 ||
		len(m.SigningAlgorithms) == 0 {
		t.Errorf("metadata %+v", m)
	}
	return m.KeyId
}

func (s *stand) public(t *testing.T, id *string) *rsa.PublicKey {
	t.Helper()
	out, err := s.GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: id})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := s.PublicKey(*id)
	if err != nil || !direct.Equal(parsed) {
		t.Errorf("PublicKey: %v, or another one", err)
	}
	return parsed.(*rsa.PublicKey)
}

// TestSign checks that a digest and the whole message give the same signature, and that Go's own RSA takes it.
func TestSign(t *testing.T) {
	s := newStand(t, "")
	id := s.pair(t)
	message := []byte("eyJhbGciOiJSUzUxMiJ9.e30")
	sum := sha512.Sum512(message)
	whole, err := s.Sign(t.Context(), &awskms.SignInput{KeyId: id, Message: message, SigningAlgorithm: rs512})
	if err != nil {
		t.Fatal(err)
	}
	hashed, err := s.Sign(t.Context(), &awskms.SignInput{
		KeyId: id, Message: sum[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: rs512,
	})
	if err != nil || string(hashed.Signature) != string(whole.Signature) || len(hashed.Signature) != 256 {
		t.Errorf("by digest: %v, or another signature", err)
	}
	if err := rsa.VerifyPKCS1v15(s.public(t, id), crypto.SHA512, sum[:], whole.Signature); err != nil {
		t.Error(err)
	}
	check := func(m []byte) error {
		out, err := s.Verify(t.Context(), &awskms.VerifyInput{KeyId: id, Message: m, Signature: whole.Signature, SigningAlgorithm: rs512})
		if err == nil && !out.SignatureValid {
			t.Error("not valid, and no error")
		}
		return err
	}
	want(t, "verify", check(message), "<nil>")
	want(t, "verify another message", check([]byte("x")), "KMSInvalidSignatureException")
}

func TestSignRefuses(t *testing.T) {
	s := newStand(t, "")
	id := s.pair(t)
	for what, c := range map[string]struct {
		in   awskms.SignInput
		kind string
	}{
		"short digest":  {awskms.SignInput{KeyId: id, Message: []byte("x"), MessageType: types.MessageTypeDigest, SigningAlgorithm: rs512}, "ValidationException"},
		"long message":  {awskms.SignInput{KeyId: id, Message: make([]byte, 4097), SigningAlgorithm: rs512}, "ValidationException"},
		"elliptic":      {awskms.SignInput{KeyId: id, Message: []byte("x"), SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256}, "InvalidKeyUsageException"},
		"symmetric key": {awskms.SignInput{KeyId: aws.String(name), Message: []byte("x"), SigningAlgorithm: rs512}, "InvalidKeyUsageException"},
		"no such key":   {awskms.SignInput{KeyId: aws.String("alias/none"), Message: []byte("x"), SigningAlgorithm: rs512}, "NotFoundException"},
		"dry run":       {awskms.SignInput{KeyId: id, Message: []byte("x"), SigningAlgorithm: rs512, DryRun: aws.Bool(true)}, "DryRunOperationException"},
		"message type":  {awskms.SignInput{KeyId: id, Message: []byte("x"), MessageType: "OTHER", SigningAlgorithm: rs512}, "ValidationException"},
	} {
		_, err := s.Sign(t.Context(), &c.in)
		want(t, what, err, c.kind)
	}
	_, err := s.Encrypt(t.Context(), &awskms.EncryptInput{KeyId: id, Plaintext: []byte("x")})
	want(t, "encrypt with a pair", err, "InvalidKeyUsageException")
	_, err = s.GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: aws.String(name)})
	want(t, "public half of a symmetric key", err, "UnsupportedOperationException")
	for what, c := range map[string]struct {
		in   awskms.CreateKeyInput
		kind string
	}{
		"no usage":         {awskms.CreateKeyInput{KeySpec: types.KeySpecRsa2048}, "ValidationException"},
		"encrypting pair":  {awskms.CreateKeyInput{KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeEncryptDecrypt}, "UnsupportedOperationException"},
		"signing symmetry": {awskms.CreateKeyInput{KeyUsage: types.KeyUsageTypeSignVerify}, "UnsupportedOperationException"},
	} {
		_, err := s.CreateKey(t.Context(), &c.in)
		want(t, what, err, c.kind)
	}
}

func TestSignWithADisabledKey(t *testing.T) {
	s := newStand(t, "")
	id := s.pair(t)
	sign := func() error {
		_, err := s.Sign(t.Context(), &awskms.SignInput{KeyId: id, Message: []byte("x"), SigningAlgorithm: rs512})
		return err
	}
	want(t, "enabled", sign(), "<nil>")
	if _, err := s.DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	want(t, "disabled", sign(), "DisabledException")
	_, err := s.GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: id})
	want(t, "public key of a disabled one", err, "DisabledException")
	if _, err := s.PublicKey(*id); err != nil {
		t.Errorf("what was published: %v", err)
	}
	if _, err := s.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	want(t, "enabled again", sign(), "<nil>")
}

// TestPairFile checks that a pair is the same one after a restart, used or not, and that a broken one is noticed.
func TestPairFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	s := newStand(t, file)
	used, fresh := s.pair(t), s.pair(t)
	public := s.public(t, used)
	again := newStand(t, file)
	if !again.public(t, used).Equal(public) {
		t.Error("another pair after a restart")
	}
	if again.public(t, fresh).Equal(public) {
		t.Error("two keys with the same pair")
	}
	for what, content := range map[string]string{
		"no pair": `{"keys":[{"id":"7f1b9d3a-0000-4000-8000-000000000000","state":"Enabled","spec":"RSA_2048","material":"YQ=="}]}`,
		"no spec": `{"keys":[{"id":"7f1b9d3a-0000-4000-8000-000000000000","state":"Enabled","spec":"RSA_1"}]}`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := kms.New(kms.Config{File: file, Lookup: func(string) (string, bool) { return "", false }}); !errors.Is(err, kms.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSigningAliases makes the pair at the start; other keys can be used while it is being made.
func TestSigningAliases(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	server, err := kms.New(kms.Config{Aliases: []string{name}, Signing: []string{"alias/signer"}, Spec: "RSA_2048", Lookup: none})
	if err != nil {
		t.Fatal(err)
	}
	if public, err := server.PublicKey("alias/signer"); err != nil || public.N.BitLen() != 2048 {
		t.Errorf("%v", err)
	}
	if _, err := server.PublicKey(name); !errors.Is(err, kms.ErrConfig) {
		t.Errorf("public half of a symmetric key: %v", err)
	}
	if _, err := server.PublicKey("alias/none"); err == nil || !strings.Contains(err.Error(), "NotFound") {
		t.Errorf("no such key: %v", err)
	}
	if _, err := kms.New(kms.Config{Signing: []string{"alias/x"}, Spec: "RSA_1", Lookup: none}); !errors.Is(err, kms.ErrConfig) {
		t.Errorf("bad spec: %v", err)
	}
}

func FuzzSign(f *testing.F) {
	server, err := kms.New(kms.Config{
		Signing: []string{"alias/signer"}, Spec: "RSA_2048", Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Sign", `{"KeyId":"alias/signer","Message":"eA==","SigningAlgorithm":"RSASSA_PKCS1_V1_5_SHA_512"}`)
	f.Add("Verify", `{"KeyId":"alias/signer","Message":"eA==","Signature":"eA==","SigningAlgorithm":"RSASSA_PKCS1_V1_5_SHA_256"}`)
	f.Add("GetPublicKey", `{"KeyId":"alias/signer"}`)
	f.Fuzz(func(t *testing.T, target, body string) {
		r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "http://localhost/", strings.NewReader(body))
		r.Header.Set("Authorization", signed)
		r.Header.Set("X-Amz-Target", "TrentService."+target)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s: %d %s", target, body, w.Code, w.Body)
		}
	})
}
