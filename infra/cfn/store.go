package cfn

import (
	"encoding/json"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Queue is an AWS::SQS::Queue.
type Queue struct {
	ID, Name, ARN string
	FIFO          bool
	Visibility    time.Duration
	Retention     time.Duration
	Delay         time.Duration
	Wait          time.Duration
	MaxBytes      int
	// DeadLetter is the logical ID of the dead-letter queue; empty if there is none.
	DeadLetter string
	// MaxReceives is the count after which a message goes there.
	MaxReceives int
	// Encrypted says whether the queue names a KMS key, or asks for SQS's own.
	Encrypted bool
	Line      int

	deadLetterARN string
}

// Attributes are those that CreateQueue takes. The dead-letter queue is named by arn, as the engine gave it.
func (q Queue) Attributes(deadLetterARN string) map[string]string {
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	out := map[string]string{
		"VisibilityTimeout": seconds(q.Visibility), "MessageRetentionPeriod": seconds(q.Retention),
		"DelaySeconds": seconds(q.Delay), "ReceiveMessageWaitTimeSeconds": seconds(q.Wait),
		"MaximumMessageSize": strconv.Itoa(q.MaxBytes),
	}
	if q.FIFO {
		out["FifoQueue"] = "true"
	}
	if deadLetterARN != "" {
		policy, err := json.Marshal(map[string]any{
			"deadLetterTargetArn": deadLetterARN, "maxReceiveCount": q.MaxReceives,
		})
		if err == nil { // a map of text and number always encodes
			out["RedrivePolicy"] = string(policy)
		}
	}
	return out
}

func (r *resolver) queue(p *props, res Resource) Queue {
	q := Queue{
		ID: res.ID, Name: res.Name, ARN: r.arn(res.Type, res.Name), Line: res.Line, FIFO: p.flag("FifoQueue", false),
		Visibility: p.seconds("VisibilityTimeout", 30), Retention: p.seconds("MessageRetentionPeriod", 345600),
		Delay: p.seconds("DelaySeconds", 0), Wait: p.seconds("ReceiveMessageWaitTimeSeconds", 0),
		MaxBytes:  p.num("MaximumMessageSize", 262144),
		Encrypted: p.has("KmsMasterKeyId") || p.flag("SqsManagedSseEnabled", false),
	}
	if v, err := r.attribute(res.ID, "Arn", res.Line); err == nil {
		q.ARN = v
	}
	redrive := p.sub("RedrivePolicy")
	q.deadLetterARN, q.MaxReceives = redrive.str("deadLetterTargetArn"), redrive.num("maxReceiveCount", 0)
	redrive.close()
	p.skip("QueueName", "KmsDataKeyReusePeriodSeconds", "Tags", "RedriveAllowPolicy", "ContentBasedDeduplication",
		"DeduplicationScope", "FifoThroughputLimit")
	return q
}

// Table is an AWS::DynamoDB::Table.
type Table struct {
	ID, Name   string
	Attributes []Attribute // of the keys
	Key        []Key
	Indexes    []Index
	TTL        string // attribute name; empty if off
	StreamView string // empty if there is no stream
	OnDemand   bool
	PITR       bool
	Protected  bool // deletion protection
	Encrypted  bool // with a customer's key
	Line       int

	streamARN string
}

// Attribute is the name and type (S, N, B) of a key attribute.
type Attribute struct{ Name, Type string }

// Key is one part of a key: HASH or RANGE.
type Key struct{ Name, Kind string }

// Index is a global secondary index.
type Index struct {
	Name       string
	Key        []Key
	Projection string // ALL, KEYS_ONLY or INCLUDE
	Include    []string
}

func (r *resolver) table(p *props, res Resource) Table {
	t := Table{
		ID: res.ID, Name: res.Name, Line: res.Line, Key: keySchema(p),
		OnDemand: p.str("BillingMode") == "PAY_PER_REQUEST", Protected: p.flag("DeletionProtectionEnabled", false),
	}
	p.each("AttributeDefinitions", func(s *props) {
		t.Attributes = append(t.Attributes, Attribute{Name: s.must("AttributeName"), Type: s.must("AttributeType")})
	})
	p.each("GlobalSecondaryIndexes", func(s *props) {
		ix := Index{Name: s.must("IndexName"), Key: keySchema(s)}
		projection := s.sub("Projection")
		ix.Projection, ix.Include = projection.must("ProjectionType"), projection.list("NonKeyAttributes")
		projection.close()
		s.skip("OnDemandThroughput", "WarmThroughput", "ContributorInsightsSpecification")
		t.Indexes = append(t.Indexes, ix)
	})
	if ttl := p.sub("TimeToLiveSpecification"); ttl.flag("Enabled", false) {
		t.TTL = ttl.must("AttributeName")
	}
	t.StreamView = p.sub("StreamSpecification").str("StreamViewType")
	t.PITR = p.sub("PointInTimeRecoverySpecification").flag("PointInTimeRecoveryEnabled", false)
	sse := p.sub("SSESpecification")
	t.Encrypted = sse.flag("SSEEnabled", false) && sse.str("SSEType") == "KMS"
	p.skip("TableName", "Tags", "TableClass", "ContributorInsightsSpecification", "OnDemandThroughput",
		"WarmThroughput", "ResourcePolicy")
	if v, err := r.attribute(res.ID, "StreamArn", res.Line); err == nil {
		t.streamARN = v
	}
	return t
}

func keySchema(p *props) []Key {
	var out []Key
	p.each("KeySchema", func(s *props) {
		out = append(out, Key{Name: s.must("AttributeName"), Kind: s.must("KeyType")})
	})
	return out
}

// LogGroup is an AWS::Logs::LogGroup.
type LogGroup struct {
	ID, Name      string
	RetentionDays int // 0 keeps for ever
	Encrypted     bool
	Line          int
}

func readLogGroup(p *props, res Resource) LogGroup {
	p.skip("LogGroupName", "Tags", "LogGroupClass", "DataProtectionPolicy", "FieldIndexPolicies",
		"DeletionProtectionEnabled")
	return LogGroup{
		ID: res.ID, Name: res.Name, Line: res.Line, RetentionDays: p.num("RetentionInDays", 0),
		Encrypted: p.has("KmsKeyId"),
	}
}

// Role is an AWS::IAM::Role with what it allows.
type Role struct {
	ID, Name, ARN string
	// AssumedBy are the services that may take the role.
	AssumedBy  []string
	Managed    []string // ARNs of managed policies
	Statements []Statement
	Line       int
}

// Statement is one statement of a role's inline policies.
type Statement struct {
	Policy, Sid, Effect      string
	Actions, Resources       []string
	NotActions, NotResources []string
	Condition                *yaml.Node // nil where the statement has none
	Line                     int
}

func (r *resolver) role(p *props, res Resource) Role {
	role := Role{
		ID: res.ID, Name: res.Name, ARN: r.arn(res.Type, res.Name), Line: res.Line,
		Managed: p.list("ManagedPolicyArns"),
	}
	if v, err := r.attribute(res.ID, "Arn", res.Line); err == nil {
		role.ARN = v
	}
	assume := p.sub("AssumeRolePolicyDocument")
	assume.skip("Version")
	assume.each("Statement", func(s *props) {
		who := s.sub("Principal")
		role.AssumedBy = append(role.AssumedBy, who.list("Service")...)
		who.skip("AWS")
		who.close()
		s.skip("Effect", "Action", "Condition", "Sid")
	})
	p.each("Policies", func(policy *props) {
		name := policy.must("PolicyName")
		doc := policy.sub("PolicyDocument")
		doc.skip("Version", "Id")
		doc.each("Statement", func(s *props) { role.Statements = append(role.Statements, statement(name, s)) })
		doc.close()
	})
	p.skip("RoleName", "Description", "Path", "PermissionsBoundary", "Tags", "MaxSessionDuration")
	return role
}

func statement(policy string, p *props) Statement {
	return Statement{
		Policy: policy, Sid: p.str("Sid"), Effect: p.must("Effect"), Actions: p.list("Action"),
		Resources: p.list("Resource"), NotActions: p.list("NotAction"), NotResources: p.list("NotResource"),
		Condition: p.get("Condition"), Line: p.line,
	}
}
