package scr_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhstest"
	"almanac/infra/sandbox/pds"
	"almanac/infra/sandbox/scr"
)

const system = "https://fhir.nhs.uk/Id/nhs-number|"

type bundle struct {
	ResourceType string
	Type         string
	Total        *int
	Entry        []struct {
		Resource struct {
			ResourceType     string
			MasterIdentifier struct{ Value string }
			SecurityLabel    []struct{ Coding []struct{ Code string } }
			Identifier       json.RawMessage
			Date             string
			RelatesTo        []struct {
				Code             string
				TargetIdentifier struct{ Value string }
			}
			Section []struct {
				Title string
				Text  struct{ Div string }
			}
		}
	}
}

func find(t *testing.T, s *nhstest.Stand, number string, more ...string) (bundle, nhstest.Reply) {
	t.Helper()
	q := url.Values{"patient": {system + number}, "type": {"http://snomed.info/sct|196981000000101"}, "_sort": {"date"}, "_count": {"1"}}
	for n := 0; n < len(more); n += 2 {
		q.Set(more[n], more[n+1])
	}
	r := s.Get(t, s.SCRURL+"/DocumentReference?"+q.Encode())
	var b bundle
	r.Into(t, &b)
	return b, r
}

func read(t *testing.T, s *nhstest.Stand, id, number string) (bundle, nhstest.Reply) {
	t.Helper()
	q := url.Values{"composition.identifier": {id}, "composition.subject:Patient.identifier": {system + number}}
	r := s.Get(t, s.SCRURL+"/Bundle?"+q.Encode())
	var b bundle
	r.Into(t, &b)
	return b, r
}

func TestRead(t *testing.T) {
	s := nhstest.New(t)
	for who, permission := range map[pds.Who]string{pds.Ordinary: scr.Ask, pds.Plain: scr.Yes, pds.NoLabel: scr.No} {
		b, r := find(t, s, who.Number())
		if r.Status != http.StatusOK || *b.Total != 1 || b.Entry[0].Resource.ResourceType != "DocumentReference" ||
			b.Entry[0].Resource.SecurityLabel[0].Coding[0].Code != permission {
			t.Fatalf("%s: %d %s", permission, r.Status, r.Body)
		}
		id := b.Entry[0].Resource.MasterIdentifier.Value
		record, r := read(t, s, strings.ToLower(id), who.Number())
		if permission == scr.No {
			if r.Status != 420 || !strings.Contains(r.Code(), "30418") {
				t.Errorf("opted out: %d %s", r.Status, r.Body)
			}
			continue
		}
		if r.Status != http.StatusOK || *record.Total != len(record.Entry) || len(record.Entry) < 5 ||
			record.Entry[0].Resource.ResourceType != "Composition" || len(record.Entry[0].Resource.Section) < 5 || record.Entry[0].Resource.Date == "" {
			t.Errorf("%s: %d %s", permission, r.Status, r.Body)
		}
		for _, section := range record.Entry[0].Resource.Section {
			if !strings.HasPrefix(section.Text.Div, `<div xmlns="http://www.w3.org/1999/xhtml">`) {
				t.Errorf("%s: %s", section.Title, section.Text.Div)
			}
		}
	}
}

// TestStale: when the practice uploads anew, the UUID read before finds nothing, and the new record names the old one.
func TestStale(t *testing.T) {
	s := nhstest.New(t)
	number := pds.Ordinary.Number()
	before, _ := s.SCR.Record(number)
	s.SCR.Renew(number)
	after, _ := s.SCR.Record(number)
	if b, r := read(t, s, before.ID, number); r.Status != http.StatusOK || *b.Total != 0 || len(b.Entry) != 0 {
		t.Errorf("stale: %d %s", r.Status, r.Body)
	}
	b, _ := read(t, s, after.ID, number)
	if to := b.Entry[0].Resource.RelatesTo; len(to) != 1 || to[0].Code != "replaces" || to[0].TargetIdentifier.Value != before.ID {
		t.Errorf("%+v", to)
	}
	if b, _ := read(t, s, after.ID, pds.Plain.Number()); *b.Total != 0 {
		t.Error("somebody else's record")
	}
}

// TestNoRecord: who has none, who is restricted, and who is not there are told alike.
func TestNoRecord(t *testing.T) {
	s := nhstest.New(t)
	for _, who := range []pds.Who{pds.Restricted, pds.VeryRestricted, pds.NoPractice, pds.Redacted, pds.OldNumber} {
		b, r := find(t, s, who.Number())
		if r.Status != http.StatusOK || *b.Total != 0 || strings.Contains(string(r.Body), "entry") {
			t.Errorf("%d: %d %s", who, r.Status, r.Body)
		}
	}
	if err := s.PDS.Restrict(pds.Ordinary.Number()); err != nil {
		t.Fatal(err)
	}
	record, _ := s.SCR.Record(pds.Ordinary.Number())
	if b, _ := read(t, s, record.ID, pds.Ordinary.Number()); *b.Total != 0 {
		t.Error("restricted between finding and reading, and shown")
	}
}

