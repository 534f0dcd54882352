package web

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/danielgtaylor/huma/v2"

	"almanac/shared/access"
	"almanac/shared/cause"
	"almanac/shared/fault"
)

// Handler is what Lambda calls with an event of an HTTP API.
type Handler func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// margin is left of Lambda's deadline to answer in: a caller who hears nothing cannot know what was done.
const margin = 300 * time.Millisecond

// Serve makes the function's handler. It panics on a row that is no route; what each route takes is worked out when
// it is first used, because the time from start to the first request is what a caller waits for.
func (e Edge) Serve(routes Routes) Handler {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.OrganisationClaim == "" {
		e.OrganisationClaim = "cognito:groups"
	}
	router := newRouter(routes)
	var warm atomic.Bool
	return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		x := &exchange{
			edge: e, ctx: ctx, event: &ev, headers: newHeaders(ev.Headers), began: e.Now(), cold: !warm.Swap(true),
		}
		res, err := x.attempt(router)
		answer := x.answer(res, err)
		x.log(answer.StatusCode)
		return answer, nil
	}
}

// exchange is one request on its way to its one response. To huma it is the request's context.
type exchange struct {
	edge     Edge
	ctx      context.Context //nolint:containedctx // lives as long as the call that carries it; huma asks for it
	event    *events.APIGatewayV2HTTPRequest
	headers  headers
	endpoint *endpoint
	path     map[string]string
	query    url.Values
	body     []byte

	in     any              // the decoded input, once huma has made it
	faults *huma.ErrorModel // or why it could not

	org     string
	person  string
	by      access.Caller
	cached  bool // by may be out of date
	once    access.Once
	version int64
	began   time.Time
	cold    bool
	refusal *fault.Error // what was answered, for the log
	causes  []string     // of an error of ours, or the stack of a panic
}

// attempt does the request's work and turns a panic into an error, so that the process lives on for the next one.
func (x *exchange) attempt(r router) (res result, err error) { //nolint:nonamedreturns // recover needs to set err
	defer func() {
		if p := recover(); p != nil {
			x.causes = append([]string{"panic"}, cause.Stack(p, 0)...)
			res, err = result{}, errPanic
		}
	}()
	return x.do(r)
}

var errPanic = errors.New("panic")

// do takes the request through its stages; the order is the package's first rule.
func (x *exchange) do(r router) (result, error) {
	http := x.event.RequestContext.HTTP
	endpoint, path, allowed := r.find(http.Method, x.event.RawPath)
	if endpoint == nil {
		return result{}, unmatched(allowed)
	}
	x.endpoint, x.path = endpoint, path
	for _, stage := range []func() error{x.admit, x.relate} {
		if err := stage(); err != nil {
			return result{}, x.noted(err)
		}
	}
	for _, stage := range []func() error{x.preconditions, x.readQuery, x.resume, x.readBody, x.decode} {
		if err := stage(); err != nil {
			return result{}, err
		}
	}
	res, err := x.perform()
	if err := x.noted(err); err != nil {
		return result{}, err
	}
	return res, nil
}

func unmatched(allowed []string) error {
	if len(allowed) == 0 {
		return refuse(http.StatusNotFound, fault.NotFound, "no_route", "There is nothing at this address.")
	}
	return &refusal{
		status: http.StatusMethodNotAllowed, header: [2]string{"allow", join(allowed)},
		cause: fault.New(fault.Invalid, "method_not_allowed",
			"This address does not take that method; Allow names those it takes."),
	}
}

// decode has huma make the input and keeps its refusal.
func (x *exchange) decode() error {
	b := x.endpoint.built()
	b.handle(x)
	if x.faults != nil {
		return b.refused(x.faults)
	}
	if x.in == nil {
		return errUnread
	}
	return nil
}

// rawBody gives the body's bytes, whichever way the gateway sent them.
func (x *exchange) rawBody() ([]byte, error) {
	if !x.event.IsBase64Encoded {
		return []byte(x.event.Body), nil
	}
	if base64.StdEncoding.DecodedLen(len(x.event.Body)) > maxBody+2 {
		return nil, errTooLarge()
	}
	body, err := base64.StdEncoding.DecodeString(x.event.Body)
	if err != nil {
		return nil, malformed("malformed_json", "The body could not be read.")
	}
	return body, nil
}
