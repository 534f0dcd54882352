package main

import (
	"slices"
	"strings"
	"sync"
)

// The kinds of records, by the prefix of their ids.
const (
	kindOrganisation   = "org"
	kindSite           = "sit"
	kindRoom           = "roo"
	kindService        = "svc"
	kindPractitioner   = "prc"
	kindStaff          = "usr" // subjects here look like ids, so that they are found in answers
	kindLeave          = "lev"
	kindHold           = "hld"
	kindAppointment    = "apt"
	kindPatient        = "pat"
	kindRepresentative = "rep"
	kindRelationship   = "rel"
	kindReview         = "rev"
	kindAlert          = "alr"
	kindConsent        = "cns"
	kindDisclosure     = "dsc"
	kindView           = "viw"
	kindUpload         = "upl"
	kindTask           = "tsk"
	kindZoom           = "zom" // the address of a person's log-in at Zoom, which looks like an id here
	kindLink           = "lnk" // the end of a patient's link
	kindState          = "sta" // of a connection that was begun
)

// post is somebody's place in an organisation.
type post struct {
	roles        []string
	sites        []string // none: all of them
	practitioner string
	left         bool
}

func (p post) at(site string) bool { return len(p.sites) == 0 || slices.Contains(p.sites, site) }

// person is somebody who asks.
type person struct {
	subject, label, token string
	posts                 map[string]post // by organisation; those in the token without a post are no member
	claims                []string        // the organisations that the token names
	operator              bool
	zoom                  string // the person's user at Zoom
}

// fact is what is known of a record that was made here.
type fact struct {
	kind, org string
	site      string // where an appointment is
	patient   string // whose record it is part of, or about
	by        string // who made it, where it is for nobody else
	host      string // whose account an appointment's room is in
}

// slot is an id in a request.
type slot struct {
	name, kind, id string
	inPath         bool
}

// asked is a request as the oracle judges it.
type asked struct {
	row   string
	who   *person
	org   string // the organisation that a header names, if any
	slots []slot
}

// verdict is what must come of a request.
type verdict string

const (
	allow     verdict = "allowed"
	denied    verdict = "denied"            // 403
	missing   verdict = "not found"         // 404
	refused   verdict = "refused"           // any 4xx: an id in the body, or several things wrong at once
	unknown   verdict = "not known"         // 401
	unsettled verdict = "allowed or denied" // a relationship may have been made meanwhile
)

// tie is how sure a relationship is.
type tie int

const (
	noTie tie = iota
	maybeTie
	sureTie
)

// oracle judges requests by the policy and by what it was told of records and relationships. It shares no code with
// the product. It is safe for concurrent use.
type oracle struct {
	policy policy

	mu    sync.RWMutex
	facts map[string]fact
	ties  map[string]map[string]tie // by patient, and by subject, site or practitioner
	brief map[string]map[string]tie // as ties: by claims and emergencies
}

func newOracle(p policy) *oracle {
	return &oracle{
		policy: p, facts: map[string]fact{}, ties: map[string]map[string]tie{}, brief: map[string]map[string]tie{},
	}
}

// learn notes a record.
func (o *oracle) learn(id string, f fact) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.facts[id] = f
}

// forget drops what is known of a record, so that it may be named to anybody.
func (o *oracle) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.facts, id)
}

func (o *oracle) fact(id string) (fact, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	f, ok := o.facts[id]
	return f, ok
}

// relate notes that a person, a site or a practitioner is related to a patient, or may be from now on.
func (o *oracle) relate(patient, to string, how tie) {
	o.mu.Lock()
	defer o.mu.Unlock()
	bind(o.ties, patient, to, how)
}

// claims notes that a person has claimed a patient, or broken the glass, or may have from now on.
func (o *oracle) claims(patient, subject string, how tie) {
	o.mu.Lock()
	defer o.mu.Unlock()
	bind(o.brief, patient, subject, how)
}

func bind(ties map[string]map[string]tie, patient, to string, how tie) {
	if ties[patient] == nil {
		ties[patient] = map[string]tie{}
	}
	ties[patient][to] = max(how, ties[patient][to])
}

// related is how sure it is that the person is related to the patient.
func (o *oracle) related(who *person, org, patient string) tie {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return max(tied(o.ties[patient], who, org), tied(o.brief[patient], who, org))
}

// lasting is related without what claims and emergencies made.
func (o *oracle) lasting(who *person, org, patient string) tie {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return tied(o.ties[patient], who, org)
}

// tied is how sure the surest of the ties is that the person has.
func tied(ties map[string]tie, who *person, org string) tie {
	best, p := noTie, who.posts[org]
	for to, how := range ties {
		isSite := strings.HasPrefix(to, kindSite+"_")
		if to == who.subject || isSite && p.at(to) || to == p.practitioner {
			best = max(best, how)
		}
	}
	return best
}

// judge tells what must come of a request.
func (o *oracle) judge(a asked) verdict {
	r, ok := o.policy[a.row]
	switch {
	case !ok:
		return refused
	case r.public():
		return o.open(r, a)
	case r.outside():
		return unknown
	case a.who.token == "":
		return unknown
	case r.operator():
		if a.who.operator {
			return allow
		}
		return denied
	}
	org, v := o.organisation(a)
	if v != allow {
		return v
	}
	p, member := a.who.posts[org]
	if !member || p.left || !r.may(p.roles) {
		return denied
	}
	return o.slots(r, a, org)
}

