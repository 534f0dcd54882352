package cfn_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"almanac/infra/cfn"
)

func mustLoad(t *testing.T, v cfn.Values) *cfn.Template {
	t.Helper()
	if v.Parameters == nil {
		v.Parameters = map[string]string{}
	}
	v.Parameters["Issuer"] = "https://issuer.example"
	tpl, err := cfn.Load("testdata/small.yaml", v)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// compare ignores lines, which the error tests look at, and what only the reader itself uses.
func compare(t *testing.T, got, want any) {
	t.Helper()
	lines := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Line" }, cmp.Ignore())
	private := cmpopts.IgnoreUnexported(cfn.Function{}, cfn.Async{}, cfn.StreamTrigger{}, cfn.Schedule{}, cfn.Queue{}, cfn.Table{}, yaml.Node{})
	if d := cmp.Diff(want, got, lines, private, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestFunctions(t *testing.T) {
	tpl := mustLoad(t, cfn.Values{})
	compare(t, tpl.Functions, []cfn.Function{
		{
			ID: "Web", Name: "almanac-Web", ARN: "arn:aws:lambda:eu-west-2:000000000000:function:almanac-Web", CodeURI: "dist/web/",
			Handler: "bootstrap", Runtime: "provided.al2023", Archs: []string{"arm64"}, Timeout: 20 * time.Second, MemoryMB: 128,
			Role: "WebRole", LogGroup: "Logs", LogFormat: "JSON", Async: cfn.Async{MaxRetries: 2, MaxAge: 6 * time.Hour},
			Env: map[string]string{
				"STAGE": "dev", "SAME": "own", "TABLE": "clinic-dev", "JOINED": "a-dev-y", "SUBMAP": "no-dev", "LONG": "30", "EMPTY": "",
				"QUEUE": "https://sqs.eu-west-2.amazonaws.com/000000000000/almanac-Work",
				"SUB":   "dev/arn:aws:dynamodb:eu-west-2:000000000000:table/clinic-dev/${Literal}/eu-west-2",
			},
			Routes: []cfn.Route{
				{ID: "List", API: "Api", Method: "GET", Path: "/items", Authorizer: "Login", Scopes: []string{"use"}, Timeout: 30 * time.Second},
				{ID: "Operate", API: "Api", Method: "POST", Path: "/items/{id}", Authorizer: "Login", Scopes: []string{"operate"}, Timeout: 5 * time.Second},
				{ID: "Health", API: "Api", Method: "GET", Path: "/healthz", Timeout: 30 * time.Second},
			},
		},
		{
			ID: "Worker", Name: "almanac-Worker", ARN: "arn:aws:lambda:eu-west-2:000000000000:function:almanac-Worker",
			CodeURI: "dist/worker/", Runtime: "provided.al2023", Archs: []string{"arm64"}, Timeout: 30 * time.Second, MemoryMB: 128,
			Env:   map[string]string{"STAGE": "dev", "SAME": "global"},
			Async: cfn.Async{MaxRetries: 1, MaxAge: 6 * time.Hour, OnFailure: "Dead"},
			Queues: []cfn.QueueTrigger{{
				ID: "Queue", Queue: "Work", QueueARN: "arn:aws:sqs:eu-west-2:000000000000:almanac-Work", BatchSize: 25, Window: 2 * time.Second,
				MaximumConcurrency: 7, ReportFailures: true, Filters: []string{`{"body":{"a":[1]}}`}, Enabled: true,
			}},
			Streams: []cfn.StreamTrigger{{
				ID: "Stream", Table: "Table", StartingPosition: "TRIM_HORIZON", BatchSize: 100, Parallel: 1, Bisect: true, MaxRetries: 8,
				MaxAge: time.Hour, ReportFailures: true, OnFailure: "Dead", Enabled: true,
			}},
			Schedules: []cfn.Schedule{{
				ID: "Night", Name: "almanac-WorkerNight", Expression: "cron(30 2 * * ? *)", Zone: "Europe/London", Flexible: 15 * time.Minute,
				MaxRetries: 3, MaxAge: 24 * time.Hour, DeadLetter: "Dead",
			}},
		},
	})
}

func TestStores(t *testing.T) {
	tpl := mustLoad(t, cfn.Values{})
	compare(t, tpl.Queues, []cfn.Queue{
		{
			ID: "Work", Name: "almanac-Work", ARN: "arn:aws:sqs:eu-west-2:000000000000:almanac-Work", Visibility: 3 * time.Minute,
			Retention: 96 * time.Hour, MaxBytes: 262144, DeadLetter: "Dead", MaxReceives: 5,
		},
		{
			ID: "Dead", Name: "dead", ARN: "arn:aws:sqs:eu-west-2:000000000000:dead", Visibility: 30 * time.Second, Retention: 336 * time.Hour,
			MaxBytes: 262144, Encrypted: true,
		},
	})
	compare(t, tpl.Queues[0].Attributes("arn:dead"), map[string]string{
		"VisibilityTimeout": "180", "MessageRetentionPeriod": "345600", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0",
		"MaximumMessageSize": "262144", "RedrivePolicy": `{"deadLetterTargetArn":"arn:dead","maxReceiveCount":5}`,
	})
	compare(t, tpl.Tables, []cfn.Table{{
		ID: "Table", Name: "clinic-dev", Attributes: []cfn.Attribute{{"PK", "S"}, {"SK", "S"}, {"GPK", "S"}},
		Key: []cfn.Key{{"PK", "HASH"}, {"SK", "RANGE"}}, TTL: "ttl", StreamView: "NEW_AND_OLD_IMAGES", OnDemand: true, PITR: true,
		Protected: true, Encrypted: true,
		Indexes: []cfn.Index{{Name: "GSI1", Key: []cfn.Key{{"GPK", "HASH"}, {"SK", "RANGE"}}, Projection: "INCLUDE", Include: []string{"a"}}},
	}})
	in := tpl.Tables[0].CreateInput()
	if *in.TableName != "clinic-dev" || len(in.KeySchema) != 2 || len(in.GlobalSecondaryIndexes) != 1 || !*in.StreamSpecification.StreamEnabled ||
		*tpl.Tables[0].TTLInput().TimeToLiveSpecification.AttributeName != "ttl" {
		t.Errorf("%+v", in)
	}
	compare(t, tpl.LogGroups, []cfn.LogGroup{{ID: "Logs", Name: "almanac-Logs", RetentionDays: 30}})
}

func TestAPIAndRole(t *testing.T) {
	tpl := mustLoad(t, cfn.Values{})
	compare(t, tpl.APIs, []cfn.API{{
		ID: "Api", Stage: "$default", DefaultAuthorizer: "Login", AccessLog: true, Burst: 200, Rate: 100,
		Authorizers: map[string]cfn.Authorizer{"Login": {
			Name: "Login", Issuer: "https://issuer.example", Audience: []string{"staff", "operator"}, Scopes: []string{"use"},
			Source: "$request.header.Authorization",
		}},
		CORS: &cfn.CORS{Origins: []string{"https://app.example"}, Methods: []string{"GET"}, MaxAge: 10 * time.Minute, Credentials: true},
	}})
	role, _ := tpl.Role("WebRole")
	if role.AssumedBy[0] != "lambda.amazonaws.com" || role.Managed[0] != "arn:aws:iam::aws:policy/x" || len(role.Statements) != 2 {
		t.Fatalf("%+v", role)
	}
	s := role.Statements[0]
	if s.Policy != "table" || s.Sid != "Read" || s.Effect != "Allow" || fmt.Sprint(s.Actions) != "[dynamodb:GetItem dynamodb:Query]" ||
		fmt.Sprint(s.Resources) != "[arn:aws:dynamodb:eu-west-2:000000000000:table/clinic-dev]" || s.Condition != nil {
		t.Errorf("%+v", s)
	}
	if role.Statements[1].Condition == nil || role.Statements[1].Actions[0] != "kms:Decrypt" {
		t.Errorf("%+v", role.Statements[1])
	}
}

func TestValues(t *testing.T) {
	tpl := mustLoad(t, cfn.Values{
		Parameters: map[string]string{"Stage": "live"}, Region: "eu-west-1", Account: "1", Stack: "s",
		Lookup: func(r cfn.Reference) (string, bool) {
			if r.Type == "AWS::SQS::Queue" && r.Attribute == "" {
				return "http://127.0.0.1/q/" + r.Name, true
			}
			return "", false
		},
	})
	web, _ := tpl.Function("Web")
	worker, _ := tpl.Function("Worker")
	if web.MemoryMB != 512 || web.Env["GONE"] != "x" || web.Env["SUBMAP"] != "yes-live" || !worker.Schedules[0].Enabled {
		t.Errorf("%+v", web)
	}
	if web.Env["QUEUE"] != "http://127.0.0.1/q/s-Work" || worker.Queues[0].QueueARN != "arn:aws:sqs:eu-west-1:1:s-Work" {
		t.Errorf("%+v", web.Env)
	}
	if _, ok := tpl.Queue("OnlyLive"); !ok {
		t.Error("a resource whose condition holds is missing")
	}
	compare(t, tpl.Outputs, map[string]string{"Url": "https://s-Api", "LiveQueue": "http://127.0.0.1/q/s-OnlyLive"})
	compare(t, mustLoad(t, cfn.Values{}).Outputs, map[string]string{"Url": "https://almanac-Api"})
}

func TestResources(t *testing.T) {
	tpl := mustLoad(t, cfn.Values{})
	seen := map[string]cfn.Resource{}
	for _, r := range tpl.Resources {
		seen[r.ID] = r
	}
	var alarm struct {
		AlarmName string `yaml:"AlarmName"`
	}
	if err := seen["Alarm"].Decode(&alarm); err != nil || alarm.AlarmName != "almanac-Web-errors" {
		t.Error(alarm, err)
	}
	if seen["Table"].DeletionPolicy != "Retain" || seen["Work"].DeletionPolicy != "" {
		t.Errorf("%+v", seen["Table"])
	}
	if _, ok := seen["OnlyLive"]; ok {
		t.Error("a resource whose condition does not hold is there")
	}
}

func TestImplicitAPI(t *testing.T) {
	tpl, err := cfn.Parse([]byte(`
Globals: {HttpApi: {Auth: {Authorizers: {A: {JwtConfiguration: {issuer: i, audience: [a]}}}}}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: d, Events: {E: {Type: HttpApi, Properties: {Path: /a, Method: GET, Auth: {Authorizer: A}}}}}}
`), cfn.Values{})
	if err != nil {
		t.Fatal(err)
	}
	if f := tpl.Functions[0]; len(tpl.APIs) != 1 || f.Routes[0].API != tpl.APIs[0].ID || f.Routes[0].Authorizer != "A" {
		t.Errorf("%+v", tpl)
	}
}

// Each change breaks the template in one place; the error must say what and where.
func TestErrors(t *testing.T) {
	src, err := os.ReadFile("testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, from, to, want string }{
		{"unknown section", "Outputs:\n", "Output:\n", "unknown section Output"},
		{"unknown function", "!Join", "!Cidr", "function Cidr is not known"},
		{"unknown long function", `{"Fn::Sub": "${Days}"}`, `{"Fn::ImportValue": x}`, "function ImportValue is not known"},
		{"unknown reference", "TABLE: !Ref Table", "TABLE: !Ref Tabel", "nothing is called Tabel"},
		{"unknown reference in Sub", "${Table.Arn}", "${Tabel.Arn}", "nothing is called Tabel"},
		{"unknown condition", "!If [Live, x,", "!If [Alive, x,", "no condition is called Alive"},
		{"circular condition", "Live: !Equals [!Ref Stage, live]", "Live: !Not [!Condition NotLive]", "depends on itself"},
		{"circular name", `TableName: !Sub "clinic-${Stage}"`, "TableName: !Ref Table", "depends on itself"},
		{"unknown function property", "      Handler: bootstrap\n", "      Handler: bootstrap\n      SnapStart: x\n", "property SnapStart is not known"},
		{"unknown event", "Night:\n          Type: ScheduleV2", "Night:\n          Type: Schedule", "event type Schedule is not known"},
		{"unknown event property", "BisectBatchOnFunctionError: true", "BisectBatch: true", "property BisectBatch is not known"},
		{"unknown route property", "Method: get", "Methods: get", "property Methods is not known"},
		{"unknown queue property", "VisibilityTimeout: 180", "VisibilityTimeOut: 180", "property VisibilityTimeOut is not known"},
		{"unknown table property", "BillingMode:", "BilingMode:", "property BilingMode is not known"},
		{"unknown attribute", "DeletionPolicy: Retain", "DeletePolicy: Retain", "unknown attribute DeletePolicy"},
		{"another source of events", "AWS::CloudWatch::Alarm", "AWS::Lambda::EventSourceMapping", "cannot run locally"},
		{"no starting position", "StartingPosition: TRIM_HORIZON", "Enabled: true", "StartingPosition is missing"},
		{"response type", "MaximumRecordAgeInSeconds: 3600\n            FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: [Report]", "Report is not known"},
		{"concurrency", "MaximumConcurrency: 7", "MaximumConcurrency: 1", "MaximumConcurrency must be 2 to 1000"},
		{"batch without window", "            MaximumBatchingWindowInSeconds: 2\n", "", "BatchSize above 10 needs"},
		{"no number", "BatchSize: 25", "BatchSize: many", "BatchSize must be a number"},
		{"queue of another stack", "Queue: !GetAtt Work.Arn", "Queue: arn:aws:sqs:eu-west-2:1:x", "no queue of this template has the ARN"},
		{"no stream", "      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}\n", "", "no table of this template has the stream"},
		{"unknown authorizer", "Auth: {AuthorizationScopes: [operate]}", "Auth: {Authorizer: Logon}", "has no authorizer Logon"},
		{"scopes without authorizer", "Auth: {Authorizer: NONE}", "Auth: {Authorizer: NONE, AuthorizationScopes: [a]}", "scopes without an authorizer"},
		{"unknown API", "ApiId: !Ref Api, Path: /healthz", "ApiId: Appi, Path: /healthz", "no HTTP API is called Appi"},
		{"path", "Path: /healthz", "Path: healthz", "Path must begin with /"},
		{"given twice", "Timeout: \"30\"", "Timeout: \"30\"\n      Timeout: 31", "Timeout is given twice"},
		{"alias", "Handler: bootstrap", "Handler: &h bootstrap\n      Description: *h", "CloudFormation knows no aliases"},
		{"parameter without value", "Stage: {Type: String, Default: dev", "Stage: {Type: String", "Stage has no default and was not given"},
		{"value not allowed", "Default: dev", "Default: test", `"test" is not one of dev, live`},
		{"select", "!Select [1,", "!Select [2,", "Select: no value 2"},
		{"no mapping", "!FindInMap [Sizes,", "!FindInMap [Size,", "no mapping Size.dev.Memory"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(string(src), c.from) {
				t.Fatalf("the template has no %q", c.from)
			}
			broken := strings.Replace(string(src), c.from, c.to, 1)
			_, err := cfn.Parse([]byte(broken), cfn.Values{Parameters: map[string]string{"Issuer": "i"}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if !strings.Contains(err.Error(), "line ") && !strings.Contains(err.Error(), "cfn: ") {
				t.Errorf("no line: %v", err)
			}
		})
	}
	if _, err := cfn.Parse(src, cfn.Values{Parameters: map[string]string{"Issuer": "i", "Nope": "x"}}); err == nil {
		t.Error("an undeclared parameter was accepted")
	}
	if _, err := cfn.Load("testdata/none.yaml", cfn.Values{}); err == nil {
		t.Error("a missing file was accepted")
	}
}

// The line of an error is that of the mistake.
func TestErrorLine(t *testing.T) {
	_, err := cfn.Parse([]byte("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      DelaySeconds: 1\n      Delay: 2\n"), cfn.Values{})
	if err == nil || !strings.HasPrefix(err.Error(), "line 6: Q: ") {
		t.Error(err)
	}
}

// What is deployed must be readable here.
func TestRealTemplate(t *testing.T) {
	tpl, err := cfn.Load("../../template.yaml", cfn.Values{Parameters: map[string]string{"MailFrom": "bookings@mail.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(tpl.Functions) < 6 || len(tpl.Tables) != 2 || len(tpl.APIs) != 1 || len(tpl.Queues) < 2 {
		t.Errorf("%d functions, %d tables, %d APIs, %d queues", len(tpl.Functions), len(tpl.Tables), len(tpl.APIs), len(tpl.Queues))
	}
	for _, f := range tpl.Functions {
		if f.Role == "" || f.LogGroup == "" || len(f.Routes)+len(f.Queues)+len(f.Streams)+len(f.Schedules) == 0 {
			t.Errorf("%+v", f)
		}
	}
}

func FuzzParse(f *testing.F) {
	src, err := os.ReadFile("testdata/small.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src)
	f.Add([]byte("Resources: {A: {Type: !Sub [x]}}"))
	f.Fuzz(func(_ *testing.T, src []byte) {
		_, _ = cfn.Parse(src, cfn.Values{}) // it must not panic
	})
}
