package pds_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/cause"
	"almanac/shared/fault"
	"almanac/shared/pds"
)

// Answers that no stand-in of the service would give.
func TestStrangeAnswers(t *testing.T) {
	const fhir = "application/fhir+json"
	outcome := func(code string) string {
		return `{"resourceType":"OperationOutcome","issue":[{"details":{"coding":[{"code":"` + code + `"}]}}]}`
	}
	for name, x := range map[string]struct {
		status       int
		kind, body   string
		code         string
		get, outcome pds.Outcome
	}{
		"a page":                          {200, "text/html", "<html>", "pds_unreadable", "", ""},
		"a page for not found":            {404, "text/html", "<html>", "pds_unreadable", "", ""},
		"not found, but not of ours":      {404, fhir, outcome("SOMETHING_ELSE"), "pds_unreadable", "", ""},
		"not found by the gateway's type": {404, "application/json; charset=utf-8", outcome("RESOURCE_NOT_FOUND"), "", pds.NotFound, ""},
		"the number is none":              {400, fhir, outcome("INVALID_RESOURCE_ID"), "pds_invalid_number", "", ""},
		"a redirect":                      {302, fhir, "", "pds_unexpected", "", ""},
		"teapot":                          {418, fhir, outcome("TEAPOT"), "pds_unexpected", "", ""},
		"far too much":                    {200, fhir, `{"resourceType":"Patient","id":"` + strings.Repeat("1", 2<<20) + `"}`, "pds_unreadable", "", ""},
		"another resource":                {200, fhir, `{"resourceType":"Practitioner","id":"9990000018"}`, "pds_unreadable", "", ""},
		"null":                            {200, fhir, `null`, "pds_unreadable", "", ""},
		"a patient with a bad number":     {200, fhir, `{"resourceType":"Patient","id":"9990000019"}`, "", pds.Unusable, ""},
		"a bundle without total":          {200, fhir, `{"resourceType":"Bundle","entry":[]}`, "pds_unreadable", "", ""},
		"a bundle with nobody in it":      {200, fhir, `{"resourceType":"Bundle","total":1}`, "pds_unreadable", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if strings.HasSuffix(req.URL.Path, "/token") {
					_, _ = fmt.Fprint(w, `{"access_token":"abc","expires_in":599,"token_type":"Bearer"}`)
					return
				}
				w.Header().Set("Content-Type", x.kind)
				w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
				w.WriteHeader(x.status)
				_, _ = fmt.Fprint(w, x.body)
			}))
			t.Cleanup(srv.Close)
			r.set.URL, r.set.TokenURL = srv.URL, srv.URL+"/token"
			r.connect(t)
			_, got, err := r.Get(t.Context(), call("read"), number(t, sandpds.Ordinary))
			if code := codeOf(err); code != x.code || got != x.get {
				t.Errorf("%q, %q", got, code)
			}
			_, _, err = r.Search(t.Context(), call("history"), pds.Query{Family: "Xanthippe", BirthDate: "1999-01-01"})
			if err == nil || strings.Contains(fmt.Sprint(err, cause.Chain(err)), "Xanthippe") {
				t.Errorf("the search: %v %v", err, cause.Chain(err))
			}
		})
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}
