package pds

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// KeyOf gives the signing function of a key in AWS KMS (RSA, for signing). The private key never leaves KMS, so there
// is none in the configuration, in memory, or in a backup.
func KeyOf(cfg aws.Config, keyID string) func(ctx context.Context, digest []byte) ([]byte, error) {
	client := kms.NewFromConfig(cfg)
	return func(ctx context.Context, digest []byte) ([]byte, error) {
		out, err := client.Sign(ctx, &kms.SignInput{
			KeyId: &keyID, Message: digest, MessageType: types.MessageTypeDigest,
			SigningAlgorithm: types.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
		})
		if err != nil {
			return nil, fmt.Errorf("sign with KMS: %w", err)
		}
		return out.Signature, nil
	}
}
