package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// adapter lets huma read a request out of an exchange. Huma decodes and validates; what happens next, and every
// answer, is ours. Each route has an API of its own, built when it is first asked for, so that a function starts
// without building any.
type adapter struct {
	op     *huma.Operation
	handle func(huma.Context)
}

// Handle keeps the one operation that was registered.
func (a *adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.op, a.handle = op, handler
}

// ServeHTTP is never used: there is no HTTP server.
func (a *adapter) ServeHTTP(http.ResponseWriter, *http.Request) {}

// decoded makes huma hand the input over instead of writing an answer.
type decoded struct{ Body func(huma.Context) }

// decode registers an operation whose only work is to decode and validate an In.
func decode[In any](api huma.API, op huma.Operation) {
	huma.Register(api, op, func(_ context.Context, in *In) (*decoded, error) {
		return &decoded{Body: func(c huma.Context) { c.(*exchange).in = in }}, nil
	})
}

// newAPI makes a huma API without documentation routes, links or formats other than JSON. The only thing huma ever
// writes is its refusal of an input, which the format below hands to the exchange.
func newAPI(a huma.Adapter) huma.API {
	return huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
		}},
		DefaultFormat: contentJSON,
		Formats: map[string]huma.Format{
			contentJSON: {Unmarshal: json.Unmarshal},
			contentProblem: {Marshal: func(w io.Writer, v any) error {
				w.(*exchange).faults = v.(*huma.ErrorModel)
				return nil
			}},
		},
	}, a)
}

// schemaName names a schema after its type; the body of moveIn, where it has no name of its own, is MoveBody.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if before, ok := strings.CutSuffix(name, "InBody"); ok && before != "" {
		return before + "Body"
	}
	return name
}

// The methods below make an exchange the huma.Context of its request.

func (x *exchange) Operation() *huma.Operation        { return x.endpoint.built().op }
func (x *exchange) Context() context.Context          { return x.ctx }
func (x *exchange) TLS() *tls.ConnectionState         { return nil }
func (x *exchange) Version() huma.ProtoVersion        { return huma.ProtoVersion{} }
func (x *exchange) Method() string                    { return x.endpoint.method }
func (x *exchange) Host() string                      { return "" }
func (x *exchange) RemoteAddr() string                { return "" }
func (x *exchange) URL() url.URL                      { return url.URL{RawQuery: x.event.RawQueryString} }
func (x *exchange) Param(name string) string          { return x.path[name] }
func (x *exchange) Query(name string) string          { return x.query.Get(name) }
func (x *exchange) EachHeader(each func(k, v string)) { x.headers.each(each) }
func (x *exchange) BodyReader() io.Reader             { return bytes.NewReader(x.body) }
func (x *exchange) SetReadDeadline(time.Time) error   { return nil }
func (x *exchange) SetStatus(int)                     {}
func (x *exchange) Status() int                       { return 0 }
func (x *exchange) SetHeader(_, _ string)             {}
func (x *exchange) AppendHeader(_, _ string)          {}
func (x *exchange) BodyWriter() io.Writer             { return x }
func (x *exchange) Write(p []byte) (int, error)       { return len(p), nil }

// Header gives huma a header. The content type was checked before, so that huma need not understand it.
func (x *exchange) Header(name string) string {
	if strings.EqualFold(name, "Content-Type") {
		return contentJSON
	}
	return x.headers.get(name)
}

// GetMultipartForm refuses: no route takes a form.
func (x *exchange) GetMultipartForm() (*multipart.Form, error) { return nil, http.ErrNotMultipart }
