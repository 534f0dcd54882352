package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	smithy "github.com/aws/smithy-go"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
)

const name = "alias/almanac"

type stand struct {
	*kms.Server
	*awskms.Client
	now time.Time
}

func newStand(t *testing.T, file string) *stand {
	t.Helper()
	s := &stand{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	server, err := kms.New(kms.Config{
		Aliases: []string{name}, File: file, Now: func() time.Time { return s.now },
		Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	s.Server = server
	s.Client = awskms.New(awskms.Options{
		Region: "eu-west-2", BaseEndpoint: &srv.URL, Retryer: aws.NopRetryer{}, HTTPClient: srv.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	return s
}

// kind is the API's name for an error.
func kind(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// want fails the test unless err is of the kind.
func want(t *testing.T, what string, err error, k string) {
	t.Helper()
	if kind(err) != k {
		t.Errorf("%s: %v, want %s", what, err, k)
	}
}

func (s *stand) dataKey(t *testing.T, with map[string]string) *awskms.GenerateDataKeyOutput {
	t.Helper()
	out, err := s.GenerateDataKey(t.Context(), &awskms.GenerateDataKeyInput{
		KeyId: aws.String(name), KeySpec: types.DataKeySpecAes256, EncryptionContext: with,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *stand) open(t *testing.T, blob []byte, with map[string]string) ([]byte, error) {
	t.Helper()
	out, err := s.Decrypt(t.Context(), &awskms.DecryptInput{CiphertextBlob: blob, EncryptionContext: with})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

const signed = "AWS4-HMAC-SHA256 Credential=a/20261121/eu-west-2/kms/aws4_request, SignedHeaders=host, Signature=0"

// raw sends a request as it is.
func (s *stand) raw(t *testing.T, operation, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", strings.NewReader(body))
	r.Header.Set("Authorization", signed)
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestDataKey(t *testing.T) {
	s := newStand(t, "")
	with := map[string]string{"org": "org_a", "purpose": "patient"}
	k := s.dataKey(t, with)
	if len(k.Plaintext) != 32 || bytes.Contains(k.CiphertextBlob, k.Plaintext) {
		t.Fatalf("plaintext of %d bytes, or in the blob", len(k.Plaintext))
	}
	if plain, err := s.open(t, k.CiphertextBlob, with); err != nil || !bytes.Equal(plain, k.Plaintext) {
		t.Errorf("%x %v", plain, err)
	}
	for what, other := range map[string]map[string]string{
		"no context":       nil,
		"another tenant":   {"org": "org_b", "purpose": "patient"},
		"part of it":       {"org": "org_a"},
		"more":             {"org": "org_a", "purpose": "patient", "x": ""},
		"moved characters": {"org": "org_apurposepatient"},
	} {
		_, err := s.open(t, k.CiphertextBlob, other)
		want(t, what, err, "InvalidCiphertextException")
	}
	for n := range k.CiphertextBlob {
		blob := bytes.Clone(k.CiphertextBlob)
		blob[n] ^= 1
		if _, err := s.open(t, blob, with); err == nil {
			t.Errorf("byte %d may change", n)
		}
	}
	_, err := s.open(t, k.CiphertextBlob[:20], with)
	want(t, "cut blob", err, "InvalidCiphertextException")
	_, err = s.open(t, make([]byte, 7000), with)
	want(t, "long blob", err, "ValidationException")

	hidden, err := s.GenerateDataKeyWithoutPlaintext(t.Context(), &awskms.GenerateDataKeyWithoutPlaintextInput{
		KeyId: aws.String(name), NumberOfBytes: aws.Int32(100),
	})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := s.open(t, hidden.CiphertextBlob, nil); err != nil || len(plain) != 100 {
		t.Errorf("%d bytes, %v", len(plain), err)
	}
}

func TestDataKeyWithoutPlaintextHasNone(t *testing.T) {
	w := newStand(t, "").raw(t, "GenerateDataKeyWithoutPlaintext", `{"KeyId":"`+name+`","KeySpec":"AES_256"}`)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "Plaintext") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDataKeyInput(t *testing.T) {
	s := newStand(t, "")
	for what, c := range map[string]struct {
		in   awskms.GenerateDataKeyInput
		want string
	}{
		"neither spec nor size": {awskms.GenerateDataKeyInput{KeyId: aws.String(name)}, "ValidationException"},
		"both": {awskms.GenerateDataKeyInput{
			KeyId: aws.String(name), KeySpec: types.DataKeySpecAes128, NumberOfBytes: aws.Int32(1),
		}, "ValidationException"},
		"too long":      {awskms.GenerateDataKeyInput{KeyId: aws.String(name), NumberOfBytes: aws.Int32(1025)}, "ValidationException"},
		"nothing":       {awskms.GenerateDataKeyInput{KeyId: aws.String(name), NumberOfBytes: aws.Int32(0)}, "ValidationException"},
		"unknown alias": {awskms.GenerateDataKeyInput{KeyId: aws.String("alias/x"), NumberOfBytes: aws.Int32(1)}, "NotFoundException"},
		"unknown key":   {awskms.GenerateDataKeyInput{KeyId: aws.String("x"), NumberOfBytes: aws.Int32(1)}, "NotFoundException"},
		"another region": {awskms.GenerateDataKeyInput{
			KeyId: aws.String("arn:aws:kms:us-east-1:000000000000:" + name), NumberOfBytes: aws.Int32(1),
		}, "NotFoundException"},
		"dry run": {awskms.GenerateDataKeyInput{
			KeyId: aws.String(name), NumberOfBytes: aws.Int32(1), DryRun: aws.Bool(true),
		}, "DryRunOperationException"},
		"long context": {awskms.GenerateDataKeyInput{
			KeyId: aws.String(name), NumberOfBytes: aws.Int32(1), EncryptionContext: map[string]string{"a": strings.Repeat("x", 8192)},
		}, "ValidationException"},
		"alias ARN": {awskms.GenerateDataKeyInput{
			KeyId: aws.String("arn:aws:kms:eu-west-2:000000000000:" + name), NumberOfBytes: aws.Int32(1),
		}, "<nil>"},
	} {
		_, err := s.GenerateDataKey(t.Context(), &c.in)
		want(t, what, err, c.want)
	}
}

func TestEncrypt(t *testing.T) {
	s := newStand(t, "")
	ctx := t.Context()
	one, err := s.CreateKey(ctx, &awskms.CreateKeyInput{Description: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	id := one.KeyMetadata.KeyId
	sealed, err := s.Encrypt(ctx, &awskms.EncryptInput{KeyId: id, Plaintext: []byte("hello"), EncryptionContext: map[string]string{"a": "b"}})
	if err != nil {
		t.Fatal(err)
	}
	moved, err := s.ReEncrypt(ctx, &awskms.ReEncryptInput{
		CiphertextBlob: sealed.CiphertextBlob, SourceEncryptionContext: map[string]string{"a": "b"},
		DestinationKeyId: aws.String(name), DestinationEncryptionContext: map[string]string{"c": "d"},
	})
	if err != nil || *moved.SourceKeyId != *one.KeyMetadata.Arn {
		t.Fatalf("%+v %v", moved, err)
	}
	if plain, err := s.open(t, moved.CiphertextBlob, map[string]string{"c": "d"}); string(plain) != "hello" || err != nil {
		t.Errorf("%q %v", plain, err)
	}
	_, err = s.Decrypt(ctx, &awskms.DecryptInput{KeyId: id, CiphertextBlob: moved.CiphertextBlob, EncryptionContext: map[string]string{"c": "d"}})
	want(t, "another key named", err, "IncorrectKeyException")
	_, err = s.Encrypt(ctx, &awskms.EncryptInput{KeyId: id, Plaintext: make([]byte, 4097)})
	want(t, "too long", err, "ValidationException")
	_, err = s.Encrypt(ctx, &awskms.EncryptInput{KeyId: id, Plaintext: []byte("x"), EncryptionAlgorithm: types.EncryptionAlgorithmSpecRsaesOaepSha256})
	want(t, "RSA", err, "InvalidKeyUsageException")
	_, err = s.CreateKey(ctx, &awskms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	want(t, "elliptic key", err, "UnsupportedOperationException")
	_, err = s.GenerateRandom(ctx, &awskms.GenerateRandomInput{NumberOfBytes: aws.Int32(8)})
	want(t, "unknown operation", err, "UnknownOperationException")
}

func TestKeyStates(t *testing.T) {
	s := newStand(t, "")
	k := s.dataKey(t, nil)
	use := func(what, kind string) {
		t.Helper()
		_, err := s.open(t, k.CiphertextBlob, nil)
		want(t, what+", Decrypt", err, kind)
		_, err = s.Encrypt(t.Context(), &awskms.EncryptInput{KeyId: aws.String(name), Plaintext: []byte("x")})
		want(t, what+", Encrypt", err, kind)
	}
	state := func(want types.KeyState) {
		t.Helper()
		out, err := s.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: k.KeyId})
		if err != nil || out.KeyMetadata.KeyState != want || out.KeyMetadata.Enabled != (want == types.KeyStateEnabled) {
			t.Errorf("state %v %v, want %s", out, err, want)
		}
	}
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	state(types.KeyStateEnabled)
	do(s.DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: k.KeyId}))
	use("disabled", "DisabledException")
	state(types.KeyStateDisabled)
	do(s.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: k.KeyId}))
	use("enabled again", "<nil>")

	_, err := s.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(6)})
	want(t, "6 days", err, "ValidationException")
	_, err = s.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: aws.String(name)})
	want(t, "by alias", err, "NotFoundException")
	out, err := s.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)})
	do(out, err)
	if !out.DeletionDate.Equal(s.now.AddDate(0, 0, 7)) {
		t.Errorf("deleted at %v", out.DeletionDate)
	}
	use("pending deletion", "KMSInvalidStateException")
	state(types.KeyStatePendingDeletion)
	_, err = s.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: k.KeyId})
	want(t, "enable while pending", err, "KMSInvalidStateException")
	do(s.CancelKeyDeletion(t.Context(), &awskms.CancelKeyDeletionInput{KeyId: k.KeyId}))
	state(types.KeyStateDisabled)
	_, err = s.CancelKeyDeletion(t.Context(), &awskms.CancelKeyDeletionInput{KeyId: k.KeyId})
	want(t, "cancel twice", err, "KMSInvalidStateException")

	do(s.ScheduleKeyDeletion(t.Context(), &awskms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)}))
	s.now = s.now.AddDate(0, 0, 7).Add(-time.Second)
	use("a second before", "KMSInvalidStateException")
	s.now = s.now.Add(time.Second)
	use("deleted", "NotFoundException")
}