// open judges what needs no log-in: a link leads somewhere for whoever has it, and what came back from Zoom is taken
// once, from where it was begun.
func (o *oracle) open(r rule, a asked) verdict {
	for i, s := range a.slots {
		f, ok := o.fact(s.id)
		known := ok && f.kind == s.kind
		switch to := r.of(i, s); {
		case s.id == "", known:
		case to == reachLink:
			return missing
		case to == reachState:
			return refused
		}
	}
	return allow
}

// organisation is the one that the request is about: the header chooses among those of the token.
func (o *oracle) organisation(a asked) (string, verdict) {
	mine := a.who.claims
	switch {
	case len(mine) == 0:
		return "", denied
	case a.org == "" && len(mine) == 1:
		return mine[0], allow
	case a.org == "" || !strings.HasPrefix(a.org, kindOrganisation+"_"):
		return "", refused
	case !slices.Contains(mine, a.org):
		return "", missing
	}
	return a.org, allow
}

// slots judges the ids of a request in their order. The first one decides what is answered; of what is wrong with the
// others it is only known that something is.
func (o *oracle) slots(r rule, a asked, org string) verdict {
	sure := true
	for i, s := range a.slots {
		if s.id == "" {
			continue
		}
		switch v := o.reaches(r.of(i, s), a, org, s); {
		case v == allow:
		case v == unsettled:
			sure = false
		case i == 0 && s.inPath:
			return v
		case s.inPath && sure:
			return v
		default:
			return refused
		}
	}
	if !sure {
		return unsettled
	}
	return allow
}

func (o *oracle) reaches(to reach, a asked, org string, s slot) verdict {
	f, ok := o.fact(s.id)
	if !ok || f.kind != s.kind || f.org != org {
		return missing
	}
	return o.within(to, a, org, f)
}

// within is how far somebody reaches within the organisation.
func (o *oracle) within(to reach, a asked, org string, f fact) verdict {
	here := a.who.posts[org]
	switch to {
	case reachOwn, reachPatient, reachNothing:
		return allow
	case reachPart:
		return f.partFor(a)
	case reachHost, reachSite:
		return f.atHand(to, a.who.subject, here)
	case reachLasting:
		return byTie(o.lasting(a.who, org, f.patient))
	case reachAppointment:
		if here.at(f.site) {
			return allow
		}
	case reachOverseen:
		if watches(here) {
			return allow
		}
	case reachRelated, reachSubject, reachLink, reachState:
	}
	return byTie(o.related(a.who, org, f.patient))
}

// atHand judges what is for the host of a room, and what nobody sees who works elsewhere.
func (f fact) atHand(to reach, subject string, here post) verdict {
	switch {
	case to == reachHost && subject != f.host:
		return denied
	case to == reachSite && !here.at(f.site):
		return missing
	}
	return allow
}

// partFor judges a part of a patient's record: it must be of the patient whom the request is about.
func (f fact) partFor(a asked) verdict {
	switch {
	case f.patient != patientOf(a.slots):
		return missing
	case f.by != "" && f.by != a.who.subject:
		return denied
	}
	return allow
}

func byTie(t tie) verdict {
	switch t {
	case sureTie:
		return allow
	case maybeTie:
		return unsettled
	case noTie:
	}
	return denied
}

// watches tells whether it is the person's part to watch over access.
func watches(p post) bool {
	return slices.Contains(p.roles, manager) || slices.Contains(p.roles, privacyOfficer)
}

// patientOf is the patient whom the request is about.
func patientOf(all []slot) string {
	for _, s := range all {
		if s.kind == kindPatient {
			return s.id
		}
	}
	return ""
}

// shows tells whether an answer may name a record to the person who asked for the organisation. Who named a patient in
// a request that is allowed may hear the id again.
func (o *oracle) shows(a asked, org, id string) bool {
	f, ok := o.fact(id)
	switch {
	case !ok:
		return true // made by the product meanwhile, or not of this world
	case f.org != org:
		return false
	case f.kind == kindTask:
		return a.who.posts[org].at(f.site)
	case f.kind == kindZoom:
		return f.by == a.who.subject
	case slices.ContainsFunc(a.slots, func(s slot) bool { return s.id == id && s.kind == kindPatient }):
		return o.judge(a) != denied
	case o.policy[a.row].wide || f.patient == "" || f.kind == kindAppointment || f.kind == kindHold:
		return true
	}
	return o.related(a.who, org, f.patient) != noTie
}

// loosen notes that whoever is related to the patients of the records in the slots may be so no longer.
func (o *oracle) loosen(slots []slot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range slots {
		for _, ties := range []map[string]map[string]tie{o.ties, o.brief} {
			for to := range ties[o.facts[s.id].patient] {
				ties[o.facts[s.id].patient][to] = maybeTie
			}
		}
	}
}

// mingle notes that the patients in the slots may become one: whoever is related to one may be related to the other.
func (o *oracle) mingle(slots []slot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range slots {
		for _, b := range slots {
			one, other := o.facts[a.id], o.facts[b.id]
			if a.id == b.id || one.kind != kindPatient || other.kind != kindPatient || one.org != other.org {
				continue
			}
			for _, ties := range []map[string]map[string]tie{o.ties, o.brief} {
				for to := range ties[b.id] {
					bind(ties, a.id, to, maybeTie)
				}
			}
		}
	}
}
