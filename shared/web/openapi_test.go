package web_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"almanac/shared/access"
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

type coded struct {
	State string `json:"state" doc:"Where it stands." enum:"open,done"`
	Why   []string
}

func (coded) Codes() map[string][][2]string {
	return map[string][][2]string{"state": {{"open", "it waits"}, {"done", "it is over"}}}
}

func (coded) Cookies() []string { return nil }

// What codes mean stands with the field that holds them, once, wherever the answer has it; that a cookie is set is told;
// and a name for programs has no crumbs of an apostrophe or a hyphen in it.
func TestOpenAPIExplains(t *testing.T) {
	give := func(context.Context, web.Request, *struct{}) (coded, error) { return coded{}, nil }
	list := func(context.Context, web.Request, *struct{}) (web.Page[coded], error) { return web.Page[coded]{}, nil }
	doc, err := web.OpenAPI("Things", web.Routes{
		"GET /v1/one": web.Do(access.TaskList, "E-mail the thing's log-in", give),
		"GET /v1/all": web.Do(access.TaskList, "List your things", list),
	})
	if err != nil {
		t.Fatal(err)
	}
	read, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		t.Fatal(err)
	}
	const want = "Where it stands.\n\n- `open`: it waits\n- `done`: it is over"
	if got := read.Components.Schemas["Coded"].Value.Properties["state"].Value.Description; got != want {
		t.Errorf("the codes are explained as %q", got)
	}
	one, all := read.Paths.Find("/v1/one").Get, read.Paths.Find("/v1/all").Get
	if one.OperationID != "emailThingLogin" || all.OperationID != "listThings" {
		t.Errorf("the operations are %s and %s", one.OperationID, all.OperationID)
	}
	if one.Responses.Value("200").Value.Headers["Set-Cookie"] == nil || all.Responses.Value("200").Value.Headers["Set-Cookie"] != nil {
		t.Error("it is not told, or told of others, that a cookie is set")
	}
}
