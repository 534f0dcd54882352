// Package clinictest helps tests: a clinic on the real engine, its people and its clock, and the checks that every
// route must pass. Its rule: only tests import it.
package clinictest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/id"
	"almanac/shared/web"
)

// Exercised is what Exercise needs to know of one route.
type Exercised struct {
	// Serve is the function's handler, on the real table.
	Serve web.Handler
	// Event is a request that succeeds, sent by somebody who may. It is carried out once.
	Event Request
	// Permission is the one that the route asks for.
	Permission access.Permission
	// As gives the claims of a member of the same organisation with exactly these roles.
	As func(roles ...access.Role) Claims
	// Stranger gives the claims of a manager of another organisation.
	Stranger func() Claims
	// Log gives everything that was logged so far.
	Log func() string
	// Markers are texts that stand in the event or in the records it reaches and may never be logged or, in a
	// refusal, be shown: names, addresses, dates of birth.
	Markers []string
}

// marker is typed into whatever is refused; no answer and no log line may show it.
const marker = "Zebedee-Marker"

// Exercise sends the event in every wrong way that all routes must refuse alike, then as it is, then again.
func Exercise(t *testing.T, x Exercised) {
	t.Helper()
	x.Markers = append(slices.Clone(x.Markers), marker)
	x.Event.Headers = lower(x.Event.Headers)
	t.Run("callers", x.callers)
	t.Run("strangers", x.strangers)
	t.Run("headers", x.headers)
	t.Run("query", x.query)
	t.Run("body", x.body)
	t.Run("as it is, and again", x.twice)
	t.Run("log", func(t *testing.T) { x.clean(t, "the log", x.Log()) })
}

func (x Exercised) callers(t *testing.T) {
	anonymous := x.Event
	anonymous.RequestContext.Authorizer = nil
	x.mustRefuse(t, "no token", anonymous, http.StatusUnauthorized)
	x.mustRefuse(t, "a token without a subject", x.Event.As(Claims{}), http.StatusUnauthorized)
	own := maps.Clone(x.Event.RequestContext.Authorizer.JWT.Claims)
	if x.Permission == access.OrganisationCreate {
		own["scope"] = "almanac/use"
		x.mustRefuse(t, "without the operator's scope", x.Event.As(own), http.StatusForbidden)
		return
	}
	x.mustRefuse(t, "no organisation", x.Event.As(Claims{"sub": own["sub"]}), http.StatusForbidden)
	x.mustRefuse(t, "an organisation that is not one's own",
		x.Event.With("almanac-organisation", id.New("org")), http.StatusNotFound)
	x.mustRefuse(t, "a member without roles", x.Event.As(x.As()), http.StatusForbidden)
	for _, role := range access.StaffRoles() {
		if !access.NewCaller("org", "sub", []access.Role{role}, 0).Can(x.Permission) {
			x.mustRefuse(t, "a "+string(role), x.Event.As(x.As(role)), http.StatusForbidden)
		}
	}
}

// strangers sends the event as a manager of another organisation: its records are not found, and the answer is the
// same as for records that exist nowhere.
func (x Exercised) strangers(t *testing.T) {
	segments := strings.Split(x.Event.RawPath, "/")
	if x.Permission == access.OrganisationCreate {
		return
	}
	stranger := x.Event.As(x.Stranger())
	if x.keyed() {
		stranger = stranger.With("idempotency-key", id.New("key"))
	}
	at := slices.IndexFunc(segments, isID)
	if at < 0 {
		x.strangersOwn(t, stranger)
		return
	}
	theirs := x.mustRefuse(t, "another organisation's id", stranger, http.StatusNotFound)
	absent := stranger
	segments[at] = id.New(segments[at][:3])
	absent.RawPath = strings.Join(segments, "/")
	nobodys := x.mustRefuse(t, "nobody's id", absent, http.StatusNotFound)
	if theirs.Body != nobodys.Body {
		t.Errorf("another organisation's record can be told from none:\n%s\n%s", theirs.Body, nobodys.Body)
	}
	segments[at] = marker
	absent.RawPath = strings.Join(segments, "/")
	x.mustRefuse(t, "an id that is none", absent, http.StatusNotFound)
}

