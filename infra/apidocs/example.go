package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxExample bounds an example's depth; a type that holds itself has none.
const maxExample = 12

// idPattern is how the API's own schemas begin the pattern of an id.
const idPattern = `^\^?([a-z]{3})_`

// example makes a plausible value of a schema as indented JSON, its fields in the order of the page. Sent leaves out
// what the service sets itself.
func (d *document) example(s *schema, sent bool) string {
	var out bytes.Buffer
	d.write(&out, about{}, s, sent, 0)
	var pretty bytes.Buffer
	if json.Indent(&pretty, out.Bytes(), "", "  ") != nil {
		return out.String()
	}
	return pretty.String()
}

func (d *document) write(out *bytes.Buffer, of about, s *schema, sent bool, depth int) {
	own := s
	s = d.resolve(s)
	switch {
	case s == nil || depth > maxExample:
		out.WriteString("null")
	case len(own.Examples) > 0:
		literal(out, own.Examples[0])
	case len(s.Examples) > 0:
		literal(out, s.Examples[0])
	case s.Type.first() == "object":
		d.writeObject(out, s, cmp.Or(strings.ToLower(refName(own.Ref)), of.field), sent, depth)
	case s.Type.first() == "array":
		out.WriteByte('[')
		d.write(out, of, s.Items, sent, depth+1)
		out.WriteByte(']')
	default:
		literal(out, scalar(of, s))
	}
}

// writeObject writes an object; owner is its type's name, which tells what kind of id its id is.
func (d *document) writeObject(out *bytes.Buffer, s *schema, owner string, sent bool, depth int) {
	out.WriteByte('{')
	comma := ""
	for _, field := range s.order() {
		of := about{owner, strings.ToLower(field)}
		if sent && s.Properties[field].ReadOnly || of.leftOut() {
			continue
		}
		fmt.Fprintf(out, "%s%q:", comma, field)
		d.write(out, of, s.Properties[field], sent, depth+1)
		comma = ","
	}
	if open := s.AdditionalProperties.schema; open != nil && comma == "" {
		fmt.Fprintf(out, "%q:", keyOf(owner))
		d.write(out, about{field: owner}, open, sent, depth+1)
	}
	out.WriteByte('}')
}

// keyOf is an example of a key of a map, by the field that is one.
func keyOf(field string) string {
	switch field {
	case "refs":
		return "relationship"
	case "headers":
		return "Content-Type"
	}
	return "monday"
}

func literal(out *bytes.Buffer, v any) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		out.WriteString("null")
	}
}

// scalar makes up a value that keeps the schema's own rules as far as it can.
func scalar(of about, s *schema) any {
	own, known := of.own()
	switch {
	case known && s.Type.first() == "string":
		return own
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type.first() {
	case "integer", "number":
		return cmp.Or(deref(s.Minimum), deref(s.MultipleOf), 1)
	case "boolean":
		return false
	}
	return text(of, s)
}

func deref(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}

func text(of about, s *schema) string {
	switch s.Format {
	case "date-time":
		return "2026-11-23T09:30:00Z"
	case "date":
		return "2026-11-23"
	case "time":
		return "09:30"
	case "email":
		return "ada@example.org"
	}
	if m := regexp.MustCompile(idPattern).FindStringSubmatch(s.Pattern); m != nil {
		return m[1] + anID
	}
	return of.sample()
}

// curl gives the request as a command line. $API is the address of the installation, $TOKEN an access token.
func (d *document) curl(method, path string, op operation) string {
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", pathExample(path, p))
		}
	}
	lines := []string{"curl"}
	if method != "GET" {
		lines[0] += " -X " + method
	}
	lines[0] += ` "$API` + path + d.curlQuery(op) + `"`
	if op.Security == nil || len(op.Security) > 0 {
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	if success(op).sets() {
		lines = append(lines, "-c jar")
	}
	for _, p := range op.Parameters {
		lines = append(lines, p.options()...)
	}
	if s := op.Body.schema(); s != nil {
		body := strings.ReplaceAll(d.example(s, true), "'", `'\''`)
		lines = append(lines, `-H "Content-Type: application/json"`, "-d '"+body+"'")
	}
	return strings.Join(lines, " \\\n  ")
}

// options are what of a command line a parameter asks for that does not stand in the address.
func (p parameter) options() []string {
	switch {
	case p.Name == "Idempotency-Key":
		return []string{`-H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)"`}
	case p.Name == "If-Match":
		return []string{`-H 'If-Match: "3"'`}
	case p.In == "cookie":
		return []string{"-b jar"}
	case p.In == "header" && p.Required && len(p.Schema.Examples) > 0:
		return []string{fmt.Sprintf(`-H "%s: %v"`, p.Name, p.Schema.Examples[0])}
	}
	return nil
}

// success is the answer of an operation that was carried out; nil where there is none.
func success(op operation) *content {
	for _, code := range slices.Sorted(maps.Keys(op.Responses)) {
		if c := op.Responses[code]; code < "4" {
			return &c
		}
	}
	return nil
}

// sets tells whether an answer sets a cookie, which a jar is for.
func (c *content) sets() bool {
	if c == nil {
		return false
	}
	_, ok := c.Headers["Set-Cookie"]
	return ok
}

// pathExample makes up a path parameter: the id of what the path is about, such as pat_… in /v1/patients/{id}.
func pathExample(path string, p parameter) string {
	if len(p.Schema.Examples) > 0 {
		return fmt.Sprint(p.Schema.Examples[0])
	}
	thing := ""
	for part := range strings.SplitSeq(path, "/") {
		if part == "{"+p.Name+"}" {
			break
		}
		thing = strings.TrimSuffix(part, "s")
	}
	thing = thing[strings.LastIndex(thing, "-")+1:]
	if value := scalar(about{field: thing + "id"}, p.Schema); value != unknown {
		return fmt.Sprint(value)
	}
	return strings.ToUpper(p.Name)
}

// curlQuery gives the required query parameters with examples.
func (d *document) curlQuery(op operation) string {
	var out []string
	for _, p := range op.Parameters {
		if p.In != "query" || !p.Required {
			continue
		}
		s := d.resolve(p.Schema)
		of := about{field: strings.ToLower(p.Name)}
		value := scalar(of, s)
		if s.Type.first() == "array" {
			value = scalar(of, d.resolve(s.Items))
		}
		if len(p.Schema.Examples) > 0 {
			value = p.Schema.Examples[0]
		}
		out = append(out, fmt.Sprintf("%s=%v", p.Name, value))
	}
	if len(out) == 0 {
		return ""
	}
	return "?" + strings.Join(out, "&")
}
