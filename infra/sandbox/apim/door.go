package apim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds what a request may carry.
const maxBody = 1 << 20

// Operation is what one request asks of an API.
type Operation struct {
	Name    string // such as "get"
	Pattern string // the path without what identifies a person
	Number  string // the NHS number in the path, if any
	Do      func(r *http.Request) Answer
}

// Handler puts an API behind the gateway. route tells what a request asks for; its Do runs once token, headers and
// rate are found good.
func (g *Gateway) Handler(api string, route func(r *http.Request) Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := route(r)
		note := Request{
			At: g.config.Now(), API: api, Operation: op.Name, Method: r.Method, Pattern: op.Pattern, Number: op.Number,
			Query: r.URL.Query(), Header: r.Header.Clone(), App: g.appOf(r),
		}
		note.Header.Del("Authorization")
		kind, err := g.Faults.Take(r.Context(), fits(api, op.Name, op.Pattern, op.Number))
		note.Fault = kind
		if err != nil {
			g.record(note) // the caller left while a slow request waited
			return
		}
		if kind == LoseRequest {
			g.cut(note)
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			g.send(w, r, note, Answer{Status: http.StatusRequestEntityTooLarge})
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		a, repeat := g.decide(r, api, op, note, body)
		note.Repeat = repeat
		g.send(w, r, note, a)
	})
}

// cut ends the connection without a reply.
func (g *Gateway) cut(note Request) {
	g.record(note)
	panic(http.ErrAbortHandler) // net/http's way
}

// decide checks a request and has it done, unless it was done before or shall fail.
func (g *Gateway) decide(r *http.Request, api string, op Operation, note Request, body []byte) (Answer, bool) {
	token := bearer(r)
	if note.Fault == Revoke || note.Fault == Expire {
		g.endToken(token, note.Fault == Expire)
	}
	if a, ok := planned(note.Fault, note.App); ok {
		return a, false
	}
	app, a, ok := g.checkToken(r, token)
	if !ok {
		return a, false
	}
	if !g.allow(api+" "+app.Key, g.config.Rate, time.Second, g.config.Smooth) {
		a, _ := planned(Spike, app.Name)
		return a, false
	}
	if a, ok := g.checkHeaders(r); !ok {
		return a, false
	}
	same := app.Key + " " + r.Method + " " + api + " " + r.URL.RequestURI() + "\n" + string(body)
	if before, known := g.before(r.Header.Get("X-Request-ID")); known {
		if before.request == same {
			return before.answer, true
		}
		// The documents only say that the ID is for de-duplication. One ID for two different requests could be
		// answered with the wrong document, so it is refused here.
		return InvalidValue(r.Header.Get("X-Request-ID"), "header 'X-Request-ID': it belongs to another request"), false
	}
	a = op.Do(r)
	if note.Fault == EmptyList {
		emptyList(a.Body)
	}
	if a.Status < http.StatusInternalServerError {
		g.remember(r.Header.Get("X-Request-ID"), answered{same, a})
	}
	return a, false
}

// emptyList gives a Bundle without entries an empty list of them, which is as right as none.
func emptyList(body any) {
	if bundle, ok := body.(map[string]any); ok && bundle["resourceType"] == "Bundle" && bundle["entry"] == nil {
		bundle["entry"] = []any{}
	}
}

// answered is a request and what it was answered with.
type answered struct {
	request string
	answer  Answer
}

func (g *Gateway) before(id string) (answered, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.answers[strings.ToLower(id)]
	return a, ok
}

func (g *Gateway) remember(id string, a answered) {
	id = strings.ToLower(id)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers[id] = a
	g.order = append(g.order, id)
	for len(g.order) > g.config.Keep {
		delete(g.answers, g.order[0])
		g.order = g.order[1:]
	}
}

// checkHeaders applies the rules for the headers that every API has.
func (g *Gateway) checkHeaders(r *http.Request) (Answer, bool) {
	id := r.Header.Get("X-Request-ID")
	ods := r.Header.Get("NHSD-End-User-Organisation-ODS")
	switch {
	case id == "":
		return MissingValue("Invalid request with error - X-Request-ID header must be supplied to access this " +
			"resource"), false
	case !goodUUID(id):
		return InvalidValue(id, "header 'X-Request-ID'"), false
	case ods == "" && !g.config.ODSOptional:
		return MissingValue("Missing value - header 'NHSD-End-User-Organisation-ODS'"), false
	case ods != "" && !goodODS(ods):
		return InvalidValue(ods, "header 'NHSD-End-User-Organisation-ODS'"), false
	}
	return Answer{}, true
}

func goodUUID(s string) bool {
	return regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`).MatchString(s)
}

func goodODS(s string) bool { return regexp.MustCompile(`^[A-Z0-9]{3,10}$`).MatchString(s) }

// send writes an answer, or what a fault leaves of it, and records it.
func (g *Gateway) send(w http.ResponseWriter, r *http.Request, note Request, a Answer) {
	note.Code = a.Code
	if note.Fault == LoseReply {
		g.cut(note)
	}
	note.Status = a.Status
	g.record(note)
	content, body := a.encode()
	h := w.Header()
	h.Set("Content-Type", content)
	for name, values := range a.Header {
		h[name] = slices.Clone(values)
	}
	for _, name := range []string{"X-Request-ID", "X-Correlation-ID"} {
		if v := r.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	switch note.Fault {
	case Truncate:
		body = body[:len(body)/2]
	case CutOff:
		h.Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) //nolint:gosec // JSON, or a page without anything of the request in it
	if note.Fault == CutOff {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// encode gives an answer's content type and text.
func (a Answer) encode() (string, []byte) {
	switch {
	case a.HTML != "":
		return "text/html", []byte(a.HTML)
	case a.Body == nil:
		return "application/json", nil
	}
	content := "application/fhir+json"
	if a.Gateway {
		content = "application/json"
	}
	body, err := json.Marshal(a.Body)
	if err != nil {
		return "text/plain", []byte(err.Error())
	}
	return content, body
}
