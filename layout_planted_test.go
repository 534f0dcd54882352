package almanac_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// fault is a mistake planted into a sound house, and what some check must say of it.
type fault struct {
	name     string
	old, put string // in template.yaml, the first time it stands there
	edit     func(h *house)
	want     string
}

// TestLayoutSeesFaults plants each mistake once: a check that never fails holds nothing together.
func TestLayoutSeesFaults(t *testing.T) {
	base := soundHouse(t)
	for _, p := range base.problems() {
		t.Errorf("the sound house: %s", p)
	}
	for _, list := range [][]fault{folderFaults(), functionFaults(), roleFaults(), apiFaults(), mappingFaults(), storeFaults(), alarmFaults()} {
		for _, f := range list {
			t.Run(f.name, func(t *testing.T) {
				h := soundHouse(t)
				if f.old != "" {
					if !strings.Contains(h.text, f.old) {
						t.Fatalf("template.yaml has no %q to replace", f.old)
					}
					h.text = strings.Replace(h.text, f.old, f.put, 1)
				}
				if f.edit != nil {
					f.edit(&h)
				}
				got := h.problems()
				if !strings.Contains(strings.Join(got, "\n"), f.want) {
					t.Errorf("want %q among the problems, got %q", f.want, got)
				}
			})
		}
	}
}

// soundHouse is the real template and runbook, with the files that must agree with them made to agree.
func soundHouse(t *testing.T) house {
	t.Helper()
	h := house{
		text: text(t, "template.yaml"), runbook: text(t, "docs/runbook.md"), deploy: text(t, "docs/deploy.md"), readme: "Type `make run`.\n", makefile: "run: build\n",
		events: map[string]string{}, exercised: map[string]bool{},
	}
	tpl, err := parse(h.text)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]map[string]any{}
	for _, f := range tpl.Functions {
		name, sample := kebab(f.ID), `{"Records":[{"eventSource":"aws:sqs"}]}`
		h.functions = append(h.functions, name)
		h.exercised[name] = true
		switch {
		case len(f.Routes) > 0:
			sample = fmt.Sprintf(`{"routeKey":%q}`, f.Routes[0].Key())
		case len(f.Streams) > 0:
			sample = `{"Records":[{"eventSource":"aws:dynamodb"}]}`
		case len(f.Schedules) > 0:
			sample = `{"source":"aws.scheduler"}`
		}
		h.events[name+".case.json"] = sample
		for env := range f.Env {
			h.config += fmt.Sprintf("%q\n", env)
		}
		for _, r := range f.Routes {
			if paths[r.Path] == nil {
				paths[r.Path] = map[string]any{}
			}
			paths[r.Path][strings.ToLower(r.Method)] = struct{}{}
		}
	}
	doc, err := json.Marshal(map[string]any{"paths": paths})
	if err != nil {
		t.Fatal(err)
	}
	h.openAPI = string(doc)
	return h
}

