package page_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/fault"
	"almanac/shared/page"
)

// ask asks a function with one page, at /p/{id}, and gives the answer and the log.
func ask(t *testing.T, call page.Func, change ...func(*events.APIGatewayV2HTTPRequest)) (events.APIGatewayV2HTTPResponse, string) {
	t.Helper()
	ev := events.APIGatewayV2HTTPRequest{RawPath: "/p/planted-path", RawQueryString: "q=planted-query&q=2", Cookies: []string{"c=planted-cookie"}}
	ev.RequestContext.HTTP.Method, ev.RequestContext.RequestID = http.MethodGet, "request-1"
	for _, f := range change {
		f(&ev)
	}
	var log bytes.Buffer
	edge := page.Edge{
		Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: time.Now, Lost: []string{"Lost."}, Help: "Help.",
	}
	res, err := edge.Serve(page.Routes{"GET /p/{id}": call})(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(log.String(), "\n") != 1 || strings.Contains(log.String(), "planted") {
		t.Errorf("the log is %s", log.String())
	}
	return res, log.String()
}

func TestServe(t *testing.T) {
	res, log := ask(t, func(_ context.Context, r page.Request) (page.Answer, error) {
		return page.Answer{
			Sheet: page.NewSheet("<h1>{{.}}</h1>"), Content: r.Path["id"] + r.Query.Get("q") + r.Cookies[0], Title: "Title & all",
			From: "<Clinic>", Cookies: []string{"a=b; Secure"}, Org: "org", Action: "noun.verb", State: "shown",
		}, nil
	})
	for _, part := range []string{
		"<title>Title &amp; all</title>", "<h1>planted-pathplanted-queryc=planted-cookie</h1>", "&lt;Clinic&gt;", `<html lang="en-GB">`,
	} {
		if !strings.Contains(res.Body, part) {
			t.Errorf("the page lacks %s: %s", part, res.Body)
		}
	}
	if res.StatusCode != http.StatusOK || len(res.Cookies) != 1 || !strings.Contains(res.Headers["content-security-policy"], "form-action 'none'") {
		t.Errorf("answered %d %v %v", res.StatusCode, res.Headers, res.Cookies)
	}
	for _, part := range []string{`"route":"GET /p/{id}"`, `"organisation":"org"`, `"action":"noun.verb"`, `"state":"shown"`, `"status":200`} {
		if !strings.Contains(log, part) {
			t.Errorf("the log lacks %s: %s", part, log)
		}
	}
}

// Whatever goes wrong ends in a page of ours that shows nothing of the cause.
func TestErrors(t *testing.T) {
	limited := fault.New(fault.Limited, "busy", "planted")
	limited.RetryAfter = 90 * time.Second
	for name, c := range map[string]struct {
		call   page.Func
		status int
		says   string
		retry  string
		log    string
	}{
		"not found":   {fails(fault.New(fault.NotFound, "not_found", "planted")), 404, "Lost.", "", `"level":"INFO"`},
		"limited":     {fails(limited), 429, "Wait 2 minutes", "90", `"level":"INFO"`},
		"unavailable": {fails(fault.New(fault.Unavailable, "busy", "planted")), 503, "Help.", "5", `"level":"WARN"`},
		"late":        {fails(fmt.Errorf("step: %w", context.DeadlineExceeded)), 503, "Help.", "5", `"code":"timeout"`},
		"denied":      {fails(fault.New(fault.Denied, "denied", "planted")), 500, "Help.", "", `"kind":"denied"`},
		"internal":    {fails(errors.New("something")), 500, "Help.", "", `"level":"ERROR"`},
		"panic":       {func(context.Context, page.Request) (page.Answer, error) { panic("planted") }, 500, "Help.", "", `"panic"`},
		"bad sheet": {func(context.Context, page.Request) (page.Answer, error) {
			return page.Answer{Sheet: page.NewSheet("{{.Nothing}}planted"), Content: struct{}{}}, nil
		}, 500, "Help.", "", `"level":"ERROR"`},
		"malformed sheet": {func(context.Context, page.Request) (page.Answer, error) {
			return page.Answer{Sheet: page.NewSheet("{{missing")}, nil
		}, 500, "Help.", "", `"level":"ERROR"`},
	} {
		t.Run(name, func(t *testing.T) {
			res, log := ask(t, c.call)
			if res.StatusCode != c.status || !strings.Contains(res.Body, c.says) || strings.Contains(res.Body, "planted") ||
				res.Headers["retry-after"] != c.retry || res.Headers["content-type"] != "text/html; charset=utf-8" {
				t.Errorf("answered %d %v %s", res.StatusCode, res.Headers, res.Body)
			}
			if !strings.Contains(log, c.log) {
				t.Errorf("the log lacks %s: %s", c.log, log)
			}
		})
	}
}

func fails(err error) page.Func {
	return func(context.Context, page.Request) (page.Answer, error) { return page.Answer{Org: "planted"}, err }
}

// A query that cannot be read is none; it does not stop the page.
func TestMalformedQuery(t *testing.T) {
	res, _ := ask(t, func(_ context.Context, r page.Request) (page.Answer, error) {
		if len(r.Query) != 0 {
			t.Errorf("the query is %v", r.Query)
		}
		return page.Answer{To: "/elsewhere"}, nil
	}, func(ev *events.APIGatewayV2HTTPRequest) { ev.RawQueryString = "%zz&a=1;b" })
	if res.StatusCode != http.StatusSeeOther || res.Headers["location"] != "/elsewhere" || res.Headers["referrer-policy"] != "no-referrer" {
		t.Errorf("answered %d %v", res.StatusCode, res.Headers)
	}
}
