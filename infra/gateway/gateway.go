// Package gateway stands in for API Gateway: an HTTP API (version 2) in front of the functions, with the routes, the
// authorizers and the scopes that the template declares.
//
// Its rule: it refuses what API Gateway refuses, in the same words, and hands the functions the same events. Nothing a
// client sends can set what API Gateway itself states: the claims, the source address, the request id.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"almanac/infra/cfn"
	"almanac/infra/lambdahost"
)

const (
	maxBody   = 10 << 20 // API Gateway's limit on a payload
	maxHeader = 10240    // and on the request line and headers together
)

// Config is what a gateway is made of.
type Config struct {
	API    cfn.API
	Routes []Route
	// Invoke calls a function; see lambdahost.
	Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)
	// Client fetches the issuer's keys. It must have a time-out.
	Client *http.Client
	// KeyRefresh is the least time between two fetches of keys for tokens that name an unknown one; 5 s if zero.
	KeyRefresh time.Duration
	// Now is the clock that tokens are judged by; time.Now if nil.
	Now func() time.Time
	// Log gets one line a request; nil writes none.
	Log *slog.Logger
	// Unthrottled leaves the stage's rate limit out, for measurements of what lies behind it.
	Unthrottled bool
	// Account is told to the functions; 000000000000 if empty.
	Account string
}

// Route is a route and the function behind it.
type Route struct {
	cfn.Route
	Function string // as Invoke knows it
}

// Routes are those of one API, in all functions of the template. The functions are named by their logical ID.
func Routes(t *cfn.Template, api string) []Route {
	var out []Route
	for _, f := range t.Functions {
		for _, r := range f.Routes {
			if r.API == api {
				out = append(out, Route{Route: r, Function: f.ID})
			}
		}
	}
	return out
}

// Gateway is an http.Handler.
type Gateway struct {
	config      Config
	routes      *routes
	authorizers map[string]*authorizer
	throttle    *bucket
}

// New makes the gateway, and fails if a route is given twice or names an authorizer that the API has not.
func New(c Config) (*Gateway, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Account == "" {
		c.Account = "000000000000"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{config: c, authorizers: map[string]*authorizer{}}
	if c.API.Rate > 0 && !c.Unthrottled {
		g.throttle = &bucket{rate: float64(c.API.Rate), size: float64(c.API.Burst)}
	}
	for name, a := range c.API.Authorizers {
		g.authorizers[name] = newAuthorizer(a, newKeySet(a.Issuer, c.Client, c.KeyRefresh), c.Now)
	}
	for _, r := range c.Routes {
		if _, ok := g.authorizers[r.Authorizer]; r.Authorizer != "" && !ok {
			return nil, fmt.Errorf("gateway: %s: no authorizer %s", r.Key(), r.Authorizer)
		}
	}
	var err error
	g.routes, err = newRoutes(c.Routes)
	return g, err
}

// problem is a refusal of the gateway's own.
type problem struct {
	status    int
	message   string
	challenge string // WWW-Authenticate
	cause     error  // for the log
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	q := &request{Request: r, id: newID(), at: g.config.Now()}
	w.Header().Set("Apigw-Requestid", q.id)
	g.cors(w.Header(), r)
	status, p := g.serve(r.Context(), w, q)
	if p != nil {
		status = p.status
		p.write(w)
	}
	g.log(r.Context(), q, status, p, time.Since(began))
}

func (g *Gateway) serve(ctx context.Context, w http.ResponseWriter, q *request) (int, *problem) {
	if headerSize(q.Request) > maxHeader {
		return 0, &problem{status: http.StatusRequestHeaderFieldsTooLarge, message: "Request Header Fields Too Large"}
	}
	if g.preflight(w, q.Request) {
		return http.StatusNoContent, nil
	}
	var ok bool
	if q.route, q.params, ok = g.routes.match(q.Method, q.URL.EscapedPath()); !ok {
		return 0, &problem{status: http.StatusNotFound, message: "Not Found"}
	}
	if g.throttle != nil && !g.throttle.take(time.Now()) {
		return 0, &problem{status: http.StatusTooManyRequests, message: "Too Many Requests"}
	}
	if a := g.authorizers[q.route.Authorizer]; a != nil {
		var p *problem
		if q.grant, p = a.authorize(ctx, q.Header, q.route.Scopes); p != nil {
			return 0, p
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		return 0, tooLarge(err)
	}
	return g.integrate(ctx, w, q, body)
}

// integrate calls the function and writes its answer.
func (g *Gateway) integrate(
	ctx context.Context, w http.ResponseWriter, q *request, body []byte,
) (int, *problem) {
	event, err := json.Marshal(q.event(g.config.Account, body))
	if err != nil {
		return 0, internal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, q.route.Timeout)
	defer cancel()
	payload, err := g.config.Invoke(ctx, q.route.Function, event)
	switch {
	case errors.Is(err, lambdahost.ErrTooLarge):
		return 0, &problem{status: http.StatusRequestEntityTooLarge, message: "Request Entity Too Large", cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		// Unlike REST APIs, which say 504.
		return 0, &problem{status: http.StatusServiceUnavailable, message: "Service Unavailable", cause: err}
	case err != nil:
		return 0, internal(err)
	}
	a, err := parseAnswer(payload)
	if err != nil {
		return 0, internal(err)
	}
	a.write(w, q.Method, g.config.API.CORS != nil)
	return a.status, nil
}

func internal(err error) *problem {
	return &problem{status: http.StatusInternalServerError, message: "Internal Server Error", cause: err}
}

func tooLarge(err error) *problem {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{status: http.StatusRequestEntityTooLarge, message: "Request Entity Too Large"}
	}
	return &problem{status: http.StatusBadRequest, message: "Bad Request", cause: err}
}

func (p *problem) write(w http.ResponseWriter) {
	body := `{"message":` + strconv.Quote(p.message) + `}`
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if p.challenge != "" {
		h.Set("Www-Authenticate", p.challenge)
	}
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, body) // the client has gone
}

// log writes ids only: the pattern of the route, not the path, and nothing of the query.
func (g *Gateway) log(ctx context.Context, q *request, status int, p *problem, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("requestId", q.id), slog.String("route", q.routeKey()), slog.Int("status", status),
		slog.Int64("took", took.Milliseconds()),
	}
	if p != nil && p.cause != nil {
		attrs = append(attrs, slog.String("cause", p.cause.Error()))
	}
	g.config.Log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// headerSize is what API Gateway counts: the request line and the header values.
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for k, values := range r.Header {
		for _, v := range values {
			n += len(k) + len(v)
		}
	}
	return n
}