func folderFaults() []fault {
	return []fault{
		{name: "a template that is no YAML", old: "Resources:", put: "Resources: [", want: "yaml"},
		{name: "a folder without a function", edit: func(h *house) { h.functions = append(h.functions, "sms-dispatch") }, want: "functions/sms-dispatch is not in template.yaml"},
		{name: "a function without a folder", edit: func(h *house) { h.functions = h.functions[1:] }, want: "functions/booking/main.go is missing"},
		{name: "another function's code", old: "CodeUri: dist/clinic/", put: "CodeUri: dist/booking/", want: "Clinic: CodeUri"},
		{name: "an API without the shared tests", edit: func(h *house) { delete(h.exercised, "clinic") }, want: "functions/clinic calls clinictest.Exercise"},
		{name: "a function without a sample", edit: func(h *house) { delete(h.events, "fanout.case.json") }, want: "Fanout has no sample"},
		{name: "a sample without a function", edit: func(h *house) { h.events["sms.case.json"] = "{}" }, want: "no function is called sms"},
		{name: "a sample with a wrong name", edit: func(h *house) { h.events["booking.json"] = "{}" }, want: "not named <function>.<case>.json"},
		{name: "a sample that is no JSON", edit: func(h *house) { h.events["booking.x.json"] = "{" }, want: "events/booking.x.json: unexpected end"},
		{name: "a sample of a route that is gone", edit: func(h *house) { h.events["booking.x.json"] = `{"routeKey":"GET /v1/gone"}` }, want: `no route "GET /v1/gone"`},
		{name: "a queue's sample for a stream", edit: func(h *house) { h.events["fanout.x.json"] = h.events["email-dispatch.case.json"] }, want: `a record from "aws:sqs"`},
		{name: "a sample without records", edit: func(h *house) { h.events["fanout.x.json"] = "{}" }, want: "no records"},
		{name: "a rule's sample for a schedule", edit: func(h *house) { h.events["reconcile.x.json"] = `{"source":"aws.events"}` }, want: "not from the scheduler"},
		{name: "a variable that nobody reads", old: "ORGANISATION_CLAIM: ", put: "TENANT_CLAIM: ", want: "Booking is given TENANT_CLAIM"},
		{name: "a variable that nobody gives", edit: func(h *house) { h.config += `"SMS_QUEUE_URL"` }, want: "reads SMS_QUEUE_URL"},
		{name: "a route that is not described", edit: func(h *house) { h.openAPI = strings.Replace(h.openAPI, "/v1/me", "/v1/you", 1) }, want: "GET /v1/me is in template.yaml, but not in openapi.json"},
		{name: "a route that is only described", edit: func(h *house) { h.openAPI = strings.Replace(h.openAPI, "/v1/me", "/v1/you", 1) }, want: "GET /v1/you is in openapi.json, but not in template.yaml"},
		{name: "a missing document", edit: func(h *house) { h.openAPI = "" }, want: "functions/docs/openapi.json"},
		{name: "a parameter that is not explained", old: "  AlarmEmail:\n    Type: String\n", put: "  AlarmPhone:\n    Type: String\n    Default: none\n  AlarmEmail:\n    Type: String\n", want: "does not explain AlarmPhone"},
		{name: "a long README", edit: func(h *house) { h.readme = strings.Repeat("\n", 151) }, want: "more than 150"},
		{name: "a command that is gone", edit: func(h *house) { h.readme = "Then:\n\n    make smoke\n" }, want: "names make smoke"},
	}
}

func functionFaults() []fault {
	return []fault{
		{name: "another processor", old: "Architectures: [arm64]", put: "Architectures: [x86_64]", want: "Booking: runs on"},
		{name: "another runtime", old: "Runtime: provided.al2023", put: "Runtime: provided.al2", want: "Booking: runs on"},
		{name: "another handler", old: "Handler: bootstrap", put: "Handler: main", want: "Booking: runs on"},
		{name: "reserved concurrency", old: "CodeUri: dist/email-dispatch/", put: "CodeUri: dist/email-dispatch/\n      ReservedConcurrentExecutions: 5", want: "EmailDispatch: ReservedConcurrentExecutions"},
		{name: "policies of SAM", old: "CodeUri: dist/fanout/", put: "CodeUri: dist/fanout/\n      Policies: [AmazonSQSFullAccess]", want: "Fanout: Policies"},
		{name: "a slow API", old: "Timeout: 10", put: "Timeout: 30", want: "Booking: a caller would wait"},
		{name: "a small API", old: "MemorySize: 256", put: "MemorySize: 128", want: "Booking: 128 MB"},
		{name: "a shared log group", old: "LogGroup: !Ref DocsLogs", put: "LogGroup: !Ref ClinicLogs", want: `Docs: logs "JSON" lines to "ClinicLogs"`},
		{name: "text logs", old: "LogFormat: JSON", put: "LogFormat: Text", want: `Booking: logs "Text"`},
		{name: "logs without errors", old: "ApplicationLogLevel: INFO", put: "ApplicationLogLevel: WARN", want: "hides errors"},
		{name: "logs for ever", old: "Properties: {RetentionInDays: !Ref LogRetentionDays, KmsKeyId: !GetAtt Key.Arn}", put: "Properties: {KmsKeyId: !GetAtt Key.Arn}", want: "BookingLogs: kept 0 days"},
		{name: "logs in the clear", old: "Properties: {RetentionInDays: !Ref LogRetentionDays, KmsKeyId: !GetAtt Key.Arn}", put: "Properties: {RetentionInDays: 90}", want: "encrypted false"},
	}
}

