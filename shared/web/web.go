// Package web is the HTTP edge: it turns an API Gateway event into a call of one handler and the handler's answer into
// a response. Its rules: the permission is settled before anything of the request is looked at, a request is refused
// unless every part of it is understood, every refusal is a problem document (RFC 9457) with a code of the catalogue
// in problems.go, and nothing that somebody typed is ever shown or logged. No other package knows the API framework.
package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almanac/shared/access"
)

// Routes is the route table of a function: "POST /v1/appointments" and what answers it.
type Routes map[string]Route

// Func does what a route is for. In holds the path, query and header parameters as tagged fields (path:"id",
// query:"date") and the JSON body in a field named Body; Out is the JSON body of the answer.
type Func[In, Out any] func(ctx context.Context, r Request, in *In) (Out, error)

// Request is what every handler may need of a request beyond its own input.
type Request struct {
	// By is the caller, whose permission was checked.
	By access.Caller
	// Once is set for inputs that embed Keyed.
	Once access.Once
	// Version is the caller's copy's version, for inputs that embed Matched.
	Version int64

	seal func(position string) (string, error) // of a list that the edge goes on with
}

// Keyed is embedded in the input of a write: the client must send an Idempotency-Key, and a repeat of the request
// under the same key gets the first answer again.
type Keyed struct {
	IdempotencyKey string `header:"Idempotency-Key" required:"true" doc:"Your own name for this request, best a UUID."`
}

func (Keyed) keyed() bool { return true }

// Matched is embedded in the input of a change: the client must name the version it saw.
type Matched struct {
	IfMatch string `header:"If-Match" required:"true" example:"\"3\"" doc:"The ETag of the copy you are changing."`
}

func (Matched) matched() bool { return true }

// Paged is embedded in the input of a list that comes in pages.
type Paged struct {
	After string `query:"after" maxLength:"300" doc:"The next of the page before: for the same person and request, within an hour."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// Versioned is an answer that has a version: it gets the ETag that Matched asks for.
type Versioned interface{ ETagVersion() int64 }

// Located is an answer that has an address of its own: where a record was created, Location names it.
type Located interface{ Path() string }

// Baking is an answer that the browser shall keep something of: each text is a Set-Cookie header's. A repeat of the
// request under its key has none.
type Baking interface{ Cookies() []string }

// Page is the answer of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" example:"AGyQ3eX2bM0" doc:"Send it as after to get the next page."`
}

// NewPage makes a page; no items give an empty list, never null.
func NewPage[T any](items []T, next string) Page[T] {
	if items == nil {
		items = []T{}
	}
	return Page[T]{Items: items, Next: next}
}

// Gate is how the edge reaches the organisation's records without knowing them.
type Gate struct {
	// Caller gives the person's roles within the organisation; fresh forbids a cached copy. A person who is no
	// member is Denied or has no roles.
	Caller func(ctx context.Context, org, subject string, fresh bool) (access.Caller, error)
	// Recall gives the recorded answer of a request carried out before under the same key. Another request under
	// that key is fault.Invalid with the code key_reused.
	Recall func(ctx context.Context, by access.Caller, once access.Once) (answer []byte, found bool, err error)
	// Related tells on what the caller's relationship with a patient rests, for the permissions that ask for one. A
	// patient who does not exist is NotFound, and one to whom the caller has none is Denied.
	Related func(ctx context.Context, by access.Caller, action access.Permission, patient string) (string, error)
	// Seal gives the text that stands for where a list goes on. of is what it belongs to besides the organisation.
	Seal func(ctx context.Context, by access.Caller, of []string, position string) (string, error)
	// Open gives the position that Seal was given for the same, less than an hour ago; any other text is fault.Invalid
	// with the code malformed_cursor.
	Open func(ctx context.Context, by access.Caller, of []string, sealed string) (string, error)
	// Note writes the event of a sensitive read, or of something denied.
	Note func(ctx context.Context, by access.Caller, n Noted) error
}

// Noted is a read that leaves an event, or a denial.
type Noted struct {
	Action access.Permission
	Target string            // the id of whose record it is
	Refs   map[string]string // ids of other records concerned, by role
	Denied bool
}

