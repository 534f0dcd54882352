package scr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"almanac/shared/fault"
	"almanac/shared/scr"
)

const (
	number = "9990000026"
	call   = "viw_1"
)

// answers is a service that answers every path with what stands there.
type answers map[string]string

func (a answers) client(t *testing.T, set scr.Settings) (*scr.Client, *scr.GP) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body, _ := strings.Cut(a[r.URL.Path], " ")
		code := 0
		if _, err := fmt.Sscan(status, &code); err != nil {
			code = http.StatusNotFound
		}
		w.Header().Set("Content-Type", "application/fhir+json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	set.URL = server.URL
	if set.Token == nil {
		set.Token = func(context.Context, string) (string, error) { return "token", nil }
	}
	set.Pace = func(context.Context, bool) error { return nil }
	c, err := scr.New(set)
	if err != nil {
		t.Fatal(err)
	}
	g, err := scr.NewGP(set)
	if err != nil {
		t.Fatal(err)
	}
	return c, g
}

func reference(label string) string {
	return `200 {"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DocumentReference","masterIdentifier":{"value":"U"}` + label + `}}]}`
}

func TestSharing(t *testing.T) {
	for body, want := range map[string]scr.Sharing{
		`,"securityLabel":[{"coding":[{"code":"Ask"}]}]`:               scr.Ask,
		`,"securityLabel":[{"coding":[{"code":"Yes"}]}]`:               scr.Ask,
		`,"securityLabel":[{"coding":[{"code":"No"}]}]`:                scr.No,
		`,"securityLabel":[{"coding":[{"code":"ask"}]}]`:               scr.No,
		`,"securityLabel":[{"coding":[{"code":"Ask"},{"code":"No"}]}]`: scr.No,
		`,"securityLabel":[{"coding":[{"code":"No"},{"code":"Ask"}]}]`: scr.No,
		``: scr.No,
	} {
		c, _ := answers{"/DocumentReference": reference(body)}.client(t, scr.Settings{})
		ref, err := c.Find(t.Context(), scr.Call{ODS: "Y1", Of: call}, number)
		if err != nil || ref.ID != "U" || ref.Sharing != want {
			t.Errorf("%s: %s %v, want %s", body, ref.Sharing, err, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	const composition = `{"resource":{"resourceType":"Composition","date":"2026-11-17T01:00:00+00:00","section":[{"title":"A","text":{"div":"<p/>"},"section":[{"title":"B"}]}]}}`
	patient := func(number string) string {
		return `{"resource":{"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"` + number + `"}]}}`
	}
	for name, c := range map[string]struct{ answer, code string }{
		"whole":               {`200 {"resourceType":"Bundle","entry":[` + composition + `,` + patient(number) + `]}`, ""},
		"without the patient": {`200 {"resourceType":"Bundle","entry":[` + composition + `]}`, ""},
		"somebody else's":     {`200 {"resourceType":"Bundle","entry":[` + composition + `,` + patient("9990000042") + `]}`, "record_unreadable"},
		"of two people":       {`200 {"resourceType":"Bundle","entry":[` + composition + `,` + patient(number) + `,` + patient("9990000042") + `]}`, "record_unreadable"},
		"no composition":      {`200 {"resourceType":"Bundle","entry":[` + patient(number) + `]}`, "record_unreadable"},
		"no date":             {`200 {"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","section":[{"title":"A"}]}}]}`, "record_unreadable"},
		"no sections":         {`200 {"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","date":"2026"}}]}`, "record_unreadable"},
		"too deep":            {`200 {"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Composition","date":"2026","section":` + strings.Repeat(`[{"section":`, 9) + `[]` + strings.Repeat(`}]`, 9) + `}}]}`, "record_unreadable"},
		"empty":               {`200 {"resourceType":"Bundle","total":0}`, "record_stale"},
		"an empty list":       {`200 {"resourceType":"Bundle","entry":[]}`, "record_stale"},
		"something else":      {`200 {"resourceType":"OperationOutcome"}`, "record_unreadable"},
		"no JSON":             {`200 <html>`, "record_unreadable"},
		"too long":            {`200 ` + strings.Repeat(" ", 4<<20), "record_unreadable"},
		"420":                 {`420 {}`, "record_refused"},
		"403":                 {`403 {}`, "record_refused"},
		"403 by the patient":  {`403 {"issue":[{"details":{"coding":[{"code":"NO_PATIENT_CONSENT"}]}}]}`, "record_opted_out"},
		"404":                 {`404 {}`, "record_none"},
		"400":                 {`400 {}`, "record_request_refused"},
		"415":                 {`415 {}`, "record_request_refused"},
		"429":                 {`429 {}`, "record_too_many"},
		"401":                 {`401 {}`, "record_unavailable"},
		"408":                 {`408 {}`, "record_unavailable"},
		"500":                 {`500 {}`, "record_unavailable"},
		"503":                 {`503 <html>`, "record_unavailable"},
		"504":                 {`504 {}`, "record_unavailable"},
		"a redirect":          {`302 {}`, "record_unreadable"},
	} {
		client, _ := answers{"/Bundle": c.answer}.client(t, scr.Settings{})
		r, err := client.Read(t.Context(), scr.Call{ODS: "Y1", Of: call}, number, scr.Reference{ID: "U"})
		switch {
		case c.code == "" && (err != nil || len(r.Sections) != 2 || !r.Date.Equal(time.Date(2026, 11, 17, 1, 0, 0, 0, time.UTC))):
			t.Errorf("%s: %d sections, %v", name, len(r.Sections), err)
		case c.code != "" && (err == nil || fault.Of(err).Code != c.code):
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if err != nil && strings.Contains(fmt.Sprint(chain(err)), number) {
			t.Errorf("%s: the error names the number", name)
		}
	}
}

// chain lists the texts of an error and its causes.
func chain(err error) []string {
	var out []string
	for ; err != nil; err = errors.Unwrap(err) {
		out = append(out, err.Error())
	}
	return out
}

// A request that gets no answer says nothing of its address; a token that is refused is replaced once.
func TestNoAnswer(t *testing.T) {
	tokens := 0
	c, _ := answers{"/Bundle": "401 {}"}.client(t, scr.Settings{Token: func(_ context.Context, refused string) (string, error) {
		tokens++
		if tokens == 2 && refused != "token-1" {
			t.Errorf("a token was asked for instead of %q", refused)
		}
		return fmt.Sprintf("token-%d", tokens), nil
	}})
	_, err := c.Read(t.Context(), scr.Call{ODS: "Y1", Of: call}, number, scr.Reference{ID: "U"})
	if tokens != 2 || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%d tokens, %v", tokens, err)
	}
	if _, err := c.Read(t.Context(), scr.Call{Of: call}, number, scr.Reference{ID: "U"}); fault.Of(err).Code != "record_no_ods" {
		t.Errorf("without a code: %v", err)
	}
	broken, _ := answers{}.client(t, scr.Settings{Transport: brokenTransport{}})
	_, err = broken.Find(t.Context(), scr.Call{ODS: "Y1", Of: call}, number)
	if all := strings.Join(chain(err), "; "); !fault.Is(err, fault.Unavailable) || strings.Contains(all, number) {
		t.Errorf("no answer: %s", all)
	}
}

type brokenTransport struct{}

func (brokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("cannot reach " + r.URL.String())
}

func TestGP(t *testing.T) {
	entry := func(kind, rest string) string {
		return `{"resource":{"resourceType":"` + kind + `"` + rest + `}}`
	}
	who := entry("Patient", `,"identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"`+number+`"}]`)
	bundle := func(entries ...string) string {
		return `200 {"resourceType":"Bundle","timestamp":"2027-01-04T07:00:00Z","entry":[` + strings.Join(entries, ",") + `]}`
	}
	path := "/Patient/" + number
	_, g := answers{path: bundle(who,
		entry("AllergyIntolerance", `,"code":{"coding":[{"code":"1"},{"code":"2","display":"Nuts <b>"}]},"recordedDate":"2019-05-12"`),
		entry("Condition", ``), entry("Observation", ``), entry("Procedure", ``))}.client(t, scr.Settings{})
	r, err := g.Read(t.Context(), scr.Call{ODS: "Y1", Of: call}, number)
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, s := range r.Sections {
		all += s.Title + ": " + s.XHTML + "\n"
	}
	for _, want := range []string{
		"<li>Nuts &lt;b&gt;; 2019-05-12</li>", "<li>(no name given)</li>", "Medications: <div><p>Nothing is listed.</p></div>", "2 more entries",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in %s", want, all)
		}
	}
	if fmt.Sprint(r, r.Sections) != "[redacted] [[redacted] [redacted] [redacted] [redacted] [redacted]]" {
		t.Errorf("a record prints as %v", r)
	}
	for name, answer := range map[string]string{
		"somebody else's": bundle(strings.Replace(who, number, "9990000042", 1)), "no time": `200 {"resourceType":"Bundle","entry":[` + who + `]}`,
		"nothing": bundle(),
	} {
		_, g := answers{path: answer}.client(t, scr.Settings{})
		if _, err := g.Read(t.Context(), scr.Call{ODS: "Y1", Of: call}, number); err == nil || fault.Of(err).Code != "record_unreadable" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only the pairs that exist are sent, and no alert that lacks something.
func TestAlerts(t *testing.T) {
	good := scr.Alert{ID: "A", Number: number, User: "5", Role: "Doctor", ASID: "2", Type: scr.TypeAccess, Reason: scr.ReasonStatute}
	c, _ := answers{"/AuditEvent": "201 "}.client(t, scr.Settings{})
	if err := c.Tell(t.Context(), scr.Call{ODS: "Y1", Of: call}, good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*scr.Alert){
		"no number": func(a *scr.Alert) { a.Number = "" }, "no user": func(a *scr.Alert) { a.User = "" },
		"no role": func(a *scr.Alert) { a.Role = "" }, "no system": func(a *scr.Alert) { a.ASID = "" },
		"no id": func(a *scr.Alert) { a.ID = "" }, "another type": func(a *scr.Alert) { a.Type = "3" },
		"another reason": func(a *scr.Alert) { a.Reason = scr.ReasonSelfClaimed },
	} {
		bad := good
		spoil(&bad)
		if err := c.Tell(t.Context(), scr.Call{ODS: "Y1", Of: call}, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	pairs := ""
	for _, kind := range []string{"0", "1", "2", "3"} {
		for _, reason := range []string{"0", "1", "2", "3", "4", "5", "6", "7"} {
			if scr.Pairs(kind, reason) {
				pairs += kind + reason + " "
			}
		}
	}
	if pairs != "11 12 13 14 16 21 22 23 25 " {
		t.Errorf("pairs: %s", pairs)
	}
	if _, err := scr.New(scr.Settings{URL: "nonsense"}); err == nil {
		t.Error("an address that is none was taken")
	}
}
