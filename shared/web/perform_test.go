package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/web"
)

func gunzip(t *testing.T, body string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReplay(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	first := mustSend(t, serve, request("POST", "/v1/things", `{"name":"<b>"}`))
	if first.Headers["idempotent-replayed"] != "" {
		t.Error("the first answer says it is a replay")
	}
	spaced := request("POST", "/v1/things", ` { "name" : "<b>" } `)
	second := mustSend(t, serve, header(spaced, "idempotency-key", `"k1"`))
	if second.Body != first.Body || second.Headers["idempotent-replayed"] != "true" {
		t.Errorf("the replay differs: %+v, first was %+v", second, first)
	}
	delete(second.Headers, "idempotent-replayed")
	if second.StatusCode != first.StatusCode || !maps.Equal(second.Headers, first.Headers) {
		t.Errorf("the replay is %d %v, the first was %d %v", second.StatusCode, second.Headers, first.StatusCode, first.Headers)
	}
}

func TestOneKeyForTwoRequests(t *testing.T) {
	const body = `{"name":"a"}`
	first := header(request("PUT", "/v1/things/"+thing1, body), "if-match", `"1"`)
	others := map[string]events.APIGatewayV2HTTPRequest{
		"another body":    header(request("PUT", "/v1/things/"+thing1, `{"name":"b"}`), "if-match", `"1"`),
		"another address": header(request("PUT", "/v1/things/"+patient1, body), "if-match", `"1"`),
		"another method":  header(request("POST", "/v1/things", body), "if-match", `"1"`),
		"another version": header(first, "if-match", `"2"`),
		"another person":  claim(first, "sub", "sub-2"),
	}
	for name, other := range others {
		w := newWorld(t)
		serve := w.serve()
		mustSend(t, serve, first)
		if res := mustSend(t, serve, other); res.StatusCode != http.StatusUnprocessableEntity || problemOf(t, res).Code != "key_reused" {
			t.Errorf("%s under the key: %d %s", name, res.StatusCode, res.Body)
		}
	}
}

func TestReplayWithoutContent(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	ev := request("DELETE", "/v1/things/"+thing1, "")
	mustSend(t, serve, ev)
	if res := mustSend(t, serve, ev); res.StatusCode != http.StatusNoContent || res.Headers["idempotent-replayed"] != "true" || res.Body != "" {
		t.Errorf("the replay is %d %q %v", res.StatusCode, res.Body, res.Headers)
	}
}

func TestReplayAfterAnyRefusal(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Invalid, fault.Denied, fault.NotFound, fault.Conflict, fault.Stale, fault.Limited, fault.Unavailable} {
		t.Run(kind.String(), func(t *testing.T) {
			w := newWorld(t)
			serve := w.serve()
			ev := request("POST", "/v1/things", `{"name":"a"}`)
			first := mustSend(t, serve, ev)
			w.do = func(context.Context, web.Request) error { return fault.New(kind, "busy", "No.") }
			if res := mustSend(t, serve, ev); res.Body != first.Body || res.StatusCode != http.StatusCreated {
				t.Errorf("got %d %s, want the first answer", res.StatusCode, res.Body)
			}
			fresh := mustSend(t, serve, header(ev, "idempotency-key", "k9"))
			if fresh.StatusCode < 400 {
				t.Errorf("a refusal under a fresh key became %d", fresh.StatusCode)
			}
		})
	}
}

func TestInternalErrorIsNotReplayed(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	ev := request("POST", "/v1/things", `{"name":"a"}`)
	mustSend(t, serve, ev)
	w.do = func(context.Context, web.Request) error { return errPlain }
	if res := mustSend(t, serve, ev); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("got %d %s", res.StatusCode, res.Body)
	}
}

func TestErrDoneWithoutRecord(t *testing.T) {
	w := newWorld(t)
	w.do = func(context.Context, web.Request) error { return fmt.Errorf("write: %w", access.ErrDone) }
	if res := mustSend(t, w.serve(), request("POST", "/v1/things", `{"name":"a"}`)); res.StatusCode != http.StatusServiceUnavailable || problemOf(t, res).Code != "busy" {
		t.Errorf("got %d %s", res.StatusCode, res.Body)
	}
}