func roleFaults() []fault {
	return []fault{
		{name: "no role", old: "      Role: !GetAtt FanoutRole.Arn\n", want: `Fanout: its role is ""`},
		{name: "another function's role", old: "Role: !GetAtt DocsRole.Arn", put: "Role: !GetAtt ClinicRole.Arn", want: `Docs: its role is "ClinicRole"`},
		{name: "a role that others may take", old: "{Service: lambda.amazonaws.com}", put: "{Service: [lambda.amazonaws.com, ec2.amazonaws.com]}", want: "BookingRole: [lambda.amazonaws.com ec2.amazonaws.com]"},
		{name: "a managed policy", old: "  DocsRole:\n    Type: AWS::IAM::Role\n    Properties:\n", put: "  DocsRole:\n    Type: AWS::IAM::Role\n    Properties:\n      ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]\n", want: "DocsRole: managed policies"},
		{name: "a wildcard action", old: "dynamodb:BatchGetItem", put: "dynamodb:*", want: "dynamodb:* is not an action"},
		{name: "a scan", old: "dynamodb:BatchGetItem", put: "dynamodb:Scan", want: "dynamodb:Scan is not an action"},
		{name: "every resource", old: "Resource: !GetAtt Table.Arn", put: `Resource: "*"`, want: `Resource "*" is too wide`},
		{name: "every index", old: `"${Table.Arn}/index/GSI1"`, put: `"${Table.Arn}/index/*"`, want: "index/*\" is too wide"},
		{name: "every log group", old: "Resource: !GetAtt BookingLogs.Arn", put: `Resource: !Sub "arn:aws:logs:eu-west-2:${AWS::AccountId}:log-group:*:*"`, want: "is too wide"},
		{name: "another function's log group", old: "Resource: !GetAtt BookingLogs.Arn", put: "Resource: !GetAtt ClinicLogs.Arn", want: "BookingRole: may write to"},
		{name: "all but some", old: "Resource: !GetAtt Table.Arn", put: "NotResource: !GetAtt Table.Arn", want: "only plain Allow"},
		{name: "a denial", old: "                Effect: Allow\n                Action: sqs", put: "                Effect: Deny\n                Action: sqs", want: "only plain Allow"},
		{name: "the key for everything", old: `                Condition: {StringEquals: {"kms:ViaService": !Sub "dynamodb.${AWS::Region}.amazonaws.com"}}` + "\n", want: "the key may be used outside"},
		{name: "the key through another service", old: `"dynamodb.${AWS::Region}.amazonaws.com"`, put: `"ec2.${AWS::Region}.amazonaws.com"`, want: "the key may be used outside"},
		{name: "the root keys for more", old: "Action: [kms:Decrypt, kms:GenerateDataKeyWithoutPlaintext]", put: "Action: [kms:Decrypt, kms:GenerateDataKey]", want: "the key may be used outside"},
		{name: "signing in any way", old: `                Condition: {StringEquals: {"kms:SigningAlgorithm": RSASSA_PKCS1_V1_5_SHA_512}}` + "\n", want: "the key may be used outside"},
		{name: "every object", old: `"${UploadBucket.Arn}/uploads/*"`, put: `"${UploadBucket.Arn}/*"`, want: "is too wide"},
		{name: "keys that come back", old: "PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: false}", put: "PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}", want: "KeyTable: point-in-time recovery is true"},
		{name: "a patient waits for long", old: "Timeout: 29", put: "Timeout: 40", want: "Sharing: a caller would wait 40s"},
		{name: "mail from anybody", old: `                Condition: {StringEquals: {"ses:FromAddress": !Ref MailFrom}}` + "\n", want: "mail may be sent from any address"},
		{name: "a second sender", old: "                Action: [sqs:ChangeMessageVisibility, sqs:DeleteMessage,", put: "                Action: [sqs:ChangeMessageVisibility, sqs:SendMessage, sqs:DeleteMessage,", want: "EmailDispatchRole may send to EmailQueue"},
		{name: "a second worker", old: "Action: sqs:SendMessage", put: "Action: [sqs:SendMessage, sqs:DeleteMessage]", want: "FanoutRole may take messages from EmailQueue"},
	}
}

