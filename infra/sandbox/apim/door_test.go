package apim_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/nhstest"
	"almanac/infra/sandbox/pds"
)

// header sets a header, or takes it away.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
}

func TestHeaders(t *testing.T) {
	s := nhstest.New(t)
	address := s.PDSURL + "/Patient/" + pds.Plain.Number()
	const id, ods = "X-Request-ID", "NHSD-End-User-Organisation-ODS"
	for what, c := range map[string]struct {
		name, value string
		status      int
		code        string
	}{
		"no request id":      {id, "", 400, "MISSING_VALUE"},
		"short request id":   {id, "1234", 400, "INVALID_VALUE"},
		"braces":             {id, "{7f1b9d3a-0000-4000-8000-000000000000}", 400, "INVALID_VALUE"},
		"capital request id": {id, "7F1B9D3A-0000-4000-8000-00000000000A", 200, ""},
		"version 5":          {id, "7f1b9d3a-0000-5000-8000-00000000000b", 200, ""},
		"no organisation":    {ods, "", 400, "MISSING_VALUE"},
		"small letters":      {ods, "y90001", 400, "INVALID_VALUE"},
		"long organisation":  {ods, "Y9000000001", 400, "INVALID_VALUE"},
		"no accept":          {"Accept", "", 200, ""},
		"session of nobody":  {"NHSD-Session-URID", "x", 200, ""},
	} {
		r := s.Get(t, address, header(c.name, c.value))
		if r.Status != c.status || r.Code() != c.code {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	r := s.Get(t, address, header(id, "7f1b9d3a-0000-4000-8000-00000000000c"), header("X-Correlation-ID", "abc"))
	if r.Header.Get(id) != "7f1b9d3a-0000-4000-8000-00000000000c" || r.Header.Get("X-Correlation-ID") != "abc" {
		t.Errorf("not mirrored: %v", r.Header)
	}
	free := nhstest.New(t, func(c *nhs.Config) { c.ODSOptional = true })
	if r := free.Get(t, free.PDSURL+"/Patient/"+pds.Plain.Number(), header(ods, "")); r.Status != http.StatusOK {
		t.Errorf("optional organisation: %d %s", r.Status, r.Body)
	}
}

// TestRate counts as the gateway does: five within any second for each application and API, refused ones not counted.
func TestRate(t *testing.T) {
	tick := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := nhstest.New(t, func(c *nhs.Config) { c.Rate, c.Ticks = 0, func() time.Time { return tick } })
	ask := func() nhstest.Reply { return s.Get(t, s.PDSURL+"/Patient/"+pds.Plain.Number()) }
	for n := range 5 {
		if r := ask(); r.Status != http.StatusOK {
			t.Fatalf("%d: %d %s", n, r.Status, r.Body)
		}
		tick = tick.Add(100 * time.Millisecond)
	}
	for range 3 {
		r := ask()
		if r.Status != http.StatusTooManyRequests || r.Code() != "TOO_MANY_REQUESTS" || r.Header.Get("Retry-After") != "" ||
			!strings.Contains(string(r.Body), "spike") {
			t.Errorf("sixth: %d %v %s", r.Status, r.Header, r.Body)
		}
	}
	if r := s.Get(t, s.GPURL+"/Patient/"+pds.Plain.Number()); r.Status != http.StatusOK {
		t.Errorf("another API has its own count: %d %s", r.Status, r.Body)
	}
	tick = tick.Add(500 * time.Millisecond) // the first is a second ago, the second is not
	if r := ask(); r.Status != http.StatusOK {
		t.Errorf("a second after the first: %d", r.Status)
	}
	if r := ask(); r.Status != http.StatusTooManyRequests {
		t.Errorf("a second after the first, again: %d", r.Status)
	}
	if n := s.Refused(); n != 4 {
		t.Errorf("%d refused, want 4", n)
	}
}

func TestSmoothRate(t *testing.T) {
	tick := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := nhstest.New(t, func(c *nhs.Config) { c.Rate, c.Smooth, c.Ticks = 5, true, func() time.Time { return tick } })
	for n, want := range []int{200, 429, 200} {
		if r := s.Get(t, s.PDSURL+"/Patient/"+pds.Plain.Number()); r.Status != want {
			t.Errorf("%d: %d", n, r.Status)
		}
		tick = tick.Add(100 * time.Millisecond)
	}
}

// TestRepeat re-sends a request under its id: the same answer comes, though the record has changed since, and another
// request may not use the id. What failed is really done at the repeat.
func TestRepeat(t *testing.T) {
	s := nhstest.New(t)
	address := s.PDSURL + "/Patient/" + pds.Plain.Number()
	same := header("X-Request-ID", uuid.NewString())
	s.Token(t)
	if err := s.Faults.Set([]sandbox.Fault{{Kind: apim.Timeout, Count: 1}}); err != nil {
		t.Fatal(err)
	}
	if r := s.Get(t, address, same); r.Status != http.StatusRequestTimeout || r.Code() != "UNABLE_TO_CALL_SERVICE" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	first := s.Get(t, address, same)
	if err := s.PDS.Restrict(pds.Plain.Number()); err != nil {
		t.Fatal(err)
	}
	again := s.Get(t, address, same)
	if first.Status != http.StatusOK || string(first.Body) != string(again.Body) || first.Header.Get("ETag") != again.Header.Get("ETag") {
		t.Errorf("%d %s\n%d %s", first.Status, first.Body, again.Status, again.Body)
	}
	if r := s.Get(t, s.PDSURL+"/Patient/"+pds.Bare.Number(), same); r.Status != 400 || r.Code() != "INVALID_VALUE" {
		t.Errorf("the id of another request: %d %s", r.Status, r.Body)
	}
	if r := s.Get(t, address); !strings.Contains(string(r.Body), `"R"`) {
		t.Errorf("under a new id: %s", r.Body)
	}
	list := s.Requests("get")
	if len(list) != 5 || list[0].Fault != apim.Timeout || list[0].ID() != list[1].ID() || list[1].Repeat || !list[2].Repeat {
		t.Errorf("%+v", list)
	}
}

func TestFaults(t *testing.T) {
	s := nhstest.New(t)
	s.Token(t)
	address := s.PDSURL + "/Patient/" + pds.Plain.Number()
	for kind, c := range map[string]struct {
		status        int
		code, content string
	}{
		apim.Timeout:        {408, "UNABLE_TO_CALL_SERVICE", "application/json"},
		apim.Quota:          {429, "TOO_MANY_REQUESTS", "application/json"},
		apim.Spike:          {429, "TOO_MANY_REQUESTS", "application/json"},
		apim.Busy:           {429, "TOO_MANY_REQUESTS", "application/json"},
		apim.Fail:           {500, "UNKNOWN_ERROR", "application/json"},
		apim.BadGateway:     {502, "", "text/html"},
		apim.Unavailable:    {503, "SERVICE_UNAVAILABLE", "application/json"},
		apim.Maintenance:    {503, "", "text/html"},
		apim.GatewayTimeout: {504, "", "text/html"},
		apim.PlainError:     {500, "", "application/json"},
		apim.NoASID:         {400, "MISSING_VALUE", "application/json"},
		apim.Denied:         {403, "ACCESS_DENIED", "application/json"},
	} {
		for _, on := range []string{"", "pds", "get", pds.Plain.Number(), pds.Base + "/Patient/{number}"} {
			if err := s.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 1, On: on}}); err != nil {
				t.Fatal(err)
			}
			r := s.Get(t, address)
			if r.Status != c.status || r.Code() != c.code || r.Header.Get("Content-Type") != c.content {
				t.Errorf("%s on %q: %d %v %s", kind, on, r.Status, r.Header, r.Body)
			}
			if after := r.Header.Get("Retry-After"); (after != "") != (kind == apim.Unavailable) {
				t.Errorf("%s: Retry-After %q", kind, after)
			}
			if r := s.Get(t, address); r.Status != http.StatusOK {
				t.Errorf("after %s: %d %s", kind, r.Status, r.Body)
			}
		}
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: apim.Fail, Count: 1, On: "search"}, {Kind: apim.Fail, Count: 1, On: pds.Bare.Number()}}); err != nil {
		t.Fatal(err)
	}
	if r := s.Get(t, address); r.Status != http.StatusOK {
		t.Errorf("faults of other requests: %d", r.Status)
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: "typo", Count: 1}}); !errors.Is(err, sandbox.ErrFault) {
		t.Errorf("unknown kind: %v", err)
	}
}

