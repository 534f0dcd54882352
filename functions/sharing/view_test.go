package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	sandboxpds "almanac/infra/sandbox/pds"
	sandboxscr "almanac/infra/sandbox/scr"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/disclosure"
	"almanac/shared/patient"
	"almanac/shared/recordview"
	"almanac/shared/web"
)

// asked counts the requests to an operation of the Summary Care Record.
func (d *desk) asked(operation string) int {
	n := 0
	for _, r := range d.nhs.Requests("scr", "gp") {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

func (d *desk) shown(t *testing.T, view string) recordview.Shown {
	t.Helper()
	res := d.must(t, http.StatusOK, "GET", view, nil)
	if got := res.Headers["cache-control"]; got != "no-store" {
		t.Errorf("cache-control is %q", got)
	}
	return clinictest.Read[recordview.Shown](t, res)
}

// A record is shown once, with its date, made safe, and nothing of it is kept anywhere.
func TestShownOnce(t *testing.T) {
	d := newDesk(t)
	of := d.known(t, sandboxpds.Letters) // whose record has scripts in it
	view := d.grant(t, of, summary, once())
	if n := len(d.nhs.Requests("scr")); n != 0 {
		t.Fatalf("%d requests before the view was opened", n)
	}
	got := d.shown(t, view)
	held, _ := d.nhs.SCR.Record(sandboxpds.Letters.Number())
	if !got.Date.Equal(held.At.Truncate(time.Second)) || !got.FetchedAt.Equal(d.Clock.Now()) || got.Notice == "" || got.Emergency {
		t.Errorf("shown of %s at %s, emergency %t", got.Date, got.FetchedAt, got.Emergency)
	}
	all := ""
	for _, s := range got.Sections {
		all += s.Title + s.HTML
	}
	for _, wanted := range []string{
		"Allergies and Adverse Reactions", "Penicillin allergy", "Salbutamol", "&amp; co &lt;generic&gt;", "results", "Click me",
		"1 &lt; 2 &amp; 3", "<td></td>",
	} {
		if !strings.Contains(all, wanted) {
			t.Errorf("%q is missing", wanted)
		}
	}
	for _, bad := range []string{"<script", "onclick", "javascript:", "<a ", "<img", "<iframe", "<form", "<svg", "style=", "hostile-script\""} {
		if strings.Contains(all, bad) {
			t.Errorf("%q got through", bad)
		}
	}
	d.refused(t, http.StatusConflict, "view_used", "GET", view, nil)
	if n := d.asked("bundle"); n != 1 {
		t.Errorf("the record was fetched %d times", n)
	}
	for _, canary := range []string{"enicillin", "albutamol", "Hazel", "hostile", held.ID, sandboxpds.Letters.Number()} {
		if strings.Contains(d.stored(t), canary) {
			t.Errorf("the tables hold %s", canary)
		}
		if strings.Contains(d.Log.String(), canary) {
			t.Errorf("the log holds %s", canary)
		}
	}
	list := clinictest.Read[web.Page[disclosure.Entry]](t, d.must(t, http.StatusOK, "GET", d.at(of, "/disclosures"), nil)).Items
	if len(list) != 1 || list[0].Source != disclosure.Auto || list[0].Recipient.ODSCode != "X26" ||
		!strings.HasSuffix(view, list[0].Ref) || list[0].Categories[0] != disclosure.NHSNumber {
		t.Errorf("%d entries in the register", len(list))
	}
}

func TestGPRecord(t *testing.T) {
	d := newDesk(t)
	d.amend(t, d.patient, func(p *patient.Patient) { p.Practice = &patient.Practice{ODSCode: "Y98765", Source: patient.PDS} })
	view := d.grant(t, d.patient, gpRecord, once())
	got := d.shown(t, view)
	all := ""
	for _, s := range got.Sections {
		all += s.Title + s.HTML
	}
	for _, wanted := range []string{"Allergy to penicillin", "Salbutamol", "Seasonal influenza vaccine", "batch KB-0425", "Asthma", "&lt;b&gt;See letter&lt;/b&gt;"} {
		if !strings.Contains(all, wanted) {
			t.Errorf("%q is missing in %s", wanted, all)
		}
	}
	d.refused(t, http.StatusConflict, "view_used", "GET", view, nil)
	list := clinictest.Read[web.Page[disclosure.Entry]](t, d.must(t, http.StatusOK, "GET", d.at(d.patient, "/disclosures"), nil)).Items
	if len(list) != 1 || list[0].Recipient.ODSCode != "Y98765" {
		t.Errorf("%d entries in the register", len(list))
	}
	if strings.Contains(d.stored(t), "influenza") {
		t.Error("the tables hold what was shown")
	}
}

// Yes is a leftover that counts as Ask: it takes a permission, and with one the record is shown.
func TestYesIsAsk(t *testing.T) {
	d := newDesk(t)
	of := d.known(t, sandboxpds.Plain)
	if held, _ := d.nhs.SCR.Record(sandboxpds.Plain.Number()); held.Permission != sandboxscr.Yes {
		t.Fatal("the stand-in's record is not one of the old kind")
	}
	d.Must(t, http.StatusUnprocessableEntity,
		d.ask(t, "POST", d.at(of, "/record-views"), object{"record": summary, "basis": object{}}))
	d.shown(t, d.grant(t, of, summary, once()))
}

// No is never fetched on a permission. In an emergency the record is asked for, and the service has the last word.
func TestOptedOut(t *testing.T) {
	d := newDesk(t)
	of := d.known(t, sandboxpds.NoLabel)
	view := d.grant(t, of, summary, once())
	d.refused(t, http.StatusConflict, "record_opted_out", "GET", view, nil)
	if got := d.refused(t, http.StatusConflict, "view_closed", "GET", view, nil); len(got) != 1 || got[0] != "record_opted_out" {
		t.Errorf("closed because of %v", got)
	}
	if d.asked("document") != 1 || d.asked("bundle") != 0 {
		t.Errorf("%d references and %d records were fetched", d.asked("document"), d.asked("bundle"))
	}
	d.refused(t, http.StatusConflict, "record_refused", "GET", d.grant(t, of, summary, emergency()), nil)
	if d.asked("bundle") != 1 {
		t.Errorf("in an emergency %d records were asked for", d.asked("bundle"))
	}
	if got := d.shown(t, d.grant(t, d.patient, summary, emergency())); !got.Emergency {
		t.Error("the record does not say that it was opened in an emergency")
	}
}

// TestFailures: whatever goes wrong at the other side, the answer says so, nothing is shown, and within ten minutes of
// the first try the view can be opened again.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		fault, on string
		status    int
		code      string
	}{
		{apim.Unavailable, "document", 503, "record_unavailable"},
		{apim.Maintenance, "document", 503, "record_unavailable"},
		{apim.GatewayTimeout, "bundle", 503, "record_unavailable"},
		{apim.BadGateway, "bundle", 503, "record_unavailable"},
		{apim.Fail, "bundle", 503, "record_unavailable"},
		{apim.Timeout, "bundle", 503, "record_unavailable"},
		{apim.Spike, "bundle", 429, "record_too_many"},
		{apim.Truncate, "bundle", 503, "record_unreadable"},
		{apim.CutOff, "bundle", 503, "record_unavailable"},
		{apim.LoseReply, "document", 503, "record_unavailable"},
		{apim.LoseRequest, "bundle", 503, "record_unavailable"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			d := newDesk(t)
			view := d.grant(t, d.patient, summary, once())
			if err := d.nhs.Faults.Add(sandbox.Fault{Kind: c.fault, Count: sandbox.Forever, On: c.on}); err != nil {
				t.Fatal(err)
			}
			d.refused(t, c.status, c.code, "GET", view, nil)
			d.Clock.Pass(9 * time.Minute)
			d.refused(t, c.status, c.code, "GET", view, nil)
			d.nhs.Faults.Clear()
			d.shown(t, view)
			d.refused(t, http.StatusConflict, "view_used", "GET", view, nil)
			ids := map[string]map[string]bool{}
			for _, r := range d.nhs.Requests("scr") {
				if ids[r.Operation] == nil {
					ids[r.Operation] = map[string]bool{}
				}
				ids[r.Operation][r.Header.Get("X-Request-ID")] = true
			}
			if len(ids["document"]) != 1 || len(ids["bundle"]) != 1 {
				t.Errorf("requests that were sent again had %d and %d ids", len(ids["document"]), len(ids["bundle"]))
			}
		})
	}
}

