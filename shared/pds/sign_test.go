package pds_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/kms"
	"almanac/shared/pds"
)

// The assertion that KMS signs is one that the token service takes; while the key is disabled there is none.
func TestKeyOf(t *testing.T) {
	r := newRig(t)
	k, err := kms.New(kms.Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(k)
	t.Cleanup(srv.Close)
	cfg := aws.Config{
		Region: "eu-west-2", BaseEndpoint: &srv.URL, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
	client := awskms.NewFromConfig(cfg)
	made, err := client.CreateKey(t.Context(), &awskms.CreateKeyInput{
		KeySpec: types.KeySpecRsa2048, KeyUsage: types.KeyUsageTypeSignVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: made.KeyMetadata.KeyId})
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(got.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.nhs.Register(apim.App{Key: r.set.APIKey, Keys: apim.Fixed("kid-2", public.(*rsa.PublicKey))}); err != nil {
		t.Fatal(err)
	}
	r.set.KID, r.set.Sign = "kid-2", pds.KeyOf(cfg, aws.ToString(made.KeyMetadata.KeyId), time.Now)
	r.connect(t)
	if _, err := r.Another(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: made.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}
	r.connect(t)
	if _, err := r.Another(t.Context(), ""); codeOf(err) != "pds_unsigned" {
		t.Errorf("%v", err)
	}
}
