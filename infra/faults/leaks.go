package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// evidence is all that a run wrote where others may read it, and the canaries, which must not stand there: who people
// are, tokens, and ways into a call. Canaries are taken from what people and Zoom say, so that a new one needs no list.
type evidence struct {
	mu       sync.Mutex
	canaries map[string]string // what each is
	texts    map[string]*bytes.Buffer
}

func newEvidence() *evidence {
	e := &evidence{canaries: map[string]string{}, texts: map[string]*bytes.Buffer{}}
	e.plant("a patient's name", family)
	e.plant("a secret of ours", appSecret, hookSecret, formerSecret)
	e.plant(staffAddress, "desk@example.org", "clinician-0@example.org", "clinician-1@example.org")
	return e
}

// Where things are written. A member of staff's own address stands in the items.
const (
	inLogs       = "the logs"
	inMessages   = "messages"
	inItems      = "what was written to the table"
	inAddresses  = "addresses of calls"
	staffAddress = "an address of staff"
)

// leastCanary is how long a canary is: a passcode of six digits stands in many a number.
const leastCanary = 8

func (e *evidence) plant(what string, values ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range values {
		if len(v) >= leastCanary {
			e.canaries[v] = what
		}
	}
}

func (e *evidence) saw(where string, text ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	to := e.texts[where]
	if to == nil {
		to = &bytes.Buffer{}
		e.texts[where] = to
	}
	for _, t := range text {
		to.WriteString(t + "\n")
	}
}

// found is a canary where it must not be. It does not say the canary.
type found struct{ what, where string }

// leaks looks for every canary in every text, and tells how much it looked through.
func (e *evidence) leaks() ([]found, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []found
	size := 0
	for where, text := range e.texts {
		size += text.Len()
		low := bytes.ToLower(text.Bytes())
		for canary, what := range e.canaries {
			if where == inItems && what == staffAddress {
				continue
			}
			if slices.ContainsFunc(spellings(canary), func(s []byte) bool { return bytes.Contains(low, s) }) {
				out = append(out, found{what, where})
			}
		}
	}
	return out, size
}

// spellings are ways to write a canary, in lower case: as it is, in an address, and by itself in base 64.
func spellings(canary string) [][]byte {
	code := base64.RawStdEncoding.EncodeToString([]byte(canary[:len(canary)/3*3]))
	var out [][]byte
	for _, s := range []string{canary, url.QueryEscape(canary), url.PathEscape(canary), code} {
		out = append(out, []byte(strings.ToLower(s)))
	}
	return out
}

// overheard plants what somebody at Zoom is called, and what lets one in there, from a body of Zoom's.
func (e *evidence) overheard(body []byte) {
	var v any
	if json.Unmarshal(body, &v) == nil {
		e.walk("", v)
	}
}

func (e *evidence) walk(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, v := range v {
			e.walk(name, v)
		}
	case []any:
		for _, v := range v {
			e.walk(name, v)
		}
	case string:
		switch name {
		case "access_token", "refresh_token":
			e.plant("a token", v)
		case "email", "host_email", "user_name", "display_name", "last_name":
			e.plant("a name or an address at Zoom", v)
		case "encrypted_password":
			e.plant("a way into a call", v)
		case "join_url", "start_url":
			if u, err := url.Parse(v); err == nil {
				e.plant("a way into a call", u.Query().Get("pwd"), u.Query().Get("zak"))
			}
		}
	}
}

// ear is what is heard between us and Zoom. A wrongly built process writes all of it into its log.
type ear struct {
	w    *world
	next http.RoundTripper
}

// RoundTrip sends a request.
func (x ear) RoundTrip(r *http.Request) (*http.Response, error) {
	x.w.evidence.saw(inAddresses, r.URL.String())
	res, err := x.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it is read
	x.w.evidence.overheard(body)
	if x.w.chatty {
		x.w.logged("zoom answered " + string(body))
	}
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), torn{err}))
	return res, nil
}

// torn is the end of a body that may have been cut off.
type torn struct{ err error }

// Read gives the error.
func (b torn) Read([]byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

// witness keeps all that is written to the table. Sealed values are in it as they are stored.
func (w *world) witness(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("witness", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			w.evidence.saw(inItems, written(in.Parameters)...)
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	})
}

// written is what a request writes, value by value.
func written(request any) []string {
	var all []map[string]types.AttributeValue
	switch r := request.(type) {
	case *dynamodb.PutItemInput:
		all = append(all, r.Item)
	case *dynamodb.UpdateItemInput:
		all = append(all, r.Key, r.ExpressionAttributeValues)
	case *dynamodb.TransactWriteItemsInput:
		for _, it := range r.TransactItems {
			if it.Put != nil {
				all = append(all, it.Put.Item)
			}
			if it.Update != nil {
				all = append(all, it.Update.Key, it.Update.ExpressionAttributeValues)
			}
		}
	}
	var out []string
	for _, item := range all {
		for _, v := range item {
			out = append(out, spelt(v)...)
		}
	}
	return out
}

func spelt(v types.AttributeValue) []string {
	var out []string
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		out = append(out, v.Value)
	case *types.AttributeValueMemberN:
		out = append(out, v.Value)
	case *types.AttributeValueMemberB:
		out = append(out, string(v.Value))
	case *types.AttributeValueMemberSS:
		out = append(out, v.Value...)
	case *types.AttributeValueMemberL:
		for _, one := range v.Value {
			out = append(out, spelt(one)...)
		}
	case *types.AttributeValueMemberM:
		for _, one := range v.Value {
			out = append(out, spelt(one)...)
		}
	}
	return out
}
