package web_test

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
)

func TestRefusals(t *testing.T) {
	const good = `{"name":"a"}`
	post := request("POST", "/v1/things", good)
	get := request("GET", "/v1/things/"+thing1, "")
	list := request("GET", "/v1/things", "")
	put := header(request("PUT", "/v1/things/"+thing1, good), "if-match", `"1"`)
	with := func(body string) events.APIGatewayV2HTTPRequest { ev := post; ev.Body = body; return ev }
	b64 := post
	b64.Body, b64.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(good)), true
	badB64 := post
	badB64.IsBase64Encoded = true
	anonymous := get
	anonymous.RequestContext.Authorizer = nil
	deep := strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40)
	method := func(m string) events.APIGatewayV2HTTPRequest {
		ev := list
		ev.RequestContext.HTTP.Method = m
		return ev
	}
	cases := []struct {
		name   string
		ev     events.APIGatewayV2HTTPRequest
		status int
		code   string
		detail string // code of the first error
		at     string // its pointer
	}{
		{"made", post, 201, "", "", ""},
		{"made from base64", b64, 201, "", "", ""},
		{"got", get, 200, "", "", ""},
		{"listed", query(list, "date=2026-11-21&limit=3&who=a&who=b"), 200, "", "", ""},
		{"changed", put, 200, "", "", ""},

		{"unknown address", request("GET", "/v1/other", ""), 404, "no_route", "", ""},
		{"trailing slash", request("GET", "/v1/things/", ""), 404, "no_route", "", ""},
		{"encoded slash in an id", request("GET", "/v1/things/a%2Fb", ""), 404, "no_route", "", ""},
		{"NUL in an id", request("GET", "/v1/things/a%00b", ""), 404, "no_route", "", ""},
		{"an id that cannot be one", request("GET", "/v1/things/"+strings.Repeat("a", 31), ""), 404, "not_found", "", ""},
		{"wrong method", method("PATCH"), 405, "method_not_allowed", "", ""},
		{"TRACE", method("TRACE"), 405, "method_not_allowed", "", ""},
		{"method override ignored", header(list, "x-http-method-override", "DELETE"), 200, "", "", ""},

		{"no token", anonymous, 401, "not_logged_in", "", ""},
		{"no subject", claim(get, "sub", ""), 401, "not_logged_in", "", ""},
		{"no organisation", claim(get, "cognito:groups", ""), 403, "no_organisation", "", ""},
		{"only groups that are none", claim(get, "cognito:groups", "[admins org_x]"), 403, "no_organisation", "", ""},
		{"organisation as plain text", claim(get, "cognito:groups", orgA), 200, "", "", ""},
		{"several and none named", claim(get, "cognito:groups", "["+orgA+" "+orgB+"]"), 400, "organisation_needed", "", ""},
		{"several and one named", header(claim(get, "cognito:groups", "["+orgA+" "+orgB+"]"), "almanac-organisation", orgA), 200, "", "", ""},
		{"not one's own", header(get, "almanac-organisation", orgB), 404, "organisation_not_found", "", ""},
		{"not an id", header(get, "almanac-organisation", "x"), 400, "organisation_needed", "", ""},
		{"not a member", claim(get, "cognito:groups", orgB), 403, "denied", "", ""},
		{"a claim of another name does not count", claim(claim(get, "cognito:groups", ""), "groups", orgA), 403, "no_organisation", "", ""},

		{"no key", without(post, "idempotency-key"), 400, "idempotency_key_missing", "", ""},
		{"empty key", header(post, "idempotency-key", `""`), 400, "idempotency_key_missing", "", ""},
		{"long key", header(post, "idempotency-key", strings.Repeat("k", 256)), 400, "idempotency_key_malformed", "", ""},
		{"key with a control character", header(post, "idempotency-key", "a\x01b"), 400, "idempotency_key_malformed", "", ""},
		{"key that is not ASCII", header(post, "idempotency-key", "clé"), 400, "idempotency_key_malformed", "", ""},
		{"no If-Match", without(put, "if-match"), 428, "if_match_missing", "", ""},
		{"weak If-Match", header(put, "if-match", `W/"1"`), 400, "if_match_malformed", "", ""},
		{"If-Match without quotes", header(put, "if-match", `1`), 400, "if_match_malformed", "", ""},
		{"If-Match *", header(put, "if-match", `*`), 400, "if_match_malformed", "", ""},
		{"If-Match list", header(put, "if-match", `"1","2"`), 400, "if_match_malformed", "", ""},
		{"If-Match 01", header(put, "if-match", `"01"`), 400, "if_match_malformed", "", ""},
		{"If-Match -1", header(put, "if-match", `"-1"`), 400, "if_match_malformed", "", ""},
		{"If-Match too big", header(put, "if-match", `"9999999999999999999"`), 400, "if_match_malformed", "", ""},
		{"stale", header(put, "if-match", `"3"`), 412, "stale", "", ""},

		{"unknown parameter", query(list, marker+"=1"), 400, "bad_parameter", "unknown_parameter", ""},
		{"repeated parameter", query(list, "limit=1&limit=2"), 400, "bad_parameter", "repeated_parameter", ""},
		{"ill-formed number", query(list, "limit="+marker), 400, "bad_parameter", "wrong_type", ""},
		{"number out of bounds", query(list, "limit=201"), 400, "bad_parameter", "too_large", ""},
		{"ill-formed date", query(list, "date="+marker), 400, "bad_parameter", "wrong_format", ""},
		{"date that does not exist", query(list, "date=2026-02-30"), 400, "bad_parameter", "wrong_format", ""},
		{"bad escape", query(list, "limit=%zz"), 400, "malformed_query", "", ""},
		{"semicolon", query(list, "limit=1;limit=2"), 400, "malformed_query", "", ""},
		{"query that is not UTF-8", query(list, "who=%ff"), 400, "bad_parameter", "wrong_format", ""},
		{"query with NUL", query(list, "who=%00"), 400, "bad_parameter", "wrong_format", ""},

		{"no body", with(""), 400, "body_missing", "", ""},
		{"a body where none belongs", request("GET", "/v1/things", "{}"), 400, "body_unexpected", "", ""},
		{"white space alone", with(" "), 400, "malformed_json", "", ""},
		{"not JSON", with(marker), 400, "malformed_json", "", ""},
		{"bad base64", badB64, 400, "malformed_json", "", ""},
		{"cut off", with(`{"name":"a"`), 400, "malformed_json", "", ""},
		{"something after it", with(good + good), 400, "malformed_json", "", ""},
		{"byte order mark", with("\ufeff" + good), 400, "malformed_json", "", ""},
		{"not UTF-8", with("{\"name\":\"\xff\"}"), 400, "malformed_json", "", ""},
		{"deep", with(deep), 400, "malformed_json", "", ""},
		{"deep in a field", with(`{"name":` + deep + `}`), 400, "malformed_json", "", ""},
		{"very deep", with(strings.Repeat("[", 60_000)), 400, "malformed_json", "", ""},
		{"too large", with(`{"name":"` + strings.Repeat("a", 64<<10) + `"}`), 413, "too_large", "", ""},
		{"too large to be looked at", with(strings.Repeat("x", 65<<10)), 413, "too_large", "", ""},
		{"a list", with(`[]`), 422, "invalid", "wrong_type", ""},
		{"null", with(`null`), 422, "invalid", "wrong_type", ""},
		{"unknown field", with(`{"name":"a","` + marker + `":1}`), 400, "malformed_body", "unknown_field", ""},
		{"other capitals", with(`{"NAME":"a"}`), 400, "malformed_body", "unknown_field", ""},
		{"long s", with(`{"name":"a","ſize":1}`), 400, "malformed_body", "unknown_field", ""},
		{"unknown field deep down", with(`{"name":"a","parts":[{"length":1},{"length":1,"x":1}]}`), 400, "malformed_body", "unknown_field", "/parts/1"},
		{"field given twice", with(`{"name":"a","name":"b"}`), 400, "malformed_body", "duplicate_field", "/name"},
		{"field given twice, escaped", with(`{"name":"a","n\u0061me":"b"}`), 400, "malformed_body", "duplicate_field", "/name"},
		{"key of a map given twice", with(`{"name":"a","hours":{"` + marker + `":{"length":1},"` + marker + `":{"length":1}}}`), 400, "malformed_body", "duplicate_field", "/hours"},
		{"ours to set", with(`{"name":"a","id":"x"}`), 400, "malformed_body", "read_only_field", "/id"},
		{"NUL", with(`{"name":"a\u0000"}`), 400, "malformed_body", "text_refused", "/name"},
		{"half a pair", with(`{"name":"\ud800"}`), 400, "malformed_body", "text_refused", "/name"},
		{"the other half", with(`{"name":"\udc00x"}`), 400, "malformed_body", "text_refused", "/name"},
		{"halves the wrong way round", with(`{"name":"\udc00\ud800"}`), 400, "malformed_body", "text_refused", "/name"},
		{"missing field", with(`{}`), 422, "invalid", "required", "/name"},
		{"missing field deep down", with(`{"name":"a","parts":[{}]}`), 422, "invalid", "required", "/parts/0/length"},
		{"wrong type", with(`{"name":1}`), 422, "invalid", "wrong_type", "/name"},
		{"null for a list", with(`{"name":"a","parts":null}`), 201, "", "", ""},
		{"pattern", with(`{"name":"` + marker + `1"}`), 422, "invalid", "wrong_format", "/name"},
		{"choice", with(`{"name":"a","colour":"` + marker + `"}`), 422, "invalid", "not_a_choice", "/colour"},
		{"too long", with(`{"name":"` + strings.Repeat("a", 21) + `"}`), 422, "invalid", "too_long", "/name"},
		{"too large a number", with(`{"name":"a","size":10}`), 422, "invalid", "too_large", "/size"},
		{"half a number", with(`{"name":"a","size":1.5}`), 422, "invalid", "wrong_type", "/size"},
		{"a number no computer holds", with(`{"name":"a","size":1e400}`), 400, "malformed_body", "wrong_type", "/size"},
		{"a number of more than 64 bits", with(`{"name":"a","size":9223372036854775808}`), 400, "malformed_body", "wrong_type", "/size"},
		{"a whole number with a point", with(`{"name":"a","size":1.0}`), 400, "malformed_body", "wrong_type", "/size"},
		{"mail", with(`{"name":"a","mail":"` + marker + `"}`), 422, "invalid", "wrong_format", "/mail"},
		{"two mails", with(`{"name":"a","mail":"a@b.co, ` + marker + `@b.co"}`), 422, "invalid", "wrong_format", "/mail"},
		{"instant without offset", with(`{"name":"a","at":"2026-11-21T09:00:00"}`), 422, "invalid", "wrong_format", "/at"},
		{"too many", with(`{"name":"a","parts":[{"length":1},{"length":1},{"length":1},{"length":1}]}`), 422, "invalid", "too_many", "/parts"},
		{"under a key that somebody typed", with(`{"name":"a","hours":{"` + marker + `":{"length":0}}}`), 422, "invalid", "too_small", "/hours"},
		{"after a key that somebody typed", with(`{"name":1,"hours":{"` + marker + `":{"length":1}}}`), 422, "invalid", "wrong_type", "/name"},
		{"a key with a full stop", with(`{"name":1,"hours":{"` + marker + `.x":{"length":1}}}`), 400, "malformed_body", "text_refused", "/hours"},

		{"form", header(post, "content-type", "application/x-www-form-urlencoded"), 415, "not_json", "", ""},
		{"no content type", without(post, "content-type"), 415, "not_json", "", ""},
		{"JSON of another kind", header(post, "content-type", "application/merge-patch+json"), 415, "not_json", "", ""},
		{"Latin 1", header(post, "content-type", "application/json; charset=iso-8859-1"), 415, "not_json", "", ""},
		{"UTF-8 said", header(post, "content-type", "Application/JSON; charset=UTF-8"), 201, "", "", ""},
		{"compressed", header(post, "content-encoding", "gzip"), 415, "not_json", "", ""},
		{"length right", header(post, "content-length", "12"), 201, "", "", ""},
		{"length wrong", header(post, "content-length", "11"), 400, "length_mismatch", "", ""},
		{"length twice", header(post, "content-length", "12,12"), 400, "length_mismatch", "", ""},
		{"length negative", header(post, "content-length", "-12"), 400, "length_mismatch", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			res := mustSend(t, w.serve(), c.ev)
			if res.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %s", res.StatusCode, c.status, res.Body)
			}
			if strings.Contains(res.Body+w.log.String(), marker) {
				t.Errorf("what was typed is shown or logged: %s\n%s", res.Body, w.log)
			}
			if lines := w.lines(); len(lines) != 1 || lines[0]["status"] != float64(c.status) {
				t.Errorf("want one log line with the status, got %v", lines)
			}
			if c.code == "" {
				return
			}
			checkProblem(t, res, c.code, c.detail, c.at)
			if w.runs > 0 && c.code != "stale" {
				t.Error("a refused request reached the handler")
			}
		})
	}
}

