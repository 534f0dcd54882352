package almanac_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"almanac/infra/cfn"
)

// public lists the routes that need no log-in. A route is added here only if its answer is the same for everybody, or if
// the request proves by itself whose it is: by a signature, by a state that was begun with a log-in, or by a secret link.
func public() []string {
	return []string{
		"GET /docs", "GET /v1/openapi.json", "GET /healthz", "GET /zoom/callback", "POST /zoom/events",
		"GET /v/{token}", "GET /v/{token}/join", "POST /v/{token}/join",
	}
}

// operator lists the routes that need almanac/operate; all others need almanac/use.
func operator() []string { return []string{"POST /v1/organisations"} }

func private(r cfn.Route) bool { return !slices.Contains(public(), r.Key()) }

const (
	// apiTimeout is below the gateway's own 30 s, so that a slow request fails with our answer.
	apiTimeout = 10 * time.Second
	// waitTimeout is of functions that wait for somebody else's answer: still below 30 s.
	waitTimeout = 29 * time.Second
	// apiMemory is the least at which a first TLS handshake is quick; it matters to functions that open a connection.
	apiMemory = 256
	// maxRoutes keeps a function's resource policy, which gets some 420 bytes a route, below Lambda's 20 KB.
	maxRoutes = 40
	// deadLetterDays is as long as SQS can keep a message. What Zoom told must be gone ten days after an uninstalling.
	deadLetterDays, deadNoticeDays = 14, 9
)

// functions: the runtime, and the limits of functions that somebody waits for.
func functions(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		if f.Runtime != "provided.al2023" || !slices.Equal(f.Archs, []string{"arm64"}) || f.Handler != "bootstrap" {
			out = append(out, fmt.Sprintf("%s: runs on %s %v %s", f.ID, f.Runtime, f.Archs, f.Handler))
		}
		if f.ReservedConcurrency != 0 {
			out = append(out, f.ID+": ReservedConcurrentExecutions makes pollers fail and lose messages")
		}
		if strings.Contains(block(h.text, f.ID), "Policies:") {
			out = append(out, f.ID+": Policies belong into its role")
		}
		if len(f.Routes) == 0 {
			continue
		}
		waits := slices.Contains([]string{"Sharing", "Connections", "ZoomCallback", "Video"}, f.ID)
		if f.Timeout > apiTimeout && (!waits || f.Timeout > waitTimeout) {
			out = append(out, fmt.Sprintf("%s: a caller would wait %s", f.ID, f.Timeout))
		}
		if f.MemoryMB < apiMemory && f.Env["TABLE_NAME"] != "" {
			out = append(out, fmt.Sprintf("%s: %d MB is too little for an API function", f.ID, f.MemoryMB))
		}
		if len(f.Routes) > maxRoutes {
			out = append(out, fmt.Sprintf("%s: %d routes overflow its resource policy", f.ID, len(f.Routes)))
		}
	}
	return out
}

// block is the text of one resource, for what the typed template leaves out.
func block(text, id string) string {
	_, rest, ok := strings.Cut(text, "\n  "+id+":\n")
	if !ok {
		return ""
	}
	if end := regexp.MustCompile(`(?m)^ {0,2}\S`).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

// roles: each function has a role of its own that Lambda alone may take, without managed policies.
func roles(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		if f.Role != f.ID+"Role" {
			out = append(out, fmt.Sprintf("%s: its role is %q, not %sRole", f.ID, f.Role, f.ID))
			continue
		}
		if role, _ := h.template.Role(f.Role); !slices.Equal(role.AssumedBy, []string{"lambda.amazonaws.com"}) {
			out = append(out, fmt.Sprintf("%s: %v may take it", f.Role, role.AssumedBy))
		}
	}
	for _, r := range h.template.Roles {
		if len(r.Managed) > 0 {
			out = append(out, r.ID+": managed policies allow more than is needed")
		}
	}
	return out
}

// needed lists every action that a role may have. Scan and the management of tables, queues and keys are not there.
func needed() []string {
	return []string{
		"dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:DescribeStream",
		"dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
		"dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", "kms:Decrypt", "kms:GenerateDataKey",
		"kms:GenerateDataKeyWithoutPlaintext", "kms:Sign", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
		"lambda:InvokeFunction", "logs:CreateLogStream", "logs:PutLogEvents", "ses:SendEmail", "ses:SendRawEmail",
		"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage",
	}
}

