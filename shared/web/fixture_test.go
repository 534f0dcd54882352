package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/web"
)

const (
	orgA     = "org_01kc4z7v8wfj7rw4q3hxe6m2ta"
	orgB     = "org_01kc4z7v8wfj7rw4q3hxe6m2tb"
	thing1   = "apt_01kc4z7v8wfj7rw4q3hxe6m2t1"
	patient1 = "pat_01kc4z7v8wfj7rw4q3hxe6m2t1"
	marker   = "Zebedee"
)

// thing is the record of the routes under test.
type thing struct {
	ID      string    `json:"id" readOnly:"true"`
	Name    string    `json:"name" minLength:"1" maxLength:"20" pattern:"^[A-Za-z &<>]*$"`
	Size    int       `json:"size,omitempty" minimum:"1" maximum:"9"`
	Colour  string    `json:"colour,omitempty" enum:"red,green"`
	Parts   []part    `json:"parts,omitempty" maxItems:"3"`
	Mail    string    `json:"mail,omitempty" format:"email"`
	At      time.Time `json:"at,omitzero"`
	Hours   hours     `json:"hours,omitempty"`
	Version int64     `json:"version" readOnly:"true"`
}

type hours map[string]part

type part struct {
	Length int `json:"length" minimum:"1"`
}

func (t thing) ETagVersion() int64 { return t.Version }
func (t thing) Path() string       { return "/v1/things/" + t.ID }

type (
	makeIn struct {
		web.Keyed
		Body thing
	}
	changeIn struct {
		web.Keyed
		web.Matched
		ID   string `path:"id"`
		Body thing
	}
	getIn struct {
		ID string `path:"id" maxLength:"30"`
	}
	deleteIn struct {
		web.Keyed
		ID string `path:"id"`
	}
	listIn struct {
		Date  time.Time `query:"date" timeFormat:"2006-01-02"`
		Limit int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Who   []string  `query:"who,explode"`
	}
	patientIn struct {
		ID string `path:"id"`
	}
)

func (p *patientIn) Subject() string { return p.ID }

// world is a house of one kind of record, held in memory, with knobs for what the edge must cope with.
type world struct {
	mu       sync.Mutex
	t        *testing.T
	log      *bytes.Buffer
	roles    []access.Role // what a fresh look gives
	standing int64
	cached   *access.Caller // what a look that may be cached gives
	looks    []bool         // fresh or not, in order
	done     map[string][]byte
	prints   map[string][32]byte
	notes    []string
	noteErr  error
	runs     int
	do       func(ctx context.Context, r web.Request) error // before a handler writes
	related  func(by access.Caller, patient string) (string, error)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, log: &bytes.Buffer{}, roles: []access.Role{access.Receptionist}, standing: 1,
		done: map[string][]byte{}, prints: map[string][32]byte{},
	}
}

func (w *world) gate() web.Gate {
	return web.Gate{
		Caller: func(_ context.Context, org, subject string, fresh bool) (access.Caller, error) {
			w.mu.Lock()
			w.looks = append(w.looks, fresh)
			w.mu.Unlock()
			if org != orgA {
				return access.Caller{}, fault.New(fault.Denied, "denied", "No.")
			}
			if !fresh && w.cached != nil {
				return *w.cached, nil
			}
			return access.NewCaller(org, subject, w.roles, w.standing), nil
		},
		Recall: func(_ context.Context, by access.Caller, once access.Once) ([]byte, bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			key := by.Org() + once.Key
			answer, ok := w.done[key]
			if ok && w.prints[key] != once.Fingerprint {
				return nil, false, fault.New(fault.Invalid, "key_reused", "Used.")
			}
			return answer, ok, nil
		},
		Related: func(_ context.Context, by access.Caller, _ access.Permission, patient string) (string, error) {
			if w.related == nil {
				return "", nil
			}
			return w.related(by, patient)
		},
		Note: func(_ context.Context, by access.Caller, n web.Noted) error {
			verb := "read"
			if n.Denied {
				verb = "denied"
			}
			note := by.Org() + " " + string(n.Action) + " " + n.Target + " " + verb
			for _, more := range []string{by.Basis(), n.Refs["other"]} {
				if more != "" {
					note += " " + more
				}
			}
			w.notes = append(w.notes, note)
			return w.noteErr
		},
	}
}

