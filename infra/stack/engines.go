package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/cfn"
	"almanac/infra/engine"
	"almanac/infra/faultproxy"
)

const account = "000000000000"

// The keys of the local KMS that stand for those of the template.
const (
	sealKey = "alias/almanac"
	pdsKey  = "alias/almanac-pds"
)

// The local NHS services: below which path they answer, and as whom Almanac is registered there.
const (
	nhsPath   = "/nhs"
	pdsAPIKey = "almanac-local-application"
	pdsKid    = "almanac-1"
)

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
}

// startEngines starts the table and the queues, and a fault proxy before each.
func (s *Stack) startEngines(ctx context.Context) error {
	e, err := engine.Start(ctx, engine.Options{DataDir: s.options.DataDir, Dir: s.path("infra", "engine")})
	if err != nil {
		return err
	}
	s.engine = e
	s.closers = append(s.closers, e.Close)
	s.DynamoDB = dynamodb.New(dynamodb.Options{
		Region: region, BaseEndpoint: aws.String(e.DynamoDB()), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	s.SQS = sqs.New(sqs.Options{
		Region: region, BaseEndpoint: aws.String(e.SQS()), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	if s.Table, err = faultproxy.New(e.DynamoDB()); err != nil {
		return err
	}
	s.Queues, err = faultproxy.New(e.SQS())
	return err
}

// values are the parameters of the local deployment; lookup answers for what the engines named.
func (s *Stack) values(lookup func(cfn.Reference) (string, bool)) cfn.Values {
	return cfn.Values{
		Region: region, Account: account, Stack: "almanac",
		Parameters: map[string]string{
			"MailFrom": mailFrom, "IssuerUrl": s.Login, "Audience": clientID, "OrganisationClaim": "cognito:groups",
			"NhsNumbers":  "test",
			"PdsUrl":      s.Control + nhsPath + "/personal-demographics/FHIR/R4",
			"PdsTokenUrl": s.Control + nhsPath + "/oauth2/token", "PdsApiKey": pdsAPIKey, "PdsKid": pdsKid,
			"ScrUrl":      s.Control + nhsPath + "/summary-care-record/FHIR/R4",
			"GpRecordUrl": s.Control + nhsPath + "/gp-record",
			"PublicUrl":   s.Public(), "ZoomUrl": s.Zoom, "ZoomOauthUrl": s.Zoom,
			"ZoomClientId": zoomClient, "ZoomClientSecret": zoomSecret, "ZoomWebhookSecrets": zoomWebhookSecret,
			"ZoomAdminClientId": zoomAdminClient, "ZoomAdminClientSecret": zoomAdminSecret,
		},
		Lookup: lookup,
	}
}

// create makes the table and the queues as the template declares them, then reads the template again with the names
// that the engines gave.
func (s *Stack) create(ctx context.Context) error {
	file := s.path("template.yaml")
	declared, err := cfn.Load(file, s.values(nil))
	if err != nil {
		return err
	}
	for _, t := range declared.Tables {
		if err := s.createTable(ctx, t); err != nil {
			return err
		}
	}
	if s.TableName == "" || s.KeyTableName == "" {
		return fmt.Errorf("%s does not declare the table, which has a stream, and the table of keys, which has none",
			filepath.Base(file))
	}
	if err := s.createQueues(ctx, declared); err != nil {
		return err
	}
	if err := s.createBuckets(ctx, declared); err != nil {
		return err
	}
	s.Template, err = cfn.Load(file, s.values(s.lookup))
	return err
}

func (s *Stack) createTable(ctx context.Context, t cfn.Table) error {
	in := t.CreateInput()
	_, err := s.DynamoDB.CreateTable(ctx, in)
	var exists *types.ResourceInUseException
	switch {
	case errors.As(err, &exists): // kept from an earlier start
	case err != nil:
		return fmt.Errorf("create the table: %w", err)
	default:
		s.Fresh = true
		if in := t.TTLInput(); in != nil {
			if _, err := s.DynamoDB.UpdateTimeToLive(ctx, in); err != nil {
				return fmt.Errorf("set the table's expiry: %w", err)
			}
		}
	}
	if in.StreamSpecification == nil {
		s.KeyTableName = t.Name
		return nil
	}
	s.TableName = t.Name
	got, err := s.DynamoDB.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name})
	if err != nil {
		return fmt.Errorf("describe the table: %w", err)
	}
	s.streamARN = aws.ToString(got.Table.LatestStreamArn)
	return nil
}

// createQueues makes the dead-letter queues first, because the others name them.
func (s *Stack) createQueues(ctx context.Context, t *cfn.Template) error {
	s.queueURLs = map[string]string{}
	for _, deadLetters := range []bool{true, false} {
		for _, q := range t.Queues {
			if (q.DeadLetter == "") != deadLetters {
				continue
			}
			arn := ""
			if dead, ok := t.Queue(q.DeadLetter); ok {
				arn = dead.ARN
			}
			out, err := s.SQS.CreateQueue(ctx, &sqs.CreateQueueInput{
				QueueName: aws.String(q.Name), Attributes: q.Attributes(arn),
			})
			if err != nil {
				return fmt.Errorf("create queue %s: %w", q.ID, err)
			}
			s.queueURLs[q.ID] = aws.ToString(out.QueueUrl)
		}
	}
	return nil
}

// createBuckets makes the buckets at the engine itself, in memory: what is uploaded is gone after a week anyway.
func (s *Stack) createBuckets(ctx context.Context, t *cfn.Template) error {
	for _, r := range t.Resources {
		if r.Type != "AWS::S3::Bucket" {
			continue
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.engine.S3()+"/"+r.Name, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("create bucket %s: %w", r.ID, err)
		}
		_ = res.Body.Close() // nothing in it
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("create bucket %s: status %d", r.ID, res.StatusCode)
		}
	}
	return nil
}

// lookup answers the template's references to what exists here.
func (s *Stack) lookup(ref cfn.Reference) (string, bool) {
	switch {
	case ref.Type == "AWS::SQS::Queue" && ref.Attribute == "":
		url, ok := s.queueURLs[ref.ID]
		return url, ok
	case ref.Type == "AWS::DynamoDB::Table" && ref.Attribute == "StreamArn":
		return s.streamARN, true
	case ref.Type == "AWS::KMS::Key" && ref.ID == "SealKey":
		return sealKey, true
	case ref.Type == "AWS::KMS::Key" && ref.ID == "PdsKey":
		return pdsKey, true
	}
	return "", false
}