func apiFaults() []fault {
	return []fault{
		{name: "no throttling", old: "ThrottlingRateLimit: !Ref ThrottleRate", put: "ThrottlingRateLimit: 0", want: "rate 0"},
		{name: "no default log-in", old: "        DefaultAuthorizer: Login\n", want: "a route that names no authorizer"},
		{name: "no default scope", old: "            AuthorizationScopes: [almanac/use]\n            Jwt", put: "            Jwt", want: "a route that names no authorizer"},
		{name: "other sites", old: "      StageName: $default\n", put: "      StageName: $default\n      CorsConfiguration: {AllowOrigins: [https://example.org]}\n", want: "pages of other sites"},
		{name: "paths in the log", old: "$context.routeKey", put: "$context.path", want: "the access log would hold path"},
		{name: "addresses in the log", old: "$context.requestId", put: "$context.identity.sourceIp", want: "the access log would hold identity.sourceIp"},
		{name: "no access log", old: "      AccessLogSettings:\n", put: "      Tags:\n", want: "no access log"},
		{name: "an open route", old: "Path: /v1/patients, ApiId: !Ref Api, Auth: {Authorizer: Login, AuthorizationScopes: [almanac/use]}", put: "Path: /v1/patients, ApiId: !Ref Api, Auth: {Authorizer: NONE}", want: `POST /v1/patients: log-in ""`},
		{name: "the weaker scope", old: "almanac/operate]}}", put: "almanac/use]}}", want: "POST /v1/organisations: log-in"},
		{name: "a scope of somebody else", old: "Path: /v1/me, ApiId: !Ref Api, Auth: {Authorizer: Login, AuthorizationScopes: [almanac/use]}", put: "Path: /v1/me, ApiId: !Ref Api, Auth: {Authorizer: Login, AuthorizationScopes: [openid]}", want: "GET /v1/me: log-in"},
		{name: "every method", old: "Method: GET, Path: /v1/me", put: "Method: ANY, Path: /v1/me", want: "takes more than one request"},
		{name: "every path", old: "Path: /v1/me", put: "Path: \"/v1/{proxy+}\"", want: "takes more than one request"},
		{name: "a route twice", old: "Path: /v1/me", put: "Path: /v1/sites", want: "GET /v1/sites is declared twice"},
		{name: "a public route that is gone", old: "Path: /healthz", put: "Path: /health", want: "GET /healthz is allowed to be public"},
	}
}

