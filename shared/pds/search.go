package pds

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"almanac/shared/nhsnumber"
	"almanac/shared/private"
)

// Query is a search for one person. Family and BirthDate are the least that is taken. A name or postcode may end in "*"
// after two characters. It prints as "[redacted]".
type Query struct {
	private.Hidden

	Family    string
	Given     []string // the first name, and those after it
	BirthDate string   // YYYY-MM-DD
	Postcode  string
	// History looks at old names and addresses too.
	History bool
}

// values are the parameters. A postcode goes out under its one name that is not deprecated; "*" as %2A, which
// url.Values sees to.
func (q Query) values() url.Values {
	v := url.Values{"family": {q.Family}, "birthdate": {"eq" + q.BirthDate}, "_max-results": {"1"}}
	if len(q.Given) > 0 {
		v["given"] = q.Given
	}
	if q.Postcode != "" {
		v.Set("address-postalcode", q.Postcode)
	}
	if q.History {
		v.Set("_history", "true")
	}
	return v
}

// Search looks for the one person that fits: Found with the number and what the search tells of the person, which is
// less than Get does; None; Many; Unusable; or Unsupported.
func (c *Client) Search(ctx context.Context, call Call, q Query) (Person, Outcome, error) {
	res, err := c.get(ctx, call, "Patient", q.values())
	if err != nil {
		return Person{}, "", err
	}
	var b bundle
	if res.Status != http.StatusOK || json.Unmarshal(res.Body, &b) != nil { // no answer to a search is a 404
		return Person{}, "", unreadable(res.Status)
	}
	if b.ResourceType == "OperationOutcome" {
		if codingOf(res.Body) == codeTooMany {
			return Person{}, Many, nil
		}
		return Person{}, Unsupported, nil
	}
	p, outcome, ok := b.match()
	if !ok {
		return Person{}, "", unreadable(res.Status)
	}
	return p, outcome, nil
}

// match reads a bundle; false if it is none that a search gives.
func (b bundle) match() (Person, Outcome, bool) {
	switch {
	case b.ResourceType != "Bundle" || b.Total == nil:
		return Person{}, "", false
	case *b.Total == 0 && len(b.Entry) == 0:
		return Person{}, None, true
	case *b.Total > 1 || len(b.Entry) > 1:
		return Person{}, Many, true
	case len(b.Entry) == 0 || b.Entry[0].Resource.ResourceType != "Patient":
		return Person{}, "", false
	}
	p := b.Entry[0].Resource.person()
	if p.Number.IsZero() {
		return Person{}, Unusable, true
	}
	return p, Found, true
}

// bundle is what a search gives. How well a match fits is told too and not read: it is for nobody to see.
type bundle struct {
	ResourceType string `json:"resourceType"`
	Total        *int   `json:"total"`
	Entry        []struct {
		Resource resource `json:"resource"`
	} `json:"entry"`
}

// Relation is somebody who is related to a person: by number where the service knows it.
type Relation struct {
	private.Hidden

	ID     string
	Number nhsnumber.Number
	Codes  []string // of the relationships, such as Guardian
	Names  []Name
	Period Period
}

// RelatedPeople lists who is related to a person: Found, with nobody too, or NotFound for an unknown number.
func (c *Client) RelatedPeople(ctx context.Context, call Call, number nhsnumber.Number) ([]Relation, Outcome, error) {
	res, err := c.get(ctx, call, "Patient/"+number.Digits()+"/RelatedPerson", nil)
	if err != nil {
		return nil, "", err
	}
	switch {
	case res.Status != http.StatusOK && codingOf(res.Body) == codeInvalidated:
		return nil, Invalidated, nil
	case res.Status != http.StatusOK:
		return nil, NotFound, nil
	}
	var b struct {
		ResourceType string `json:"resourceType"`
		Entry        []struct {
			Resource relatedPerson `json:"resource"`
		} `json:"entry"`
	}
	if json.Unmarshal(res.Body, &b) != nil || b.ResourceType != "Bundle" {
		return nil, "", unreadable(res.Status)
	}
	out := make([]Relation, 0, len(b.Entry))
	for _, e := range b.Entry {
		out = append(out, e.Resource.relation())
	}
	return out, Found, nil
}

type relatedPerson struct {
	ID      string `json:"id"`
	Patient struct {
		Identifier struct {
			Value string `json:"value"`
		} `json:"identifier"`
	} `json:"patient"`
	Relationship []concept   `json:"relationship"`
	Name         []humanName `json:"name"`
	Period       period      `json:"period"`
}

func (r relatedPerson) relation() Relation {
	out := Relation{ID: r.ID, Period: r.Period.read()}
	if n, err := nhsnumber.Parse(r.Patient.Identifier.Value); err == nil {
		out.Number = n
	}
	for _, c := range r.Relationship {
		for _, code := range c.Coding {
			out.Codes = append(out.Codes, code.Code)
		}
	}
	for _, n := range r.Name {
		out.Names = append(out.Names, Name{
			Use: n.Use, Prefix: n.Prefix, Given: n.Given, Family: n.Family, Suffix: n.Suffix, Period: n.Period.read(),
		})
	}
	return out
}
