package iam_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	sestypes "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"almanac/infra/cfn"
	"almanac/infra/iam"
)

// small allows every call that callAll makes, and nothing else.
const small = `
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: diary, BillingMode: PAY_PER_REQUEST,
    AttributeDefinitions: [{AttributeName: PK, AttributeType: S}], KeySchema: [{AttributeName: PK, KeyType: HASH}]}}
  Work: {Type: AWS::SQS::Queue, Properties: {QueueName: work}}
  Signing: {Type: AWS::KMS::Key}
  Sweep: {Type: AWS::Serverless::Function, Properties: {CodeUri: d, Handler: bootstrap, Runtime: provided.al2023,
    Role: !GetAtt SweepRole.Arn}}
  SweepRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}
      Policies:
        - PolicyName: sweep
          PolicyDocument:
            Statement:
              - {Effect: Allow, Resource: !GetAtt Table.Arn, Action: [
                  dynamodb:BatchGetItem, dynamodb:ConditionCheckItem, dynamodb:DeleteItem, dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:Get*]}
              - {Effect: Allow, Resource: !Sub "${Table.Arn}/index/GSI1", Action: dynamodb:Query}
              - {Effect: Allow, Resource: [!GetAtt Work.Arn], Action: sqs:SendMessage}
              - {Effect: Allow, Resource: !GetAtt Signing.Arn, Action: kms:Sign,
                  Condition: {StringEquals: {"kms:SigningAlgorithm": RSASSA_PKCS1_V1_5_SHA_512}}}
              - {Effect: Allow, Action: ses:SendRawEmail, Resource: [
                  "arn:aws:ses:eu-west-2:000000000000:identity/almanac.example",
                  "arn:aws:ses:eu-west-2:000000000000:configuration-set/mail"],
                  Condition: {StringEquals: {"ses:FromAddress": [other@almanac.example, from@almanac.example]}}}
              - {Effect: Allow, Action: "s3:?etObject", Resource: "arn:aws:s3:::box/uploads/*"}
`

// TestRefused: each permission that is taken away is missed, and none else.
func TestRefused(t *testing.T) {
	l := iam.New("eu-west-2", "000000000000")
	callAll(t, l, iam.AccessKey("Sweep"))
	callAll(t, l, "local") // the pump's and the stack's own calls
	if got := l.Refused(template(t, "", "")); len(got) > 0 || len(l.Calls()) != 12 {
		t.Fatalf("%d calls, refused: %q", len(l.Calls()), got)
	}
	const table = "arn:aws:dynamodb:eu-west-2:000000000000:table/diary"
	for _, c := range []struct{ old, put, want string }{
		{"dynamodb:PutItem, ", "", "dynamodb:PutItem on " + table},
		{"dynamodb:UpdateItem, ", "", "dynamodb:UpdateItem on " + table},
		{"dynamodb:DeleteItem, ", "", "dynamodb:DeleteItem on " + table},
		{"dynamodb:ConditionCheckItem, ", "", "dynamodb:ConditionCheckItem on " + table},
		{"dynamodb:BatchGetItem, ", "", "dynamodb:BatchGetItem on " + table},
		{"dynamodb:Get*", "dynamodb:GetRecords", "dynamodb:GetItem on " + table},
		{"index/GSI1", "index/GSI2", "dynamodb:Query on " + table + "/index/GSI1"},
		{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:SendMessage on arn:aws:sqs:eu-west-2:000000000000:work"},
		{"SHA_512}", "SHA_256}", "kms:Sign on arn:aws:kms:eu-west-2:000000000000:key/almanac-Signing with kms:SigningAlgorithm RSASSA_PKCS1_V1_5_SHA_512"},
		{"StringEquals: {\"kms:SigningAlgorithm\"", "StringLike: {\"kms:SigningAlgorithm\"", "kms:Sign on arn:aws:kms:eu-west-2:000000000000:key/almanac-Signing with kms:SigningAlgorithm RSASSA_PKCS1_V1_5_SHA_512"},
		{"configuration-set/mail", "configuration-set/post", "ses:SendRawEmail on arn:aws:ses:eu-west-2:000000000000:configuration-set/mail with ses:FromAddress from@almanac.example"},
		{"s3:?etObject", "s3:GetObjects", "s3:GetObject on arn:aws:s3:::box/uploads/-"},
		{"{Effect: Allow, Resource: [!GetAtt Work.Arn]", "{Effect: Deny, Resource: [!GetAtt Work.Arn]", "sqs:SendMessage on arn:aws:sqs:eu-west-2:000000000000:work"},
	} {
		want := []string{"SweepRole does not let Sweep do " + c.want}
		if got := l.Refused(template(t, c.old, c.put)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.old, got, want)
		}
	}
}

