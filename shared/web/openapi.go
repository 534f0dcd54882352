package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"almanac/shared/access"
)

// OpenAPI gives the OpenAPI 3.1 document of the routes as JSON: the same bytes for the same routes.
func OpenAPI(title string, routes Routes) ([]byte, error) {
	api := newAPI(&adapter{})
	doc := api.OpenAPI()
	doc.Info = &huma.Info{Title: title, Version: "1"}
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{securityScheme: {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT",
		Description: "An access token of your log-in, with the scope almanac/use.",
	}}
	doc.Components.Responses = problemResponses(doc.Components.Schemas)
	ids, explained := map[string]string{}, map[reflect.Type]bool{}
	for _, row := range slices.Sorted(maps.Keys(routes)) {
		e := newEndpoint(row, routes[row])
		op := e.documented(doc.Components.Schemas)
		if other, ok := ids[op.OperationID]; ok {
			return nil, fmt.Errorf("%s and %s have the same summary", other, row)
		}
		ids[op.OperationID] = row
		e.register(api, op)
		explain(doc.Components.Schemas, e.out, explained)
	}
	finish(doc)
	return indent(doc)
}

// Coded is an answer, or a part of one, some of whose texts are codes. Codes lists them by the name of the field in
// JSON, each with what it means, and the documentation has the lists.
type Coded interface {
	Codes() map[string][][2]string
}

// explain puts what codes mean into the descriptions of the fields that hold them, in t and whatever t holds.
func explain(registry huma.Registry, t reflect.Type, done map[reflect.Type]bool) {
	switch t.Kind() { //nolint:exhaustive // those that hold others
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		explain(registry, t.Elem(), done)
		return
	case reflect.Struct:
	default:
		return
	}
	if done[t] {
		return
	}
	done[t] = true
	if coded, ok := reflect.TypeAssert[Coded](reflect.Zero(t)); ok {
		schema := registry.Schema(t, true, "")
		for schema.Ref != "" {
			schema = registry.SchemaFromRef(schema.Ref)
		}
		for field, codes := range coded.Codes() {
			p := schema.Properties[field]
			p.Description += "\n"
			for _, c := range codes {
				p.Description += "\n- `" + c[0] + "`: " + c[1]
			}
		}
	}
	for f := range t.Fields() {
		explain(registry, f.Type, done)
	}
}

// finish corrects what huma documents otherwise than we behave.
func finish(doc *huma.OpenAPI) {
	// Huma documents its own error type with every operation; no answer of ours has it.
	schemas := doc.Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	sent := map[string]bool{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op == nil {
				continue
			}
			tighten(doc.Components.Schemas, op)
			if op.RequestBody != nil {
				reach(doc.Components.Schemas, op.RequestBody.Content[contentJSON].Schema, sent)
			}
		}
	}
	// Requests may hold what is documented only; answers may grow, so a client must not take them as closed.
	for name, s := range schemas {
		if !sent[name] && s.AdditionalProperties == false {
			s.AdditionalProperties = nil
		}
	}
}

// reach collects the names of the schemas that s leads to.
func reach(registry huma.Registry, s *huma.Schema, names map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		if !names[name] {
			names[name] = true
			reach(registry, registry.SchemaFromRef(s.Ref), names)
		}
		return
	}
	reach(registry, s.Items, names)
	for _, p := range s.Properties {
		reach(registry, p, names)
	}
	if open, ok := s.AdditionalProperties.(*huma.Schema); ok {
		reach(registry, open, names)
	}
}

const securityScheme = "login"

func indent(doc *huma.OpenAPI) ([]byte, error) {
	raw, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("indent the OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// documented is the OpenAPI operation of a route, with the answers that the edge gives.
func (e *endpoint) documented(registry huma.Registry) huma.Operation {
	op := e.operation()
	op.DefaultStatus = e.status
	op.Summary = e.summary
	op.Description = e.description
	op.OperationID = operationID(e.summary)
	op.Tags = []string{e.chapter()}
	op.Extensions = map[string]any{"x-permission": string(e.permission)}
	scope := "almanac/use"
	if e.permission == access.OrganisationCreate {
		scope = OperateScope
	}
	op.Security = []map[string][]string{{securityScheme: {scope}}}
	op.Responses = map[string]*huma.Response{strconv.Itoa(e.status): e.success(registry, op.OperationID)}
	for _, status := range e.refusals() {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + problemName(status)}
	}
	return op
}

// chapter is the route's tag: the one it was given, or the noun that its path begins with.
func (e *endpoint) chapter() string {
	if e.tag != "" {
		return e.tag
	}
	noun := e.segments[min(2, len(e.segments)-1)] // after "" and "v1"
	return strings.ToUpper(noun[:1]) + strings.ReplaceAll(noun[1:], "-", " ")
}

func (e *endpoint) success(registry huma.Registry, id string) *huma.Response {
	res := &huma.Response{Description: http.StatusText(e.status), Headers: map[string]*huma.Param{}}
	text := func(doc string) *huma.Param {
		return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	if implements[Versioned](e.out) {
		res.Headers["ETag"] = text("The record's version, to send as If-Match with a change.")
	}
	if e.status == http.StatusCreated && implements[Located](e.out) {
		res.Headers["Location"] = text("The address of the new record.")
	}
	if implements[Baking](e.out) {
		res.Headers["Set-Cookie"] = text("What the browser must bring along later.")
	}
	if e.keyed {
		res.Headers["Idempotent-Replayed"] = text(
			"true where the request had been carried out before and this is its first answer.")
	}
	if e.status != http.StatusNoContent {
		res.Content = map[string]*huma.MediaType{contentJSON: {Schema: registry.Schema(e.out, true, id+"Answer")}}
	}
	return res
}

func implements[T any](t reflect.Type) bool {
	face := reflect.TypeFor[T]()
	return t.Implements(face) || reflect.PointerTo(t).Implements(face)
}

// refusals lists the statuses that a client of the route should be ready for.
func (e *endpoint) refusals() []int {
	out := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	if e.method != http.MethodGet {
		out = append(out, http.StatusConflict, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	if e.matched {
		out = append(out, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	return out
}

func problemName(status int) string {
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

func problemResponses(registry huma.Registry) map[string]*huma.Response {
	schema := registry.Schema(reflect.TypeFor[Problem](), true, "")
	all := (&endpoint{Route: Route{matched: true}, method: http.MethodPost}).refusals()
	out := make(map[string]*huma.Response, len(all))
	for _, status := range all {
		out[problemName(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{contentProblem: {Schema: schema}},
		}
	}
	return out
}

// operationID makes a name for generated clients of a summary: "Book an appointment" is bookAppointment, and "E-mail
// a patient's link" is emailPatientLink.
func operationID(summary string) string {
	summary = strings.NewReplacer("'s", "", "s'", "s", "-", "").Replace(summary)
	words := strings.FieldsFunc(summary, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	words = slices.DeleteFunc(words, func(w string) bool {
		switch strings.ToLower(w) {
		case "a", "an", "the", "your":
			return true
		}
		return false
	})
	for i, w := range words {
		w = strings.ToLower(w)
		if i > 0 {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		words[i] = w
	}
	return strings.Join(words, "")
}