func TestAliases(t *testing.T) {
	s := newStand(t, "")
	ctx := t.Context()
	k, err := s.CreateKey(ctx, &awskms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	create := func(alias string) error {
		_, err := s.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: &alias, TargetKeyId: k.KeyMetadata.KeyId})
		return err
	}
	want(t, "new", create("alias/new"), "<nil>")
	want(t, "twice", create("alias/new"), "AlreadyExistsException")
	want(t, "bad name", create("new"), "InvalidAliasNameException")
	want(t, "reserved name", create("alias/aws/s3"), "InvalidAliasNameException")
	_, err = s.UpdateAlias(ctx, &awskms.UpdateAliasInput{AliasName: aws.String(name), TargetKeyId: k.KeyMetadata.KeyId})
	want(t, "update", err, "<nil>")
	list, err := s.ListAliases(ctx, &awskms.ListAliasesInput{KeyId: k.KeyMetadata.KeyId})
	if err != nil || len(list.Aliases) != 2 || *list.Aliases[0].TargetKeyId != *k.KeyMetadata.KeyId {
		t.Errorf("%+v %v", list, err)
	}
	_, err = s.DeleteAlias(ctx, &awskms.DeleteAliasInput{AliasName: aws.String("alias/new")})
	want(t, "delete", err, "<nil>")
	_, err = s.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String("alias/new")})
	want(t, "deleted alias", err, "NotFoundException")
	if keys, err := s.ListKeys(ctx, &awskms.ListKeysInput{}); err != nil || len(keys.Keys) != 2 {
		t.Errorf("%+v %v", keys, err)
	}
}

