package mail_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/ses"
	"almanac/shared/fault"
	"almanac/shared/mail"
)

// office is the stand-in for SES behind real HTTP, and a Post that reaches it.
type office struct {
	*ses.Server
	requests atomic.Int32
	post     *mail.Post
}

func newOffice(t *testing.T) *office {
	t.Helper()
	server, err := ses.New(ses.Config{
		Identities: []string{"mail.example.org"}, ConfigurationSets: []string{"almanac"},
		Lookup: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{Server: server}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.requests.Add(1)
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	o.post = reach(srv.URL, "almanac")
	return o
}

func reach(url, set string) *mail.Post {
	return mail.NewPost(aws.Config{
		Region: "eu-west-2", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
		// A careless configuration, which must not matter: NewPost turns retries off whatever it says.
		RetryMaxAttempts: 5,
	}, set)
}

func parcel(t *testing.T) mail.Parcel {
	t.Helper()
	w, err := mail.NewWriter(from)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Write(letter(t))
	if err != nil {
		t.Fatal(err)
	}
	p.Tags = map[string]string{"event": "evt_01m7yq1we0ev5b9ts55c7j3qdp", "organisation": "org_1"}
	return p
}

func TestSend(t *testing.T) {
	o := newOffice(t)
	got, err := o.post.Send(t.Context(), parcel(t))
	if err != nil {
		t.Fatal(err)
	}
	all := o.Mails("mary@patient.example")
	if len(all) != 1 || all[0].ID != got {
		t.Fatalf("the mailbox has %d, Send gave %q", len(all), got)
	}
	m := all[0]
	if m.ConfigurationSet != "almanac" || len(m.Tags) != 2 || m.Subject != "Your appointment on Monday 23 November 2026" ||
		m.From != `"Elm Road Surgery" <bookings@mail.example.org>` {
		t.Errorf("%+v", m.Headers)
	}
	if len(m.Calendar) != 1 || m.Calendar[0].Method != "REQUEST" || m.Calendar[0].Events[0].When != "Monday 23 November 2026, 9:30am to 10am (GMT)" {
		t.Errorf("%+v", m.Calendar)
	}
	if _, err := o.post.Send(t.Context(), parcel(t)); err != nil || len(o.Mails("")) != 2 {
		t.Errorf("a second mail: %v", err)
	}
}

// Each way in which SES can fail: what is known of the mail then, what is in the mailbox, and how often it was asked.
func TestSendFails(t *testing.T) {
	for _, x := range []struct {
		fault    string
		times    int
		kind     fault.Kind
		code     string
		mails    int
		requests int
	}{
		{ses.Throttle, 2, -1, "", 1, 3}, // it passes
		{ses.Throttle, sandbox.Forever, fault.Limited, "throttled", 0, 3},
		{ses.Quota, 1, fault.Unavailable, "quota_spent", 0, 1},
		{ses.Reject, 1, fault.Invalid, "message_rejected", 0, 1},
		{ses.MailFrom, 1, fault.Unavailable, "domain_not_verified", 0, 1},
		{ses.Paused, 1, fault.Unavailable, "sending_paused", 0, 1},
		{ses.Suspended, 1, fault.Unavailable, "account_suspended", 0, 1},
		{ses.Fail, 1, fault.Internal, "provider_error", 0, 1},
		{ses.LoseReply, 1, fault.Internal, "no_answer", 1, 1},
		{ses.LoseRequest, 1, fault.Internal, "no_answer", 0, 1},
	} {
		t.Run(x.fault+" "+x.code, func(t *testing.T) {
			o := newOffice(t)
			if err := o.Faults.Set([]sandbox.Fault{{Kind: x.fault, Count: x.times}}); err != nil {
				t.Fatal(err)
			}
			_, err := o.post.Send(t.Context(), parcel(t))
			check(t, err, x.kind, x.code)
			if n := len(o.Mails("")); n != x.mails || int(o.requests.Load()) != x.requests {
				t.Errorf("%d mails after %d requests, want %d after %d", n, o.requests.Load(), x.mails, x.requests)
			}
		})
	}
}

func check(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	switch {
	case kind < 0 && err != nil:
		t.Errorf("got %v", err)
	case kind >= 0 && (!fault.Is(err, kind) || fault.Of(err).Code != code):
		t.Errorf("got %v, want %v: %s", err, kind, code)
	}
	if err != nil && strings.Contains(err.Error(), "patient.example") {
		t.Errorf("somebody's address is in %q", err)
	}
}

func TestSendWithoutAnAnswer(t *testing.T) {
	t.Run("nobody listens: not sent", func(t *testing.T) {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		url := "http://" + l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = reach(url, "").Send(t.Context(), parcel(t))
		check(t, err, fault.Unavailable, "not_connected")
	})

	t.Run("no such host: not sent", func(t *testing.T) {
		_, err := reach("http://ses.invalid", "").Send(t.Context(), parcel(t))
		check(t, err, fault.Unavailable, "not_connected")
	})

	t.Run("no secure connection: not sent", func(t *testing.T) {
		srv := httptest.NewTLSServer(http.NotFoundHandler()) // whose certificate nobody trusts
		defer srv.Close()
		srv.Config.ErrorLog = nil
		_, err := reach(srv.URL, "").Send(t.Context(), parcel(t))
		check(t, err, fault.Unavailable, "not_connected")
	})

	t.Run("no time to connect: not sent", func(t *testing.T) {
		o := newOffice(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := o.post.Send(ctx, parcel(t))
		check(t, err, fault.Unavailable, "not_connected")
	})

	t.Run("time runs out on the way: not known", func(t *testing.T) {
		o := newOffice(t)
		if err := o.Faults.Add(sandbox.Fault{Kind: sandbox.Slow, Count: 1, Delay: sandbox.Delay(time.Second)}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := o.post.Send(ctx, parcel(t))
		check(t, err, fault.Internal, "no_answer")
	})

	// What stands between may answer too, and what it answers says nothing of the mail.
	for name, serve := range map[string]http.HandlerFunc{
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"MessageId":"0`)
		},
		"an answer that is none": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"a proxy's refusal":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>no", http.StatusForbidden) },
		"a gateway's 502":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"a request timeout":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestTimeout) },
		"a redirect to elsewhere": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/x")
			w.WriteHeader(http.StatusFound)
		},
	} {
		t.Run(name+": not known", func(t *testing.T) {
			var asked atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				serve(w, r)
			}))
			defer srv.Close()
			_, err := reach(srv.URL, "").Send(t.Context(), parcel(t))
			if !fault.Is(err, fault.Internal) || asked.Load() != 1 {
				t.Errorf("asked %d times: %v", asked.Load(), err)
			}
		})
	}

	t.Run("keys that are refused: not sent", func(t *testing.T) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"message":"mary@patient.example may not"}`)
		}))
		defer srv.Close()
		_, err := reach(srv.URL, "").Send(t.Context(), parcel(t))
		check(t, err, fault.Unavailable, "access_refused")
	})
}

// A connection that the other end has dropped since the last mail must not cost the next one: Lambda freezes a
// function for minutes between messages, and SES does not wait that long.
func TestSendAfterTheConnectionDied(t *testing.T) {
	o := newOffice(t)
	var mu sync.Mutex
	var conns []net.Conn
	srv := httptest.NewUnstartedServer(o)
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if s == http.StateNew {
			conns = append(conns, c)
		}
	}
	srv.Start()
	defer srv.Close()
	post := reach(srv.URL, "almanac")
	for n := range 5 {
		if _, err := post.Send(t.Context(), parcel(t)); err != nil {
			t.Fatalf("mail %d: %v", n, err)
		}
		mu.Lock()
		for _, c := range conns {
			_ = c.(*net.TCPConn).SetLinger(0) // a reset
			_ = c.Close()
		}
		mu.Unlock()
	}
	if n := len(o.Mails("")); n != 5 {
		t.Errorf("%d mails, want 5", n)
	}
}
