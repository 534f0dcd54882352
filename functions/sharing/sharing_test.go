package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/infra/sandbox/nhstest"
	sandboxpds "almanac/infra/sandbox/pds"
	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/consent"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/pds"
	"almanac/shared/recordview"
	"almanac/shared/scr"
	"almanac/shared/table"
	"almanac/shared/web"
)

// desk is a clinic that is connected to the NHS's stand-ins, with this function in front of it, and a patient whom the
// clinician treats.
type desk struct {
	*clinictest.Desk
	nhs     *nhstest.Stand
	sources map[recordview.Kind]recordview.Source
	after   func(r *http.Request) // called after each request to the NHS
	patient string
}

type object = clinictest.Body

func newDesk(t *testing.T, with ...func(*dynamodb.Options)) *desk {
	t.Helper()
	h := clinictest.New(t, with...)
	d := &desk{Desk: clinictest.NewDesk(h.Found(t), nil)}
	d.connect(t)
	d.Serve = d.process()
	d.enable(t)
	d.patient = d.known(t, sandboxpds.Ordinary)
	return d
}

// connect starts the stand-ins.
func (d *desk) connect(t *testing.T) {
	t.Helper()
	d.nhs = d.NHS(t)
	register, err := pds.New(d.PDS(d.nhs))
	if err != nil {
		t.Fatal(err)
	}
	d.sources, err = connect(d.nhs.SCRURL, d.nhs.GPURL,
		scr.Settings{Token: register.Another, Pace: clinictest.AtOnce, Transport: d})
	if err != nil {
		t.Fatal(err)
	}
}

// RoundTrip carries the requests to the stand-ins.
func (d *desk) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if d.after != nil {
		d.after(r)
	}
	return res, err
}

// process is one instance of the function.
func (d *desk) process() web.Handler {
	return d.Edge().Serve(routes(services{
		consents:    consent.New(d.Table, d.Keeper, d.Clock.Now, id.New),
		disclosures: disclosure.New(d.Table, d.Keeper, d.Clock.Now, id.New),
		views:       d.views(),
	}))
}

func (d *desk) views() *recordview.Service {
	return recordview.New(recordview.Settings{
		Table: d.Table, Keys: d.Keeper, Patients: d.patients(), Directory: d.Directory, Sources: d.sources,
		Now: d.Clock.Now, NewID: id.New,
	})
}

func (d *desk) patients() *patient.Service {
	return patient.New(d.Table, d.Keeper, d.Clock.Now, id.New)
}

// enable switches the records on for the organisation, and gives the clinician a smartcard.
func (d *desk) enable(t *testing.T) {
	t.Helper()
	d.SetNHS(t, clinic.NHS{ODSCode: "Y12345", SummaryCareRecord: true, GPRecord: true, ASID: "200000001162"})
	d.Change(t, func(k table.Clinic) []table.Item {
		s := clinic.Staff{
			Subject: clinictest.Clinician, Name: "Staff", Email: "c@example.org", JobRole: "Doctor",
			Roles: []access.Role{access.Clinician}, SDSUserID: "555021935107",
		}
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, Version: d.versionOf(t, k.Staff(s.Subject))}}
	})
}

func (d *desk) versionOf(t *testing.T, k table.Key) int64 {
	t.Helper()
	var v struct {
		Version int64 `dynamodbav:"v"`
	}
	if err := d.Table.For(d.By(t, clinictest.Manager)).Get(t.Context(), k, &v); err != nil {
		t.Fatal(err)
	}
	return v.Version
}

// known registers one of the stand-in's people with a verified number, whom the clinician treats.
func (d *desk) known(t *testing.T, who sandboxpds.Who) string {
	t.Helper()
	of := d.NewPatient(t)
	d.amend(t, of, func(p *patient.Patient) {
		p.Number = &patient.Number{
			Value: who.Number(), Status: patient.StatusVerified, State: patient.NumberVerified, Source: patient.PDS,
		}
	})
	d.relate(t, of, clinictest.Clinician)
	return of
}

