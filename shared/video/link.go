package video

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// LinkLife is how long a patient's link still says something after the end of the appointment.
const LinkLife = 7 * 24 * time.Hour

// linked is the row behind a patient's link.
type linked struct {
	AppointmentID string    `dynamodbav:"apt"`
	PatientID     string    `dynamodbav:"pat"`
	Told          time.Time `dynamodbav:"told,unixtime"`
	Version       int64     `dynamodbav:"v"`
}

// token is what a patient's link ends with: the organisation's id and 128 bits that only its key makes. It is kept
// nowhere: whoever mails it makes it again.
func token(ring *seal.Ring, org, appointment string, issue int) (string, error) {
	raw, err := id.Raw(org)
	if err != nil {
		return "", err
	}
	digest, err := hex.DecodeString(ring.Digest("video-link", appointment+"#"+strconv.Itoa(issue)))
	if err != nil {
		return "", fmt.Errorf("decode a digest: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(append(raw[:], digest...)), nil
}

// digestOf is under what a token's row is found: the table holds nothing that opens anything.
func digestOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Links makes patients' links for who mails them. It is safe for concurrent use.
type Links struct {
	Table  *table.Table
	Keeper *seal.Keeper
}

// Of gives the token of the link that was asked for on an appointment, or nothing where none was.
func (l Links) Of(ctx context.Context, by access.Caller, appointment string) (string, error) {
	v, err := load(ctx, l.Table.For(by), appointment)
	if fault.Is(err, fault.NotFound) || err == nil && v.Linked == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	ring, err := l.Keeper.Ring(ctx, by.Org())
	if err != nil {
		return "", err
	}
	return token(ring, by.Org(), appointment, v.Issue)
}