func TestRetryIsOver(t *testing.T) {
	d := newDesk(t)
	view := d.grant(t, d.patient, summary, once())
	// The tokens' service fails as well as the record's.
	if err := d.nhs.Faults.Add(sandbox.Fault{Kind: apim.Unavailable, Count: sandbox.Forever}); err != nil {
		t.Fatal(err)
	}
	d.refused(t, http.StatusServiceUnavailable, "record_unavailable", "GET", view, nil)
	d.nhs.Faults.Clear()
	d.Clock.Pass(10 * time.Minute)
	if got := d.refused(t, http.StatusConflict, "view_closed", "GET", view, nil); len(got) != 1 || got[0] != "record_retry_over" {
		t.Errorf("closed because of %v", got)
	}
}

// Access control at the other side is no passing fault: the view is closed.
func TestAccessControl(t *testing.T) {
	for _, kind := range []string{apim.AccessControl, apim.Denied} {
		d := newDesk(t)
		view := d.grant(t, d.patient, summary, once())
		if err := d.nhs.Faults.Add(sandbox.Fault{Kind: kind, Count: 1, On: "bundle"}); err != nil {
			t.Fatal(err)
		}
		d.refused(t, http.StatusConflict, "record_refused", "GET", view, nil)
		d.refused(t, http.StatusConflict, "view_closed", "GET", view, nil)
	}
}