// A key that is there is not called missing; what is wrong with it is said.
func TestKeyIsWrong(t *testing.T) {
	for key, want := range map[string]string{
		"": "Send an Idempotency-Key", strings.Repeat("k", 256): "too long", "cl\u00e9": "cannot be read",
	} {
		w := newWorld(t)
		ev := header(request("POST", "/v1/things", `{"name":"a"}`), "idempotency-key", key)
		if res := mustSend(t, w.serve(), ev); !strings.Contains(res.Body, want) {
			t.Errorf("a key of %d bytes: %s", len(key), res.Body)
		}
	}
}

func checkProblem(t *testing.T, res events.APIGatewayV2HTTPResponse, code, detail, at string) {
	t.Helper()
	p := problemOf(t, res)
	if p.Code != code {
		t.Errorf("code %q, want %q: %s", p.Code, code, res.Body)
	}
	if detail != "" && (len(p.Errors) == 0 || p.Errors[0].Code != detail || p.Errors[0].Pointer != at) {
		t.Errorf("errors %+v, want first %q at %q", p.Errors, detail, at)
	}
}

func TestPermissionIsSettledFirst(t *testing.T) {
	w := newWorld(t)
	w.roles = []access.Role{access.EmailDispatch}
	ev := without(request("POST", "/v1/things", "{not json"), "idempotency-key")
	if res := mustSend(t, w.serve(), ev); res.StatusCode != http.StatusForbidden || problemOf(t, res).Code != "denied" {
		t.Errorf("got %d %s, want 403 before anything else is looked at", res.StatusCode, res.Body)
	}
}

