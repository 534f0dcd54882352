package clinictest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/web"
)

const (
	ours   = "org_01kc4z7v8wfj7rw4q3hxe6m2ta"
	theirs = "org_01kc4z7v8wfj7rw4q3hxe6m2tb"
	note   = "pat_01kc4z7v8wfj7rw4q3hxe6m2t1"
	name   = "Florence"
)

type record struct {
	Text    string `json:"text" maxLength:"40"`
	Version int64  `json:"version" readOnly:"true"`
}

func (r record) ETagVersion() int64 { return r.Version }

type changeIn struct {
	web.Keyed
	web.Matched
	ID   string `path:"id"`
	Body record
}

// notes is a small product: one record that one organisation may change once.
type notes struct {
	log    bytes.Buffer
	answer []byte
	once   access.Once
}

func (n *notes) change(_ context.Context, r web.Request, in *changeIn) (record, error) {
	if r.By.Org() != ours || in.ID != note {
		return record{}, fault.New(fault.NotFound, "not_found", "None.")
	}
	if n.answer != nil && n.once.Key == r.Once.Key {
		return record{}, access.ErrDone
	}
	if r.Version != 1 {
		return record{}, fault.New(fault.Stale, "stale", "Changed.")
	}
	out := record{in.Body.Text, 2}
	n.once = r.Once
	body, err := json.Marshal(out)
	n.answer = body
	return out, err
}

func (n *notes) serve() web.Handler {
	return web.Edge{
		Log: slog.New(slog.NewJSONHandler(&n.log, nil)),
		Gate: web.Gate{
			Caller: func(_ context.Context, org, subject string, _ bool) (access.Caller, error) {
				var roles []access.Role
				for r := range strings.SplitSeq(subject, "-") {
					roles = append(roles, access.Role(r))
				}
				return access.NewCaller(org, subject, roles, 1), nil
			},
			Recall: func(_ context.Context, _ access.Caller, once access.Once) ([]byte, bool, error) {
				if n.once.Key != once.Key {
					return nil, false, nil
				}
				if n.once.Fingerprint != once.Fingerprint {
					return nil, false, fault.New(fault.Invalid, "key_reused", "Used.")
				}
				return n.answer, true, nil
			},
		},
	}.Serve(web.Routes{"PUT /v1/notes/{id}": web.Do(access.StaffChange, "Change a note", n.change)})
}

// claims puts the roles into the subject, which is where the gate above looks for them.
func claims(org string, roles ...access.Role) clinictest.Claims {
	sub := "p"
	for _, r := range roles {
		sub += "-" + string(r)
	}
	return clinictest.Claims{"sub": sub, "cognito:groups": org}
}

func exercised(n *notes) clinictest.Exercised {
	ev := clinictest.Request{APIGatewayV2HTTPRequest: events.APIGatewayV2HTTPRequest{
		RawPath: "/v1/notes/" + note, Body: `{"text":"` + name + `"}`,
		Headers: map[string]string{"Content-Type": "application/json", "Idempotency-Key": id.New("key"), "If-Match": `"1"`},
	}}
	ev.RequestContext.HTTP.Method = "PUT"
	return clinictest.Exercised{
		Serve: n.serve(), Event: ev.As(claims(ours, access.Manager)), Permission: access.StaffChange,
		As:       func(roles ...access.Role) clinictest.Claims { return claims(ours, roles...) },
		Stranger: func() clinictest.Claims { return claims(theirs, access.Manager) },
		Log:      n.log.String, Markers: []string{name},
	}
}

func TestExercise(t *testing.T) { clinictest.Exercise(t, exercised(&notes{})) }