func TestReadsTakeAFreshCaller(t *testing.T) {
	w := newWorld(t)
	mustSend(t, w.serve(), request("GET", "/v1/things", ""))
	if !slices.Equal(w.looks, []bool{true}) {
		t.Errorf("looks were %v", w.looks)
	}
}

func TestWritesTakeACachedCaller(t *testing.T) {
	w := newWorld(t)
	mustSend(t, w.serve(), request("POST", "/v1/things", `{"name":"a"}`))
	if !slices.Equal(w.looks, []bool{false}) {
		t.Errorf("looks were %v", w.looks)
	}
}

func TestStanding(t *testing.T) {
	old := func(roles ...access.Role) *access.Caller {
		c := access.NewCaller(orgA, "sub-1", roles, 1)
		return &c
	}
	refuse := func(err error) func(*world) { // for callers of the old standing
		return func(w *world) {
			w.do = func(_ context.Context, r web.Request) error {
				if r.By.Standing() == 1 {
					return err
				}
				return nil
			}
		}
	}
	always := func(err error) func(*world) {
		return func(w *world) { w.do = func(context.Context, web.Request) error { return err } }
	}
	conflict := fault.New(fault.Conflict, "taken", "Taken.")
	cases := []struct {
		name   string
		cached *access.Caller
		roles  []access.Role
		now    int64
		setup  func(*world)
		status int
		runs   int
	}{
		{"a role given since counts", old(), []access.Role{access.Receptionist}, 2, func(*world) {}, 201, 1},
		{"a role never given does not", old(), nil, 2, func(*world) {}, 403, 0},
		{"a role taken away", old(access.Receptionist), nil, 2, refuse(access.ErrStanding), 403, 1},
		{"a role taken away, refused for another reason", old(access.Receptionist), nil, 2, refuse(conflict), 403, 1},
		{"standing changed", old(access.Receptionist), []access.Role{access.Receptionist}, 2, refuse(access.ErrStanding), 201, 2},
		{
			"standing wrapped in a refusal", old(access.Receptionist),
			[]access.Role{access.Receptionist},
			2,
			refuse(fault.Wrap(access.ErrStanding, fault.Conflict, "busy", "No.")), 201, 2,
		},
		{"a refusal from an old copy", old(access.Receptionist), []access.Role{access.Receptionist}, 2, refuse(conflict), 201, 2},
		{"a refusal that stands", old(access.Receptionist), []access.Role{access.Receptionist}, 1, refuse(conflict), 409, 1},
		{"standing changes all the time", old(access.Receptionist), []access.Role{access.Receptionist}, 2, always(access.ErrStanding), 503, 3},
		{
			"unavailable is not asked again", old(access.Receptionist),
			[]access.Role{access.Receptionist},
			2,
			always(fault.New(fault.Unavailable, "busy", "Wait.")), 503, 1,
		},
		{"internal is not asked again", old(access.Receptionist), []access.Role{access.Receptionist}, 2, always(errPlain), 500, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.cached, w.roles, w.standing = c.cached, c.roles, c.now
			c.setup(w)
			res := mustSend(t, w.serve(), request("POST", "/v1/things", `{"name":"a"}`))
			if res.StatusCode != c.status || w.runs != c.runs {
				t.Errorf("status %d after %d runs, want %d after %d: %s", res.StatusCode, w.runs, c.status, c.runs, res.Body)
			}
		})
	}
}

func TestRevokedPersonGetsNoReplay(t *testing.T) {
	for _, err := range []error{nil, access.ErrDone, fault.New(fault.Unavailable, "busy", "Wait.")} {
		w := newWorld(t)
		serve := w.serve()
		ev := request("POST", "/v1/things", `{"name":"a"}`)
		mustSend(t, serve, ev)
		cached := access.NewCaller(orgA, "sub-1", w.roles, 1)
		w.cached, w.roles, w.standing = &cached, nil, 2
		if err != nil {
			w.do = func(context.Context, web.Request) error { return err }
		}
		if res := mustSend(t, serve, ev); res.StatusCode != http.StatusForbidden {
			t.Errorf("after %v: %d %s", err, res.StatusCode, res.Body)
		}
	}
}