func TestAllowNamesTheMethods(t *testing.T) {
	w := newWorld(t)
	res := mustSend(t, w.serve(), request("PATCH", "/v1/things/"+thing1, ""))
	if res.Headers["allow"] != "DELETE, GET, PUT" {
		t.Errorf("Allow is %q", res.Headers["allow"])
	}
}

func TestUnauthorisedNamesTheScheme(t *testing.T) {
	w := newWorld(t)
	ev := request("GET", "/v1/things", "")
	ev.RequestContext.Authorizer = nil
	if res := mustSend(t, w.serve(), ev); res.Headers["www-authenticate"] != "Bearer" {
		t.Errorf("headers are %v", res.Headers)
	}
}

func TestAnswer(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	res := mustSend(t, serve, request("POST", "/v1/things", `{"name":"a & b"}`))
	want := `{"id":"` + thing1 + `","name":"a \u0026 b","version":1}`
	if res.Body != want {
		t.Errorf("body %s, want %s", res.Body, want)
	}
	if res.Headers["etag"] != `"1"` || res.Headers["location"] != "/v1/things/"+thing1 || res.Headers["content-type"] != "application/json" {
		t.Errorf("headers are %v", res.Headers)
	}
	res = mustSend(t, serve, request("GET", "/v1/things/"+thing1, ""))
	if res.Headers["etag"] != `"7"` || res.Headers["location"] != "" {
		t.Errorf("headers of an answer that is a pointer are %v", res.Headers)
	}
	res = mustSend(t, serve, request("GET", "/v1/things", ""))
	if res.Body != `{"items":[]}` {
		t.Errorf("an empty list is %s", res.Body)
	}
	res = mustSend(t, serve, header(request("DELETE", "/v1/things/"+thing1, ""), "idempotency-key", "k2"))
	if res.StatusCode != http.StatusNoContent || res.Body != "" || res.Headers["content-type"] != "" {
		t.Errorf("no content: %d %q %v", res.StatusCode, res.Body, res.Headers)
	}
}

