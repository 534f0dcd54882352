package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
)

// file is one thing to serve, as it is and packed. Both are worked out when first asked for.
type file struct {
	body    []byte
	kind    string
	policy  string // Content-Security-Policy
	caching string
	etag    func() string
	packed  func() string // gzip, base64
}

// files gives what is served at which address.
func files(page, document []byte) map[string]*file {
	const nothing = "default-src 'none'; frame-ancestors 'none'"
	return map[string]*file{
		"/docs":            newFile(page, "text/html; charset=utf-8", pagePolicy(page), "no-cache"),
		"/v1/openapi.json": newFile(document, "application/json", nothing, "no-cache"),
		"/healthz":         newFile([]byte(`{"status":"ok"}`), "application/json", nothing, "no-store"),
	}
}

func newFile(body []byte, kind, policy, caching string) *file {
	return &file{
		body: body, kind: kind, policy: policy, caching: caching,
		etag: sync.OnceValue(func() string {
			sum := sha256.Sum256(body)
			return `"` + hex.EncodeToString(sum[:12]) + `"`
		}),
		packed: sync.OnceValue(func() string {
			var out bytes.Buffer
			w := gzip.NewWriter(&out)
			_, _ = w.Write(body) // a buffer takes everything
			_ = w.Close()
			return base64.StdEncoding.EncodeToString(out.Bytes())
		}),
	}
}

// pagePolicy lets the page's own style element through, by its hash, and nothing else in the world.
func pagePolicy(page []byte) string {
	_, rest, _ := bytes.Cut(page, []byte("<style>"))
	style, _, _ := bytes.Cut(rest, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

type handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// serve answers GET of a file; the gateway lets nothing else through.
func serve(log *slog.Logger, files map[string]*file) handler {
	return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		f, ok := files[ev.RawPath]
		res := events.APIGatewayV2HTTPResponse{StatusCode: http.StatusNotFound, Headers: map[string]string{
			"cache-control":             "no-store",
			"content-security-policy":   "default-src 'none'; frame-ancestors 'none'",
			"referrer-policy":           "no-referrer",
			"strict-transport-security": "max-age=31536000; includeSubDomains",
			"x-content-type-options":    "nosniff",
			"x-request-id":              ev.RequestContext.RequestID,
		}}
		route := "none"
		switch {
		case !ok:
		case ev.RequestContext.HTTP.Method != http.MethodGet:
			res.StatusCode, res.Headers["allow"] = http.StatusMethodNotAllowed, http.MethodGet
		default:
			route = "GET " + ev.RawPath
			f.answer(&res, ev.Headers)
		}
		log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request", ev.RequestContext.RequestID),
			slog.String("route", route), slog.Int("status", res.StatusCode))
		return res, nil
	}
}

func (f *file) answer(res *events.APIGatewayV2HTTPResponse, headers map[string]string) {
	res.StatusCode = http.StatusOK
	res.Headers["cache-control"] = f.caching
	res.Headers["content-security-policy"] = f.policy
	res.Headers["etag"] = f.etag()
	res.Headers["vary"] = "accept-encoding"
	if strings.Contains(headers["if-none-match"], f.etag()) {
		res.StatusCode = http.StatusNotModified
		return
	}
	res.Headers["content-type"] = f.kind
	if strings.Contains(headers["accept-encoding"], "gzip") && len(f.body) > 1<<10 {
		res.Headers["content-encoding"] = "gzip"
		res.Body, res.IsBase64Encoded = f.packed(), true
		return
	}
	res.Body = string(f.body)
}
