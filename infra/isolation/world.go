package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"almanac/infra/faultproxy"
	"almanac/infra/sandbox/oidc"
	"almanac/infra/stack"
)

// The roles, as organisations give them. Nobody is a member without any.
const (
	receptionist   = "receptionist"
	clinician      = "clinician"
	manager        = "manager"
	privacyOfficer = "privacy-officer"
	nobody         = "none"
)

func roles() []string { return []string{receptionist, clinician, manager, privacyOfficer, nobody} }

// house is the product with the world that is asked about: two organisations that share nothing, the first with two
// sites whose staff work at one of them only.
type house struct {
	stack    *stack.Stack
	http     *http.Client
	routes   []route
	oracle   *oracle
	made     makers
	numbers  []string // NHS numbers of the canaries
	needles  *needles
	operator *person
	orgs     []*organisation
	own      *ground // where the matrix's callers work
	sibling  *ground
	foreign  *ground
	out      *person // somebody without a token
	others   []*person

	begin    time.Time // of the diary that is booked here
	leaves   atomic.Int64
	watching map[*faultproxy.Proxy][]faultproxy.Rule
	pending  chan seen
	looking  sync.WaitGroup

	stateOf   map[state]string // patients
	begun     map[string]begun // connections, by their state
	clinics   sync.Mutex       // while a clinic's account is connected
	secrets   map[string]bool  // what Zoom, browsers and patients were given, and nothing may keep
	withdrawn atomic.Bool      // the objection of the one who objects

	mu       sync.Mutex
	canaries []canary
}

// organisation is one tenant.
type organisation struct {
	id    string
	boss  *person // a manager who works at every site, and sets everything up
	sites []*ground
	wide  map[string]*person // staff who work at every site
}

// ground is a site with all that takes place there.
type ground struct {
	org                 *organisation
	label               string
	id, room, service   string
	practitioner, spare string // the spare one is for random bookings
	staff               map[string]*person
	next                atomic.Int64 // the next free time of the practitioner

	mu   sync.Mutex
	pool map[string][]string // records that are there to be read, by kind

	joinable string   // a link that is open now
	links    []string // of appointments to come

	traced   traced
	reported string // an upload with a report
}

// person makes somebody who can log in.
func (h *house) person(label string, operator bool, orgs ...string) (*person, error) {
	p := &person{subject: newID(kindStaff), label: label, claims: orgs, operator: operator, posts: map[string]post{}}
	return p, h.logIn(p)
}

func (h *house) logIn(p *person) error {
	err := h.stack.People.AddPerson(oidc.Person{
		Subject: p.subject, Name: p.label, Groups: p.claims, Operator: p.operator,
	})
	if err != nil {
		return err
	}
	p.token, err = h.stack.People.Token(p.subject)
	return err
}

// found sets the whole world up.
func (h *house) found(ctx context.Context) error {
	h.begin = h.stack.Now().UTC().Truncate(24 * time.Hour).Add(48 * time.Hour)
	var err error
	if h.operator, err = h.person("operator", true); err != nil {
		return err
	}
	for n, sites := range []int{2, 1} {
		if err := h.foundOrganisation(ctx, n, sites); err != nil {
			return err
		}
	}
	h.own, h.sibling, h.foreign = h.orgs[0].sites[0], h.orgs[0].sites[1], h.orgs[1].sites[0]
	h.out = &person{label: "no token", posts: map[string]post{}}
	return h.strangers(ctx)
}

func (h *house) foundOrganisation(ctx context.Context, n, sites int) error {
	boss, err := h.person(fmt.Sprintf("manager of organisation %d", n+1), false)
	if err != nil {
		return err
	}
	made, err := h.does(ctx, h.operator, http.MethodPost, "/v1/organisations", object{
		"name": fmt.Sprintf("Organisation %d", n+1), "timeZone": "Europe/London",
		"manager": object{
			"subject": boss.subject, "name": "Boss", "email": "boss@staff.example.org", "jobRole": "Manager",
		},
	}, "")
	if err != nil {
		return err
	}
	o := &organisation{id: text(made, "id"), boss: boss, wide: map[string]*person{}}
	h.orgs = append(h.orgs, o)
	h.oracle.learn(o.id, fact{kind: kindOrganisation, org: o.id})
	boss.claims, boss.posts[o.id] = []string{o.id}, post{roles: []string{manager}}
	h.oracle.learn(boss.subject, fact{kind: kindStaff, org: o.id})
	if err := h.logIn(boss); err != nil {
		return err
	}
	if _, err := h.does(ctx, boss, http.MethodPut, "/v1/organisation", object{
		"name": "Organisation", "timeZone": "Europe/London", "nhs": nhsSettings(n),
	}, `"1"`); err != nil {
		return err
	}
	for i := range sites {
		if err := h.foundSite(ctx, o, fmt.Sprintf("organisation %d, site %d", n+1, i+1)); err != nil {
			return err
		}
	}
	for _, role := range roles() {
		if o.wide[role], err = h.employ(ctx, o, role, nil, ""); err != nil {
			return err
		}
	}
	return nil
}

