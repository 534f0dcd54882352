package kms_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"

	"almanac/infra/sandbox"
	sandboxkms "almanac/infra/sandbox/kms"
	"almanac/shared/kms"
)

const (
	sealing = "alias/almanac"
	signing = "alias/signer"
	secret  = "secret-of-the-test"
)

func noon() time.Time { return time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC) }

// stand is a KMS that counts what it is asked.
type stand struct {
	*kms.Client
	server *sandboxkms.Server
	admin  *awskms.Client
	asked  atomic.Int32
}

func config(url string) aws.Config {
	return aws.Config{
		Region: "eu-west-2", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: secret, SessionToken: "token"}, nil
		}),
	}
}

func newStand(t *testing.T) *stand {
	t.Helper()
	server, err := sandboxkms.New(sandboxkms.Config{
		Aliases: []string{sealing}, Signing: []string{signing}, Spec: "RSA_2048",
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &stand{server: server}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	s.Client, s.admin = kms.New(config(listener.URL), noon), awskms.NewFromConfig(config(listener.URL))
	return s
}

// id is the id of the key that an alias leads to: the state of a key is changed by that alone.
func (s *stand) id(t *testing.T) *string {
	t.Helper()
	out, err := s.admin.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: aws.String(sealing)})
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata.KeyId
}

func about(org string) map[string]string { return map[string]string{"organisation": org} }

// made makes a key, and counts from there.
func (s *stand) made(t *testing.T) []byte {
	t.Helper()
	blob, err := s.Generate(t.Context(), sealing, about("org_1"))
	if err != nil {
		t.Fatal(err)
	}
	s.asked.Store(0)
	return blob
}

func code(err error) string {
	if e, ok := errors.AsType[*kms.Error](err); ok {
		return e.Code
	}
	return ""
}

// What is made opens to the same key each time, and the SDK's own client opens it to that one too.
func TestDecrypt(t *testing.T) {
	s := newStand(t)
	blob := s.made(t)
	plain, err := s.Decrypt(t.Context(), sealing, blob, about("org_1"))
	if err != nil || len(plain) != 32 {
		t.Fatalf("a key of %d bytes, %v", len(plain), err)
	}
	theirs, err := s.admin.Decrypt(t.Context(), &awskms.DecryptInput{
		KeyId: aws.String(sealing), CiphertextBlob: blob, EncryptionContext: about("org_1"),
	})
	if err != nil || !bytes.Equal(theirs.Plaintext, plain) {
		t.Errorf("the SDK opens it to another key, or not: %v", err)
	}
	if other := s.made(t); bytes.Equal(other, blob) {
		t.Error("two keys are the same")
	}
	changed := bytes.Clone(blob)
	changed[len(changed)-1] ^= 1
	for name, c := range map[string]struct {
		key  string
		blob []byte
		org  string
		want string
	}{
		"another organisation": {sealing, blob, "org_2", kms.InvalidCiphertext},
		"changed":              {sealing, changed, "org_1", kms.InvalidCiphertext},
		"no such key":          {"alias/none", blob, "org_1", kms.NotFound},
	} {
		s.asked.Store(0)
		if plain, err := s.Decrypt(t.Context(), c.key, c.blob, about(c.org)); code(err) != c.want || plain != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := s.asked.Load(); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

func TestSign(t *testing.T) {
	s := newStand(t)
	digest := sha512.Sum512([]byte("a.b"))
	signature, err := s.Sign(t.Context(), signing, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	public, err := s.server.PublicKey(signing)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA512, digest[:], signature); err != nil {
		t.Error(err)
	}
	if _, err := s.Sign(t.Context(), sealing, digest[:]); code(err) != "InvalidKeyUsageException" {
		t.Errorf("with a key that does not sign: %v", err)
	}
}

// A key that cannot be used is refused at once, under the code of why.
func TestStates(t *testing.T) {
	s := newStand(t)
	blob, key := s.made(t), s.id(t)
	if _, err := s.admin.DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: key}); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, blob, kms.Disabled)
	if _, err := s.admin.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: key}); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, blob, kms.InvalidState)
	if _, err := s.admin.CancelKeyDeletion(t.Context(), &awskms.CancelKeyDeletionInput{KeyId: key}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.admin.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: key}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decrypt(t.Context(), sealing, blob, about("org_1")); err != nil {
		t.Errorf("enabled again: %v", err)
	}
}

func (s *stand) refuses(t *testing.T, blob []byte, want string) {
	t.Helper()
	s.asked.Store(0)
	if _, err := s.Decrypt(t.Context(), sealing, blob, about("org_1")); code(err) != want {
		t.Errorf("open: %v, want %s", err, want)
	}
	if _, err := s.Generate(t.Context(), sealing, about("org_1")); code(err) != want {
		t.Errorf("make: %v, want %s", err, want)
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("%s: asked %d times", want, n)
	}
}