func TestSensitiveRead(t *testing.T) {
	cases := map[string]struct {
		id     string
		roles  []access.Role
		status int
		note   string
	}{
		"noted":                               {patient1, []access.Role{access.Receptionist}, 200, patient1 + " read"},
		"denied is noted":                     {patient1, nil, 403, patient1 + " denied"},
		"denied with something that is no id": {marker, nil, 403, orgA + " denied"},
		"what was not found was not read":     {"other", []access.Role{access.Receptionist}, 404, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.roles = c.roles
			res := mustSend(t, w.serve(), request("GET", "/v1/patients/"+c.id, ""))
			var want []string
			if c.note != "" {
				want = []string{orgA + " patient.read " + c.note}
			}
			if res.StatusCode != c.status || !slices.Equal(w.notes, want) {
				t.Errorf("%d, notes %q; want %d, %q", res.StatusCode, w.notes, c.status, want)
			}
			if strings.Contains(w.log.String(), marker) {
				t.Error("what was read is logged")
			}
		})
	}
}

func TestSensitiveReadFailsClosed(t *testing.T) {
	for _, failure := range []error{errPlain, fault.New(fault.Unavailable, "busy", "Wait.")} {
		w := newWorld(t)
		w.noteErr = failure
		res := mustSend(t, w.serve(), request("GET", "/v1/patients/"+patient1, ""))
		if res.StatusCode < http.StatusInternalServerError || strings.Contains(res.Body, marker) {
			t.Errorf("%d %s", res.StatusCode, res.Body)
		}
	}
}

func TestSensitiveRouteMustSayWhose(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a sensitive route without Subject was accepted")
		}
	}()
	web.Do(access.PatientRead, "x", func(context.Context, web.Request, *getIn) (thing, error) { return thing{}, nil })
}

func TestOperator(t *testing.T) {
	ev := request("POST", "/v1/organisations", `{"name":"a"}`)
	w := newWorld(t)
	serve := w.serve()
	if res := mustSend(t, serve, ev); res.StatusCode != http.StatusForbidden {
		t.Errorf("without the scope: %d", res.StatusCode)
	}
	if res := mustSend(t, serve, claim(ev, "scope", "almanac/operated openid")); res.StatusCode != http.StatusForbidden {
		t.Errorf("with a scope like it: %d", res.StatusCode)
	}
	operator := claim(claim(ev, "scope", "openid almanac/operate"), "cognito:groups", "")
	first := mustSend(t, serve, operator)
	again := mustSend(t, serve, operator)
	if first.StatusCode != http.StatusCreated || again.Body != first.Body || again.Headers["idempotent-replayed"] != "true" {
		t.Errorf("first %d %s, again %d %s", first.StatusCode, first.Body, again.StatusCode, again.Body)
	}
	other := mustSend(t, serve, header(operator, "idempotency-key", "k2"))
	if other.StatusCode != http.StatusCreated || other.Body == first.Body {
		t.Errorf("another key made %d %s", other.StatusCode, other.Body)
	}
	if res := mustSend(t, serve, without(operator, "idempotency-key")); res.StatusCode != http.StatusBadRequest {
		t.Errorf("without a key: %d", res.StatusCode)
	}
	if made := strings.Split(first.Body, `"`)[3]; !id.Valid(made, "org") {
		t.Errorf("%q is no organisation's id", made)
	}
	if len(w.looks) != 0 {
		t.Error("an operator's roles were looked up in an organisation")
	}
}

// awsError has the shape of the SDK's errors.
type awsError struct{ text string }

func (e awsError) Error() string     { return e.text }
func (e awsError) ErrorCode() string { return "TransactionCanceledException" }

type operationError struct{ error }

func (e operationError) Service() string   { return "DynamoDB" }
func (e operationError) Operation() string { return "TransactWriteItems" }
func (e operationError) Unwrap() error     { return e.error }