// TestBrokenAnswers has answers that break: cut off in the middle, half of the JSON, none at all.
func TestBrokenAnswers(t *testing.T) {
	s := nhstest.New(t)
	address := s.PDSURL + "/Patient/" + pds.Plain.Number()
	ask := func(kind string) nhstest.Reply {
		t.Helper()
		s.Token(t)
		if err := s.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 1}}); err != nil {
			t.Fatal(err)
		}
		s.HTTP.CloseIdleConnections() // on a used connection net/http would send the request again by itself
		return s.Get(t, address)
	}
	if r := ask(apim.Truncate); r.Status != http.StatusOK || r.Err != nil || json.Valid(r.Body) {
		t.Errorf("truncated: %d %v %s", r.Status, r.Err, r.Body)
	}
	if r := ask(apim.CutOff); r.Status != http.StatusOK || r.Err == nil || len(r.Body) == 0 {
		t.Errorf("cut off: %d %v %s", r.Status, r.Err, r.Body)
	}
	for _, kind := range []string{apim.LoseReply, apim.LoseRequest} {
		if r := ask(kind); r.Status != 0 || r.Err == nil {
			t.Errorf("%s: %d %v", kind, r.Status, r.Err)
		}
	}
	if r := ask(apim.LoseReply); r.Err == nil {
		t.Error("a reply")
	}
	list := s.Requests("get")
	if last := list[len(list)-1]; last.Status != 0 || last.Fault != apim.LoseReply {
		t.Errorf("%+v", last)
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: apim.EmptyList, Count: 1}}); err != nil {
		t.Fatal(err)
	}
	if r := s.Get(t, s.PDSURL+"/Patient?family=Nobody&birthdate=2001-01-01"); !strings.Contains(string(r.Body), `"entry":[]`) {
		t.Errorf("empty list: %s", r.Body)
	}
}