// What passes is asked again, three times in all; what does not is asked once.
func TestFaults(t *testing.T) {
	s := newStand(t)
	blob := s.made(t)
	for _, c := range []struct {
		kind string
		code string
		asks int32
	}{
		{sandboxkms.Throttle, kms.Throttled, 3},
		{sandboxkms.Fail, "KMSInternalException", 3},
		{sandboxkms.Timeout, "DependencyTimeoutException", 3},
		{sandboxkms.Unavailable, "KeyUnavailableException", 3},
		{sandboxkms.LoseReply, "", 3},
		{sandboxkms.Denied, kms.Denied, 1},
	} {
		s.fault(t, sandbox.Fault{Kind: c.kind, Count: sandbox.Forever})
		_, err := s.Decrypt(t.Context(), sealing, blob, about("org_1"))
		if n := s.asked.Load(); err == nil || code(err) != c.code || n != c.asks {
			t.Errorf("%s: asked %d times: %v", c.kind, n, err)
		}
		s.fault(t, sandbox.Fault{Kind: c.kind, Count: int(c.asks) - 1})
		if c.asks == 1 {
			continue
		}
		if _, err := s.Decrypt(t.Context(), sealing, blob, about("org_1")); err != nil {
			t.Errorf("%s twice: %v", c.kind, err)
		}
	}
}

// fault puts a fault in place of all others, or none, and counts from there.
func (s *stand) fault(t *testing.T, f sandbox.Fault) {
	t.Helper()
	s.asked.Store(0)
	list := []sandbox.Fault{f}
	if f.Count == 0 {
		list = nil
	}
	if err := s.server.Faults.Set(list); err != nil {
		t.Fatal(err)
	}
}

// An answer that does not come is given up after two seconds and asked for again; a caller without that much time is
// told at once when it is over.
func TestTimeLimits(t *testing.T) {
	s := newStand(t)
	blob := s.made(t)
	s.fault(t, sandbox.Fault{Kind: sandbox.Slow, Count: 1, Delay: sandbox.Delay(time.Minute)})
	began := time.Now()
	if _, err := s.Decrypt(t.Context(), sealing, blob, about("org_1")); err != nil {
		t.Errorf("one slow answer: %v", err)
	}
	if took := time.Since(began); took < 1900*time.Millisecond || took > 10*time.Second || s.asked.Load() != 2 {
		t.Errorf("one slow answer took %s and %d requests", took, s.asked.Load())
	}
	s.fault(t, sandbox.Fault{Kind: sandbox.Slow, Count: sandbox.Forever, Delay: sandbox.Delay(time.Minute)})
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	began = time.Now()
	_, err := s.Decrypt(ctx, sealing, blob, about("org_1"))
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 1900*time.Millisecond {
		t.Errorf("after %s: %v", took, err)
	}
	s.fault(t, sandbox.Fault{})
}

// What is no answer of KMS's is an error that repeats nothing of it.
func TestOtherAnswers(t *testing.T) {
	var status int
	var body string
	var asked atomic.Int32
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("X-Amzn-RequestId", "marker of the header")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer listener.Close()
	c := kms.New(config(listener.URL), noon)
	for name, one := range map[string]struct {
		status int
		body   string
		code   string
		asks   int32
	}{
		"a page":          {200, "<html>marker</html>", "", 1},
		"nothing":         {200, "", "", 1},
		"an empty object": {200, "{}", "", 1},
		"another answer":  {200, `{"CiphertextBlob":"bWFya2Vy"}`, "", 1},
		"too long":        {200, `{"Plaintext":"` + strings.Repeat("A", 64<<10) + `"}`, "", 1},
		"a proxy's page":  {502, "<html>marker</html>", "", 3},
		"no such page":    {404, "<html>marker</html>", "", 1},
		"a long name":     {400, `{"__type":"marker of 1"}`, "", 1},
		"qualified":       {400, `{"__type":"com.amazonaws.kms#DisabledException","message":"marker"}`, kms.Disabled, 1},
		"busy by status":  {429, "", "", 3},
	} {
		status, body = one.status, one.body
		asked.Store(0)
		plain, err := c.Decrypt(t.Context(), sealing, []byte("x"), nil)
		if err == nil || len(plain) > 0 || code(err) != one.code || asked.Load() != one.asks {
			t.Errorf("%s: asked %d times: %d bytes, %v", name, asked.Load(), len(plain), err)
		}
		if err != nil && strings.Contains(err.Error(), "marker") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The request is signed as AWS describes it (Signature Version 4), worked out here without the SDK.
func TestSignature(t *testing.T) {
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if got, want := r.Header.Get("Authorization"), authorization(r, body); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		_, _ = io.WriteString(w, `{"Plaintext":"eA=="}`)
	}))
	defer listener.Close()
	plain, err := kms.New(config(listener.URL), noon).Decrypt(t.Context(), sealing, []byte("y"), about("org_1"))
	if err != nil || string(plain) != "x" {
		t.Errorf("%q, %v", plain, err)
	}
}

func authorization(r *http.Request, body []byte) string {
	names := []string{"content-length", "content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"}
	canonical := "POST\n/\n\n"
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		canonical += name + ":" + value + "\n"
	}
	canonical += "\n" + strings.Join(names, ";") + "\n" + digest(body)
	const scope = "20270104/eu-west-2/kms/aws4_request"
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	signature := mac(key, "AWS4-HMAC-SHA256\n20270104T120000Z\n"+scope+"\n"+digest([]byte(canonical)))
	return "AWS4-HMAC-SHA256 Credential=key/" + scope + ", SignedHeaders=" + strings.Join(names, ";") +
		", Signature=" + hex.EncodeToString(signature)
}

func digest(of []byte) string {
	sum := sha256.Sum256(of)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, of string) []byte {
	h := hmac.New(sha256.New, slices.Clone(key))
	_, _ = io.WriteString(h, of) // a hash does not fail
	return h.Sum(nil)
}
