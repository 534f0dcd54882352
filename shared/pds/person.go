package pds

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"almanac/shared/nhsnumber"
	"almanac/shared/private"
)

// Outcome is what an answer says.
type Outcome string

// The outcomes. The last three are of searches.
const (
	Found       Outcome = "found"
	NotFound    Outcome = "not-found"   // there is no such number
	Invalidated Outcome = "invalidated" // the number was withdrawn, and nothing took its place
	None        Outcome = "none"
	Many        Outcome = "many"        // no unique match
	Unusable    Outcome = "unusable"    // a match whose number cannot be one
	Unsupported Outcome = "unsupported" // an outcome without any code: the service did not search
)

// Person is what the service holds about somebody. It prints as "[redacted]".
type Person struct {
	private.Hidden

	// Number is the person's: another one than was asked for where that was superseded.
	Number    nhsnumber.Number
	VersionID string
	// Restricted says that the person's whereabouts are protected: everything but the code U, no code at all included.
	Restricted  bool
	Names       []Name
	BirthDate   string // YYYY, YYYY-MM or YYYY-MM-DD
	Gender      string
	Multiple    bool   // a twin, a triplet
	Deceased    string // a date of any precision; empty where there is none
	DeathStatus string // 1 informal, 2 formal, U removed; empty where there is none
	Addresses   []Address
	Telecoms    []Telecom
	Practice    Practice
}

// Period is from when until when something holds; either may be empty.
type Period struct{ Start, End string }

// Name is a name of a person.
type Name struct {
	Use                   string
	Prefix, Given, Suffix []string
	Family                string
	Period                Period
}

// Address is where a person lives or gets letters.
type Address struct {
	Use      string
	Lines    []string
	Postcode string
	Period   Period
}

// Telecom is how a person can be reached.
type Telecom struct {
	System, Value, Use string
	Period             Period
}

// Practice is the general practice that a person is, or was, registered with.
type Practice struct {
	ODS    string
	Period Period
	// Removed says why the person is no longer registered with any practice, as a code such as SCT; empty if not.
	Removed string
}

// Get reads a person by number: Found, NotFound or Invalidated.
func (c *Client) Get(ctx context.Context, call Call, number nhsnumber.Number) (Person, Outcome, error) {
	res, err := c.get(ctx, call, "Patient/"+number.Digits(), nil)
	if err != nil {
		return Person{}, "", err
	}
	if res.Status == http.StatusNotFound {
		if codingOf(res.Body) == codeInvalidated {
			return Person{}, Invalidated, nil
		}
		return Person{}, NotFound, nil
	}
	var r resource
	if json.Unmarshal(res.Body, &r) != nil || r.ResourceType != "Patient" {
		return Person{}, "", unreadable(res.Status)
	}
	p := r.person()
	if p.VersionID == "" {
		p.VersionID = version(res.Header)
	}
	if p.Number.IsZero() {
		return Person{}, Unusable, nil
	}
	return p, Found, nil
}

// version is the record's version as the ETag has it, a weak one: W/"2".
func version(h http.Header) string {
	tag := strings.TrimPrefix(h.Get("ETag"), "W/")
	return strings.Trim(tag, `"`)
}

type coding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

type concept struct {
	Coding []coding `json:"coding"`
}

func (c concept) code() string {
	if len(c.Coding) == 0 {
		return ""
	}
	return c.Coding[0].Code
}

type period struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type extension struct {
	URL       string      `json:"url"`
	Concept   concept     `json:"valueCodeableConcept"`
	Period    period      `json:"valuePeriod"`
	Extension []extension `json:"extension"`
}

// within finds the code of the named part of the named extension.
func within(all []extension, url, part string) string {
	for _, e := range all {
		if !strings.HasSuffix(e.URL, "/"+url) {
			continue
		}
		for _, p := range e.Extension {
			if p.URL == part {
				return p.Concept.code()
			}
		}
	}
	return ""
}

type humanName struct {
	Use    string   `json:"use"`
	Period period   `json:"period"`
	Prefix []string `json:"prefix"`
	Given  []string `json:"given"`
	Family string   `json:"family"`
	Suffix []string `json:"suffix"`
}

// resource is the part of a FHIR Patient that is read.
type resource struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
	Meta         struct {
		VersionID string   `json:"versionId"`
		Security  []coding `json:"security"`
	} `json:"meta"`
	Name      []humanName `json:"name"`
	Gender    string      `json:"gender"`
	BirthDate string      `json:"birthDate"`
	Deceased  string      `json:"deceasedDateTime"`
	Multiple  int         `json:"multipleBirthInteger"`
	Address   []struct {
		Use      string   `json:"use"`
		Period   period   `json:"period"`
		Line     []string `json:"line"`
		Postcode string   `json:"postalCode"`
	} `json:"address"`
	Telecom []struct {
		System string `json:"system"`
		Value  string `json:"value"`
		Use    string `json:"use"`
		Period period `json:"period"`
	} `json:"telecom"`
	Practitioner []struct {
		Identifier struct {
			Value  string `json:"value"`
			Period period `json:"period"`
		} `json:"identifier"`
	} `json:"generalPractitioner"`
	Extension []extension `json:"extension"`
}

const (
	unrestricted = "U"
	extDeath     = "Extension-UKCore-DeathNotificationStatus"
	extRemoval   = "Extension-PDS-RemovalFromRegistration"
)

// person reads the resource. A number that is none is left zero.
func (r resource) person() Person {
	number, err := nhsnumber.Parse(r.ID)
	if err != nil {
		number = nhsnumber.Number{}
	}
	p := Person{
		Number: number, VersionID: r.Meta.VersionID,
		Restricted: len(r.Meta.Security) == 0,
		BirthDate:  date(r.BirthDate), Gender: r.Gender, Multiple: r.Multiple > 0,
		Deceased: date(r.Deceased), DeathStatus: within(r.Extension, extDeath, "deathNotificationStatus"),
	}
	for _, s := range r.Meta.Security {
		p.Restricted = p.Restricted || s.Code != unrestricted
	}
	for _, n := range r.Name {
		p.Names = append(p.Names, Name{
			Use: n.Use, Prefix: n.Prefix, Given: n.Given, Family: n.Family, Suffix: n.Suffix, Period: n.Period.read(),
		})
	}
	for _, a := range r.Address {
		p.Addresses = append(p.Addresses, Address{
			Use: a.Use, Lines: a.Line, Postcode: a.Postcode, Period: a.Period.read(),
		})
	}
	for _, t := range r.Telecom {
		p.Telecoms = append(p.Telecoms, Telecom{System: t.System, Value: t.Value, Use: t.Use, Period: t.Period.read()})
	}
	if len(r.Practitioner) > 0 {
		id := r.Practitioner[0].Identifier
		p.Practice = Practice{
			ODS: id.Value, Period: id.Period.read(),
			Removed: within(r.Extension, extRemoval, "removalFromRegistrationCode"),
		}
	}
	return p
}

func (p period) read() Period { return Period{date(p.Start), date(p.End)} }

// date cuts a date-time down to its date. A date of year or month alone stays as it is.
func date(s string) string {
	day, _, _ := strings.Cut(s, "T")
	return day
}
