package pds

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/shared/kms"
)

// KeyOf gives the signing function of a key in AWS KMS (RSA, for signing). The private key never leaves KMS, so there
// is none in the configuration, in memory, or in a backup.
func KeyOf(
	cfg aws.Config, keyID string, now func() time.Time,
) func(ctx context.Context, digest []byte) ([]byte, error) {
	client := kms.New(cfg, now)
	return func(ctx context.Context, digest []byte) ([]byte, error) {
		signature, err := client.Sign(ctx, keyID, digest)
		if err != nil {
			return nil, fmt.Errorf("sign with KMS: %w", err)
		}
		return signature, nil
	}
}
