package nhs_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/nhstest"
	"almanac/infra/sandbox/pds"
)

// ask sends a request as a browser on the page would, below a path as the stack serves it.
func ask(t *testing.T, s *nhstest.Stand, method, path string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost/nhs"+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	http.StripPrefix("/nhs", s.Server).ServeHTTP(w, r)
	return w
}

func TestPage(t *testing.T) {
	s := nhstest.New(t)
	s.Get(t, s.PDSURL+"/Patient?family=Secretname&birthdate=1984-05-17")
	if err := s.PDS.Add(pds.Person{Number: pds.Number(950), Names: []pds.Name{{Family: "<script>x"}}, About: "<img>"}); err != nil {
		t.Fatal(err)
	}
	w := ask(t, s, http.MethodGet, "/", nil)
	body := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Security-Policy") != sandbox.PagePolicy {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, want := range []string{"999 000 0018", "Rosalind Wren Amberley", "restricted (R)", "404 invalidated", "leads to 999", "GET /Patient", `href="style.css"`, "O&#39;Reilly"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, bad := range []string{"<script", "<img", "Secretname", `href="/`, `action="/`, " style="} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if w := ask(t, s, http.MethodGet, "/style.css", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), ".tag") {
		t.Errorf("style: %d", w.Code)
	}
}

func TestButtons(t *testing.T) {
	s := nhstest.New(t)
	number := pds.Plain.Number()
	for change, good := range map[string]func(p pds.Person) bool{
		"restrict":     func(p pds.Person) bool { return p.Security == "R" },
		"open":         func(p pds.Person) bool { return p.Security == "U" },
		"die":          func(p pds.Person) bool { return p.Death.Status == "1" },
		"die-formally": func(p pds.Person) bool { return p.Death.Status == "2" },
		"undie":        func(p pds.Person) bool { return p.Death.Status == "U" },
		"move":         func(p pds.Person) bool { return p.Addresses[0].Postcode == "KB2 7NS" },
		"renumber":     func(p pds.Person) bool { return p.SupersededBy != "" },
		"invalidate":   func(p pds.Person) bool { return p.Invalidated },
	} {
		w := ask(t, s, http.MethodPost, "/people/"+number+"/"+change, nil)
		p, _ := s.PDS.Person(number)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "../../#p"+number || !good(p) {
			t.Errorf("%s: %d %v %+v", change, w.Code, w.Header(), p)
		}
	}
	before, _ := s.SCR.Record(pds.Ordinary.Number())
	for _, change := range []string{"no", "yes", "ask", "renew"} {
		if w := ask(t, s, http.MethodPost, "/people/"+pds.Ordinary.Number()+"/"+change, nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", change, w.Code)
		}
	}
	if after, _ := s.SCR.Record(pds.Ordinary.Number()); after.ID == before.ID || after.Permission != "Ask" {
		t.Errorf("%+v", after)
	}
	for path, status := range map[string]int{
		"/people/9434765919/restrict": 404, "/people/" + number + "/eat": 404,
	} {
		if w := ask(t, s, http.MethodPost, path, nil); w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestFaultForm(t *testing.T) {
	s := nhstest.New(t)
	for what, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"good":       {url.Values{"kind": {apim.Timeout}, "on": {"999 000 0018"}, "count": {"2"}}, 303},
		"slow":       {url.Values{"kind": {sandbox.Slow}, "count": {"-1"}, "delay": {"20s"}}, 303},
		"no delay":   {url.Values{"kind": {sandbox.Slow}, "count": {"1"}}, 400},
		"typo":       {url.Values{"kind": {"typo"}, "count": {"1"}}, 400},
		"no number":  {url.Values{"kind": {apim.Fail}, "count": {"x"}}, 400},
		"never":      {url.Values{"kind": {apim.Fail}, "count": {"0"}}, 400},
		"empty form": {url.Values{}, 400},
	} {
		if w := ask(t, s, http.MethodPost, "/add-fault", c.form); w.Code != c.status {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if list := s.Faults.List(); len(list) != 2 {
		t.Errorf("%+v", list)
	}
	if w := ask(t, s, http.MethodGet, "/", nil); !strings.Contains(w.Body.String(), "timeout for 9990000018 2 times") {
		t.Error("the page does not tell of the fault")
	}
	for _, path := range []string{"/clear-faults", "/forget-requests", "/revoke-tokens"} {
		if w := ask(t, s, http.MethodPost, path, nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if len(s.Faults.List()) != 0 {
		t.Error("not cleared")
	}
}

// TestForeignPage: another web site's page can press none of the buttons.
func TestForeignPage(t *testing.T) {
	s := nhstest.New(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/people/"+pds.Plain.Number()+"/invalidate", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("%d", w.Code)
	}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://nhs.example/", nil)
	w = httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("%d", w.Code)
	}
}

func TestControls(t *testing.T) {
	s := nhstest.New(t)
	s.Token(t)
	if w := ask(t, s, http.MethodGet, "/dev/requests", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "/oauth2/token") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, s, http.MethodGet, "/dev/faults", nil); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
}

func TestNew(t *testing.T) {
	_, err := nhs.New(nhs.Config{Lookup: func(name string) (string, bool) { return "x", name == "AWS_LAMBDA_FUNCTION_NAME" }})
	if !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("on Lambda: %v", err)
	}
	none := func(string) (string, bool) { return "", false }
	if _, err := nhs.New(nhs.Config{Lookup: none, People: []pds.Person{{}}}); !errors.Is(err, pds.ErrPerson) {
		t.Errorf("person without a number: %v", err)
	}
	if _, err := nhs.New(nhs.Config{Lookup: none, Apps: []apim.App{{}}}); !errors.Is(err, apim.ErrConfig) {
		t.Errorf("application without a key: %v", err)
	}
}
