package almanac_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"almanac/infra/cfn"
	"almanac/shared/connection"
	"almanac/shared/queue"
	"almanac/shared/video"
)

// queueMappings: a message that fails goes back alone, for as long as its worker says, and at last to the dead letters.
func queueMappings(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		for _, m := range f.Queues {
			where := f.ID + ": " + m.ID
			q, _ := h.template.Queue(m.Queue)
			if !m.ReportFailures {
				out = append(out, where+" lacks ReportBatchItemFailures, so failures that are reported are lost")
			}
			if m.MaximumConcurrency < 2 {
				out = append(out, where+" lacks MaximumConcurrency")
			}
			if q.Visibility < 6*f.Timeout+m.Window {
				out = append(out, fmt.Sprintf("%s: %s hides a message for %s, less than six times %s", where, q.ID, q.Visibility, f.Timeout))
			}
			if dead, ok := h.template.Queue(q.DeadLetter); !ok || q.MaxReceives != attempts(q.ID) || dead.DeadLetter != "" {
				out = append(out, fmt.Sprintf("%s: %s gives up after %d attempts to %q", where, q.ID, q.MaxReceives, q.DeadLetter))
			}
			out = append(out, pausing(h, f, q)...)
		}
	}
	return out
}

// leastPatience is how long an outage may last that makes no dead letters of good messages.
const leastPatience = 30 * time.Minute

// patience is how long it is to be expected that a message that always fails stays in its queue: half of the longest
// pause after each time but the last.
func patience(receives int) time.Duration {
	var sum time.Duration
	for n := 1; n < receives; n++ {
		sum += queue.Pause(n) / 2
	}
	return sum
}

// putOff is what is counted of work that fails again and again.
const putOff = `{ $.outcome = "left" || ($.outcome = "again" && $.receives > 8) }`

// pausing: a worker may hide the messages of its queue, knows where it is, and has patience; and that somebody hears of
// what fails for long does not hang on a queue's age, of which SQS leaves out what was received three times.
func pausing(h house, f cfn.Function, q cfn.Queue) []string {
	var out []string
	if role, _ := h.template.Role(f.Role); !allows(role, "sqs:ChangeMessageVisibility", q.ARN) {
		out = append(out, fmt.Sprintf("%s may not hide what failed of %s", f.Role, q.ID))
	}
	if !strings.Contains(block(h.text, f.ID), "_QUEUE_URL: !Ref "+q.ID+"\n") {
		out = append(out, fmt.Sprintf("%s does not know where %s is, so what fails comes again when its visibility runs out", f.ID, q.ID))
	}
	if q.MaxReceives <= video.Tries { // which is how often it is tried before it is planned to be done without a message
		out = append(out, fmt.Sprintf("%s gives up before anybody takes over", q.ID))
	}
	if p := patience(q.MaxReceives); p < leastPatience {
		out = append(out, fmt.Sprintf("%s gives up after about %s, not %s", q.ID, p, leastPatience))
	}
	if !strings.Contains(h.text, "LogGroupName: !Ref "+f.ID+"Logs\n      FilterPattern: '"+putOff+"'\n") {
		out = append(out, f.ID+": nobody hears of work that fails again and again")
	}
	return out
}

// filter is the one pattern that the stream is read with.
const filter = `{"eventName":["INSERT"],"dynamodb":{"NewImage":{"GPK":{"S":[{"prefix":"OUT#"}]}}}}`

// streamMappings: a record that cannot be handled neither holds up its shard for a day nor disappears without a word.
func streamMappings(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		for _, m := range f.Streams {
			for _, p := range streamMapping(m) {
				out = append(out, fmt.Sprintf("%s: %s: %s", f.ID, m.ID, p))
			}
		}
	}
	return out
}

