package main

import (
	"fmt"
	"strings"
)

// policyText is who may do what, written down from what the product promises and not from its code: a line a route,
// with the roles that may (r receptionist, c clinician, m manager, p privacy officer; * everybody, o the operator, z
// Zoom alone, which has no log-in here), and how far they reach with the ids that the request names:
//
//	own           records of the caller's organisation, at whichever site
//	related       patients with whom the caller has a relationship
//	lasting       as related, but a claim or an emergency is not enough
//	patient       patients of the caller's organisation: searching, booking and claiming need no relationship
//	appointment   appointments at a site where the caller works, and those of related patients
//	subject       records about a patient with whom the caller has a relationship
//	part          records of the patient in the path
//	overseen      as related, but for those who watch over access (m, p): as patient
//	host          appointments whose room is in the caller's own account
//	site          what there is at a site where the caller works; the rest is as if it were not there
//	link          links that somebody was given: no log-in is asked for
//	state         what a browser was sent to Zoom with, until it is back
//
// The first word is for the first id of the path; further ones follow as name:word. Without one, an id that names a
// patient is "patient", any other one "own", and further ids in the path are "part". The word "wide" lets the answer
// name patients with whom the caller has no relationship: those found by a search, those whom oversight is about, and
// what a list without anything of a person is about.
const policyText = `
GET    /docs                                                 *     -
GET    /healthz                                              *     -
GET    /v1/openapi.json                                      *     -

POST   /v1/organisations                                     o     -
GET    /v1/organisation                                      rcmp  -
PUT    /v1/organisation                                      m     -
GET    /v1/me                                                rcmp  -
GET    /v1/sites                                             rcmp  -
POST   /v1/sites                                             m     -
GET    /v1/sites/{id}                                        rcmp  own
PUT    /v1/sites/{id}                                        m     own
GET    /v1/rooms                                             rcmp  -
POST   /v1/rooms                                             m     -
GET    /v1/rooms/{id}                                        rcmp  own
PUT    /v1/rooms/{id}                                        m     own
GET    /v1/services                                          rcmp  -
POST   /v1/services                                          m     -
GET    /v1/services/{id}                                     rcmp  own
PUT    /v1/services/{id}                                     m     own
GET    /v1/practitioners                                     rcmp  -
POST   /v1/practitioners                                     m     -
GET    /v1/practitioners/{id}                                rcmp  own
PUT    /v1/practitioners/{id}                                m     own
GET    /v1/staff                                             mp    -
POST   /v1/staff                                             m     -
GET    /v1/staff/{id}                                        mp    own
PUT    /v1/staff/{id}                                        m     own
GET    /v1/leave                                             rcmp  -
POST   /v1/leave                                             rcm   -
DELETE /v1/leave/{id}                                        rcm   own

GET    /v1/availability                                      rcm   -
POST   /v1/holds                                             rcm   -
POST   /v1/holds/{id}/renew                                  rcm   own
DELETE /v1/holds/{id}                                        rcm   own
POST   /v1/appointments                                      rcm   -            onBehalf:part
GET    /v1/appointments/{id}                                 rcm   appointment
POST   /v1/appointments/{id}/move                            rcm   appointment
POST   /v1/appointments/{id}/cancel                          rcm   appointment
POST   /v1/appointments/{id}/status                          rcm   appointment
GET    /v1/appointments/{id}/messages                        rcm   appointment
GET    /v1/appointments/{id}/history                         rcm   appointment
GET    /v1/practitioners/{id}/appointments                   rcm   own
GET    /v1/patients/{id}/appointments                        rcm   related

POST   /v1/patients                                          rm    -
POST   /v1/patients/search                                   rcm   -            wide
GET    /v1/patients/{id}                                     rcm   related
PUT    /v1/patients/{id}                                     rcm   related
GET    /v1/patients/{id}/duplicates                          rcm   related      wide
POST   /v1/patients/{id}/merge                               m     lasting      patientId:lasting
POST   /v1/patients/{id}/unmerge                             m     lasting      patientId:lasting
POST   /v1/patients/{id}/representatives                     rcm   lasting
DELETE /v1/patients/{id}/representatives/{representative}    rcm   related
POST   /v1/patients/{id}/exports                             cm    related
GET    /v1/patients/{id}/nhs-number                          rcm   related
POST   /v1/patients/{id}/nhs-number/trace                    rcm   related
PUT    /v1/patients/{id}/nhs-number/objection                rcm   related
DELETE /v1/patients/{id}/nhs-number/objection                rcm   related
GET    /v1/nhs-number-reviews                                rcm   -            wide
GET    /v1/nhs-number-reviews/{id}                           rcm   subject
POST   /v1/nhs-number-reviews/{id}/decide                    rcm   subject

GET    /v1/patients/{id}/relationships                       rcmp  overseen     wide
POST   /v1/patients/{id}/relationships                       rcm   lasting
DELETE /v1/patients/{id}/relationships/{relationship}        rcmp  overseen
POST   /v1/patients/{id}/claim                               rcmp  patient
POST   /v1/patients/{id}/break-glass                         cm    patient
GET    /v1/patients/{id}/access-log                          mp    patient      wide
GET    /v1/alerts                                            mp    -            wide
GET    /v1/alerts/{id}                                       mp    own          wide
POST   /v1/alerts/{id}/review                                mp    own          wide

GET    /v1/consent-texts                                     rcmp  -
POST   /v1/consent-texts                                     m     -
GET    /v1/patients/{id}/consents                            rcm   related
POST   /v1/patients/{id}/consents                            rcm   related
POST   /v1/patients/{id}/consents/{consent}/withdraw         rcm   related
GET    /v1/patients/{id}/disclosures                         rcm   related
POST   /v1/patients/{id}/disclosures                         rcm   related
POST   /v1/patients/{id}/record-views                        cm    related
GET    /v1/patients/{id}/record-views/{view}                 cm    related

POST   /v1/uploads                                           m     -
GET    /v1/uploads                                           m     -
GET    /v1/uploads/{id}                                      m     own
POST   /v1/uploads/{id}/start                                m     own
GET    /v1/uploads/{id}/report                               m     own          wide

GET    /v1/connections                                       rcm   -
POST   /v1/connections/zoom                                  rcm   -
DELETE /v1/connections/zoom                                  rcm   -
POST   /v1/connections/zoom-admin                            m     -
DELETE /v1/connections/zoom-admin                            m     -
POST   /v1/staff/{subject}/zoom-user                         m     own
GET    /v1/appointments/{id}/video                           rcm   appointment
GET    /v1/appointments/{id}/video/log                       rcm   appointment
POST   /v1/appointments/{id}/video/email                     rcm   appointment
POST   /v1/appointments/{id}/video/start                     rcm   host
GET    /v1/tasks                                             rcm   -
GET    /v1/tasks/{id}                                        rcm   site
POST   /v1/tasks/{id}/done                                   rcm   site

GET    /v/{token}                                            *     link
GET    /v/{token}/join                                       *     -
POST   /v/{token}/join                                       *     link
GET    /zoom/callback                                        *     -            state:state
POST   /zoom/events                                          z     -
`