// Edge is what all routes of a function share.
type Edge struct {
	Log  *slog.Logger
	Gate Gate
	// OrganisationClaim names the token's claim that lists the person's organisations; "cognito:groups" if empty.
	OrganisationClaim string
	// Now is the clock, for the log's durations; time.Now if nil.
	Now func() time.Time
}

// Route is one row of a route table. Make one with Do.
type Route struct {
	permission  access.Permission
	summary     string
	description string
	tag         string
	status      int
	keyed       bool
	matched     bool
	out         reflect.Type
	register    func(huma.API, huma.Operation)
	call        func(ctx context.Context, r Request, in any) (result, error)
	restore     func(answer []byte) (result, error)
}

// Do makes the route that calls fn for callers who have the permission. The summary is a short sentence in the
// imperative ("Book an appointment"), unique within the API. It panics if reading with the permission leaves an event
// and In does not say whose record it is, with Subject() string; a route table is built at start and in every test.
// In may also say, with References() map[string]string and Basis() string, what else the read or the denial concerns
// and what it rested on. The handler may find all of this out and leave it in In.
func Do[In, Out any](p access.Permission, summary string, fn Func[In, Out]) Route {
	sample := any(new(In))
	if _, ok := sample.(subject); !ok && p.Sensitive() {
		panic(fmt.Sprintf("web: %T needs Subject() string, because reading with %s leaves an event", sample, p))
	}
	k, keyed := sample.(interface{ keyed() bool })
	m, matched := sample.(interface{ matched() bool })
	return Route{
		permission: p, summary: summary, status: http.StatusOK,
		keyed: keyed && k.keyed(), matched: matched && m.matched(), out: reflect.TypeFor[Out](),
		register: decode[In],
		call: func(ctx context.Context, r Request, in any) (result, error) {
			out, err := fn(ctx, r, in.(*In))
			if err != nil {
				return result{}, err
			}
			if list, ok := any(&out).(continued); ok && r.seal != nil {
				if err := list.goOn(r.seal); err != nil {
					return result{}, err
				}
			}
			body, err := json.Marshal(out)
			if err != nil {
				return result{}, fmt.Errorf("marshal the answer: %w", err)
			}
			return describe(out, body), nil
		},
		restore: func(answer []byte) (result, error) {
			var out Out
			if err := json.Unmarshal(answer, &out); err != nil {
				return result{}, fmt.Errorf("read a recorded answer: %w", err)
			}
			return describe(out, answer), nil
		},
	}
}

// Created makes 201 the status of success, with Location where the answer has an address.
func (r Route) Created() Route {
	r.status = http.StatusCreated
	return r
}

// NoContent makes 204 the status of success; what the handler returns is not sent.
func (r Route) NoContent() Route {
	r.status = http.StatusNoContent
	return r
}

// Describe adds a paragraph to the documentation.
func (r Route) Describe(text string) Route {
	r.description = text
	return r
}

// Tag names the chapter of the documentation; without it the chapter is the noun that the path begins with.
func (r Route) Tag(name string) Route {
	r.tag = name
	return r
}

// subject is an input that says whose record a sensitive read shows.
type subject interface{ Subject() string }

// referring is an input that says what else the request concerns, and on what relationship it rests.
type referring interface {
	References() map[string]string
	Basis() string
}

// result is a handler's answer on its way to a response.
type result struct {
	body     []byte
	etag     string
	location string
	cookies  []string
	replayed bool
}

// describe reads the headers of an answer off it.
func describe[Out any](out Out, body []byte) result {
	res := result{body: body}
	if v, ok := as[Versioned](&out); ok {
		res.etag = `"` + strconv.FormatInt(v.ETagVersion(), 10) + `"`
	}
	if l, ok := as[Located](&out); ok {
		res.location = l.Path()
	}
	if b, ok := as[Baking](&out); ok {
		res.cookies = b.Cookies()
	}
	return res
}

// as gives what out points at, or the pointer itself, as a T: methods of either receiver count.
func as[T, Out any](out *Out) (T, bool) {
	if t, ok := any(*out).(T); ok {
		return t, true
	}
	t, ok := any(out).(T)
	return t, ok
}