// A record that is replaced between the two requests gives an empty bundle; asked again, it is asked for anew.
func TestStaleReference(t *testing.T) {
	d := newDesk(t)
	view := d.grant(t, d.patient, summary, once())
	d.after = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/DocumentReference") {
			d.nhs.SCR.Renew(sandboxpds.Ordinary.Number())
		}
	}
	d.refused(t, http.StatusServiceUnavailable, "record_stale", "GET", view, nil)
	d.after = nil
	d.shown(t, view)
}

// A permission counts for an hour, or until the instant that was agreed, and one that runs out while the record is on
// its way counts no longer.
func TestPermissionRunsOut(t *testing.T) {
	d := newDesk(t)
	until := func(d time.Time) object {
		return object{"permission": object{"scope": "until", "until": d.Format(time.RFC3339)}}
	}
	one, long := d.grant(t, d.patient, summary, once()), d.grant(t, d.patient, summary, until(d.Clock.Now().Add(90*time.Minute)))
	urgent := d.grant(t, d.patient, summary, emergency())
	d.Clock.Pass(30 * time.Minute)
	d.refused(t, http.StatusConflict, "permission_expired", "GET", urgent, nil)
	d.Clock.Pass(30 * time.Minute)
	d.refused(t, http.StatusConflict, "permission_expired", "GET", one, nil)
	if n := len(d.nhs.Requests("scr")); n != 0 {
		t.Errorf("%d requests on a permission that had run out", n)
	}
	// What was agreed until later carries another view, and no longer than agreed.
	earlier := object{"permission": object{"scope": "until", "earlier": long[strings.LastIndex(long, "/")+1:]}}
	second := d.grant(t, d.patient, summary, earlier)
	d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", d.at(d.patient, "/record-views"),
		object{"record": gpRecord, "basis": earlier})
	d.shown(t, second)
	d.after = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Bundle") {
			d.Clock.Pass(time.Hour)
		}
	}
	d.refused(t, http.StatusConflict, "permission_expired", "GET", long, nil)
	d.after = nil
	if got := d.refused(t, http.StatusConflict, "view_closed", "GET", long, nil); got[0] != "permission_expired" {
		t.Errorf("closed because of %v", got)
	}
	d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", d.at(d.patient, "/record-views"),
		object{"record": summary, "basis": earlier})
}

func TestBasisIsChecked(t *testing.T) {
	d := newDesk(t)
	soon, far := d.Clock.Now().Add(time.Hour).Format(time.RFC3339), d.Clock.Now().AddDate(2, 0, 0).Format(time.RFC3339)
	for name, basis := range map[string]object{
		"none":               {},
		"both":               {"permission": object{"scope": "once"}, "emergency": emergency()["emergency"]},
		"nobody asked":       {"permission": object{"scope": "once", "askedBy": "nobody"}},
		"once until":         {"permission": object{"scope": "once", "until": soon}},
		"until without":      {"permission": object{"scope": "until"}},
		"until the past":     {"permission": object{"scope": "until", "until": "2026-01-01T00:00:00Z"}},
		"until far":          {"permission": object{"scope": "until", "until": far}},
		"until both":         {"permission": object{"scope": "until", "until": soon, "earlier": "viw_x"}},
		"no reason":          {"emergency": object{"reason": "curious", "note": "I wanted to know."}},
		"no note":            {"emergency": object{"reason": "statute", "note": ""}},
		"a note of nothing":  {"emergency": object{"reason": "statute", "note": "            "}},
		"a note with a line": {"emergency": object{"reason": "statute", "note": "one line\nand another one"}},
	} {
		res := d.must(t, http.StatusUnprocessableEntity, "POST", d.at(d.patient, "/record-views"), object{"record": summary, "basis": basis})
		if clinictest.Read[web.Problem](t, res).Code != "invalid" {
			t.Errorf("%s: %s", name, res.Body)
		}
	}
	for code, permission := range map[string]object{
		"required": {"scope": "until"}, "in_the_past": {"scope": "until", "until": d.Clock.Now().Format(time.RFC3339)},
	} {
		body := object{"record": summary, "basis": object{"permission": permission}}
		got := d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", d.at(d.patient, "/record-views"), body)
		if len(got) != 1 || got[0] != code {
			t.Errorf("%v is refused as %v, want %s", permission, got, code)
		}
	}
	d.grant(t, d.patient, summary, object{"permission": object{"scope": "once", "askedBy": clinictest.Receptionist}})
}

