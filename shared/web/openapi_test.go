package web_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"almanac/shared/web"
)

func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	doc, err := web.OpenAPI("Things", w.routes())
	if err != nil {
		t.Fatal(err)
	}
	again, err := web.OpenAPI("Things", w.routes())
	if err != nil || !bytes.Equal(doc, again) {
		t.Errorf("two documents of the same routes differ (%v)", err)
	}
	read, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Validate(t.Context()); err != nil {
		t.Errorf("not a valid document: %v", err)
	}
	if made := read.Paths.Find("/v1/things").Post.Responses; made.Value("200") != nil || made.Value("201") == nil {
		t.Error("a route that creates is not documented with 201 alone")
	}
	if items := read.Components.Schemas["PageThing"].Value.Properties["items"].Value; !items.Type.Is("array") {
		t.Errorf("a list may be %v", items.Type)
	}
	if open := read.Components.Schemas["PageThing"].Value.AdditionalProperties.Has; open != nil {
		t.Error("an answer is documented as closed")
	}
	if open := read.Components.Schemas["Thing"].Value.AdditionalProperties.Has; open == nil || *open {
		t.Error("a request is documented as open")
	}
	for _, want := range []string{`"operationId": "makeThing"`, `"x-permission": "appointment.book"`, `"Idempotency-Key"`, `"If-Match"`, `"Idempotent-Replayed"`} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("the document lacks %s", want)
		}
	}
	for _, unwanted := range []string{"ErrorModel", "ErrorDetail"} {
		if strings.Contains(string(doc), unwanted) {
			t.Errorf("the document has huma's %s", unwanted)
		}
	}
}