// write stands for a transaction: it records the answer under the key, once.
func (w *world) write(ctx context.Context, r web.Request, out thing) (thing, error) {
	w.runs++
	if w.do != nil {
		if err := w.do(ctx, r); err != nil {
			return thing{}, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := r.By.Org() + r.Once.Key
	if _, ok := w.done[key]; ok {
		return thing{}, access.ErrDone
	}
	body, err := json.Marshal(out)
	if err != nil {
		return thing{}, err
	}
	w.done[key], w.prints[key] = body, r.Once.Fingerprint
	return out, nil
}

func (w *world) routes() web.Routes {
	return web.Routes{
		"POST /v1/things": web.Do(access.AppointmentBook, "Make a thing",
			func(ctx context.Context, r web.Request, in *makeIn) (thing, error) {
				in.Body.ID, in.Body.Version = thing1, 1
				return w.write(ctx, r, in.Body)
			}).Created(),
		"PUT /v1/things/{id}": web.Do(access.AppointmentMove, "Change a thing",
			func(ctx context.Context, r web.Request, in *changeIn) (thing, error) {
				if r.Version != 1 {
					return thing{}, fault.New(fault.Stale, "stale", "Changed.")
				}
				in.Body.ID, in.Body.Version = in.ID, 2
				return w.write(ctx, r, in.Body)
			}),
		"DELETE /v1/things/{id}": web.Do(access.HoldRelease, "Delete a thing",
			func(ctx context.Context, r web.Request, in *deleteIn) (struct{}, error) {
				_, err := w.write(ctx, r, thing{ID: in.ID})
				return struct{}{}, err
			}).NoContent(),
		"GET /v1/things/{id}": web.Do(access.AvailabilityRead, "Get a thing",
			func(ctx context.Context, r web.Request, in *getIn) (*thing, error) {
				if w.do != nil {
					if err := w.do(ctx, r); err != nil {
						return nil, err
					}
				}
				return &thing{ID: in.ID, Name: "a & b", Version: 7}, nil
			}),
		"GET /v1/things": web.Do(access.AvailabilityRead, "List things",
			func(_ context.Context, _ web.Request, in *listIn) (web.Page[thing], error) {
				var out []thing
				for range len(in.Who) * 50 {
					out = append(out, thing{ID: thing1, Name: "one of many"})
				}
				return web.NewPage(out, ""), nil
			}),
		"GET /v1/patients/{id}": web.Do(access.PatientRead, "Get a patient",
			func(_ context.Context, _ web.Request, in *patientIn) (thing, error) {
				if in.ID != patient1 {
					return thing{}, fault.New(fault.NotFound, "not_found", "None.")
				}
				return thing{ID: in.ID, Name: marker}, nil
			}),
		"POST /v1/organisations": web.Do(access.OrganisationCreate, "Create an organisation",
			func(ctx context.Context, r web.Request, in *makeIn) (thing, error) {
				in.Body.ID = r.By.Org()
				return w.write(ctx, r, in.Body)
			}).Created(),
	}
}

func (w *world) edge() web.Edge {
	return web.Edge{Log: slog.New(slog.NewJSONHandler(w.log, nil)), Gate: w.gate()}
}

func (w *world) serve() web.Handler { return w.edge().Serve(w.routes()) }

// request makes the event that API Gateway would make.
func request(method, path, body string) events.APIGatewayV2HTTPRequest {
	ev := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: path, Body: body,
		Headers: map[string]string{"content-type": "application/json", "idempotency-key": "k1"},
	}
	ev.RequestContext.RequestID = "req-1"
	ev.RequestContext.HTTP.Method = method
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{
			"sub": "sub-1", "cognito:groups": "[" + orgA + "]", "scope": "almanac/use",
		}},
	}
	return ev
}

func header(ev events.APIGatewayV2HTTPRequest, name, value string) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{name: value}
	for k, v := range ev.Headers {
		if _, ok := headers[k]; !ok {
			headers[k] = v
		}
	}
	ev.Headers = headers
	return ev
}

func without(ev events.APIGatewayV2HTTPRequest, name string) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{}
	for k, v := range ev.Headers {
		if k != name {
			headers[k] = v
		}
	}
	ev.Headers = headers
	return ev
}

func query(ev events.APIGatewayV2HTTPRequest, raw string) events.APIGatewayV2HTTPRequest {
	ev.RawQueryString = raw
	return ev
}

func claim(ev events.APIGatewayV2HTTPRequest, name, value string) events.APIGatewayV2HTTPRequest {
	claims := map[string]string{}
	maps.Copy(claims, ev.RequestContext.Authorizer.JWT.Claims)
	claims[name] = value
	ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
	}
	return ev
}

// mustSend sends one event and checks what every answer has in common.
func mustSend(t *testing.T, serve web.Handler, ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	res, err := serve(t.Context(), ev)
	if err != nil {
		t.Fatalf("the handler returned an error, which Lambda would retry: %v", err)
	}
	for name, want := range map[string]string{
		"cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": "req-1",
		"content-security-policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if res.Headers[name] != want {
			t.Errorf("%s is %q, want %q", name, res.Headers[name], want)
		}
	}
	return res
}

func problemOf(t *testing.T, res events.APIGatewayV2HTTPResponse) web.Problem {
	t.Helper()
	var p web.Problem
	if err := json.Unmarshal([]byte(res.Body), &p); err != nil {
		t.Fatalf("the refusal is not JSON: %v: %s", err, res.Body)
	}
	if res.Headers["content-type"] != "application/problem+json" || p.Status != res.StatusCode || p.Instance != "req-1" ||
		p.Type != "/docs#"+web.Anchor(p.Code) || p.Title == "" || p.Detail == "" {
		t.Errorf("not a full problem document: %+v, %v", p, res.Headers)
	}
	return p
}

func (w *world) lines() []map[string]any {
	w.t.Helper()
	var out []map[string]any
	for d := json.NewDecoder(bytes.NewReader(w.log.Bytes())); d.More(); {
		var line map[string]any
		if err := d.Decode(&line); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, line)
	}
	return out
}

var errPlain = errors.New("a plain error")