func TestGzip(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	long := query(request("GET", "/v1/things", ""), "who=a")
	plain := mustSend(t, serve, long)
	packed := mustSend(t, serve, header(long, "accept-encoding", "br, gzip;q=0.8"))
	if packed.Headers["content-encoding"] != "gzip" || !packed.IsBase64Encoded || packed.Headers["vary"] != "accept-encoding" {
		t.Fatalf("headers are %v", packed.Headers)
	}
	if got := gunzip(t, packed.Body); got != plain.Body {
		t.Errorf("unpacked is %q", got)
	}
	for _, refused := range []string{"", "br", "gzip;q=0", "gzip; q=0.0"} {
		if res := mustSend(t, serve, header(long, "accept-encoding", refused)); res.IsBase64Encoded {
			t.Errorf("packed for %q", refused)
		}
	}
	if res := mustSend(t, serve, header(request("GET", "/v1/things", ""), "accept-encoding", "gzip")); res.IsBase64Encoded {
		t.Error("a short body was packed")
	}
}

func TestLog(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	mustSend(t, serve, query(request("GET", "/v1/things", ""), "who="+marker))
	mustSend(t, serve, request("GET", "/v1/things/"+thing1, ""))
	lines := w.lines()
	want := map[string]any{
		"msg": "request", "level": "INFO", "request": "req-1", "route": "GET /v1/things", "organisation": orgA,
		"person": "sub-1", "action": "availability.read", "status": 200.0, "cold": true,
	}
	for name, value := range want {
		if lines[0][name] != value {
			t.Errorf("%s is %v, want %v", name, lines[0][name], value)
		}
	}
	if lines[1]["route"] != "GET /v1/things/{id}" || lines[1]["cold"] != false {
		t.Errorf("second line is %v", lines[1])
	}
	if strings.Contains(w.log.String(), thing1) || strings.Contains(w.log.String(), marker) {
		t.Errorf("a raw path or query was logged: %s", w.log)
	}
	if len(lines) != 2 {
		t.Errorf("%s lines, want 2", strconv.Itoa(len(lines)))
	}
}

// TestAtOnce lets many requests meet a route that was never used before.
func TestAtOnce(t *testing.T) {
	w := newWorld(t)
	serve := w.serve()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			res, err := serve(t.Context(), without(request("POST", "/v1/things", `{"name":"a"}`), "idempotency-key"))
			if err != nil || res.StatusCode != http.StatusBadRequest {
				t.Errorf("%d %v", res.StatusCode, err)
			}
		})
	}
	all.Wait()
}
