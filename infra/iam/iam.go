// Package iam notes what the functions of the local stack ask of AWS and tells which of it their roles in
// template.yaml would have refused, because the engines and the stand-ins refuse nobody anything.
//
// Its rule: what it does not understand, in a request or in a policy, allows nothing, so that it shows.
package iam

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

const (
	ours    = "local" // what the access keys begin with
	maxBody = 20 << 20
)

// AccessKey is the access key of a function, by which its calls are told from those of others. It is made of letters
// and digits alone, as DynamoDB Local asks.
func AccessKey(function string) string { return ours + function }

// Call is one kind of call that a function made.
type Call struct {
	Function string // logical ID
	Action   string // such as dynamodb:PutItem
	Resource string // ARN, or what the template's references to a key are locally
	// Condition is what the call has to tell of the key that a policy's condition may ask for.
	Condition Condition
}

// Condition is a condition key and its value; empty where a call has none that matters.
type Condition struct{ Key, Value string }

// Ledger is what was called. Its methods are safe for use from several goroutines.
type Ledger struct {
	region, account string

	mu    sync.Mutex
	calls map[Call]bool
}

// New makes an empty Ledger of an account.
func New(region, account string) *Ledger {
	return &Ledger{region: region, account: account, calls: map[Call]bool{}}
}

// Watch notes the requests of functions on their way to a service.
func (l *Ledger) Watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		function, service := signer(r)
		if function == "" {
			next.ServeHTTP(w, r)
			return
		}
		var body []byte
		if service != "s3" { // whose bodies are files
			var err error
			if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
				panic(http.ErrAbortHandler) // a client that went away or sends more than AWS would take
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		calls := l.asked(service, r, body)
		told := &answer{ResponseWriter: w}
		defer func() { // whatever becomes of the request: a reply may be lost on purpose
			if told.status != http.StatusForbidden { // then the signature was wrong, and the call is nobody's
				l.note(function, calls)
			}
		}()
		next.ServeHTTP(told, r)
	})
}

func (l *Ledger) note(function string, calls []Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		c.Function = function
		l.calls[c] = true
	}
}

// Calls are the kinds of calls that were made, in order.
func (l *Ledger) Calls() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Keys(l.calls), func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Action, b.Action),
			cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Condition.Value, b.Condition.Value))
	})
}

// signer reads who signed a request, and for which service, from its header or address. The function is empty for
// everybody else.
func signer(r *http.Request) (string, string) {
	_, credential, signed := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !signed {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	credential, _, _ = strings.Cut(credential, ",")
	scope := strings.Split(credential, "/") // key, date, region, service, aws4_request
	if len(scope) != 5 {                    //nolint:mnd // these
		return "", ""
	}
	function, ok := strings.CutPrefix(scope[0], ours)
	if !ok {
		return "", ""
	}
	return function, scope[3]
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