func TestReadRefuses(t *testing.T) {
	s := nhstest.New(t)
	good := url.QueryEscape(system + pds.Ordinary.Number())
	id := uuid.NewString()
	for path, status := range map[string]int{
		"/DocumentReference": 400,
		"/DocumentReference?patient=" + pds.Ordinary.Number():                                          400,
		"/DocumentReference?patient=" + good + "&type=x":                                               400,
		"/DocumentReference?patient=" + good + "&_count=2":                                             400,
		"/DocumentReference?patient=" + good + "&_sort=-date":                                          400,
		"/DocumentReference?patient=" + good + "&x=y":                                                  400,
		"/DocumentReference?patient=" + good + "&patient=" + good:                                      400,
		"/DocumentReference?patient=" + good:                                                           200,
		"/Bundle":                                                                                      400,
		"/Bundle?composition.identifier=" + id:                                                         400,
		"/Bundle?composition.subject:Patient.identifier=" + good:                                       400,
		"/Bundle?composition.identifier=x&composition.subject:Patient.identifier=" + good:              400,
		"/Bundle?composition.identifier=" + id + "&composition.subject:Patient.identifier=1":           400,
		"/Bundle?composition.identifier=" + id + "&composition.subject:Patient.identifier=" + good:     200,
		"/Bundle?composition.identifier=" + id + "&x=y&composition.subject:Patient.identifier=" + good: 400,
		"/Patient": 400,
	} {
		if r := s.Get(t, s.SCRURL+path); r.Status != status || (status == 400 && r.Code() == "") {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if r := s.Send(t, http.MethodPost, s.SCRURL+"/Bundle", map[string]any{}); r.Status != http.StatusForbidden {
		t.Errorf("upload: %d", r.Status)
	}
	if r := s.Get(t, s.SCRURL+"/DocumentReference?patient="+good, func(r *http.Request) { r.Header.Del("X-Request-ID") }); r.Status != 400 {
		t.Errorf("no request id: %d", r.Status)
	}
	if r := s.Get(t, s.SCRURL+"/DocumentReference?patient="+good, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }); r.Status != 401 {
		t.Errorf("no token: %d", r.Status)
	}
}

// TestHostile makes sure that the record with scripts has them, so that a test of cleaning it does not pass for nothing.
func TestHostile(t *testing.T) {
	s := nhstest.New(t)
	record, _ := s.SCR.Record(pds.Letters.Number())
	b, _ := read(t, s, record.ID, pds.Letters.Number())
	all := ""
	for _, section := range b.Entry[0].Resource.Section {
		all += section.Text.Div
	}
	for _, part := range []string{"<script>", "onclick=", "javascript:", "onerror=", "<iframe", "<form", "<svg", "CDATA", "http-equiv"} {
		if !strings.Contains(all, part) {
			t.Errorf("no %s", part)
		}
	}
}

// alert is a good alert; change may spoil it.
func alert(change ...func(map[string]any)) map[string]any {
	agent := func(system, value string) map[string]any {
		return map[string]any{"requestor": false, "who": map[string]any{"identifier": map[string]any{"system": system, "value": value}}}
	}
	user := agent("https://fhir.nhs.uk/Id/sds-user-id", "999900000002")
	user["role"] = []any{map[string]any{"text": "Clinician"}}
	a := map[string]any{
		"resourceType": "AuditEvent", "id": "a1", "recorded": "2026-11-21T09:00:00+00:00",
		"extension": []any{map[string]any{"url": "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage", "valueString": "Alert"}},
		"type":      map[string]any{"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertType", "code": "2", "display": "Access Alert"},
		"subtype":   []any{map[string]any{"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertReason", "code": "5", "display": "Emergency"}},
		"agent":     []any{agent("https://fhir.nhs.uk/Id/nhs-number", pds.Ordinary.Number()), agent("https://fhir.nhs.uk/Id/ods-organization-code", "Y90001"), user},
		"source":    map[string]any{"observer": map[string]any{"identifier": map[string]any{"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": "999999999999"}}},
		"entity":    []any{map[string]any{"what": map[string]any{"identifier": map[string]any{"value": "1C03CF4F-D404-4D76-B192-4F81727059F6"}}}},
	}
	for _, c := range change {
		c(a)
	}
	return a
}

func pair(kind, reason string) func(map[string]any) {
	return func(a map[string]any) {
		a["type"].(map[string]any)["code"] = kind
		a["subtype"].([]any)[0].(map[string]any)["code"] = reason
	}
}

func without(name string) func(map[string]any) { return func(a map[string]any) { delete(a, name) } }

func TestAlert(t *testing.T) {
	s := nhstest.New(t)
	id := uuid.NewString()
	same := func(r *http.Request) { r.Header.Set("X-Request-ID", id) }
	for range 2 { // told again after a lost answer, it is there once
		if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", alert(), same); r.Status != http.StatusCreated || len(r.Body) != 0 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	list := s.SCR.Alerts()
	if len(list) != 1 || list[0].Number != pds.Ordinary.Number() || list[0].ODS != "Y90001" || list[0].User == "" || list[0].Role != "Clinician" ||
		list[0].Type != "2" || list[0].Reason != "5" || list[0].RequestID != id || list[0].ID != "1C03CF4F-D404-4D76-B192-4F81727059F6" {
		t.Errorf("%+v", list)
	}
	for _, kind := range []string{"0", "1", "2", "3"} {
		for _, reason := range []string{"0", "1", "2", "3", "4", "5", "6", "7"} {
			good := (kind == "1" && strings.Contains("12346", reason)) || (kind == "2" && strings.Contains("1235", reason))
			want := map[bool]int{true: 201, false: 400}[good]
			if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", alert(pair(kind, reason))); r.Status != want {
				t.Errorf("type %s reason %s: %d %s", kind, reason, r.Status, r.Body)
			}
		}
	}
}

func TestAlertRefuses(t *testing.T) {
	s := nhstest.New(t)
	agents := func(change func([]any) []any) func(map[string]any) {
		return func(a map[string]any) { a["agent"] = change(a["agent"].([]any)) }
	}
	for what, change := range map[string]func(map[string]any){
		"another resource": func(a map[string]any) { a["resourceType"] = "Bundle" },
		"no id":            without("id"), "no extension": without("extension"), "no type": without("type"), "no subtype": without("subtype"),
		"no time": without("recorded"), "no agents": without("agent"), "no source": without("source"), "no entity": without("entity"),
		"two agents":  agents(func(l []any) []any { return l[:2] }),
		"four agents": agents(func(l []any) []any { return append(l, l[0]) }),
		"a fourth of another kind": agents(func(l []any) []any {
			return append(l, map[string]any{"requestor": false, "who": map[string]any{"identifier": map[string]any{"system": "x", "value": "y"}}})
		}),
		"one twice":         agents(func(l []any) []any { l[1] = l[0]; return l }),
		"agent of no kind":  agents(func(l []any) []any { l[0].(map[string]any)["who"] = map[string]any{}; return l }),
		"a requestor":       agents(func(l []any) []any { l[0].(map[string]any)["requestor"] = true; return l }),
		"no requestor":      agents(func(l []any) []any { delete(l[0].(map[string]any), "requestor"); return l }),
		"user without role": agents(func(l []any) []any { delete(l[2].(map[string]any), "role"); return l }),
		"wrong number": agents(func(l []any) []any {
			l[0].(map[string]any)["who"] = map[string]any{"identifier": map[string]any{"system": strings.TrimSuffix(system, "|"), "value": "9990000019"}}
			return l
		}),
	} {
		if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", alert(change)); r.Status != http.StatusBadRequest || r.Code() == "" {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	plain := func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
	if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", alert(), plain); r.Status != http.StatusUnsupportedMediaType {
		t.Errorf("content type: %d", r.Status)
	}
	if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", "text"); r.Status != http.StatusBadRequest {
		t.Errorf("no object: %d", r.Status)
	}
	if n := len(s.SCR.Alerts()); n != 0 {
		t.Errorf("%d alerts were taken", n)
	}
}

