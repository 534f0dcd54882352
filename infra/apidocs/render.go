package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"almanac/shared/web"
)

var (
	//go:embed page.html
	pageText string
	//go:embed style.css
	styleText string
)

// page is what the template shows.
type page struct {
	Title       string
	Description string
	Style       template.CSS
	Chapters    []chapter
	Types       []kind
	Problems    []web.Code
	Details     []web.Code
}

type chapter struct {
	Name, Anchor, Text string
	Operations         []shownOperation
}

type shownOperation struct {
	Anchor, Method, Path, Summary, Text, Permission, Scope string
	Open                                                   bool // needs no log-in
	Parameters                                             []field
	Body                                                   *shownBody
	Success                                                shownSuccess
	Refusals                                               []status
	Own                                                    bool // its refusals are pages or words of their own
	Curl                                                   string
}

type shownBody struct {
	Type    typeLink
	Text    string // where no type says it
	Fields  []field
	Example string
}

type shownSuccess struct {
	Status  status
	Headers []field
	Type    typeLink
	Example string
}

type status struct {
	Code int
	Text string
	Says string // what it is here; empty for the usual
}

// field is a parameter, a header or a property.
type field struct {
	Name     string
	In       string
	Type     typeLink
	Required bool
	ReadOnly bool
	Text     string
	Codes    [][2]string // that it can hold, each with what it means
	Rules    []string
}

// typeLink says what type something has; Name links to the description of a named one.
type typeLink struct {
	Before string // "list of "
	Word   string // "text"
	Name   string // "Appointment"
}

type kind struct {
	Name, Anchor, Text string
	Fields             []field
}

// render makes the page of a merged document.
func render(merged []byte) ([]byte, error) {
	var d document
	if err := json.Unmarshal(merged, &d); err != nil { //nolint:musttag // every field that is read has one
		return nil, fmt.Errorf("read the merged document: %w", err)
	}
	p := page{
		Title: d.Info.Title, Description: d.Info.Description, Types: d.types(),
		Style: template.CSS(styleText), //nolint:gosec // our own file
	}
	for _, tag := range d.Tags {
		p.Chapters = append(p.Chapters, chapter{tag.Name, anchor(tag.Name), tag.Description, d.operations(tag.Name)})
	}
	for _, c := range web.Codes() {
		if c.Detail {
			p.Details = append(p.Details, c)
		} else {
			p.Problems = append(p.Problems, c)
		}
	}
	t, err := template.New("page").Funcs(template.FuncMap{"anchor": web.Anchor, "sentence": sentence}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("parse the page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return out.Bytes(), nil
}

func anchor(words string) string {
	return strings.ReplaceAll(strings.ToLower(words), " ", "-")
}

// operations lists a chapter's operations by path, reading before writing.
func (d *document) operations(tag string) []shownOperation {
	var out []shownOperation
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			if op, ok := d.Paths[path][method]; ok && slices.Contains(op.Tags, tag) {
				out = append(out, d.operation(strings.ToUpper(method), path, op))
			}
		}
	}
	return out
}

func (d *document) operation(method, path string, op operation) shownOperation {
	out := shownOperation{
		Anchor: op.ID, Method: method, Path: path, Summary: op.Summary, Text: op.Description, Permission: op.Permission,
		Open: op.Security != nil && len(op.Security) == 0, Curl: d.curl(method, path, op),
	}
	out.Own = out.Open
	for _, s := range op.Security {
		for _, scopes := range s {
			out.Scope = strings.Join(scopes, " ")
		}
	}
	for _, p := range op.Parameters {
		f := d.field(p.Name, p.Schema, p.Required)
		f.In, f.Text = p.In, p.Description
		out.Parameters = append(out.Parameters, f)
	}
	if s := op.Body.schema(); s != nil {
		out.Body = &shownBody{d.typeOf(s), s.Description, d.fields(d.resolve(s), true), d.example(s, true)}
	}
	for _, code := range slices.Sorted(maps.Keys(op.Responses)) {
		n, err := strconv.Atoi(code)
		switch {
		case err != nil:
		case n < http.StatusBadRequest && out.Success.Status.Code == 0: // leading elsewhere is what some are for
			out.Success = d.success(n, op.Responses[code])
		default:
			out.Refusals = append(out.Refusals, status{n, http.StatusText(n), op.Responses[code].own(n)})
		}
	}
	return out
}

// own is what an answer says of itself beyond its status.
func (c content) own(code int) string {
	if c.Description == "" || c.Description == http.StatusText(code) {
		return ""
	}
	return strings.TrimSuffix(c.Description, ".") + "."
}