func (d *desk) amend(t *testing.T, of string, change func(*patient.Patient)) {
	t.Helper()
	_, err := d.patients().Amend(t.Context(), access.System(d.Org, string(access.PDSLookup)), access.Once{}, of,
		access.NumberSettle, event.Event{Name: event.NumberSettled},
		func(p *patient.Patient) error { change(p); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) relate(t *testing.T, of, subject string) {
	t.Helper()
	_, err := care.New(d.Table, d.Directory, d.Clock.Now, id.New).Make(t.Context(), d.By(t, clinictest.Receptionist),
		clinictest.Once(), of, care.Wish{Kind: care.Team, Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) at(of, rest string) string { return "/v1/patients/" + of + rest }

func (d *desk) ask(t *testing.T, method, path string, body any) clinictest.Request {
	t.Helper()
	return d.Ask(t, clinictest.Clinician, method, path, body)
}

func (d *desk) must(t *testing.T, status int, method, path string, body any) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return d.Must(t, status, d.ask(t, method, path, body))
}

// refused sends a request that must be refused with the code, and gives the codes within.
func (d *desk) refused(t *testing.T, status int, code, method, path string, body any) []string {
	t.Helper()
	p := d.Refused(t, status, code, d.ask(t, method, path, body))
	codes := make([]string, 0, len(p.Errors))
	for _, e := range p.Errors {
		codes = append(codes, e.Code)
	}
	return codes
}

func once() object { return object{"permission": object{"scope": "once"}} }

func emergency() object {
	return object{"emergency": object{"reason": "unable-to-ask", "note": "Unconscious: Zoe-Canary said."}}
}

// grant asks for a view and gives its address.
func (d *desk) grant(t *testing.T, of, record string, basis object) string {
	t.Helper()
	return d.must(t, http.StatusCreated, "POST", d.at(of, "/record-views"), object{"record": record, "basis": basis}).
		Headers["location"]
}

const summary, gpRecord = "summary-care-record", "gp-record"

// stored gives everything that both tables hold, as text.
func (d *desk) stored(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{d.Name, d.KeyName} {
		pages := dynamodb.NewScanPaginator(d.DB, &dynamodb.ScanInput{TableName: &name})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				write(&b, &types.AttributeValueMemberM{Value: item})
				b.WriteString("\n")
			}
		}
	}
	return b.String()
}

func write(b *strings.Builder, v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		b.WriteString(v.Value + " ")
	case *types.AttributeValueMemberN:
		b.WriteString(v.Value + " ")
	case *types.AttributeValueMemberB:
		b.Write(v.Value)
	case *types.AttributeValueMemberBS:
		for _, raw := range v.Value {
			b.Write(raw)
		}
	case *types.AttributeValueMemberSS:
		b.WriteString(strings.Join(v.Value, " "))
	case *types.AttributeValueMemberL:
		for _, one := range v.Value {
			write(b, one)
		}
	case *types.AttributeValueMemberM:
		for _, name := range slices.Sorted(maps.Keys(v.Value)) {
			b.WriteString(name + "=")
			write(b, v.Value[name])
		}
	}
}

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	d.must(t, http.StatusForbidden, "POST", "/v1/consent-texts", object{"scope": "newsletter", "text": "I agree."})
	d.Must(t, http.StatusCreated, d.Ask(t, clinictest.Manager, "POST", "/v1/consent-texts",
		object{"scope": "newsletter", "text": "I agree."}))
	given := clinictest.Read[consent.Recorded](t, d.must(t, http.StatusCreated, "POST", d.at(d.patient, "/consents"),
		object{"scope": "newsletter", "by": "patient", "channel": "paper"}))
	view := d.grant(t, d.patient, summary, once())
	canaries := []string{"Zoe-Canary", "Penicillin", sandboxpds.Ordinary.Number()}
	cases := []struct {
		row, path, subject string
		body               object
		permission         access.Permission
	}{
		{"GET /v1/consent-texts", "/v1/consent-texts", clinictest.Clinician, nil, access.ConfigurationRead},
		{
			"POST /v1/consent-texts", "/v1/consent-texts", clinictest.Manager,
			object{"scope": "research", "text": "I agree to research."},
			access.ConsentTextCreate,
		},
		{"GET /v1/patients/{id}/consents", d.at(d.patient, "/consents"), clinictest.Clinician, nil, access.ConsentRead},
		{
			"POST /v1/patients/{id}/consents", d.at(d.patient, "/consents"), clinictest.Clinician,
			object{"scope": "newsletter", "by": "patient", "channel": "in-person", "evidence": "Form of Zoe-Canary"},
			access.ConsentGive,
		},
		{
			"POST /v1/patients/{id}/consents/{consent}/withdraw", d.at(d.patient, "/consents/"+given.ID+"/withdraw"),
			clinictest.Clinician,
			object{"by": "patient", "channel": "telephone"},
			access.ConsentWithdraw,
		},
		{"GET /v1/patients/{id}/disclosures", d.at(d.patient, "/disclosures"), clinictest.Clinician, nil, access.DisclosureList},
		{
			"POST /v1/patients/{id}/disclosures", d.at(d.patient, "/disclosures"), clinictest.Clinician,
			object{
				"at": "2027-01-03T10:00:00Z", "recipient": object{"name": "Zoe-Canary & Partners"}, "categories": []string{"identity"},
				"purpose": "legal-claim", "authority": "legal-claims", "channel": "post",
			},
			access.DisclosureEnter,
		},
		{
			"POST /v1/patients/{id}/record-views", d.at(d.patient, "/record-views"), clinictest.Clinician,
			object{"record": summary, "basis": emergency()},
			access.RecordViewGrant,
		},
		{"GET /v1/patients/{id}/record-views/{view}", view, clinictest.Clinician, nil, access.RecordViewOpen},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			method, _, _ := strings.Cut(c.row, " ")
			ev := d.Ask(t, c.subject, method, c.path, c.body)
			clinictest.Exercise(t, d.Exercised(t, other, c.permission, ev, canaries...))
		})
	}
	for row := range routes(services{}) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
	for _, canary := range canaries {
		if strings.Contains(d.stored(t), canary) {
			t.Errorf("the tables hold %s in clear", canary)
		}
	}
}

