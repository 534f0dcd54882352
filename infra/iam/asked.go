package iam

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/mail"
	"path"
	"strings"
)

// asked is what a request needs permission for.
func (l *Ledger) asked(service string, r *http.Request, body []byte) []Call {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch service {
	case "dynamodb":
		return l.table(op, body)
	case "sqs":
		return l.queue(op, body)
	case "kms":
		return key(op, body)
	case "ses":
		return l.mail(r, body)
	case "s3":
		return object(r)
	}
	return []Call{{Action: service + ":" + r.Method}}
}

func (l *Ledger) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + l.region + ":" + l.account + ":" + rest
}

// table takes a request apart: a transaction needs the permission of each of its parts, a query of an index that of
// the index.
func (l *Ledger) table(op string, body []byte) []Call {
	type named struct {
		TableName string `json:"TableName"`
		IndexName string `json:"IndexName"`
	}
	var in struct {
		named
		RequestItems  map[string]json.RawMessage `json:"RequestItems"`
		TransactItems []map[string]named         `json:"TransactItems"`
	}
	_ = json.Unmarshal(body, &in) // what cannot be read is about no table, and is refused
	call := func(op string, on named) Call {
		c := Call{Action: "dynamodb:" + op, Resource: l.arn("dynamodb", "table/"+on.TableName)}
		if on.IndexName != "" {
			c.Resource += "/index/" + on.IndexName
		}
		return c
	}
	var calls []Call
	for _, item := range in.TransactItems {
		for part, on := range item {
			calls = append(calls, call(part+"Item", on)) // Put, Update, Delete, ConditionCheck, Get
		}
	}
	for table := range in.RequestItems {
		calls = append(calls, call(op, named{TableName: table}))
	}
	if len(calls) > 0 {
		return calls
	}
	return []Call{call(op, in.named)}
}

// queue knows no batches: IAM names them as it does the single operation.
func (l *Ledger) queue(op string, body []byte) []Call {
	var in struct {
		QueueURL string `json:"QueueUrl"`
	}
	_ = json.Unmarshal(body, &in) // as above
	return []Call{{Action: "sqs:" + strings.TrimSuffix(op, "Batch"), Resource: l.arn("sqs", path.Base(in.QueueURL))}}
}

func key(op string, body []byte) []Call {
	var in struct {
		KeyID            string `json:"KeyId"`
		SigningAlgorithm string `json:"SigningAlgorithm"`
	}
	_ = json.Unmarshal(body, &in) // as above
	c := Call{Action: "kms:" + op, Resource: in.KeyID}
	if in.SigningAlgorithm != "" {
		c.Condition = Condition{"kms:SigningAlgorithm", in.SigningAlgorithm}
	}
	return []Call{c}
}

// mail needs the identity it is sent from and the configuration set, where it names one.
func (l *Ledger) mail(r *http.Request, body []byte) []Call {
	var in struct {
		From    string `json:"FromEmailAddress"`
		Set     string `json:"ConfigurationSetName"`
		Content struct {
			Raw *struct {
				Data []byte `json:"Data"`
			} `json:"Raw"`
		} `json:"Content"`
	}
	_ = json.Unmarshal(body, &in) // as above
	c := Call{Action: "ses:SendEmail"}
	switch {
	case r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/outbound-emails"):
		c.Action = "ses:" + r.Method + " " + r.URL.Path
	case in.Content.Raw != nil:
		c.Action = "ses:SendRawEmail"
		if m, err := mail.ReadMessage(bytes.NewReader(in.Content.Raw.Data)); err == nil && in.From == "" {
			in.From = m.Header.Get("From")
		}
	}
	if from, err := mail.ParseAddress(in.From); err == nil {
		_, domain, _ := strings.Cut(from.Address, "@")
		c.Resource, c.Condition = l.arn("ses", "identity/"+domain), Condition{"ses:FromAddress", from.Address}
	}
	calls := []Call{c}
	if in.Set != "" {
		c.Resource = l.arn("ses", "configuration-set/"+in.Set)
		calls = append(calls, c)
	}
	return calls
}

// object is told by its folder alone: the names of files say nothing to a policy here, and there are many.
func object(r *http.Request) []Call {
	bucket, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c := Call{Resource: "arn:aws:s3:::" + bucket}
	if name == "" {
		c.Action = "s3:ListBucket"
		return []Call{c}
	}
	if folder, _, ok := strings.Cut(name, "/"); ok {
		name = folder + "/-"
	}
	c.Resource += "/" + name
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		c.Action = "s3:GetObject"
	case http.MethodPut:
		c.Action = "s3:PutObject"
	case http.MethodDelete:
		c.Action = "s3:DeleteObject"
	default:
		c.Action = "s3:" + r.Method
	}
	return []Call{c}
}