func mappingFaults() []fault {
	sqs := "            Queue: !GetAtt EmailQueue.Arn\n            BatchSize: 10\n            FunctionResponseTypes: [ReportBatchItemFailures]\n"
	return []fault{
		{name: "failures that are lost", old: sqs, put: "            Queue: !GetAtt EmailQueue.Arn\n", want: "EmailDispatch: Queue lacks ReportBatchItemFailures"},
		{name: "no limit of concurrency", old: "            ScalingConfig: {MaximumConcurrency: 5}", put: "           ", want: "lacks MaximumConcurrency"},
		{name: "a short visibility", old: "VisibilityTimeout: 180", put: "VisibilityTimeout: 179", want: "EmailQueue hides a message for 2m59s"},
		{name: "no dead letters", old: "      RedrivePolicy: {deadLetterTargetArn: !GetAtt EmailDeadLetters.Arn, maxReceiveCount: 30}\n", want: `EmailQueue gives up after 0 attempts to ""`},
		{name: "too many attempts", old: "maxReceiveCount: 30", put: "maxReceiveCount: 50", want: "gives up after 50"},
		{name: "too little patience", old: "maxReceiveCount: 30", put: "maxReceiveCount: 16", want: "EmailQueue gives up after about 21m45s, not 30m0s"},
		{name: "given up before it is taken over", old: "deadLetterTargetArn: !GetAtt VideoDeadLetters.Arn, maxReceiveCount: 30", put: "deadLetterTargetArn: !GetAtt VideoDeadLetters.Arn, maxReceiveCount: 4", want: "VideoQueue gives up before anybody takes over"},
		{name: "failures that may not be hidden", old: "Action: [sqs:ChangeMessageVisibility, ", put: "Action: [", want: "EmailDispatchRole may not hide what failed of EmailQueue"},
		{name: "a queue that its worker does not know", edit: func(h *house) {
			h.text = strings.Replace(h.text, "          ASKED_QUEUE_URL: !Ref AskedQueue\n          PDS_", "          PDS_", 1)
		}, want: "PdsLookup does not know where AskedQueue is"},
		{name: "failures unheard of", old: "LogGroupName: !Ref ZoomNoticesLogs\n      FilterPattern: '{ $.outcome", put: "LogGroupName: !Ref ZoomMeetingsLogs\n      FilterPattern: '{ $.outcome", want: "ZoomNotices: nobody hears of work that fails"},
		{name: "endless retries", old: "            MaximumRetryAttempts: 8\n", want: "hold up the shard"},
		{name: "endless age", old: "            MaximumRecordAgeInSeconds: 21600\n", want: "hold up the shard"},
		{name: "no bisecting", old: "BisectBatchOnFunctionError: true", put: "BisectBatchOnFunctionError: false", want: "one bad record fails its whole batch"},
		{name: "stream failures that are lost", old: "            FunctionResponseTypes: [ReportBatchItemFailures]\n            DestinationConfig", put: "            DestinationConfig", want: "one bad record fails its whole batch"},
		{name: "nothing kept of what is given up", old: "            DestinationConfig:\n              OnFailure: {Type: SQS, Destination: !GetAtt FanoutDeadLetters.Arn}\n", want: "what is given up is not kept"},
		{name: "only new records", old: "StartingPosition: TRIM_HORIZON", put: "StartingPosition: LATEST", want: "from LATEST"},
		{name: "a wider filter", old: `"eventName":["INSERT"],`, put: "", want: "Fanout: Stream: filters"},
		{name: "a schedule without dead letters", old: "            DeadLetterConfig: {Arn: !GetAtt ReconcileDeadLetters.Arn}\n", want: "a run that cannot be started disappears"},
		{name: "late runs", old: "            RetryPolicy: {MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 2}\n", want: "retried 185 times"},
		{name: "a role of SAM's", old: "            RoleArn: !GetAtt SweepScheduleRole.Arn\n", want: "no role of its own"},
		{name: "failed runs that disappear", old: "      EventInvokeConfig:\n        MaximumEventAgeInSeconds: 300\n        MaximumRetryAttempts: 1\n        DestinationConfig:\n          OnFailure: {Type: SQS, Destination: !GetAtt ReconcileDeadLetters.Arn}\n", want: "no destination for runs that fail"},
	}
}

func storeFaults() []fault {
	return []fault{
		{name: "a queue in the clear", old: "      KmsMasterKeyId: !GetAtt Key.Arn\n      Redrive", put: "      Redrive", want: "EmailQueue: not encrypted"},
		{name: "dead letters for four days", old: "MessageRetentionPeriod: 1209600", put: "MessageRetentionPeriod: 345600", want: "EmailDeadLetters: dead letters are kept for 96h"},
		{name: "what Zoom told for a fortnight", old: "MessageRetentionPeriod: 777600", put: "MessageRetentionPeriod: 1209600", want: "NoticeDeadLetters: dead letters are kept for 336h"},
		{name: "another key", old: "{AttributeName: SK, KeyType: RANGE}", put: "{AttributeName: GSK, KeyType: RANGE}", want: "Table: keys"},
		{name: "another projection", old: "ProjectionType: ALL", put: "ProjectionType: KEYS_ONLY", want: "Table: keys"},
		{name: "no expiry", old: "AttributeName: ttl, Enabled: true", put: "AttributeName: ttl, Enabled: false", want: "Table: keys"},
		{name: "half a stream", old: "NEW_AND_OLD_IMAGES", put: "KEYS_ONLY", want: "Table: keys"},
		{name: "paid for while idle", old: "      BillingMode: PAY_PER_REQUEST\n", want: "Table: not on demand"},
		{name: "no recovery", old: "PointInTimeRecoveryEnabled: true", put: "PointInTimeRecoveryEnabled: false", want: "Table: point-in-time recovery is false"},
		{name: "no protection", old: "DeletionProtectionEnabled: true", put: "DeletionProtectionEnabled: false", want: "Table: it can be lost"},
		{name: "deleted with the stack", old: "Table\n    DeletionPolicy: Retain", put: "Table\n    DeletionPolicy: Delete", want: "Table: it can be lost"},
		{name: "replaced by an update", old: "Table\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain", put: "Table\n    DeletionPolicy: Retain", want: "Table: it can be lost"},
		{name: "AWS's own key", old: "SSEType: KMS, KMSMasterKeyId: !GetAtt Key.Arn", put: "SSEType: KMS", want: "Table: not encrypted"},
		{name: "a key that stays the same", old: "EnableKeyRotation: true", put: "EnableKeyRotation: false", want: "Key: not rotated"},
		{name: "a key lost with the stack", old: "AWS::KMS::Key\n    DeletionPolicy: Retain", put: "AWS::KMS::Key\n    DeletionPolicy: Delete", want: "Key: not rotated, or lost"},
		{name: "a key policy by wildcard", old: "              - kms:CancelKeyDeletion\n", put: "              - kms:*\n", want: "Key: Account allows"},
		{name: "a key for anybody", old: "            Condition:\n              StringEquals: {\"aws:SourceAccount\": !Ref \"AWS::AccountId\"}\n", want: "Key: AlarmsOfThisAccount lets"},
	}
}