// Whoever has the role but no part in the patient's care gets nothing, and that is noted.
func TestNoRelationship(t *testing.T) {
	d := newDesk(t)
	stranger := d.NewStaff(t, access.Clinician)
	d.Change(t, func(k table.Clinic) []table.Item { // works at another site: the registration's site does not relate
		s := clinic.Staff{
			Subject: stranger, Name: "Staff", Email: "staff@example.org", JobRole: "Staff",
			Roles: []access.Role{access.Clinician}, SiteIDs: []string{id.New("sit")},
		}
		return []table.Item{{Key: k.Staff(stranger), Value: s, Version: 1}}
	})
	view := d.grant(t, d.patient, summary, once())
	for _, ev := range []clinictest.Request{
		d.Ask(t, stranger, "GET", d.at(d.patient, "/consents"), nil),
		d.Ask(t, stranger, "GET", d.at(d.patient, "/disclosures"), nil),
		d.Ask(t, stranger, "POST", d.at(d.patient, "/record-views"), object{"record": summary, "basis": once()}),
		d.Ask(t, stranger, "GET", view, nil),
	} {
		d.Refused(t, http.StatusForbidden, "no_relationship", ev)
	}
	if n := len(d.nhs.Requests("scr")); n != 0 {
		t.Errorf("%d requests to the NHS", n)
	}
	// Somebody else who treats the patient cannot open this view either.
	colleague := d.NewStaff(t, access.Clinician)
	d.relate(t, d.patient, colleague)
	d.Must(t, http.StatusForbidden, d.Ask(t, colleague, "GET", view, nil))
	d.must(t, http.StatusOK, "GET", view, nil)
}

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Almanac: consents, disclosures and shared records", routes(services{}))
}

// document is the OpenAPI document of the routes, as an answer.
func document(t *testing.T) events.APIGatewayV2HTTPResponse {
	t.Helper()
	doc, err := web.OpenAPI("Sharing", routes(services{}))
	if err != nil {
		t.Fatal(err)
	}
	return events.APIGatewayV2HTTPResponse{Body: string(doc)}
}

// TestChoices: what the API takes is what the rules know.
func TestChoices(t *testing.T) {
	type schema struct {
		Enum       []string          `json:"enum"`
		Items      *schema           `json:"items"`
		Properties map[string]schema `json:"properties"`
	}
	doc := clinictest.Read[struct {
		Components struct {
			Schemas map[string]schema `json:"schemas"`
		} `json:"components"`
	}](t, document(t))
	of := func(body, field string) []string {
		s := doc.Components.Schemas[body].Properties[field]
		if s.Items != nil {
			s = *s.Items
		}
		return s.Enum
	}
	for _, c := range []struct {
		body, field string
		want        []string
	}{
		{"EnterBody", "categories", disclosure.Categories()},
		{"EnterBody", "purpose", disclosure.Purposes()},
		{"EnterBody", "authority", disclosure.Authorities()},
		{"EnterBody", "channel", disclosure.Channels()},
		{"GiveBody", "channel", consent.Channels()},
		{"WithdrawBody", "channel", consent.Channels()},
		{"EmergencyBody", "reason", recordview.Reasons()},
		{"PermissionBody", "scope", []string{recordview.Once, recordview.Until}},
		{"GrantBody", "record", []string{string(recordview.SummaryCareRecord), string(recordview.GPRecord)}},
	} {
		if got := of(c.body, c.field); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, want %v", c.body, c.field, got, c.want)
		}
	}
}