// An organisation that does not get the record is told where to look, and nothing is written or asked.
func TestLinkOut(t *testing.T) {
	d := newDesk(t)
	granted := d.grant(t, d.patient, gpRecord, once())
	for name, set := range map[string]clinic.NHS{
		"off":     {ODSCode: "Y12345"},
		"no code": {SummaryCareRecord: true, GPRecord: true},
	} {
		d.SetNHS(t, set)
		for _, record := range []string{summary, gpRecord} {
			res := d.must(t, http.StatusConflict, "POST", d.at(d.patient, "/record-views"), object{"record": record, "basis": once()})
			p := clinictest.Read[web.Problem](t, res)
			if p.Code != "record_elsewhere" || len(p.Errors) != 1 || len(p.Errors[0].Choices) != 1 ||
				!strings.HasPrefix(p.Errors[0].Choices[0], "https://digital.nhs.uk/") {
				t.Errorf("%s: %s", name, res.Body)
			}
		}
		d.refused(t, http.StatusConflict, "record_elsewhere", "GET", granted, nil)
	}
	if n := len(d.nhs.Requests("scr", "gp")); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// Nothing is asked about a patient whose number is in doubt or not to be used, whose whereabouts are protected, or who
// died, neither when the view is granted nor, when that came later, when it is opened.
func TestNotViewable(t *testing.T) {
	d := newDesk(t)
	for code, change := range map[string]func(p *patient.Patient){
		"number_not_verified": func(p *patient.Patient) {
			p.Number.Status, p.Number.State = patient.StatusPresent, patient.NumberPresent
		},
		"patient_restricted": func(p *patient.Patient) { p.Restricted = true },
		"number_objected":    func(p *patient.Patient) { p.Objection = &patient.Objection{At: d.Clock.Now()} },
		"patient_deceased":   func(p *patient.Patient) { p.Death = &patient.Death{Status: patient.Informal} },
	} {
		of := d.known(t, who(code))
		views := []string{d.grant(t, of, summary, once()), d.grant(t, of, summary, emergency()), d.grant(t, of, gpRecord, once())}
		d.amend(t, of, change)
		for _, basis := range []object{once(), emergency()} {
			got := d.refused(t, http.StatusConflict, "record_not_viewable", "POST", d.at(of, "/record-views"), object{"record": summary, "basis": basis})
			if len(got) != 1 || got[0] != code {
				t.Errorf("%s: refused because of %v", code, got)
			}
		}
		for _, view := range views {
			if got := d.refused(t, http.StatusConflict, "record_not_viewable", "GET", view, nil); len(got) != 1 || got[0] != code {
				t.Errorf("%s: refused because of %v", code, got)
			}
		}
	}
	if n := len(d.nhs.Requests("scr", "gp")); n != 0 {
		t.Errorf("%d requests", n)
	}
	of := d.known(t, sandboxpds.Accents)
	view := d.grant(t, of, summary, once())
	d.amend(t, of, func(p *patient.Patient) { p.Number.Value = sandboxpds.Bare.Number() })
	d.refused(t, http.StatusConflict, "number_changed", "GET", view, nil)
}

// who gives each case a person of its own: a number is one patient's.
func who(code string) sandboxpds.Who {
	return map[string]sandboxpds.Who{
		"number_not_verified": sandboxpds.Plain, "patient_restricted": sandboxpds.Survivor,
		"number_objected": sandboxpds.TwinOne, "patient_deceased": sandboxpds.TwinTwo,
	}[code]
}

// Of many who open a view at once, in as many processes, one is shown it.
func TestOpenedAtOnce(t *testing.T) {
	d := newDesk(t)
	view := d.grant(t, d.patient, summary, once())
	const many = 12
	var wg sync.WaitGroup
	results := make([]events.APIGatewayV2HTTPResponse, many)
	for i := range many {
		ev, serve := d.ask(t, "GET", view, nil), d.process()
		wg.Go(func() {
			res, err := serve(t.Context(), ev.APIGatewayV2HTTPRequest)
			if err != nil {
				t.Error(err)
			}
			results[i] = res
		})
	}
	wg.Wait()
	shown := 0
	for _, res := range results {
		switch res.StatusCode {
		case http.StatusOK:
			shown++
		case http.StatusConflict, http.StatusServiceUnavailable:
		default:
			t.Errorf("%d %s", res.StatusCode, res.Body)
		}
	}
	if shown != 1 || d.asked("bundle") != 1 {
		t.Errorf("shown %d times, fetched %d times", shown, d.asked("bundle"))
	}
	d.refused(t, http.StatusConflict, "view_used", "GET", view, nil)
}

// Two who both saw the view unopened, and write at the same moment, do not both ask the NHS.
func TestOpenedAtTheSameMoment(t *testing.T) {
	var armed atomic.Bool
	var both sync.WaitGroup
	d := newDesk(t, clinictest.Intercept(func(_ context.Context, op string, send func() error) error {
		if op == "TransactWriteItems" && armed.Load() {
			both.Done()
			both.Wait()
			armed.Store(false)
		}
		return send()
	}))
	view := d.grant(t, d.patient, summary, once())
	both.Add(2)
	armed.Store(true)
	codes := make(chan int, 2)
	for range cap(codes) {
		ev, serve := d.ask(t, "GET", view, nil), d.process()
		go func() {
			res, err := serve(t.Context(), ev.APIGatewayV2HTTPRequest)
			if err != nil {
				t.Error(err)
			}
			codes <- res.StatusCode
		}()
	}
	if a, b := <-codes, <-codes; min(a, b) != http.StatusOK || max(a, b) != http.StatusConflict {
		t.Errorf("answered %d and %d", a, b)
	}
	if d.asked("document") != 1 || d.asked("bundle") != 1 {
		t.Errorf("%d references and %d records were asked for", d.asked("document"), d.asked("bundle"))
	}
}

// A view whose end could not be written down is not shown; it can be opened again a minute later.
func TestCrashBeforeShown(t *testing.T) {
	d := newDesk(t)
	view := d.grant(t, d.patient, summary, once())
	crashed := false
	d.after = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Bundle") && !crashed {
			crashed = true
			panic("the process ends here")
		}
	}
	d.must(t, http.StatusInternalServerError, "GET", view, nil)
	d.refused(t, http.StatusConflict, "view_opening", "GET", view, nil)
	d.Clock.Pass(time.Minute)
	d.shown(t, view)
}

