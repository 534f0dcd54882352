package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/shared/id"
)

// picker gives the id that stands in a place of a request. of is the patient in the path, for what is a part of a
// patient's record.
type picker func(name, kind, of string) (string, error)

// draft is a request while it is made.
type draft struct {
	h     *house
	route route
	who   *person
	at    *ground // whose records it is about, where nothing else is picked
	pick  picker

	// light drafts change the world no more than the oracle can follow, and cost one request.
	light *rand.Rand

	slots  []slot
	query  url.Values
	header map[string]string
	body   object
	match  string
	err    error
}

// id picks an id for a place in the body or the query.
func (d *draft) id(name, kind string) string { return d.place(name, kind, false) }

func (d *draft) place(name, kind string, inPath bool) string {
	one, err := d.pick(name, kind, patientOf(d.slots))
	if err != nil {
		d.err = err
	}
	d.slots = append(d.slots, slot{name, kind, one, inPath})
	return one
}

// note is a text of the patient whom the request is about, to be looked for afterwards.
func (d *draft) note() string {
	if d.light != nil {
		return "somebody"
	}
	if patient := patientOf(d.slots); patient != "" {
		if f, ok := d.h.oracle.fact(patient); ok && f.kind == kindPatient {
			return d.h.canary(patient).word(noteWord)
		}
	}
	return "nobody"
}

// maker fills in what a route needs beside the ids in its path.
type maker func(ctx context.Context, d *draft)

type makers map[string]maker

// noun is what the path is about.
func noun(pattern string) string {
	if parts := strings.Split(pattern, "/"); len(parts) > 2 {
		return parts[2]
	}
	return ""
}

// kindOf is the kind of record that a parameter of a path names.
func kindOf(pattern, name string) string {
	kinds := map[string]string{
		"sites": kindSite, "rooms": kindRoom, "services": kindService, "practitioners": kindPractitioner,
		"staff": kindStaff, "leave": kindLeave, "holds": kindHold, "appointments": kindAppointment,
		"patients": kindPatient, "nhs-number-reviews": kindReview, "alerts": kindAlert, "uploads": kindUpload,
		"representative": kindRepresentative, "relationship": kindRelationship, "consent": kindConsent,
		"view": kindView, "subject": kindStaff, "tasks": kindTask, "token": kindLink,
	}
	if name != "id" {
		return kinds[name]
	}
	return kinds[noun(pattern)]
}

// request makes the draft into a request: the ids of the path, what the route's maker adds, and the headers.
func (d *draft) request(ctx context.Context) (request, error) {
	d.query, d.header = url.Values{}, map[string]string{}
	var values []string
	for _, name := range d.route.names {
		values = append(values, d.place(name, kindOf(d.route.pattern, name), true))
	}
	if fill, ok := d.h.made[d.route.row]; ok && d.err == nil {
		fill(ctx, d)
	}
	q := request{who: d.who, method: d.route.method, path: d.route.at(values), header: d.header}
	if len(d.query) > 0 {
		q.path += "?" + d.query.Encode()
	}
	if d.body != nil {
		q.body = d.body
	}
	if d.route.keyed {
		q.header["Idempotency-Key"] = id.New("key")
	}
	if d.route.matched {
		q.header["If-Match"] = d.version(ctx)
	}
	return q, d.err
}

// version is the version of the record in the path, as somebody knows it who may read it.
func (d *draft) version(ctx context.Context) string {
	switch {
	case d.match != "":
		return d.match
	case d.light != nil:
		return strconv.Quote(strconv.Itoa(1 + d.light.IntN(2)))
	}
	parts := strings.Split(d.route.pattern, "/")
	read := "/" + parts[1] + "/" + parts[2]
	if len(d.route.names) > 0 {
		read += "/" + d.slots[0].id
	}
	f, _ := d.h.oracle.fact(first(d.slots))
	if o, ok := d.h.organisation(f.org); ok || len(d.route.names) == 0 {
		if !ok {
			o = d.at.org
		}
		if got, err := d.h.does(ctx, o.boss, http.MethodGet, read, nil, ""); err == nil && text(got, etag) != "" {
			return text(got, etag)
		}
	}
	return `"1"`
}

func first(slots []slot) string {
	if len(slots) == 0 {
		return ""
	}
	return slots[0].id
}

func (h *house) organisation(org string) (*organisation, bool) {
	i := slices.IndexFunc(h.orgs, func(o *organisation) bool { return o.id == org })
	if i < 0 {
		return nil, false
	}
	return h.orgs[i], true
}

// start is a free time; for a light draft, any one that nothing else is booked at.
func (d *draft) start() string {
	if d.light == nil {
		return d.h.slot(d.at)
	}
	return d.h.begin.AddDate(0, 0, 200).Add(time.Duration(d.light.IntN(30_000)) * 5 * time.Minute).Format(time.RFC3339)
}