func TestInternalTextNeverLeaves(t *testing.T) {
	w := newWorld(t)
	w.do = func(context.Context, web.Request) error {
		return fmt.Errorf("book: %w", operationError{awsError{"item " + marker}})
	}
	res := mustSend(t, w.serve(), request("POST", "/v1/things", `{"name":"a"}`))
	p := problemOf(t, res)
	if res.StatusCode != http.StatusInternalServerError || p.Code != "internal" || strings.Contains(res.Body, "book") {
		t.Errorf("got %d %s", res.StatusCode, res.Body)
	}
	line := w.lines()[0]
	want := "[book web_test.operationError DynamoDB.TransactWriteItems web_test.awsError TransactionCanceledException]"
	if fmt.Sprint(line["cause"]) != want || line["level"] != "ERROR" || strings.Contains(w.log.String(), marker) {
		t.Errorf("the log says %s", w.log)
	}
}

func TestInternalFaultWithTextOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.do = func(context.Context, web.Request) error {
		return fault.New(fault.Internal, "secret_code", marker, fault.Detail{Code: "x", Message: marker})
	}
	if res := mustSend(t, w.serve(), request("POST", "/v1/things", `{"name":"a"}`)); strings.Contains(res.Body, marker) || strings.Contains(res.Body, "secret") {
		t.Errorf("got %s", res.Body)
	}
}

func TestKinds(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 422, fault.Denied: 403, fault.NotFound: 404, fault.Conflict: 409,
		fault.Stale: 412, fault.Limited: 429, fault.Unavailable: 503,
	}
	for kind, status := range want {
		w := newWorld(t)
		w.do = func(context.Context, web.Request) error {
			f := fault.New(kind, "busy", "No.")
			f.RetryAfter = 1500 * time.Millisecond
			return f
		}
		res := mustSend(t, w.serve(), request("GET", "/v1/things/"+thing1, ""))
		if res.StatusCode != status {
			t.Errorf("%v became %d, want %d", kind, res.StatusCode, status)
		}
		if after := res.Headers["retry-after"]; (after == "2") != (status == 429 || status == 503) {
			t.Errorf("%v has Retry-After %q", kind, after)
		}
	}
}

func TestPanic(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	w.do = func(context.Context, web.Request) error { panic(marker) }
	res := mustSend(t, serve, request("GET", "/v1/things/"+thing1, ""))
	if res.StatusCode != http.StatusInternalServerError || strings.Contains(res.Body+w.log.String(), marker) {
		t.Errorf("got %d %s\n%s", res.StatusCode, res.Body, w.log)
	}
	cause := fmt.Sprint(w.lines()[0]["cause"])
	if !strings.Contains(cause, "panic string") || !strings.Contains(cause, "TestPanic") {
		t.Errorf("the log names neither type nor function: %s", cause)
	}
	w.do = nil
	if res := mustSend(t, serve, request("GET", "/v1/things/"+thing1, "")); res.StatusCode != http.StatusOK {
		t.Errorf("the process did not live on: %d", res.StatusCode)
	}
}

func TestDeadline(t *testing.T) {
	w := newWorld(t)
	w.do = func(ctx context.Context, _ web.Request) error {
		<-ctx.Done()
		return fmt.Errorf("write: %w", ctx.Err())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 350*time.Millisecond)
	defer cancel()
	res, err := w.serve()(ctx, request("POST", "/v1/things", `{"name":"a"}`))
	if err != nil || res.StatusCode != http.StatusServiceUnavailable || problemOf(t, res).Code != "timeout" || ctx.Err() != nil {
		t.Errorf("got %d %s, %v, %v", res.StatusCode, res.Body, err, ctx.Err())
	}
}

func TestCallerFails(t *testing.T) {
	w := newWorld(t)
	e := w.edge()
	e.Gate.Caller = func(context.Context, string, string, bool) (access.Caller, error) {
		return access.Caller{}, fault.Wrap(errors.New("throttled"), fault.Unavailable, "busy", "Wait.")
	}
	if res := mustSend(t, e.Serve(w.routes()), request("GET", "/v1/things", "")); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d", res.StatusCode)
	}
}
