// Package app puts a function together: environment, AWS clients, clock, ids, logger. Its rule: only a function's
// main imports it, and the packages that put larger parts together for several mains; it alone reads the environment,
// and what is missing or malformed there stops the start.
package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/clinic"
	"almanac/shared/id"
	"almanac/shared/table"
)

// App is what every function is made of.
type App struct {
	Table     *table.Table
	Directory *clinic.Directory
	Log       *slog.Logger
	Now       func() time.Time
	ID        id.Source
	env       environment
}

// New reads the environment and makes the parts. Errors name the variables that are missing.
func New(ctx context.Context) (*App, error) {
	a, err := Bare(ctx)
	if err != nil {
		return nil, err
	}
	env := a.env
	if err := env.require("TABLE_NAME"); err != nil {
		return nil, err
	}
	a.Table = table.New(dynamodb.New(dynamodb.Options{
		Region: env.region, Credentials: env, HTTPClient: client(), BaseEndpoint: env.endpoint("DYNAMODB"),
		Retryer: retryer(dynamoTries),
	}), env.table, a.Now, a.ID).WithKeys(env.get("KEY_TABLE_NAME"))
	a.Directory = clinic.NewDirectory(a.Table, a.Now)
	return a, nil
}

// Bare is New for a function that has no table: its Table and Directory are nil.
func Bare(ctx context.Context) (*App, error) {
	env, err := readEnvironment(os.Getenv)
	if err != nil {
		return nil, err
	}
	a := &App{
		Log: slog.New(lambdacontext.NewLogHandler()),
		Now: clock(ctx, env.clockURL),
		ID:  id.New,
		env: env,
	}
	slog.SetDefault(a.Log)
	return a, nil
}

// Must gives what a main needs and cannot do without: an error stops the start, and so the deployment at its first cold
// start.
func Must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// Warm opens the connection to the table in the background, so that neither the start nor the first request waits for
// it alone. It is for functions that people wait for; it needs the right to read.
func (a *App) Warm(ctx context.Context) { go a.Table.Touch(ctx) }

// OrganisationClaim names the token's claim that lists the person's organisations.
func (a *App) OrganisationClaim() string { return a.env.claim }

const (
	dynamoTries    = 3
	longestBackOff = 200 * time.Millisecond
	dialTimeout    = 2 * time.Second
	replyTimeout   = 2 * time.Second
)

// client is the one HTTP client of a function: it has time-outs, and keeps its connections.
func client() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithTimeout(replyTimeout).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = 16
			t.TLSHandshakeTimeout = dialTimeout
		})
}

func retryer(tries int) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = tries
		o.MaxBackoff = longestBackOff
	})
}

// environment holds the variables that a function may be given; docs/deploy.md lists them.
//
//	TABLE_NAME              the table; required, but where a function has none
//	AWS_REGION              set by Lambda; required
//	AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN   set by Lambda
//	AWS_ENDPOINT_URL_*      another address of a service (DYNAMODB, SQS, SESV2, KMS); unset on AWS
//	KEY_TABLE_NAME          the table of keys; required where patients' records are read or written
//	SEAL_KEY_ID             KMS key that wraps the organisations' root keys; required there too
//	ORGANISATION_CLAIM      the token's claim that lists organisations; default cognito:groups
//	EMAIL_QUEUE_URL, PDS_QUEUE_URL, ASKED_QUEUE_URL, UPLOAD_QUEUE_URL, VIDEO_QUEUE_URL
//	                        the queues; required where events are relayed, and its own by each worker
//	MAIL_FROM               the address that mail is sent from; required where mail is sent
//	MAIL_CONFIGURATION_SET  SES configuration set; optional
//	UPLOAD_BUCKET           S3 bucket of the uploads; required where they are read or written
//	NHS_NUMBERS             "issued" refuses NHS numbers that are kept for tests; unset takes them
//	PDS_URL, PDS_TOKEN_URL  addresses of the Personal Demographics Service and of its tokens
//	PDS_API_KEY, PDS_KID    the application's key at NHS England, and the id of its public key there
//	PDS_KEY_ID              KMS key that signs for the application
//	SCR_URL, GP_RECORD_URL  addresses of the Summary Care Record and of GP records
//	PUBLIC_URL              address under which people reach Almanac's own pages; required where links are made
//	ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET   the app at Zoom that people connect their accounts to
//	ZOOM_ADMIN_CLIENT_ID, ZOOM_ADMIN_CLIENT_SECRET   the app that makes log-ins in a clinic's account; optional
//	ZOOM_WEBHOOK_SECRETS    secret tokens that Zoom signs with, newest first, separated by commas
//	ZOOM_WEBHOOK_MAX_AGE    seconds after which what Zoom signed is refused; 300 to 86400, default 7200
//	ZOOM_URL, ZOOM_OAUTH_URL   addresses of Zoom; unset for Zoom's own
//	NOTICE_QUEUE_URL        the queue for what Zoom tells; required where it arrives and where it is worked on
//	ALMANAC_CLOCK_URL       where the local stack tells the time; unset on AWS
type environment struct {
	get              func(string) string
	region, table    string
	claim, clockURL  string
	key, secret, tok string
}

func readEnvironment(get func(string) string) (environment, error) {
	e := environment{
		get: get, region: get("AWS_REGION"), table: get("TABLE_NAME"), claim: get("ORGANISATION_CLAIM"),
		clockURL: get("ALMANAC_CLOCK_URL"),
		key:      get("AWS_ACCESS_KEY_ID"), secret: get("AWS_SECRET_ACCESS_KEY"), tok: get("AWS_SESSION_TOKEN"),
	}
	if e.claim == "" {
		e.claim = "cognito:groups"
	}
	return e, e.require("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
}

func (e environment) require(names ...string) error {
	var missing []error
	for _, n := range names {
		if e.get(n) == "" {
			missing = append(missing, fmt.Errorf("environment variable %s is not set", n))
		}
	}
	return errors.Join(missing...)
}

// Retrieve gives the credentials that Lambda puts into the environment; reading them ourselves saves the start-up
// time and size of the SDK's search through files and other services.
func (e environment) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID: e.key, SecretAccessKey: e.secret, SessionToken: e.tok, Source: "environment",
	}, nil
}

// endpoint gives the service's address where it is not AWS's own, or nil.
func (e environment) endpoint(service string) *string {
	if url := e.get("AWS_ENDPOINT_URL_" + service); url != "" {
		return &url
	}
	return nil
}