func TestSetPermission(t *testing.T) {
	s := nhstest.New(t)
	body := func(number, code string) map[string]any {
		return map[string]any{"resourceType": "Parameters", "parameter": []any{map[string]any{"name": "setPermissions", "part": []any{
			map[string]any{"name": "nhsNumber", "valueString": number},
			map[string]any{"name": "permissionCode", "valueCoding": map[string]any{"system": "https://fhir.nhs.uk/CodeSystem/SCR-ACSPermission", "code": code}},
		}}}}
	}
	for what, c := range map[string]struct {
		body   any
		status int
	}{
		"no":        {body(pds.Ordinary.Number(), "No"), 201},
		"other":     {body(pds.Ordinary.Number(), "no"), 400},
		"number":    {body("9990000019", "No"), 400},
		"nobody":    {body("9434765919", "No"), 400},
		"nothing":   {map[string]any{"resourceType": "Parameters"}, 400},
		"no object": {[]any{}, 400},
	} {
		if r := s.Send(t, http.MethodPost, s.SCRURL+"/$setPermission", c.body); r.Status != c.status {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	if r, _ := s.SCR.Record(pds.Ordinary.Number()); r.Permission != scr.No {
		t.Errorf("%+v", r)
	}
	if err := s.SCR.Permit(pds.Ordinary.Number(), "Maybe"); !errors.Is(err, apim.ErrConfig) {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	s := nhstest.New(t)
	s.Token(t)
	for kind, status := range map[string]int{
		apim.AccessControl: 420, apim.Denied: 403, apim.Spike: 429, apim.Maintenance: 503, apim.GatewayTimeout: 504,
	} {
		if err := s.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 1, On: "audit"}}); err != nil {
			t.Fatal(err)
		}
		if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", alert()); r.Status != status {
			t.Errorf("%s: %d %s", kind, r.Status, r.Body)
		}
	}
	if n := len(s.SCR.Alerts()); n != 0 {
		t.Errorf("%d alerts were taken by requests that failed", n)
	}
	if err := s.Faults.Set([]sandbox.Fault{{Kind: apim.LoseReply, Count: 1, On: "audit"}}); err != nil {
		t.Fatal(err)
	}
	s.HTTP.CloseIdleConnections()
	if r := s.Send(t, http.MethodPost, s.SCRURL+"/AuditEvent", alert()); r.Err == nil || len(s.SCR.Alerts()) != 1 {
		t.Errorf("lost reply: %v, %d alerts", r.Err, len(s.SCR.Alerts()))
	}
}

