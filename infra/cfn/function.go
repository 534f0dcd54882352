package cfn

import (
	"time"
)

// Function is an AWS::Serverless::Function.
type Function struct {
	ID       string // logical ID, such as EmailDispatch
	Name     string // physical name
	ARN      string
	CodeURI  string // folder that holds bootstrap, relative to the template
	Handler  string
	Runtime  string
	Archs    []string
	Timeout  time.Duration
	MemoryMB int
	Env      map[string]string
	// Role is the logical ID of the explicit role; empty if the template leaves the role to SAM.
	Role string
	// LogGroup is the logical ID of the declared log group; empty if there is none.
	LogGroup  string
	LogFormat string
	LogLevel  string // of the application's own lines
	// ReservedConcurrency is 0 where nothing is reserved.
	ReservedConcurrency int
	AutoPublishAlias    string
	// Async says what becomes of asynchronous invocations, such as a schedule's, that fail.
	Async Async

	Routes    []Route
	Queues    []QueueTrigger
	Streams   []StreamTrigger
	Schedules []Schedule
	Line      int

	logGroupName, roleARN string
}

// Async is the EventInvokeConfig of a function.
type Async struct {
	MaxRetries int
	MaxAge     time.Duration
	// OnFailure is the logical ID of the queue for what was given up; empty if there is none.
	OnFailure string

	onFailureARN string
}

// Route is an HttpApi event: one method and path of an HTTP API.
type Route struct {
	ID     string // the event's name
	API    string // logical ID
	Method string // upper case; ANY for every method
	Path   string
	// Authorizer names the API's JWT authorizer; empty lets everyone in.
	Authorizer string
	// Scopes are those of which the token needs one; empty asks for none.
	Scopes  []string
	Timeout time.Duration
	Line    int
}

// Key is the route as API Gateway writes it, such as "GET /v1/sites/{id}".
func (r Route) Key() string {
	if r.Path == "$default" {
		return r.Path
	}
	return r.Method + " " + r.Path
}

// QueueTrigger is an SQS event source mapping.
type QueueTrigger struct {
	ID                 string
	Queue              string // logical ID
	QueueARN           string
	BatchSize          int
	Window             time.Duration
	MaximumConcurrency int // 0 where none is set
	ReportFailures     bool
	Filters            []string // patterns, as JSON
	Enabled            bool
	Line               int
}

// StreamTrigger is a DynamoDB stream event source mapping.
type StreamTrigger struct {
	ID               string
	Table            string // logical ID
	StartingPosition string
	BatchSize        int
	Window           time.Duration
	Parallel         int
	Bisect           bool
	MaxRetries       int           // -1 retries until the record expires
	MaxAge           time.Duration // -1 s keeps a record until it expires
	ReportFailures   bool
	Filters          []string
	// OnFailure is the logical ID of the queue that hears of dropped batches; empty if there is none.
	OnFailure string
	Enabled   bool
	Line      int

	streamARN, onFailureARN string
}

// Schedule is a ScheduleV2 event: EventBridge Scheduler.
type Schedule struct {
	ID         string
	Name       string
	Expression string // rate(…) or cron(…)
	Zone       string // IANA name; empty is UTC
	Input      string // empty sends the scheduler's own event
	Enabled    bool
	// Flexible is the window within which the scheduler may choose the time; 0 is off.
	Flexible   time.Duration
	MaxRetries int
	MaxAge     time.Duration
	// DeadLetter is the logical ID of the queue for what could not be delivered; empty if there is none.
	DeadLetter string
	Line       int

	deadLetterARN string
}

// function reads one function. Problems are kept in p.
func (r *resolver) function(p *props, res Resource) Function {
	f := Function{
		ID: res.ID, Name: res.Name, ARN: r.arn(res.Type, res.Name), Line: res.Line,
		CodeURI: p.must("CodeUri"), Handler: p.str("Handler"), Runtime: p.str("Runtime"),
		Archs: p.list("Architectures"), Timeout: p.seconds("Timeout", 3), MemoryMB: p.num("MemorySize", 128),
		roleARN:             p.str("Role"),
		ReservedConcurrency: p.num("ReservedConcurrentExecutions", 0), AutoPublishAlias: p.str("AutoPublishAlias"),
	}
	p.skip("FunctionName", "Description", "Tracing", "DeploymentPreference", "Tags", "KmsKeyArn", "Policies",
		"PackageType", "EphemeralStorage", "PermissionsBoundary", "PropagateTags", "RecursiveLoop",
		"RuntimeManagementConfig", "VersionDescription", "AutoPublishAliasAllProperties", "SourceKMSKeyArn")
	env := p.sub("Environment")
	f.Env = env.dict("Variables")
	env.close()
	logs := p.sub("LoggingConfig")
	f.logGroupName, f.LogFormat = logs.str("LogGroup"), logs.str("LogFormat")
	f.LogLevel = logs.str("ApplicationLogLevel")
	logs.skip("SystemLogLevel")
	logs.close()
	f.Async = readAsync(p)
	p.named("Events", func(name string, e *props) {
		kind := e.must("Type")
		q := e.sub("Properties")
		r.event(&f, name, kind, q)
		q.close()
	})
	return f
}

