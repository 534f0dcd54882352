package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/table"
	"almanac/shared/web"
)

// desk is a staffed clinic and this function in front of it.
type desk struct {
	*clinictest.Clinic
	t       *testing.T
	s       *patient.Service
	serve   web.Handler
	members map[string]string // one subject for each set of roles
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	h := clinictest.New(t)
	s := patient.New(h.Table, h.Keeper, h.Clock.Now, id.New)
	n := nhs.New(h.Table, s, h.Keeper, h.Directory, h.Clock.Now, id.New)
	return &desk{Clinic: h.Found(t), t: t, s: s, serve: h.Edge().Serve(routes(s, n)), members: map[string]string{}}
}

func claims(org, subject string) clinictest.Claims {
	return clinictest.Claims{"sub": subject, "cognito:groups": "[" + org + "]", "scope": "almanac/use"}
}

type request struct {
	events.APIGatewayV2HTTPRequest
}

// ask makes a request of the subject. Every write gets a fresh key.
func (d *desk) ask(subject, method, path string, body any) request {
	d.t.Helper()
	path, query, _ := strings.Cut(path, "?")
	ev := request{events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Headers: map[string]string{}}}
	ev.RequestContext.HTTP.Method = method
	ev.RequestContext.RequestID = id.New("req")
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
		ev.Body, ev.Headers["content-type"] = string(raw), "application/json"
	}
	if method != http.MethodGet {
		ev.Headers["idempotency-key"] = id.New("key")
	}
	return ev.as(claims(d.Org, subject))
}

func (r request) as(c clinictest.Claims) request {
	r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: c},
	}
	return r
}

func (r request) match(etag string) request {
	r.Headers = maps.Clone(r.Headers)
	r.Headers["if-match"] = etag
	return r
}

func send(t *testing.T, serve web.Handler, r request) events.APIGatewayV2HTTPResponse {
	t.Helper()
	res, err := serve(t.Context(), r.APIGatewayV2HTTPRequest)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// must sends a request that has to be answered with the status.
func (d *desk) must(status int, r request) events.APIGatewayV2HTTPResponse {
	d.t.Helper()
	res := send(d.t, d.serve, r)
	if res.StatusCode != status {
		d.t.Fatalf("%s %s: status %d, want %d: %s", r.RequestContext.HTTP.Method, r.RawPath, res.StatusCode, status, res.Body)
	}
	return res
}

// refused sends a request that has to be refused so, and gives the details.
func (d *desk) refused(status int, code string, r request) web.Problem {
	d.t.Helper()
	return read[web.Problem](d.t, d.must(status, r), func(p web.Problem) bool { return p.Code == code })
}

// read decodes an answer and checks it.
func read[T any](t *testing.T, res events.APIGatewayV2HTTPResponse, right func(T) bool) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(res.Body), &out); err != nil {
		t.Fatalf("%v: %s", err, res.Body)
	}
	if right != nil && !right(out) {
		t.Fatalf("unexpected answer: %s", res.Body)
	}
	return out
}

type jsonObject = map[string]any

// with gives the object with one field changed, or without it.
func with(o jsonObject, name string, value any) jsonObject {
	o = maps.Clone(o)
	if value == nil {
		delete(o, name)
		return o
	}
	o[name] = value
	return o
}

// newStaff adds a member of staff with the roles straight to the table.
func (d *desk) newStaff(roles ...access.Role) string {
	d.t.Helper()
	s := clinic.Staff{Subject: strings.ToLower(id.New("sub")) + "x", Name: "Staff", Email: "staff@example.org", JobRole: "Staff", Roles: roles}
	d.Change(d.t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, New: true}}
	})
	return s.Subject
}

// member gives somebody with exactly these roles.
func (d *desk) member(roles ...access.Role) string {
	d.t.Helper()
	key := fmt.Sprint(roles)
	if d.members[key] == "" {
		d.members[key] = d.newStaff(roles...)
	}
	return d.members[key]
}

// What stands in the record of the patient whom the tests send, and in no log and no refusal.
const (
	givenName   = "Florence"
	familyName  = "Marker-Patient"
	email       = "florence.marker@example.org"
	phone       = "07700 900123"
	born        = "1950-02-27"
	street      = "1 Secretplace"
	theNumber   = "9990000018"
	practice    = "A81001"
	note        = "Afternoonsonly"
	actsForName = "Robin-Marker"
)

func markers() []string {
	return []string{
		givenName, familyName, email, phone, "+447700900123", born, street, "TE1 1ST", theNumber, "999 000 0018", practice, note,
		actsForName,
	}
}

func patientObject() jsonObject {
	return jsonObject{
		"names":     []jsonObject{{"use": "usual", "given": []string{givenName}, "family": familyName}},
		"birthDate": born, "sex": "female", "nhsNumber": "999 000 0018", "bookingNote": note,
		"addresses": []jsonObject{{"use": "home", "lines": []string{street}, "postcode": "te11st"}},
		"contacts":  []jsonObject{{"system": "email", "value": email}, {"system": "phone", "value": phone}},
		"practice":  jsonObject{"odsCode": practice}, "alerts": []jsonObject{{"kind": "access-need", "text": note}},
	}
}

func representativeObject() jsonObject {
	return jsonObject{
		"relationship": "attorney", "name": jsonObject{"given": []string{actsForName}}, "may": []string{"book"},
		"contacts": []jsonObject{{"system": "phone", "value": phone}},
		"evidence": jsonObject{"kind": "power-of-attorney", "seenOn": "2027-01-04", "reference": note},
	}
}

// register has the receptionist register the patient of the tests.
func (d *desk) register() patient.Receipt {
	d.t.Helper()
	return read[patient.Receipt](d.t, d.must(201, d.ask(clinictest.Receptionist, "POST", "/v1/patients", patientObject())), nil)
}