func TestRequests(t *testing.T) {
	s := nhstest.New(t)
	s.Get(t, s.PDSURL+"/Patient/"+pds.Plain.Number()+"/RelatedPerson")
	s.Get(t, s.PDSURL+"/Patient?family=Amberley&given=Ro%2A&birthdate=1984-05-17")
	s.Get(t, s.GPURL+"/Patient/"+pds.Plain.Number())
	list := s.Requests("pds")
	if len(list) != 2 || list[0].Pattern != pds.Base+"/Patient/{number}/RelatedPerson" || list[0].Number != pds.Plain.Number() ||
		list[0].App != nhstest.APIKey || list[0].Organisation() != nhstest.ODS || list[1].Query["given"][0] != "Ro*" || list[1].Number != "" {
		t.Errorf("%+v", list)
	}
	for _, r := range s.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token in the record")
		}
	}
	if n := len(s.PDS.AskedAbout(pds.Plain.Number())); n != 1 {
		t.Errorf("asked about %d times", n)
	}
	if s.Forget(); len(s.Requests()) != 0 {
		t.Error("not forgotten")
	}
}

// TestMemory keeps no more requests and answers than it should.
func TestMemory(t *testing.T) {
	gateway, err := apim.New(apim.Config{Keep: 3, ODSOptional: true, Lookup: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	handler := gateway.Handler("x", func(*http.Request) apim.Operation {
		return apim.Operation{Name: "y", Do: func(*http.Request) apim.Answer { return apim.Answer{Status: 200} }}
	})
	for range 9 {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/", nil))
	}
	if n := len(gateway.Requests()); n != 3 {
		t.Errorf("%d kept", n)
	}
}

func TestOnLambda(t *testing.T) {
	_, err := apim.New(apim.Config{Lookup: func(name string) (string, bool) { return "x", name == "AWS_LAMBDA_FUNCTION_NAME" }})
	if !errors.Is(err, sandbox.ErrOnLambda) {
		t.Errorf("on Lambda: %v", err)
	}
}