func streamMapping(m cfn.StreamTrigger) []string {
	var out []string
	if !m.ReportFailures || !m.Bisect {
		out = append(out, "one bad record fails its whole batch")
	}
	if m.MaxRetries < 1 || m.MaxRetries > 10 || m.MaxAge <= 0 || m.MaxAge > 6*time.Hour {
		out = append(out, fmt.Sprintf("%d retries and %s hold up the shard", m.MaxRetries, m.MaxAge))
	}
	if m.OnFailure == "" {
		out = append(out, "what is given up is not kept")
	}
	if m.StartingPosition != "TRIM_HORIZON" || m.BatchSize > 100 || m.Window > time.Second {
		out = append(out, fmt.Sprintf("from %s, %d records, %s", m.StartingPosition, m.BatchSize, m.Window))
	}
	if !slices.Equal(m.Filters, []string{filter}) {
		out = append(out, fmt.Sprintf("filters %v", m.Filters))
	}
	return out
}

// schedules: a run that cannot be started is kept, and none is started late, because the next one does the same work.
func schedules(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		for _, s := range f.Schedules {
			where := f.ID + ": " + s.ID
			if s.DeadLetter == "" {
				out = append(out, where+": a run that cannot be started disappears")
			}
			if s.MaxAge > 10*time.Minute || s.MaxRetries > 5 {
				out = append(out, fmt.Sprintf("%s: retried %d times over %s", where, s.MaxRetries, s.MaxAge))
			}
			// SAM would make a role of its own; Lambda, not the scheduler, sees an asynchronous run fail.
			if text := block(h.text, f.ID); !strings.Contains(text, "RoleArn:") || !strings.Contains(text, "EventInvokeConfig:") {
				out = append(out, where+": no role of its own, or no destination for runs that fail")
			}
		}
	}
	return out
}

// kept is how long a queue of dead letters keeps them.
func kept(queue string) time.Duration {
	if queue == "NoticeDeadLetters" {
		return deadNoticeDays * 24 * time.Hour
	}
	return deadLetterDays * 24 * time.Hour
}

// queues: encrypted with the stack's key; what is given up is kept as long as SQS can, or as it may be, and outlives the
// stack.
func queues(h house) []string {
	var out []string
	dead := deadLetters(h.template)
	for _, q := range h.template.Queues {
		if !strings.Contains(block(h.text, q.ID), "KmsMasterKeyId: !GetAtt Key.Arn") {
			out = append(out, q.ID+": not encrypted with the stack's key")
		}
		if !slices.Contains(dead, q.ID) {
			if q.DeadLetter == "" {
				out = append(out, q.ID+": neither has dead letters nor holds them")
			}
			continue
		}
		if q.Retention != kept(q.ID) || resource(h.template, q.ID).DeletionPolicy != "Retain" {
			out = append(out, fmt.Sprintf("%s: dead letters are kept for %s", q.ID, q.Retention))
		}
	}
	return out
}

