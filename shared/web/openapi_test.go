package web_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"almanac/shared/web"
)

func mustDocument(t *testing.T) ([]byte, *openapi3.T) {
	t.Helper()
	doc, err := web.OpenAPI("Things", newWorld(t).routes())
	if err != nil {
		t.Fatal(err)
	}
	read, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, read
}

func TestOpenAPI(t *testing.T) {
	doc, read := mustDocument(t)
	again, _ := mustDocument(t)
	if !bytes.Equal(doc, again) {
		t.Error("two documents of the same routes differ")
	}
	if err := read.Validate(t.Context()); err != nil {
		t.Errorf("not a valid document: %v", err)
	}
	for _, want := range []string{
		`"operationId": "makeThing"`, `"x-permission": "appointment.book"`, `"Idempotency-Key"`, `"If-Match"`, `"Idempotent-Replayed"`,
	} {
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

// TestOpenAPISaysWhatWeDo: where huma documents otherwise than the edge behaves, the document is corrected.
func TestOpenAPISaysWhatWeDo(t *testing.T) {
	_, read := mustDocument(t)
	if made := read.Paths.Find("/v1/things").Post.Responses; made.Value("200") != nil || made.Value("201") == nil {
		t.Error("a route that creates is not documented with 201 alone")
	}
	page, thing := read.Components.Schemas["PageThing"].Value, read.Components.Schemas["Thing"].Value
	if items := page.Properties["items"].Value; !items.Type.Is("array") {
		t.Errorf("a list may be %v", items.Type)
	}
	if page.AdditionalProperties.Has != nil {
		t.Error("an answer is documented as closed")
	}
	if open := thing.AdditionalProperties.Has; open == nil || *open {
		t.Error("a request is documented as open")
	}
}

func TestOpenAPIRefusesOneSummaryTwice(t *testing.T) {
	routes := newWorld(t).routes()
	routes["GET /v1/again"] = routes["GET /v1/things"]
	if _, err := web.OpenAPI("Things", routes); err == nil {
		t.Error("two operations have one name")
	}
}
