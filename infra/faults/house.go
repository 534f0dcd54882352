package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/cfn"
	"almanac/infra/sandbox/kms"
	"almanac/shared/id"
)

// house is what all runs share: the tables, and the keys.
type house struct {
	options
	name, keys string // of the tables
	direct     *dynamodb.Client
	transport  *http.Client // to the engine
	kms        *httptest.Server
	root       string   // of the repository
	points     []point  // at which processes die
	searched   searched // in all runs
	made       []string // the tables that there are
}

const (
	region  = "eu-west-2"
	sealKey = "alias/almanac"
)

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "faults", SecretAccessKey: "faults"}, nil
}

func newHouse(ctx context.Context, o options) (*house, error) {
	h := &house{options: o, name: "faults-" + id.New("tst"), transport: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
	h.keys = h.name + "-keys"
	h.direct = h.client()
	file, err := find("template.yaml")
	if err != nil {
		return nil, err
	}
	h.root = filepath.Dir(file)
	t, err := cfn.Load(file, cfn.Values{Parameters: map[string]string{"MailFrom": "clinic@example.org"}})
	if err != nil {
		return nil, err
	}
	if len(t.Tables) == 0 {
		return nil, errors.New("template.yaml declares no table")
	}
	for _, table := range t.Tables {
		in := table.CreateInput()
		in.TableName = &h.name
		if in.StreamSpecification == nil { // the table of keys has none
			in.TableName = &h.keys
		}
		in.StreamSpecification = nil // nobody reads it here
		if _, err := h.direct.CreateTable(ctx, in); err != nil {
			h.close(ctx)
			return nil, fmt.Errorf("create a table: %w", err)
		}
		h.made = append(h.made, *in.TableName)
	}
	server, err := kms.New(kms.Config{Aliases: []string{sealKey}})
	if err != nil {
		h.close(ctx)
		return nil, err
	}
	h.kms = httptest.NewServer(server)
	return h, nil
}

// client is one of the table's engine.
func (h *house) client(with ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: region, BaseEndpoint: aws.String(h.endpoint), HTTPClient: h.transport,
		Credentials: aws.CredentialsProviderFunc(credentials),
	}, with...)
}

func (h *house) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, name := range h.made {
		_, _ = h.direct.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}) // the engine forgets it anyway
	}
	if h.kms != nil {
		h.kms.Close()
	}
}

// find finds a file from the working directory upwards.
func find(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("there is no %s here or above: %w", name, os.ErrNotExist)
		}
		dir = up
	}
}

// clock stands still until time is let pass.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(0, c.at.Load()).UTC() }

func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

// monday is where each run's clock begins, in winter, when London keeps UTC.
func monday() time.Time { return time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC) }