// composed asks for the GP record in the form of GP Connect.
func composed(t *testing.T, s *nhstest.Stand, practice, number string) nhstest.Reply {
	t.Helper()
	return s.Send(t, http.MethodPost, s.GPURL+"/organisations/"+practice+"/Patient/$gpc.getcarerecord", map[string]any{
		"resourceType": "Parameters", "parameter": []any{
			map[string]any{"name": "patientNHSNumber", "valueIdentifier": map[string]any{"system": strings.TrimSuffix(system, "|"), "value": number}},
			map[string]any{"name": "recordSection", "valueCodeableConcept": map[string]any{"coding": []any{map[string]any{"code": "SUM"}}}},
		},
	})
}

func TestGPRecord(t *testing.T) {
	s := nhstest.New(t)
	for who, c := range map[pds.Who]struct {
		practice string
		status   int
		code     string
	}{
		pds.Ordinary:      {"Y90001", 200, ""},
		pds.Restricted:    {"Y90003", 404, "PATIENT_NOT_FOUND"},
		pds.EndedPractice: {"Y90004", 404, "PATIENT_NOT_FOUND"},
		pds.NoLabel:       {"Y90001", 403, "NO_PATIENT_CONSENT"},
		pds.Redacted:      {"Y90003", 404, "PATIENT_NOT_FOUND"},
	} {
		coded := s.Get(t, s.GPURL+"/Patient/"+who.Number())
		read := composed(t, s, c.practice, who.Number())
		for what, r := range map[string]nhstest.Reply{"coded": coded, "composed": read} {
			if r.Status != c.status || r.Code() != c.code {
				t.Errorf("%d %s: %d %s", who, what, r.Status, r.Body)
			}
		}
		if c.status == 200 {
			var b bundle
			read.Into(t, &b)
			if b.Type != "document" || b.Total != nil || b.Entry[0].Resource.ResourceType != "Composition" {
				t.Errorf("%s", read.Body)
			}
			if !bytes.Contains(coded.Body, []byte("AllergyIntolerance")) || !bytes.Contains(coded.Body, []byte(`"collection"`)) {
				t.Errorf("%s", coded.Body)
			}
		}
	}
	if r := composed(t, s, "Y90002", pds.Ordinary.Number()); r.Status != 404 {
		t.Errorf("another practice: %d %s", r.Status, r.Body)
	}
	if r := s.Get(t, s.GPURL+"/Patient/1"); r.Status != 400 {
		t.Errorf("no number: %d %s", r.Status, r.Body)
	}
	for path, method := range map[string]string{"/Patient/9990000018": "POST", "/x": "GET", "/Patient/1/2": "GET"} {
		if r := s.Send(t, method, s.GPURL+path, nil); r.Status != 400 {
			t.Errorf("%s: %d", path, r.Status)
		}
	}
	if r := s.Send(t, "POST", s.GPURL+"/organisations/Y90001/Patient/$gpc.getcarerecord", map[string]any{"resourceType": "Parameters"}); r.Status != 422 {
		t.Errorf("no parameters: %d %s", r.Status, r.Body)
	}
}

func TestNew(t *testing.T) {
	if _, err := scr.New(scr.Config{}); !errors.Is(err, apim.ErrConfig) {
		t.Errorf("no gateway: %v", err)
	}
}