// TestForged: a call whose signature the service found wrong is nobody's.
func TestForged(t *testing.T) {
	l := iam.New("eu-west-2", "000000000000")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/box/uploads/a?X-Amz-Credential=localSweep%2F20261123%2Feu-west-2%2Fs3%2Faws4_request", nil)
	l.Watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })).
		ServeHTTP(httptest.NewRecorder(), r)
	if got := l.Calls(); len(got) > 0 {
		t.Error(got)
	}
}

func template(t *testing.T, old, put string) *cfn.Template {
	t.Helper()
	if !strings.Contains(small, old) {
		t.Fatalf("the template has no %q", old)
	}
	tpl, err := cfn.Parse([]byte(strings.Replace(small, old, put, 1)), cfn.Values{})
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// callAll makes one call of each kind with the real clients.
func callAll(t *testing.T, l *iam.Ledger, accessKey string) {
	t.Helper()
	s := httptest.NewServer(l.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n != r.ContentLength {
			t.Errorf("%s: the service got %d of %d bytes: %v", r.Header.Get("X-Amz-Target"), n, r.ContentLength, err)
		}
		_, _ = io.WriteString(w, "{}")
	})))
	defer s.Close()
	c := aws.Config{
		Region: "eu-west-2", BaseEndpoint: &s.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: accessKey}, nil
		}),
	}
	errs := slices.Concat(callTable(t, c), callOthers(t, c))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		s.URL+"/box/uploads/a/b.csv?X-Amz-Credential="+accessKey+"/20261123/eu-west-2/s3/aws4_request", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		err = res.Body.Close()
	}
	for _, err := range append(errs, err) {
		if err != nil {
			t.Error(err)
		}
	}
}

func callTable(t *testing.T, c aws.Config) []error {
	t.Helper()
	ctx, db, name := t.Context(), dynamodb.NewFromConfig(c), aws.String("diary")
	item := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "x"}}
	_, err1 := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: name, Key: item})
	_, err2 := db.Query(ctx, &dynamodb.QueryInput{TableName: name, IndexName: aws.String("GSI1"), KeyConditionExpression: aws.String("PK = :x")})
	_, err3 := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"diary": {Keys: []map[string]types.AttributeValue{item}}}})
	_, err4 := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: name, Item: item}},
		{Update: &types.Update{TableName: name, Key: item, UpdateExpression: aws.String("SET a = :x")}},
		{Delete: &types.Delete{TableName: name, Key: item}},
		{ConditionCheck: &types.ConditionCheck{TableName: name, Key: item, ConditionExpression: aws.String("a = :x")}},
	}})
	return []error{err1, err2, err3, err4}
}

func callOthers(t *testing.T, c aws.Config) []error {
	t.Helper()
	ctx, url := t.Context(), aws.String("http://127.0.0.1/000000000000/work")
	queue := sqs.NewFromConfig(c, func(o *sqs.Options) { o.DisableMessageChecksumValidation = true })
	_, err1 := queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
	_, err2 := queue.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []sqstypes.SendMessageBatchRequestEntry{{Id: aws.String("1"), MessageBody: aws.String("x")}}})
	_, err3 := kms.NewFromConfig(c).Sign(ctx, &kms.SignInput{
		KeyId: aws.String("arn:aws:kms:eu-west-2:000000000000:key/almanac-Signing"), Message: []byte("x"),
		SigningAlgorithm: kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
	})
	_, err4 := sesv2.NewFromConfig(c).SendEmail(ctx, &sesv2.SendEmailInput{
		ConfigurationSetName: aws.String("mail"),
		Content:              &sestypes.EmailContent{Raw: &sestypes.RawMessage{Data: []byte("From: Almanac <from@almanac.example>\r\n\r\nx")}},
	})
	return []error{err1, err2, err3, err4}
}