// An id of a view of somebody else's, or of none, is not found.
func TestNoSuchView(t *testing.T) {
	d := newDesk(t)
	another := d.known(t, sandboxpds.Plain)
	view := d.grant(t, another, summary, once())
	for _, id := range []string{view[strings.LastIndex(view, "/")+1:], "viw_x", another} {
		d.must(t, http.StatusNotFound, "GET", d.at(d.patient, "/record-views/"+id), nil)
	}
}

// With the key disabled nothing is shown, asked or written once the root key is forgotten, within five minutes.
func TestKeysDisabled(t *testing.T) {
	d := newDesk(t)
	view := d.grant(t, d.patient, summary, once())
	server := httptest.NewServer(d.KMS)
	defer server.Close()
	client := kms.New(kms.Options{
		Region: "eu-west-2", BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	about, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String(clinictest.SealKey)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: about.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}
	d.Clock.Pass(5 * time.Minute)
	before := d.stored(t)
	for _, ev := range []clinictest.Request{
		d.ask(t, "GET", view, nil),
		d.ask(t, "POST", d.at(d.patient, "/record-views"), object{"record": summary, "basis": once()}),
		d.ask(t, "GET", d.at(d.patient, "/consents"), nil),
		d.ask(t, "POST", d.at(d.patient, "/consents"), object{"scope": "newsletter", "by": "patient", "channel": "paper"}),
		d.ask(t, "GET", d.at(d.patient, "/disclosures"), nil),
	} {
		d.Refused(t, http.StatusServiceUnavailable, "keys_unavailable", ev)
	}
	if d.stored(t) != before || len(d.nhs.Requests("scr")) != 0 {
		t.Error("something was written or asked without the keys")
	}
}