// statements: what roles allow is named action by action and resource by resource, and the key is used through
// DynamoDB, SQS and S3 only, but for those that functions themselves seal and sign with.
func statements(h house) []string {
	var out []string
	for _, r := range h.template.Roles {
		for _, s := range r.Statements {
			if r.ID == "KeyBackupRole" { // no function's: what AWS Backup needs of one table is a list of its own
				continue
			}
			for _, p := range statement(s) {
				out = append(out, fmt.Sprintf("%s, line %d: %s", r.ID, s.Line, p))
			}
		}
	}
	return out
}

func statement(s cfn.Statement) []string {
	var out []string
	if s.Effect != "Allow" || len(s.NotActions)+len(s.NotResources) > 0 {
		out = append(out, "only plain Allow statements can be read at a glance")
	}
	for _, a := range s.Actions {
		if !slices.Contains(needed(), a) {
			out = append(out, a+" is not an action that any role needs")
		}
	}
	for _, res := range s.Resources {
		if wide(res) {
			out = append(out, fmt.Sprintf("Resource %q is too wide", res))
		}
	}
	if slices.ContainsFunc(s.Actions, isKMS) && !viaService(s) && !ownKey(s) {
		out = append(out, "the key may be used outside DynamoDB and SQS")
	}
	if slices.Contains(s.Actions, "ses:SendEmail") && !mentions(s, "ses:FromAddress") {
		out = append(out, "mail may be sent from any address")
	}
	return out
}

// wide tells whether a resource has a wildcard. A log group's own ARN ends in :* and means its streams.
func wide(resource string) bool {
	if strings.Contains(resource, ":log-group:") {
		resource = strings.TrimSuffix(resource, ":*")
	}
	if strings.HasPrefix(resource, "arn:aws:s3:::") { // the uploads of every organisation, in one bucket
		resource = strings.TrimSuffix(resource, "/uploads/*")
	}
	return strings.Contains(resource, "*") || !strings.HasPrefix(resource, "arn:")
}

func isKMS(action string) bool { return strings.HasPrefix(action, "kms:") }

func viaService(s cfn.Statement) bool {
	var c struct {
		StringEquals map[string]any `yaml:"StringEquals"`
	}
	if s.Condition == nil || s.Condition.Decode(&c) != nil {
		return false
	}
	for service := range strings.FieldsSeq(strings.Trim(fmt.Sprint(c.StringEquals["kms:ViaService"]), "[]")) {
		if !slices.Contains([]string{
			"dynamodb.eu-west-2.amazonaws.com", "sqs.eu-west-2.amazonaws.com", "s3.eu-west-2.amazonaws.com",
		}, service) {
			return false
		}
	}
	return c.StringEquals["kms:ViaService"] != nil
}

// ownKey tells whether a statement is of a key that functions call KMS with themselves: the one that wraps root keys,
// for nothing but opening and making those, or the one that signs, for one algorithm.
func ownKey(s cfn.Statement) bool {
	if len(s.Resources) != 1 {
		return false
	}
	switch {
	case strings.HasSuffix(s.Resources[0], "SealKey"):
		return !slices.ContainsFunc(s.Actions, func(a string) bool {
			return a != "kms:Decrypt" && a != "kms:GenerateDataKeyWithoutPlaintext"
		})
	case strings.HasSuffix(s.Resources[0], "PdsKey"):
		return slices.Equal(s.Actions, []string{"kms:Sign"}) && mentions(s, "kms:SigningAlgorithm")
	}
	return false
}

func mentions(s cfn.Statement, conditionKey string) bool {
	var c map[string]map[string]any
	return s.Condition != nil && s.Condition.Decode(&c) == nil && c["StringEquals"][conditionKey] != nil
}

// senders: workers' queues hear from fanout and from reconcile alone, the one for what Zoom tells from the function that
// hears it, and only a queue's worker empties it.
func senders(h house) []string {
	var out []string
	tells := func(role, queue string) bool {
		if queue == "NoticeQueue" {
			return role == "ZoomWebhookRole"
		}
		return role == "FanoutRole" || role == "ReconcileRole"
	}
	for _, f := range h.template.Functions {
		for _, m := range f.Queues {
			q, _ := h.template.Queue(m.Queue)
			for _, r := range h.template.Roles {
				if !tells(r.ID, q.ID) && allows(r, "sqs:SendMessage", q.ARN) {
					out = append(out, fmt.Sprintf("%s may send to %s: only fanout and reconcile tell workers", r.ID, q.ID))
				}
				if r.ID != f.Role && allows(r, "sqs:DeleteMessage", q.ARN) {
					out = append(out, fmt.Sprintf("%s may take messages from %s", r.ID, q.ID))
				}
			}
		}
	}
	return out
}