func readAsync(p *props) Async {
	c := p.sub("EventInvokeConfig")
	a := Async{MaxRetries: c.num("MaximumRetryAttempts", 2), MaxAge: c.seconds("MaximumEventAgeInSeconds", 21600)}
	a.onFailureARN = onFailure(c)
	c.close()
	return a
}

// onFailure reads the queue that a DestinationConfig names.
func onFailure(p *props) string {
	destination := p.sub("DestinationConfig")
	failure := destination.sub("OnFailure")
	if kind := failure.str("Type"); kind != "" && kind != "SQS" {
		failure.fail(failure.line, "only an SQS queue can hear of failures here")
	}
	arn := failure.str("Destination")
	failure.close()
	destination.close()
	return arn
}

func (r *resolver) event(f *Function, name, kind string, p *props) {
	switch kind {
	case "HttpApi":
		f.Routes = append(f.Routes, r.route(p, name))
	case "SQS":
		f.Queues = append(f.Queues, queueTrigger(p, name))
	case "DynamoDB":
		f.Streams = append(f.Streams, streamTrigger(p, name))
	case "ScheduleV2":
		f.Schedules = append(f.Schedules, r.schedule(p, f.ID, name))
	default:
		p.fail(p.line, "event type %s is not known", kind)
	}
}

func queueTrigger(p *props, name string) QueueTrigger {
	q := QueueTrigger{
		ID: name, Line: p.line, QueueARN: p.must("Queue"), BatchSize: p.num("BatchSize", 10),
		Window: p.seconds("MaximumBatchingWindowInSeconds", 0), Enabled: p.flag("Enabled", true),
		ReportFailures: reportFailures(p), Filters: filters(p),
	}
	scaling := p.sub("ScalingConfig")
	q.MaximumConcurrency = scaling.num("MaximumConcurrency", 0)
	scaling.close()
	if q.MaximumConcurrency != 0 && (q.MaximumConcurrency < 2 || q.MaximumConcurrency > 1000) {
		p.fail(p.line, "MaximumConcurrency must be 2 to 1000")
	}
	if q.BatchSize < 1 || q.BatchSize > 10000 || q.BatchSize > 10 && q.Window == 0 {
		p.fail(p.line, "BatchSize above 10 needs MaximumBatchingWindowInSeconds, and is 10000 at most")
	}
	return q
}

func streamTrigger(p *props, name string) StreamTrigger {
	s := StreamTrigger{
		ID: name, Line: p.line, streamARN: p.must("Stream"), StartingPosition: p.must("StartingPosition"),
		BatchSize: p.num("BatchSize", 100), Window: p.seconds("MaximumBatchingWindowInSeconds", 0),
		Parallel: p.num("ParallelizationFactor", 1), Bisect: p.flag("BisectBatchOnFunctionError", false),
		MaxRetries: p.num("MaximumRetryAttempts", -1), MaxAge: p.seconds("MaximumRecordAgeInSeconds", -1),
		Enabled: p.flag("Enabled", true), ReportFailures: reportFailures(p), Filters: filters(p),
		onFailureARN: onFailure(p),
	}
	if s.StartingPosition != "TRIM_HORIZON" && s.StartingPosition != "LATEST" {
		p.fail(p.line, "StartingPosition must be TRIM_HORIZON or LATEST")
	}
	if s.BatchSize < 1 || s.BatchSize > 10000 {
		p.fail(p.line, "BatchSize must be 1 to 10000")
	}
	return s
}

func (r *resolver) schedule(p *props, function, name string) Schedule {
	s := Schedule{
		ID: name, Line: p.line, Name: or(p.str("Name"), r.values.Stack+"-"+function+name),
		Expression: p.must("ScheduleExpression"), Zone: p.str("ScheduleExpressionTimezone"), Input: p.str("Input"),
		Enabled: or(p.str("State"), "ENABLED") == "ENABLED",
	}
	window := p.sub("FlexibleTimeWindow")
	window.skip("Mode")
	s.Flexible = time.Duration(window.num("MaximumWindowInMinutes", 0)) * time.Minute
	window.close()
	retry := p.sub("RetryPolicy")
	s.MaxRetries, s.MaxAge = retry.num("MaximumRetryAttempts", 185), retry.seconds("MaximumEventAgeInSeconds", 86400)
	retry.close()
	dead := p.sub("DeadLetterConfig")
	s.deadLetterARN = dead.str("Arn")
	dead.close()
	p.skip("Description", "RoleArn", "PermissionsBoundary", "GroupName", "OmitName", "KmsKeyArn")
	return s
}

func reportFailures(p *props) bool {
	on := false
	for _, v := range p.list("FunctionResponseTypes") {
		if v != "ReportBatchItemFailures" {
			p.fail(p.line, "FunctionResponseTypes: %s is not known", v)
		}
		on = true
	}
	return on
}

func filters(p *props) []string {
	var out []string
	criteria := p.sub("FilterCriteria")
	criteria.each("Filters", func(f *props) { out = append(out, f.must("Pattern")) })
	criteria.close()
	return out
}