func TestFaults(t *testing.T) {
	s := newStand(t, "")
	k := s.dataKey(t, nil)
	for fault, kind := range map[string]string{
		kms.Throttle: "ThrottlingException", kms.Fail: "KMSInternalException", kms.Timeout: "DependencyTimeoutException",
		kms.Unavailable: "KeyUnavailableException", kms.Denied: "AccessDeniedException",
	} {
		for _, on := range []string{"", "Decrypt", *k.KeyId, (*k.KeyId)[len(*k.KeyId)-36:]} {
			if err := s.Faults.Set([]sandbox.Fault{{Kind: fault, Count: 1, On: on}}); err != nil {
				t.Fatal(err)
			}
			_, err := s.open(t, k.CiphertextBlob, nil)
			want(t, fault, err, kind)
			_, err = s.open(t, k.CiphertextBlob, nil)
			want(t, "after "+fault, err, "<nil>")
		}
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: kms.Throttle, Count: sandbox.Forever, On: "Encrypt"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(t, k.CiphertextBlob, nil); err != nil {
		t.Errorf("a fault of another operation: %v", err)
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: kms.LoseReply, Count: 1}}); err != nil {
		t.Fatal(err)
	}
	_, err := s.CreateKey(t.Context(), &awskms.CreateKeyInput{})
	var api smithy.APIError
	if keys, listErr := s.ListKeys(t.Context(), &awskms.ListKeysInput{}); err == nil || errors.As(err, &api) || listErr != nil || len(keys.Keys) != 2 {
		t.Errorf("lost reply: %v, %v", err, listErr)
	}
}

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	k := newStand(t, file).dataKey(t, nil)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	again := newStand(t, file)
	if plain, err := again.open(t, k.CiphertextBlob, nil); err != nil || !bytes.Equal(plain, k.Plaintext) {
		t.Errorf("after a restart: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".keys-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	for what, content := range map[string]string{
		"broken": "{", "short key": `{"keys":[{"id":"7f1b9d3a-0000-4000-8000-000000000000","state":"Enabled","material":"YQ=="}]}`,
		"null": `{"keys":[null]}`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := kms.New(kms.Config{File: file, Lookup: func(string) (string, bool) { return "", false }}); !errors.Is(err, kms.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRequestsThatAreNotTheAPI(t *testing.T) {
	s := newStand(t, "")
	for what, c := range map[string]struct {
		auth, target, body, site string
		status                   int
	}{
		"unsigned":       {"", "TrentService.ListKeys", "{}", "none", 400},
		"foreign page":   {signed, "TrentService.ListKeys", "{}", "cross-site", 403},
		"no target":      {signed, "", "{}", "none", 400},
		"not JSON":       {signed, "TrentService.ListKeys", "<>", "none", 400},
		"two values":     {signed, "TrentService.ListKeys", "{}{}", "none", 400},
		"unknown field":  {signed, "TrentService.ListKeys", `{"Typo":1}`, "none", 400},
		"endless body":   {signed, "TrentService.ListKeys", strings.Repeat(" ", 1<<20), "none", 400},
		"good":           {signed, "TrentService.ListKeys", "{}", "none", 200},
		"empty document": {signed, "TrentService.ListKeys", "", "none", 400},
	} {
		w := s.raw(t, "", c.body, "Authorization", c.auth, "X-Amz-Target", c.target, "Sec-Fetch-Site", c.site)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}

func TestServedBelowAPath(t *testing.T) {
	s := newStand(t, "")
	srv := httptest.NewServer(http.StripPrefix("/kms", s.Server))
	t.Cleanup(srv.Close)
	for _, path := range []string{"/kms", "/kms/"} {
		_, err := s.ListKeys(t.Context(), &awskms.ListKeysInput{}, func(o *awskms.Options) {
			o.BaseEndpoint = aws.String(srv.URL + path)
		})
		want(t, path, err, "<nil>")
	}
}

func TestConfig(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	if _, err := kms.New(kms.Config{Aliases: []string{"almanac"}, Lookup: none}); !errors.Is(err, kms.ErrConfig) {
		t.Errorf("bad alias: %v", err)
	}
	if _, err := kms.New(kms.Config{File: t.TempDir(), Lookup: none}); !errors.Is(err, kms.ErrConfig) {
		t.Errorf("a folder as file: %v", err)
	}
	_, err := kms.New(kms.Config{Lookup: func(name string) (string, bool) { return "x", name == "AWS_LAMBDA_FUNCTION_NAME" }})
	if !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("on Lambda: %v", err)
	}
}

func FuzzDecrypt(f *testing.F) {
	server, err := kms.New(kms.Config{Aliases: []string{name}, Lookup: func(string) (string, bool) { return "", false }})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Decrypt", []byte(`{"CiphertextBlob":"oQ=="}`))
	f.Add("GenerateDataKey", []byte(`{"KeyId":"alias/almanac","KeySpec":"AES_256"}`))
	f.Fuzz(func(t *testing.T, target string, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", bytes.NewReader(body))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261121/eu-west-2/kms/aws4_request")
		r.Header.Set("X-Amz-Target", "TrentService."+target)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s: %d %s", target, body, w.Code, w.Body)
		}
	})
}