func allows(r cfn.Role, action, resource string) bool {
	return slices.ContainsFunc(r.Statements, func(s cfn.Statement) bool {
		return slices.Contains(s.Actions, action) && slices.Contains(s.Resources, resource)
	})
}

// logGroups: each function writes JSON into a group of its own, and no group keeps its lines for ever or in the clear.
func logGroups(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		if f.LogGroup != f.ID+"Logs" || f.LogFormat != "JSON" {
			out = append(out, fmt.Sprintf("%s: logs %q lines to %q, not JSON to %sLogs", f.ID, f.LogFormat, f.LogGroup, f.ID))
		}
		// aws-lambda-go's error lines are text, which Lambda files under INFO.
		if f.LogLevel != "INFO" {
			out = append(out, fmt.Sprintf("%s: log level %q hides errors", f.ID, f.LogLevel))
		}
		role, _ := h.template.Role(f.Role)
		for _, s := range role.Statements {
			if slices.Contains(s.Actions, "logs:PutLogEvents") &&
				(len(s.Resources) != 1 || !strings.Contains(s.Resources[0], f.ID+"Logs")) {
				out = append(out, fmt.Sprintf("%s: may write to %v", f.Role, s.Resources))
			}
		}
	}
	for _, g := range h.template.LogGroups {
		if g.RetentionDays == 0 || !g.Encrypted {
			out = append(out, fmt.Sprintf("%s: kept %d days, encrypted %t", g.ID, g.RetentionDays, g.Encrypted))
		}
	}
	return out
}

// api: one stage, throttled and logged by ids, with the log-in as the default and no other site let in.
func api(h house) []string {
	if len(h.template.APIs) != 1 {
		return []string{"there must be one API"}
	}
	var out []string
	a := h.template.APIs[0]
	if a.Stage != "$default" || a.Rate == 0 || a.Burst == 0 {
		out = append(out, fmt.Sprintf("%s: stage %s, rate %d, burst %d", a.ID, a.Stage, a.Rate, a.Burst))
	}
	if a.DefaultAuthorizer == "" || !slices.Equal(a.Authorizers[a.DefaultAuthorizer].Scopes, []string{"almanac/use"}) {
		out = append(out, a.ID+": a route that names no authorizer would be open")
	}
	if a.CORS != nil {
		out = append(out, a.ID+": pages of other sites may call it")
	}
	for _, m := range regexp.MustCompile(`\$context\.([A-Za-z_.]+)`).FindAllStringSubmatch(block(h.text, a.ID), -1) {
		if !slices.Contains(logged(), m[1]) {
			out = append(out, fmt.Sprintf("%s: the access log would hold %s", a.ID, m[1]))
		}
	}
	if !a.AccessLog {
		out = append(out, a.ID+": no access log")
	}
	return out
}

// logged lists what the access log may hold: ids, times and counts.
func logged() []string {
	return []string{
		"requestId", "requestTimeEpoch", "routeKey", "status", "responseLatency", "integrationLatency", "responseLength",
		"authorizer.claims.client_id", "authorizer.claims.sub", "error.responseType",
	}
}

// routes: each names its method, and its scope unless it is public.
func routes(h house) []string {
	var out, keys []string
	for _, f := range h.template.Functions {
		for _, r := range f.Routes {
			if slices.Contains(keys, r.Key()) {
				out = append(out, r.Key()+" is declared twice")
			}
			keys = append(keys, r.Key())
			if !slices.Contains(verbs(), r.Method) || strings.Contains(r.Path, "+}") || r.Path == "$default" {
				out = append(out, fmt.Sprintf("%s: %s takes more than one request", f.ID, r.Key()))
			}
			if want := scopes(r); !slices.Equal(r.Scopes, want) || (r.Authorizer == "") != (len(want) == 0) {
				out = append(out, fmt.Sprintf("%s: log-in %q with scopes %v, not %v", r.Key(), r.Authorizer, r.Scopes, want))
			}
		}
	}
	for _, p := range public() {
		if !slices.Contains(keys, p) {
			out = append(out, p+" is allowed to be public, but is no route")
		}
	}
	return out
}

func scopes(r cfn.Route) []string {
	switch {
	case !private(r):
		return nil
	case slices.Contains(operator(), r.Key()):
		return []string{"almanac/operate"}
	}
	return []string{"almanac/use"}
}