func alarmFaults() []fault {
	return []fault{
		{name: "dead letters unseen", old: "!GetAtt FanoutDeadLetters.QueueName}]", put: "!GetAtt EmailDeadLetters.QueueName}]", want: "no alarm on AWS/SQS ApproximateNumberOfMessagesVisible of almanac-FanoutDeadLetters"},
		{name: "errors unseen", old: "MetricName: Errors\n      Dimensions: [{Name: FunctionName, Value: !Ref Docs}]", put: "MetricName: Errors\n      Dimensions: [{Name: FunctionName, Value: !Ref Clinic}]", want: "no alarm on AWS/Lambda Errors of almanac-Docs"},
		{name: "throttling unseen", old: "MetricName: Throttles", put: "MetricName: Invocations", want: "no alarm on AWS/Lambda Throttles of almanac-Booking"},
		{name: "lateness unseen", old: "MetricName: ApproximateAgeOfOldestMessage", put: "MetricName: NumberOfMessagesSent", want: "no alarm on AWS/SQS ApproximateAgeOfOldestMessage of almanac-EmailQueue"},
		{name: "silence unseen", old: "TreatMissingData: breaching", put: "TreatMissingData: notBreaching", want: "no alarm on AWS/Lambda Invocations of almanac-Reconcile"},
		{name: "an alarm that tells nobody", old: "      AlarmActions: [!Ref Alarms]\n", want: "EmailDeadLettersWaiting: tells nobody"},
		{name: "alarms in the clear", old: "{DisplayName: Almanac alarms, KmsMasterKeyId: !GetAtt Key.Arn}", put: "{DisplayName: Almanac alarms}", want: "Alarms: not a topic encrypted"},
		{name: "a lost grant unheard of", old: "LogGroupName: !Ref VideoLogs\n      FilterPattern: '{ $.code = \"grant", put: "LogGroupName: !Ref PublicLogs\n      FilterPattern: '{ $.code = \"grant", want: "Video: nobody hears of grant_lost_risk"},
		{name: "an alarm without a chapter", old: "docs/runbook.md#mail-is-late", put: "docs/runbook.md#nothing", want: `EmailQueueLate: docs/runbook.md has no chapter "nothing"`},
		{name: "stream age unseen", edit: func(h *house) { h.text = strings.ReplaceAll(h.text, "MetricName: IteratorAge", "MetricName: Duration") }, want: "no alarm on AWS/Lambda IteratorAge"},
		{name: "API failures unseen", old: "MetricName: 5xx", put: "MetricName: 4xx", want: "no alarm on AWS/ApiGateway 5xx"},
		{name: "any region", old: `      - Assert: !Equals [!Ref "AWS::Region", eu-west-2]`, put: `      - Assert: !Equals [!Ref "AWS::Region", !Ref "AWS::Region"]`, want: "no rule keeps the stack"},
		{name: "another region", old: "Principal: {Service: cloudwatch.amazonaws.com}", put: "Principal: {Service: logs.eu-west-1.amazonaws.com}", want: "template.yaml names eu-west-1"},
	}
}
