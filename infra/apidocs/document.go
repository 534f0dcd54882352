package main

import (
	"encoding/json"
	"slices"
	"strings"
)

// document is what the page needs of an OpenAPI document.
type document struct {
	Info struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	} `json:"info"`
	Tags []struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"tags"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID          string                `json:"operationId"`
	Summary     string                `json:"summary"`
	Description string                `json:"description"`
	Tags        []string              `json:"tags"`
	Permission  string                `json:"x-permission"`
	Parameters  []parameter           `json:"parameters"`
	Body        *content              `json:"requestBody"`
	Responses   map[string]content    `json:"responses"`
	Security    []map[string][]string `json:"security"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description"`
	Required    bool    `json:"required"`
	Schema      *schema `json:"schema"`
}

type content struct {
	Description string                                  `json:"description"`
	Content     map[string]struct{ Schema *schema }     `json:"content"`
	Headers     map[string]struct{ Description string } `json:"headers"`
}

// schema gives the JSON schema of a request or an answer, nil where there is none.
func (c *content) schema() *schema {
	if c == nil {
		return nil
	}
	return c.Content["application/json"].Schema
}

type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 kinds              `json:"type"`
	Format               string             `json:"format"`
	Description          string             `json:"description"`
	Examples             []any              `json:"examples"`
	Default              any                `json:"default"`
	Enum                 []any              `json:"enum"`
	Pattern              string             `json:"pattern"`
	PatternDescription   string             `json:"patternDescription"`
	MinLength            *int               `json:"minLength"`
	MaxLength            *int               `json:"maxLength"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	MultipleOf           *float64           `json:"multipleOf"`
	MinItems             *int               `json:"minItems"`
	MaxItems             *int               `json:"maxItems"`
	Items                *schema            `json:"items"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	ReadOnly             bool               `json:"readOnly"`
	AdditionalProperties openProperties     `json:"additionalProperties"`
}

// kinds is a schema's type, which may be one word or a list with "null".
type kinds []string

// UnmarshalJSON reads either form.
func (k *kinds) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*k = kinds{strings.Trim(string(b), `"`)}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(k))
}

func (k kinds) first() string {
	for _, word := range k {
		if word != "null" {
			return word
		}
	}
	return ""
}

// openProperties is the schema of a map's values; nil where additionalProperties is a boolean.
type openProperties struct{ schema *schema }

// UnmarshalJSON reads either form.
func (o *openProperties) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, &o.schema)
}

// refName is the name of the schema that a reference points at.
func refName(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// resolve follows references.
func (d *document) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[refName(s.Ref)]
	}
	return s
}

// order lists a schema's properties: id, then the required ones as the code has them, then the others by name.
func (s *schema) order() []string {
	var rest []string
	for name := range s.Properties {
		if name != "id" && !slices.Contains(s.Required, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	out := slices.DeleteFunc(slices.Clone(s.Required), func(name string) bool {
		return name == "id" || s.Properties[name] == nil
	})
	if s.Properties["id"] != nil {
		out = slices.Insert(out, 0, "id")
	}
	return append(out, rest...)
}
