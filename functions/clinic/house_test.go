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
	"almanac/shared/table"
	"almanac/shared/web"
)

// desk is a staffed clinic and this function in front of it.
type desk struct {
	*clinictest.Clinic
	t       *testing.T
	serve   web.Handler
	members map[string]string // one subject for each set of roles
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	h := clinictest.New(t)
	return &desk{Clinic: h.Found(t), t: t, serve: process(h, h.Directory), members: map[string]string{}}
}

// process is one instance of the function: each has a directory of its own, so what one has cached another has not.
func process(h *clinictest.House, d *clinic.Directory) web.Handler {
	edge := h.Edge()
	edge.Gate.Caller = d.Caller
	return edge.Serve(routes(clinic.New(h.Table, d, h.Clock.Now, id.New)))
}

func (d *desk) another() web.Handler {
	return process(d.House, clinic.NewDirectory(d.Table, d.Clock.Now))
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

type object = map[string]any

// with gives the object with one field changed, or without it.
func with(o object, name string, value any) object {
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

const (
	staffName  = "Sam Marker-Staff"
	staffEmail = "sam.marker@example.org"
)

func markers() []string { return []string{staffName, staffEmail} }

func (d *desk) siteBody() object {
	return object{
		"name": "Harbour Street", "timeZone": "Europe/London", "email": "desk@example.org", "phone": "020 7946 0123",
		"openingHours": []object{{"day": "monday", "opens": "08:00", "closes": "12:00"}, {"day": "monday", "opens": "12:00", "closes": "24:00"}},
	}
}

func (d *desk) roomBody() object {
	return object{"siteId": d.Site.ID, "kind": "room", "name": "Room 9", "capacity": 2}
}

func (d *desk) serviceBody() object {
	return object{
		"name": "Check-up", "minutes": 30, "bufferAfter": 5, "step": 15, "horizonDays": 90, "mode": "in-person",
		"needs": []object{{"anyOf": []string{d.Rooms[0].ID}}}, "practitionerIds": []string{d.Practitioners[0].ID},
	}
}

func (d *desk) practitionerBody() object {
	return object{"name": "Dr C", "sessions": []object{{"siteId": d.Site.ID, "day": "tuesday", "opens": "09:00", "closes": "17:00"}}}
}

func staffObject() object {
	return object{"name": staffName, "email": staffEmail, "jobRole": "Receptionist", "roles": []string{"receptionist"}}
}

func (d *desk) leaveBody() object {
	return object{"of": d.Practitioners[0].ID, "start": "2027-01-05T00:00", "end": "2027-01-06T00:00", "kind": "holiday"}
}

func organisationObject() object {
	return object{
		"name": "New clinic", "timeZone": "Europe/London",
		"manager": object{"subject": "first-manager", "name": staffName, "email": staffEmail, "jobRole": "Manager"},
	}
}
