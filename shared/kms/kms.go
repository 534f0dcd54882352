// Package kms speaks to AWS KMS: it opens and makes the keys that seal others, and signs. Its rules: a key never leaves
// KMS; what KMS said of a refusal goes no further than its code; and only shared/seal and shared/pds import it.
//
// It signs requests with the signer that the DynamoDB client brings along, and sends them itself: the three that there
// are do not pay for the size and the start of the SDK's KMS client.
package kms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"almanac/shared/delay"
)

const (
	service = "kms"
	// reply is how long one request may take, its answer's body included. KMS answers in some milliseconds.
	reply = 2 * time.Second
	tries = 3
	// firstDelay and longestDelay bound the wait before a further try.
	firstDelay   = 50 * time.Millisecond
	longestDelay = 200 * time.Millisecond
	// longest bounds an answer; KMS's own longest, a wrapped key, is some 6 kB.
	longest = 64 << 10
)

// Client reaches KMS in one region. It is safe for concurrent use.
type Client struct {
	client      aws.HTTPClient
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	region      string
	url         string
	now         func() time.Time
}

// New makes the Client. On AWS the connection is always TLS; an endpoint of their own have local stand-ins.
func New(cfg aws.Config, now func() time.Time) *Client {
	c := &Client{
		client: cfg.HTTPClient, credentials: cfg.Credentials, signer: v4.NewSigner(), region: cfg.Region, now: now,
		url: "https://kms." + cfg.Region + ".amazonaws.com/",
	}
	if cfg.BaseEndpoint != nil {
		c.url = strings.TrimSuffix(*cfg.BaseEndpoint, "/") + "/"
	}
	if c.client == nil {
		c.client = awshttp.NewBuildableClient()
	}
	return c
}

// Decrypt opens what Generate made with the same key for the same context. Errors: *Error, of InvalidCiphertext where
// it is changed or was made for another context.
func (c *Client) Decrypt(ctx context.Context, key string, blob []byte, about map[string]string) ([]byte, error) {
	out, err := c.do(ctx, "Decrypt", question{KeyID: key, CiphertextBlob: blob, EncryptionContext: about})
	return filled(out.Plaintext, err)
}

// Generate makes a random key of 256 bits and gives it as Decrypt takes it: nobody has seen it. Errors: *Error.
func (c *Client) Generate(ctx context.Context, key string, about map[string]string) ([]byte, error) {
	out, err := c.do(ctx, "GenerateDataKeyWithoutPlaintext", question{
		KeyID: key, KeySpec: "AES_256", EncryptionContext: about,
	})
	return filled(out.CiphertextBlob, err)
}

// Sign signs a SHA-512 digest with an RSA key (RSASSA-PKCS1-v1_5). Errors: *Error.
func (c *Client) Sign(ctx context.Context, key string, digest []byte) ([]byte, error) {
	out, err := c.do(ctx, "Sign", question{
		KeyID: key, Message: digest, MessageType: "DIGEST", SigningAlgorithm: "RSASSA_PKCS1_V1_5_SHA_512",
	})
	return filled(out.Signature, err)
}

// question and answer hold the fields of all three operations; byte strings are base64 there, as encoding/json has it.
type question struct {
	KeyID             string            `json:"KeyId"`
	CiphertextBlob    []byte            `json:",omitempty"`
	EncryptionContext map[string]string `json:",omitempty"`
	KeySpec           string            `json:",omitempty"`
	Message           []byte            `json:",omitempty"`
	MessageType       string            `json:",omitempty"`
	SigningAlgorithm  string            `json:",omitempty"`
}

type answer struct {
	Plaintext      []byte `json:"Plaintext"`
	CiphertextBlob []byte `json:"CiphertextBlob"`
	Signature      []byte `json:"Signature"`
}

var errAnswer = errors.New("kms: the answer is none of KMS's")

// filled refuses an answer without what was asked for.
func filled(got []byte, err error) ([]byte, error) {
	if err == nil && len(got) == 0 {
		err = errAnswer
	}
	return got, err
}

// do asks until KMS answers other than that it is busy. All three operations can be repeated: a key that was made and
// not received is one that nobody uses.
func (c *Client) do(ctx context.Context, operation string, q question) (answer, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return answer{}, fmt.Errorf("kms: %w", err)
	}
	for attempt := range tries {
		if attempt > 0 {
			if waited := delay.For(ctx, delay.Drawn(attempt, firstDelay, longestDelay)); waited != nil {
				return answer{}, fmt.Errorf("kms: %w", errors.Join(err, waited))
			}
		}
		var a answer
		if a, err = c.try(ctx, operation, body); err == nil || !again(err) {
			return a, err
		}
	}
	return answer{}, err
}

func (c *Client) try(ctx context.Context, operation string, body []byte) (answer, error) {
	ctx, stop := context.WithTimeout(ctx, reply)
	defer stop()
	req, err := c.signed(ctx, operation, body)
	if err != nil {
		return answer{}, err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("kms: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	raw, err := io.ReadAll(io.LimitReader(res.Body, longest))
	if err != nil {
		return answer{}, fmt.Errorf("kms: %w", err)
	}
	defer clear(raw) // there may be a key in it
	if res.StatusCode != http.StatusOK {
		return answer{}, refusal(res, raw)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return answer{}, errAnswer // the decoder's own error may quote what it read
	}
	return a, nil
}

// signed makes the request of the JSON protocol, signed with its body's digest.
func (c *Client) signed(ctx context.Context, operation string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("kms: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "TrentService."+operation)
	who, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("kms: credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, who, req, hex.EncodeToString(sum[:]), service, c.region, c.now()); err != nil {
		return nil, fmt.Errorf("kms: sign the request: %w", err)
	}
	return req, nil
}