// same sends a record back as it is.
func same(ctx context.Context, d *draft) {
	if d.light != nil {
		d.body = d.alike()
		return
	}
	read, one := d.route.pattern, first(d.slots)
	if f, ok := d.h.oracle.fact(one); !ok || f.org != d.at.org.id || f.kind != kindOf(d.route.pattern, "id") {
		if len(d.route.names) > 0 { // somebody else's, or none: then any body will do
			one, d.err = d.h.stock(ctx, d.at, kindOf(d.route.pattern, "id"), "")
		}
	}
	got, err := d.h.does(ctx, d.at.org.boss, http.MethodGet, strings.Replace(read, "{id}", one, 1), nil, "")
	if err != nil {
		d.err = err
		return
	}
	d.body = maps.Clone(got)
	for _, name := range []string{"id", "subject", "version", etag} {
		delete(d.body, name)
	}
	if len(d.route.names) == 0 {
		d.match = text(got, etag)
	}
}

// alike is what such a record could hold.
func (d *draft) alike() object {
	f, _ := d.h.oracle.fact(first(d.slots))
	at := d.h.ground(f)
	switch kindOf(d.route.pattern, "id") {
	case kindSite:
		return siteBody()
	case kindRoom:
		return at.roomBody()
	case kindService:
		return at.serviceBody()
	case kindPractitioner:
		return at.practitionerBody()
	case kindStaff:
		return object{"name": "Sam Example"} // not valid: callers must keep their roles
	}
	return object{"name": "Organisation", "timeZone": "Europe/London"}
}

// bodied is a maker of a body that names no ids.
func bodied(body func(d *draft) object) maker {
	return func(_ context.Context, d *draft) { d.body = body(d) }
}

func uploadBody(file []byte) object {
	sum := sha256.Sum256(file)
	return object{"format": "csv", "bytes": max(1, len(file)), "sha256": hex.EncodeToString(sum[:])}
}

// newMakers tells how each route is asked that needs more than the ids in its path.
func newMakers() makers {
	all := makers{}
	for _, some := range []makers{forSetUp(), forDiary(), forPatients(), forCare(), forSharing(), forVideo()} {
		maps.Copy(all, some)
	}
	return all
}

func forSetUp() makers {
	created := func(body func(g *ground) object) maker {
		return func(_ context.Context, d *draft) { d.body = body(d.at) }
	}
	return makers{
		"POST /v1/organisations": bodied(func(*draft) object {
			return object{"name": "Another", "timeZone": "Europe/London", "manager": object{
				"subject": newID(kindStaff), "name": "Boss", "email": "boss@staff.example.org", "jobRole": "Manager",
			}}
		}),
		"PUT /v1/organisation":       same,
		"POST /v1/sites":             created(func(*ground) object { return siteBody() }),
		"PUT /v1/sites/{id}":         same,
		"POST /v1/rooms":             roomOf,
		"PUT /v1/rooms/{id}":         same,
		"POST /v1/services":          serviceOf,
		"PUT /v1/services/{id}":      same,
		"POST /v1/practitioners":     practitionerOf,
		"PUT /v1/practitioners/{id}": same,
		"POST /v1/staff":             staffOf,
		"PUT /v1/staff/{id}":         same,
		"GET /v1/leave": func(_ context.Context, d *draft) {
			d.query.Set("of", d.id("of", kindPractitioner))
		},
		"POST /v1/leave": func(_ context.Context, d *draft) {
			d.body = d.h.leaveBody(d.id("of", kindPractitioner))
		},
	}
}

func roomOf(_ context.Context, d *draft) {
	d.body = d.at.roomBody()
	d.body["siteId"] = d.id("siteId", kindSite)
}

func serviceOf(_ context.Context, d *draft) {
	d.body = d.at.serviceBody()
	d.body["practitionerIds"] = []string{d.id("practitionerIds", kindPractitioner)}
}

func practitionerOf(_ context.Context, d *draft) {
	site := d.id("sessions", kindSite)
	sessions := week()
	for _, s := range sessions {
		s["siteId"] = site
	}
	d.body = object{"name": "Dr Example", "sessions": sessions}
}

func staffOf(_ context.Context, d *draft) {
	d.body = staffBody()
	d.body["subject"], d.body["siteIds"] = newID(kindStaff), []string{d.id("siteIds", kindSite)}
	d.body["practitionerId"] = d.id("practitionerId", kindPractitioner)
}

func forDiary() makers {
	return makers{
		"GET /v1/availability": func(_ context.Context, d *draft) {
			day := d.h.begin.Format(time.DateOnly)
			d.query.Set("serviceId", d.id("serviceId", kindService))
			d.query.Set("siteId", d.id("siteId", kindSite))
			d.query.Set("patientId", d.id("patientId", kindPatient))
			d.query.Set("from", day)
			d.query.Set("to", day)
		},
		"POST /v1/holds":        wish,
		"POST /v1/appointments": wish,
		"POST /v1/appointments/{id}/move": func(_ context.Context, d *draft) {
			d.body = object{"start": d.start()}
		},
		"POST /v1/appointments/{id}/cancel": bodied(func(*draft) object { return object{"reason": "clinic_request"} }),
		"POST /v1/appointments/{id}/status": bodied(func(*draft) object { return object{"status": "confirmed"} }),
		"GET /v1/practitioners/{id}/appointments": func(_ context.Context, d *draft) {
			d.query.Set("date", d.h.begin.Format(time.DateOnly))
		},
	}
}

func wish(_ context.Context, d *draft) {
	d.body = object{
		"serviceId": d.id("serviceId", kindService), "siteId": d.id("siteId", kindSite),
		"practitionerId": d.id("practitionerId", kindPractitioner), "patientId": d.id("patientId", kindPatient),
		"start": d.start(),
	}
}