// strangersOwn sends the event of an address that names no record: a list shows a stranger nothing of ours, and a
// write that names our records in its body is refused.
func (x Exercised) strangersOwn(t *testing.T, stranger Request) {
	t.Helper()
	ours := regexp.MustCompile(`\b[a-z]{3}_[0-7][0-9a-z]{25}\b`).FindAllString(x.Event.Body+x.Event.RawQueryString, -1)
	switch {
	case len(ours) > 0:
		x.mustRefuse(t, "another organisation's ids", stranger,
			http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity)
	case x.Event.RequestContext.HTTP.Method == http.MethodGet:
		x.clean(t, "a stranger's list", x.send(t, "a stranger's list", stranger).Body)
	}
}

func isID(s string) bool {
	_, err := id.Raw(s)
	return err == nil
}

func (x Exercised) headers(t *testing.T) {
	if x.keyed() {
		for name, key := range map[string]string{"no key": "", "a long key": strings.Repeat("k", 256), "a key that is not ASCII": "clé"} {
			x.mustRefuse(t, name, x.Event.With("idempotency-key", key), http.StatusBadRequest)
		}
	}
	if x.Event.Headers["if-match"] == "" {
		return
	}
	fresh := x.Event.With("idempotency-key", id.New("key"))
	x.mustRefuse(t, "no If-Match", fresh.With("if-match", ""), http.StatusPreconditionRequired)
	x.mustRefuse(t, "an old copy", fresh.With("if-match", `"999999"`), http.StatusPreconditionFailed)
	for _, tag := range []string{"*", "1", `W/"1"`, `"1", "2"`, `"` + marker + `"`} {
		x.mustRefuse(t, "If-Match "+tag, fresh.With("if-match", tag), http.StatusBadRequest)
	}
}

func (x Exercised) query(t *testing.T) {
	ev := x.Event
	ev.RawQueryString = strings.TrimPrefix(ev.RawQueryString+"&"+marker+"="+marker, "&")
	x.mustRefuse(t, "an unknown parameter", ev, http.StatusBadRequest)
	if name, _, ok := strings.Cut(x.Event.RawQueryString, "="); ok {
		ev.RawQueryString = x.Event.RawQueryString + "&" + name + "=%00" + marker
		x.mustRefuse(t, "a parameter given twice, or with a NUL", ev, http.StatusBadRequest)
	}
}

func (x Exercised) body(t *testing.T) {
	body := x.Event.Body
	if body == "" {
		x.mustRefuse(t, "a body where none belongs", x.sending(`{"`+marker+`":1}`), http.StatusBadRequest)
		return
	}
	x.mustRefuse(t, "no body", x.sending(""), http.StatusBadRequest)
	for name, bad := range map[string]string{
		"cut off":           body[:len(body)-1],
		"twice":             body + body,
		"not JSON":          marker,
		"not UTF-8":         strings.Replace(body, `{`, "{\"\xff\":1,", 1),
		"an unknown field":  strings.Replace(body, `{`, `{"`+marker+`":"`+marker+`",`, 1),
		"a field with NUL":  strings.Replace(body, `{`, `{"`+marker+`":"\u0000",`, 1),
		"every field twice": strings.TrimSuffix(strings.TrimSpace(body), "}") + "," + strings.TrimPrefix(strings.TrimSpace(body), "{"),
		"other capitals":    capitals(t, body),
		"deep":              strings.Replace(body, `{`, `{"`+marker+`":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,`, 1),
	} {
		x.mustRefuse(t, name, x.sending(bad), http.StatusBadRequest)
	}
	x.mustRefuse(t, "a list", x.sending("["+body+"]"), http.StatusUnprocessableEntity)
	x.mustRefuse(t, "too large", x.sending(body+strings.Repeat(" ", 64<<10)), http.StatusRequestEntityTooLarge)
	x.mustRefuse(t, "a form", x.Event.With("content-type", "application/x-www-form-urlencoded"), http.StatusUnsupportedMediaType)
	wrong := map[string]any{}
	for name := range fields(t, body) {
		wrong[name] = map[string]any{}
	}
	x.mustRefuse(t, "fields of the wrong type", x.sending(marshal(t, wrong)),
		http.StatusUnprocessableEntity, http.StatusBadRequest)
}