// deadLetters lists the queues that anything is given up to.
func deadLetters(t *cfn.Template) []string {
	var out []string
	for _, q := range t.Queues {
		out = append(out, q.DeadLetter)
	}
	for _, f := range t.Functions {
		for _, m := range f.Streams {
			out = append(out, m.OnFailure)
		}
		for _, s := range f.Schedules {
			out = append(out, s.DeadLetter)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(id string) bool { return id == "" })
}

func resource(t *cfn.Template, id string) cfn.Resource {
	for _, r := range t.Resources {
		if r.ID == id {
			return r
		}
	}
	return cfn.Resource{}
}

// attempts is how often a message is tried: over about an hour. NHS services may be away for hours: it is about four.
func attempts(queue string) int {
	if queue == "PdsQueue" || queue == "AskedQueue" {
		return 100
	}
	return 30
}

// table: one, as shared/table needs it, that cannot be lost by accident; and beside it the table of keys, of which no
// older state can be restored to the second, or erased records could be read again.
func table(h house) []string {
	if len(h.template.Tables) != 2 {
		return []string{"there must be one table, and one of keys"}
	}
	var out []string
	for _, t := range h.template.Tables {
		want, restored := "[{PK HASH} {SK RANGE}] [{GSI1 [{GPK HASH} {GSK RANGE}] ALL []}] ttl NEW_AND_OLD_IMAGES", true
		if t.ID == "KeyTable" {
			want, restored = "[{PK HASH} {SK RANGE}] []  ", false
		}
		if shape := fmt.Sprintf("%v %v %s %s", t.Key, t.Indexes, t.TTL, t.StreamView); shape != want {
			out = append(out, t.ID+": keys, index, TTL or stream: "+shape)
		}
		if !t.OnDemand {
			out = append(out, t.ID+": not on demand")
		}
		if t.PITR != restored {
			out = append(out, fmt.Sprintf("%s: point-in-time recovery is %t", t.ID, t.PITR))
		}
		if !t.Protected || !retained(resource(h.template, t.ID)) {
			out = append(out, t.ID+": it can be lost")
		}
		if !t.Encrypted || !strings.Contains(block(h.text, t.ID), "KMSMasterKeyId: !GetAtt Key.Arn") {
			out = append(out, t.ID+": not encrypted with the stack's key")
		}
	}
	return out
}

func retained(r cfn.Resource) bool {
	return r.DeletionPolicy == "Retain" && r.UpdateReplacePolicy == "Retain"
}

// key: rotated, never deleted with the stack, and its policy names actions one by one. Its "*" is the key itself. KMS
// does not rotate keys that sign.
func key(h house) []string {
	var out []string
	for _, id := range []string{"Key", "SealKey", "PdsKey"} {
		out = append(out, oneKey(h, id)...)
	}
	return out
}

func oneKey(h house, id string) []string {
	r := resource(h.template, id)
	var k struct {
		Rotation bool `yaml:"EnableKeyRotation"`
		Policy   struct {
			Statements []struct {
				Sid       string            `yaml:"Sid"`
				Actions   []string          `yaml:"Action"`
				Principal map[string]string `yaml:"Principal"`
				Condition map[string]any    `yaml:"Condition"`
			} `yaml:"Statement"`
		} `yaml:"KeyPolicy"`
	}
	var out []string
	if err := r.Decode(&k); err != nil {
		return []string{id + ": " + err.Error()}
	}
	if !k.Rotation && id != "PdsKey" || !retained(r) {
		out = append(out, id+": not rotated, or lost with the stack")
	}
	for _, s := range k.Policy.Statements {
		if slices.ContainsFunc(s.Actions, func(a string) bool { return strings.Contains(a, "*") }) {
			out = append(out, fmt.Sprintf("%s: %s allows %v", id, s.Sid, s.Actions))
		}
		if s.Principal["AWS"] != "arn:aws:iam::000000000000:root" && len(s.Condition) == 0 {
			out = append(out, fmt.Sprintf("%s: %s lets %v use it for anybody", id, s.Sid, s.Principal))
		}
	}
	return out
}

// alarm is what a CloudWatch alarm watches and whom it tells.
type alarm struct {
	ID          string   `yaml:"-"`
	Metric      string   `yaml:"MetricName"`
	Namespace   string   `yaml:"Namespace"`
	Description string   `yaml:"AlarmDescription"`
	Actions     []string `yaml:"AlarmActions"`
	Missing     string   `yaml:"TreatMissingData"`
	Dimensions  []struct {
		Name  string `yaml:"Name"`
		Value string `yaml:"Value"`
	} `yaml:"Dimensions"`
}

func declaredAlarms(t *cfn.Template) ([]alarm, error) {
	var all []alarm
	for _, r := range t.Resources {
		if r.Type != "AWS::CloudWatch::Alarm" {
			continue
		}
		a := alarm{ID: r.ID}
		if err := r.Decode(&a); err != nil {
			return nil, fmt.Errorf("%s: %w", r.ID, err)
		}
		all = append(all, a)
	}
	return all, nil
}

// alarms: every function, queue, stream and schedule is watched, and every alarm tells the one encrypted topic.
func alarms(h house) []string {
	all, err := declaredAlarms(h.template)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, w := range watched(h.template) {
		if !slices.ContainsFunc(all, func(a alarm) bool {
			return a.Namespace+" "+a.Metric == w.metric && len(a.Dimensions) == 1 &&
				a.Dimensions[0].Name == w.dimension && a.Dimensions[0].Value == w.name && (a.Missing == "breaching") == w.silence
		}) {
			out = append(out, fmt.Sprintf("no alarm on %s of %s", w.metric, w.name))
		}
	}
	topic := resource(h.template, "Alarms")
	if topic.Type != "AWS::SNS::Topic" || !strings.Contains(block(h.text, "Alarms"), "KmsMasterKeyId: !GetAtt Key.Arn") {
		out = append(out, "Alarms: not a topic encrypted with the stack's key")
	}
	for _, a := range all {
		if !strings.Contains(block(h.text, a.ID), "AlarmActions: [!Ref Alarms]") {
			out = append(out, a.ID+": tells nobody")
		}
	}
	return append(out, heard(h)...)
}

// heard: what a function can only say in its log, and an alarm counts, is filtered out of each log it may stand in.
func heard(h house) []string {
	var out []string
	for _, f := range h.template.Functions {
		for variable, code := range map[string]string{
			"SEAL_KEY_ID": "keys_unavailable", "ZOOM_CLIENT_SECRET": connection.GrantLostRisk,
		} {
			able := strings.Contains(block(h.text, f.ID), "          "+variable+": ")
			filter := "LogGroupName: !Ref " + f.ID + "Logs\n      FilterPattern: '{ $.code = \"" + code + "\" }'\n"
			if able && !strings.Contains(h.text, filter) {
				out = append(out, f.ID+": nobody hears of "+code)
			}
		}
	}
	return out
}

type watch struct {
	metric, dimension, name string
	silence                 bool // it is an alarm that nothing comes
}

func watched(t *cfn.Template) []watch {
	var out []watch
	for _, id := range deadLetters(t) {
		q, _ := t.Queue(id)
		out = append(out, watch{"AWS/SQS ApproximateNumberOfMessagesVisible", "QueueName", q.Name, false})
	}
	for _, f := range t.Functions {
		for _, metric := range []string{"Errors", "Throttles"} {
			out = append(out, watch{"AWS/Lambda " + metric, "FunctionName", f.Name, false})
		}
		if len(f.Streams) > 0 {
			out = append(out, watch{"AWS/Lambda IteratorAge", "FunctionName", f.Name, false})
		}
		if len(f.Schedules) > 0 {
			out = append(out, watch{"AWS/Lambda Invocations", "FunctionName", f.Name, true})
		}
		for _, m := range f.Queues {
			q, _ := t.Queue(m.Queue)
			out = append(out, watch{"AWS/SQS ApproximateAgeOfOldestMessage", "QueueName", q.Name, false})
		}
	}
	for _, a := range t.APIs {
		out = append(out, watch{"AWS/ApiGateway 5xx", "ApiId", resource(t, a.ID).Name, false})
	}
	return out
}

// runbook: every alarm points to a chapter of docs/runbook.md that exists.
func runbook(h house) []string {
	all, err := declaredAlarms(h.template)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, a := range all {
		_, chapter, _ := strings.Cut(a.Description, "docs/runbook.md#")
		if chapter == "" || !strings.Contains(strings.ToLower(h.runbook), "\n## "+strings.ReplaceAll(chapter, "-", " ")+"\n") {
			out = append(out, fmt.Sprintf("%s: docs/runbook.md has no chapter %q", a.ID, chapter))
		}
	}
	return out
}

// residency: the stack goes to London or nowhere.
func residency(h house) []string {
	var out []string
	if !strings.Contains(h.text, `- Assert: !Equals [!Ref "AWS::Region", eu-west-2]`) {
		out = append(out, "no rule keeps the stack in eu-west-2")
	}
	for _, region := range regexp.MustCompile(`\b[a-z]{2}-[a-z]+-\d\b`).FindAllString(h.text, -1) {
		if region != "eu-west-2" {
			out = append(out, "template.yaml names "+region)
		}
	}
	return out
}