// nhsSettings lets an organisation view Summary Care Records. Numbers are traced only once the rest is done, because
// no more than five calls a second reach the NHS.
func nhsSettings(n int) object {
	return object{
		"odsCode": fmt.Sprintf("Y9%03d", n+1), "summaryCareRecord": true, "gpRecord": true, "asid": "200000000001",
		"keepDemographics": true,
	}
}

func (h *house) foundSite(ctx context.Context, o *organisation, label string) error {
	g := &ground{org: o, label: label, staff: map[string]*person{}, pool: map[string][]string{}}
	o.sites = append(o.sites, g)
	var err error
	for _, step := range []struct {
		into       *string
		kind, path string
		body       func() object
	}{
		{&g.id, kindSite, "/v1/sites", siteBody},
		{&g.room, kindRoom, "/v1/rooms", g.roomBody},
		{&g.practitioner, kindPractitioner, "/v1/practitioners", g.practitionerBody},
		{&g.spare, kindPractitioner, "/v1/practitioners", g.practitionerBody},
		{&g.service, kindService, "/v1/services", g.serviceBody},
	} {
		if *step.into, err = h.create(ctx, g, step.kind, step.path, step.body()); err != nil {
			return err
		}
	}
	for _, role := range roles() {
		practitioner := ""
		if role == clinician {
			practitioner = g.practitioner
		}
		if g.staff[role], err = h.employ(ctx, o, role, g, practitioner); err != nil {
			return err
		}
	}
	return nil
}

// create makes a record of the organisation and notes it.
func (h *house) create(ctx context.Context, g *ground, kind, path string, body object) (string, error) {
	made, err := h.does(ctx, g.org.boss, http.MethodPost, path, body, "")
	if err != nil {
		return "", err
	}
	one := text(made, "id")
	h.oracle.learn(one, fact{kind: kind, org: g.org.id, site: g.id})
	return one, nil
}

// employ makes a member of staff who can log in.
func (h *house) employ(
	ctx context.Context, o *organisation, role string, g *ground, practitioner string,
) (*person, error) {
	where, p := "every site", post{practitioner: practitioner}
	body := staffBody()
	if g != nil {
		where, p.sites = g.label, []string{g.id}
		body["siteIds"] = p.sites
	}
	if role != nobody {
		p.roles = []string{role}
		body["roles"] = p.roles
	}
	if practitioner != "" {
		body["practitionerId"] = practitioner
	}
	who, err := h.person(role+", "+where, false, o.id)
	if err != nil {
		return nil, err
	}
	who.posts[o.id] = p
	body["subject"] = who.subject
	h.oracle.learn(who.subject, fact{kind: kindStaff, org: o.id})
	_, err = h.does(ctx, o.boss, http.MethodPost, "/v1/staff", body, "")
	return who, err
}

// strangers are callers beside the staff of one organisation: a member of both, one who left, one whose token names the
// organisation though it does not know the person, one without an organisation, and nobody at all.
func (h *house) strangers(ctx context.Context) error {
	a, b := h.orgs[0], h.orgs[1]
	both, err := h.employ(ctx, a, receptionist, h.own, "")
	if err != nil {
		return err
	}
	both.label, both.claims = "member of both organisations", []string{a.id, b.id}
	body := staffBody()
	body["subject"], body["roles"], body["siteIds"] = both.subject, []string{clinician}, []string{h.foreign.id}
	if _, err := h.does(ctx, b.boss, http.MethodPost, "/v1/staff", body, ""); err != nil {
		return err
	}
	both.posts[b.id] = post{roles: []string{clinician}, sites: []string{h.foreign.id}}
	h.oracle.forget(both.subject) // both organisations may name the person
	left, err := h.employ(ctx, a, manager, h.own, "")
	if err != nil {
		return err
	}
	body = staffBody()
	body["left"], body["roles"] = true, []string{manager}
	if _, err := h.does(ctx, a.boss, http.MethodPut, "/v1/staff/"+left.subject, body, `"1"`); err != nil {
		return err
	}
	left.label, left.posts[a.id] = "manager who left", post{left: true}
	guest, err := h.person("guest in the token only", false, a.id)
	if err != nil {
		return err
	}
	alone, err := h.person("no organisation", false)
	if err != nil {
		return err
	}
	h.others = []*person{both, left, guest, alone, h.out}
	return h.logIn(both)
}
