package pump_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"almanac/infra/lambdahost/hosttest"
)

// unreliable stands before an engine and spoils every third call of an operation.
func unreliable(t *testing.T, variable, operation string, spoil func(http.ResponseWriter)) string {
	t.Helper()
	target, err := url.Parse(os.Getenv(variable))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = nil
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) && calls.Add(1)%3 == 0 {
			spoil(w)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		srv.Close()
		if calls.Load() < 3 {
			t.Errorf("%s was never spoilt", operation)
		}
	})
	return srv.URL
}

// An iterator can expire at any time; nothing may be lost or read twice because of it.
func TestStreamIteratorsExpire(t *testing.T) {
	l := newLedger(t)
	var seen batches
	h := hosttest.Brain(t, "fanout", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
	s := l.mapping(h)
	s.Client = dynamodbstreams.NewFromConfig(config(t, "DYNAMODB_ENDPOINT"), func(o *dynamodbstreams.Options) {
		o.BaseEndpoint = aws.String(unreliable(t, "DYNAMODB_ENDPOINT", "GetRecords", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ExpiredIteratorException","message":"expired"}`)
		}))
	})
	s.Window = 0
	start(t, s.Run)
	for i := range 40 {
		l.put(t, fmt.Sprint(i), nil)
	}
	waitFor(t, "records are missing", func() bool { return seen.count("39") > 0 })
	for i := range 40 {
		if n := seen.count(fmt.Sprint(i)); n != 1 {
			t.Errorf("record %d was seen %d times", i, n)
		}
	}
}

// A queue that does not answer for a while is asked again.
func TestQueueThatFailsNowAndThen(t *testing.T) {
	m := newMailbox(t, map[string]string{"VisibilityTimeout": "1"})
	var seen batches
	h := hosttest.Brain(t, "worker", func(p []byte) hosttest.Answer { seen.see(t, p); return hosttest.Answer{} })
	for _, operation := range []string{"ReceiveMessage", "DeleteMessageBatch"} {
		q := m.mapping(h)
		q.BatchSize = 1
		q.Client = sqs.NewFromConfig(config(t, "SQS_ENDPOINT"), func(o *sqs.Options) {
			o.RetryMaxAttempts = 1
			o.BaseEndpoint = aws.String(unreliable(t, "SQS_ENDPOINT", operation, func(w http.ResponseWriter) {
				w.WriteHeader(http.StatusInternalServerError)
			}))
		})
		stop := start(t, q.Run)
		for i := range 10 {
			m.send(t, fmt.Sprint(operation, i))
		}
		waitFor(t, "messages were left", func() bool { return m.left(t) == 0 })
		stop()
		for i := range 10 {
			if seen.count(fmt.Sprint(operation, i)) == 0 {
				t.Errorf("%s %d was not seen", operation, i)
			}
		}
	}
}