// breaks are ways in which a route can be wrong, each with what Exercise must say of it.
func breaks() map[string]struct {
	says string
	bend func(n *notes, inner web.Handler) web.Handler
} {
	type bent = struct {
		says string
		bend func(n *notes, inner web.Handler) web.Handler
	}
	before := func(change func(ev *events.APIGatewayV2HTTPRequest)) func(*notes, web.Handler) web.Handler {
		return func(_ *notes, inner web.Handler) web.Handler {
			return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
				ev.Headers = maps.Clone(ev.Headers)
				change(&ev)
				return inner(ctx, ev)
			}
		}
	}
	after := func(change func(n *notes, ev events.APIGatewayV2HTTPRequest, res *events.APIGatewayV2HTTPResponse)) func(*notes, web.Handler) web.Handler {
		return func(n *notes, inner web.Handler) web.Handler {
			return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
				res, err := inner(ctx, ev)
				change(n, ev, &res)
				return res, err
			}
		}
	}
	return map[string]bent{
		"everybody is a manager": {"a receptionist: status", before(func(ev *events.APIGatewayV2HTTPRequest) {
			if a := ev.RequestContext.Authorizer; a != nil && a.JWT.Claims["sub"] != "" && a.JWT.Claims["cognito:groups"] != "" {
				ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
					JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims(ours, access.Manager)},
				}
			}
		})},
		"a key is made up": {"no key: status", before(func(ev *events.APIGatewayV2HTTPRequest) {
			if ev.Headers["idempotency-key"] == "" {
				ev.Headers["idempotency-key"] = "made-up"
			}
		})},
		"what was typed is shown": {"shows", after(func(_ *notes, ev events.APIGatewayV2HTTPRequest, res *events.APIGatewayV2HTTPResponse) {
			if res.StatusCode == http.StatusBadRequest {
				res.Body = strings.Replace(res.Body, "{", `{"value":`+fmt.Sprintf("%q", ev.Body)+",", 1)
			}
		})},
		"what was typed is logged": {"the log shows", after(func(n *notes, ev events.APIGatewayV2HTTPRequest, _ *events.APIGatewayV2HTTPResponse) {
			n.log.WriteString(ev.Body + "\n")
		})},
		"a repeat is another answer": {"the repeat was answered", after(func(_ *notes, _ events.APIGatewayV2HTTPRequest, res *events.APIGatewayV2HTTPResponse) {
			if res.Headers["idempotent-replayed"] != "" {
				res.Body = strings.Replace(res.Body, ":", ": ", 1)
			}
		})},
		"another organisation's record is denied": {"another organisation's id: status", after(func(_ *notes, ev events.APIGatewayV2HTTPRequest, res *events.APIGatewayV2HTTPResponse) {
			if a := ev.RequestContext.Authorizer; a != nil && a.JWT.Claims["cognito:groups"] == theirs && strings.HasSuffix(ev.RawPath, note) {
				res.StatusCode = http.StatusForbidden
			}
		})},
		"unknown fields are ignored": {"an unknown field: status", before(func(ev *events.APIGatewayV2HTTPRequest) {
			if strings.Contains(ev.Body, `Zebedee-Marker":"Zebedee`) {
				ev.Body = `{"text":"x"}`
			}
		})},
		"answers may be cached": {"cache-control is", after(func(_ *notes, _ events.APIGatewayV2HTTPRequest, res *events.APIGatewayV2HTTPResponse) {
			delete(res.Headers, "cache-control")
		})},
	}
}

// TestExerciseFinds runs Exercise on each broken route in a process of its own, which must fail and say why.
func TestExerciseFinds(t *testing.T) {
	const variable = "EXERCISE_BREAK"
	if which := os.Getenv(variable); which != "" {
		n := &notes{}
		x := exercised(n)
		x.Serve = breaks()[which].bend(n, x.Serve)
		clinictest.Exercise(t, x)
		return
	}
	for which, b := range breaks() {
		t.Run(which, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestExerciseFinds$")
			cmd.Env = append(os.Environ(), variable+"="+which)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), b.says) {
				t.Errorf("want a failure that says %q, got %v:\n%s", b.says, err, out)
			}
		})
	}
}