// reach is how far an id in a request may point.
type reach string

const (
	reachNothing     reach = "-"
	reachOwn         reach = "own"
	reachRelated     reach = "related"
	reachLasting     reach = "lasting"
	reachPatient     reach = "patient"
	reachAppointment reach = "appointment"
	reachSubject     reach = "subject"
	reachPart        reach = "part"
	reachOverseen    reach = "overseen"
	reachHost        reach = "host"
	reachSite        reach = "site"
	reachLink        reach = "link"
	reachState       reach = "state"
)

// rule is one line of the policy.
type rule struct {
	roles string
	first reach
	named map[string]reach
	wide  bool
}

func (r rule) public() bool   { return r.roles == "*" }
func (r rule) operator() bool { return r.roles == "o" }
func (r rule) outside() bool  { return r.roles == "z" }

// may tells whether one of the roles is among those that may.
func (r rule) may(roles []string) bool {
	for _, role := range roles {
		if strings.Contains(r.roles, letter(role)) {
			return true
		}
	}
	return false
}

// letter is how the policy writes a role.
func letter(role string) string { return role[:1] }

// of is how far the id in that place reaches.
func (r rule) of(i int, s slot) reach {
	if named, ok := r.named[s.name]; ok {
		return named
	}
	switch {
	case i == 0 && s.inPath:
		return r.first
	case s.inPath:
		return reachPart
	case s.kind == kindPatient:
		return reachPatient
	}
	return reachOwn
}

// policy is the whole of it, by route.
type policy map[string]rule

func newPolicy(text string) (policy, error) {
	out := policy{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 4 {
			return nil, fmt.Errorf("policy: %q has no roles or no reach", strings.TrimSpace(line))
		}
		r := rule{roles: words[2], first: reach(words[3]), named: map[string]reach{}}
		for _, word := range words[4:] {
			name, reaches, ok := strings.Cut(word, ":")
			switch {
			case ok:
				r.named[name] = reach(reaches)
			case word == "wide":
				r.wide = true
			default:
				return nil, fmt.Errorf("policy: %q is not understood", word)
			}
		}
		row := words[0] + " " + words[1]
		if _, twice := out[row]; twice {
			return nil, fmt.Errorf("policy: %s twice", row)
		}
		out[row] = r
	}
	return out, nil
}