func (d *document) success(code int, c content) shownSuccess {
	out := shownSuccess{Status: status{code, http.StatusText(code), c.own(code)}}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		out.Headers = append(out.Headers, field{Name: name, Text: c.Headers[name].Description})
	}
	if s := c.schema(); s != nil {
		out.Type = d.typeOf(s)
		out.Example = d.example(s, false)
	} else if _, page := c.Content[html]; page {
		out.Type = typeLink{Word: "a page"}
	}
	return out
}

// types describes the named schemas.
func (d *document) types() []kind {
	var out []kind
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		out = append(out, kind{name, "type-" + name, s.Description, d.fields(s, false)})
	}
	return out
}

// fields lists a schema's properties; sent leaves out what the service sets itself.
func (d *document) fields(s *schema, sent bool) []field {
	var out []field
	for _, name := range s.order() {
		if sent && s.Properties[name].ReadOnly {
			continue
		}
		out = append(out, d.field(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	if open := s.AdditionalProperties.schema; open != nil {
		out = append(out, field{Name: "any name", Type: d.typeOf(open)})
	}
	return out
}

func (d *document) field(name string, s *schema, required bool) field {
	text, codes := explained(s.Description)
	rules := s.rules()
	if len(codes) > 0 && len(s.Enum) > 0 { // the list has them
		rules = rules[1:]
	}
	return field{
		Name: name, Type: d.typeOf(s), Required: required, ReadOnly: s.ReadOnly, Text: text, Codes: codes, Rules: rules,
	}
}

// explained takes the list of codes off the end of a description.
func explained(description string) (string, [][2]string) {
	const item = "\n- `"
	text, list, found := strings.Cut(description, "\n"+item)
	if !found {
		return description, nil
	}
	var out [][2]string
	for one := range strings.SplitSeq(list, item) {
		code, means, _ := strings.Cut(one, "`: ")
		out = append(out, [2]string{code, means})
	}
	return text, out
}

func (d *document) typeOf(s *schema) typeLink {
	if s == nil {
		return typeLink{}
	}
	if s.Ref != "" {
		return typeLink{Name: refName(s.Ref)}
	}
	switch s.Type.first() {
	case "array":
		inner := d.typeOf(s.Items)
		inner.Before = "list of " + inner.Before
		return inner
	case "object":
		if s.AdditionalProperties.schema != nil {
			inner := d.typeOf(s.AdditionalProperties.schema)
			inner.Before = "object whose values are " + inner.Before
			return inner
		}
		return typeLink{Word: "object"}
	case "integer":
		return typeLink{Word: "whole number"}
	case "string":
		return typeLink{Word: words(s.Format)}
	case "":
		return typeLink{Word: "any value"}
	}
	return typeLink{Word: s.Type.first()}
}

func words(format string) string {
	switch format {
	case "date-time":
		return "instant"
	case "date", "time":
		return format
	case "email":
		return "e-mail address"
	}
	return "text"
}

// rules puts a schema's limits into words.
func (s *schema) rules() []string {
	var out []string
	add := func(text string, v any) { out = append(out, fmt.Sprintf(text, v)) }
	if s.Items != nil {
		out = s.Items.rules()
	}
	if len(s.Enum) > 0 {
		out = append(out, "one of "+strings.Join(strings.Fields(fmt.Sprintln(s.Enum...)), ", "))
	}
	least := s.MinLength
	if least != nil && *least == 1 {
		out, least = append(out, "not empty"), nil
	}
	for _, bound := range []struct {
		text string
		n    *int
	}{
		{"at least %v characters", least},
		{"at most %v characters", s.MaxLength},
		{"at least %v entries", s.MinItems},
		{"at most %v entries", s.MaxItems},
	} {
		if bound.n != nil {
			add(bound.text, *bound.n)
		}
	}
	for _, bound := range []struct {
		text string
		n    *float64
	}{{"at least %v", s.Minimum}, {"at most %v", s.Maximum}, {"a multiple of %v", s.MultipleOf}} {
		if bound.n != nil {
			add(bound.text, strconv.FormatFloat(*bound.n, 'f', -1, 64))
		}
	}
	if s.PatternDescription != "" {
		out = append(out, s.PatternDescription)
	} else if s.Pattern != "" {
		out = append(out, "matches "+s.Pattern)
	}
	if s.Default != nil {
		add("%v if left out", s.Default)
	}
	return out
}

// sentence puts a field's rules behind what is said of it.
func sentence(text string, rules []string) string {
	if len(rules) == 0 {
		return text
	}
	all := strings.Join(rules, "; ") + "."
	if text == "" {
		return strings.ToUpper(all[:1]) + all[1:]
	}
	return text + " " + strings.ToUpper(all[:1]) + all[1:]
}