// twice carries the event out and, for a write, repeats it: the answer must be the first one to the byte.
func (x Exercised) twice(t *testing.T) {
	first := x.send(t, "the event", x.Event)
	if first.StatusCode < 200 || first.StatusCode > 299 {
		t.Fatalf("the event was answered %d: %s", first.StatusCode, first.Body)
	}
	if first.Headers["idempotent-replayed"] != "" {
		t.Error("the first answer calls itself a replay: give the event a key of its own")
	}
	if !x.keyed() {
		return
	}
	again := x.send(t, "the event again", x.Event)
	if again.StatusCode != first.StatusCode || again.Body != first.Body || again.Headers["idempotent-replayed"] != "true" {
		t.Errorf("the repeat was answered %d %s %v, first %d %s", again.StatusCode, again.Body, again.Headers, first.StatusCode, first.Body)
	}
	for _, name := range []string{"etag", "location", "content-type"} {
		if again.Headers[name] != first.Headers[name] {
			t.Errorf("the repeat has %s %q, the first %q", name, again.Headers[name], first.Headers[name])
		}
	}
	if tag := x.Event.Headers["if-match"]; tag != "" {
		other := x.Event.With("if-match", strings.Replace(tag, `"`, `"9`, 1))
		if res := x.send(t, "another request under the key", other); res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("another request under the key was answered %d %s, want 422", res.StatusCode, res.Body)
		}
	}
}

func (x Exercised) keyed() bool { return x.Event.Headers["idempotency-key"] != "" }

// mustRefuse sends an event that is wrong in one way and checks the refusal.
func (x Exercised) mustRefuse(t *testing.T, name string, ev Request, statuses ...int) events.APIGatewayV2HTTPResponse {
	t.Helper()
	res := x.send(t, name, ev)
	if !slices.Contains(statuses, res.StatusCode) {
		t.Errorf("%s: status %d, want %v: %s", name, res.StatusCode, statuses, res.Body)
		return res
	}
	x.clean(t, name, res.Body)
	var p web.Problem
	if err := json.Unmarshal([]byte(res.Body), &p); err != nil || res.Headers["content-type"] != "application/problem+json" {
		t.Errorf("%s: not a problem document: %v: %s", name, err, res.Body)
	}
	known := func(code string) bool {
		return slices.ContainsFunc(web.Codes(), func(c web.Code) bool { return c.Code == code })
	}
	if !known(p.Code) || p.Status != res.StatusCode || p.Type != "/docs#"+web.Anchor(p.Code) {
		t.Errorf("%s: code %q, status %d, type %q", name, p.Code, p.Status, p.Type)
	}
	for _, d := range p.Errors {
		if !known(d.Code) {
			t.Errorf("%s: code %q is not in the catalogue", name, d.Code)
		}
	}
	return res
}

// send sends an event and checks what holds of every answer.
func (x Exercised) send(t *testing.T, name string, ev Request) events.APIGatewayV2HTTPResponse {
	t.Helper()
	before := strings.Count(x.Log(), `"msg":"request"`)
	res, err := x.Serve(t.Context(), ev.APIGatewayV2HTTPRequest)
	if err != nil {
		t.Fatalf("%s: the handler failed: %v", name, err)
	}
	ev.canaries.answered(res)
	if lines := strings.Count(x.Log(), `"msg":"request"`) - before; lines != 1 {
		t.Errorf("%s: %d log lines, want 1", name, lines)
	}
	for header, want := range map[string]string{"cache-control": "no-store", "x-content-type-options": "nosniff"} {
		if res.Headers[header] != want {
			t.Errorf("%s: %s is %q, want %q", name, header, res.Headers[header], want)
		}
	}
	return res
}

func (x Exercised) clean(t *testing.T, what, text string) {
	t.Helper()
	for _, m := range x.Markers {
		if strings.Contains(text, m) {
			t.Errorf("%s shows %q: %s", what, m, text)
		}
	}
}

func (x Exercised) sending(body string) Request {
	ev := x.Event
	ev.Body = body
	return ev
}

// lower gives headers by lower-case name, without the length, which is not that of the changed bodies.
func lower(headers map[string]string) map[string]string {
	out := make(map[string]string, len(headers))
	for name, value := range headers {
		out[strings.ToLower(name)] = value
	}
	delete(out, "content-length")
	return out
}

func fields(t *testing.T, body string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("the event's body is not a JSON object: %v", err)
	}
	return out
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// capitals gives the body with the first letter of every name raised.
func capitals(t *testing.T, body string) string {
	t.Helper()
	out := map[string]any{}
	for name, value := range fields(t, body) {
		out[fmt.Sprintf("%s%s", strings.ToUpper(name[:1]), name[1:])] = value
	}
	return marshal(t, out)
}
