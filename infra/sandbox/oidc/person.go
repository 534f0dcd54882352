package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"unicode"

	"almanac/infra/sandbox"
)

// ErrPerson is wrapped by the errors about a person that cannot be added.
var ErrPerson = errors.New("person refused")

// Person is somebody one can log in as.
type Person struct {
	Subject  string   `json:"subject"`            // required: the sub of the tokens, never changes
	Name     string   `json:"name"`               // required
	Email    string   `json:"email,omitempty"`    // an invented address
	Groups   []string `json:"groups,omitempty"`   // cognito:groups: the organisations' IDs
	Operator bool     `json:"operator,omitempty"` // may also ask for ScopeOperate
	Note     string   `json:"note,omitempty"`     // what the page says below the name, such as "Reception, Elm Road"
}

// scopes are all a person may be granted.
func (p Person) scopes() []string {
	if p.Operator {
		return allScopes()
	}
	return slices.DeleteFunc(allScopes(), func(s string) bool { return s == ScopeOperate })
}

func allScopes() []string { return []string{"openid", "profile", "email", ScopeUse, ScopeOperate} }

// AddPerson adds a person, or changes the one with that subject. Tokens already given out stay as they are.
func (i *Issuer) AddPerson(p Person) error {
	if err := checkPerson(p); err != nil {
		return err
	}
	p.Groups = slices.Clone(p.Groups)
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := slices.IndexFunc(i.people, func(o Person) bool { return o.Subject == p.Subject }); n >= 0 {
		i.people[n] = p
		return nil
	}
	i.people = append(i.people, p)
	return nil
}

// RemovePerson forgets a person; their refresh tokens stop working. It reports whether there was one.
func (i *Issuer) RemovePerson(subject string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := len(i.people)
	i.people = slices.DeleteFunc(i.people, func(p Person) bool { return p.Subject == subject })
	return len(i.people) < before
}

// People lists everybody, in the order they were added.
func (i *Issuer) People() []Person {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.people)
}

func (i *Issuer) person(subject string) (Person, bool) {
	for _, p := range i.People() {
		if p.Subject == subject {
			return p, true
		}
	}
	return Person{}, false
}

func checkPerson(p Person) error {
	if p.Subject == "" || len(p.Subject) > 255 || strings.ContainsFunc(p.Subject, notVisibleASCII) {
		return fmt.Errorf("%w: subject %q is not 1 to 255 visible ASCII characters", ErrPerson, p.Subject)
	}
	if strings.TrimSpace(p.Name) == "" || strings.ContainsFunc(p.Name+p.Note, unicode.IsControl) {
		return fmt.Errorf("%w: %s: name or note is empty or has control characters", ErrPerson, p.Subject)
	}
	if p.Email != "" {
		if a, err := mail.ParseAddress(p.Email); err != nil || a.Address != p.Email {
			return fmt.Errorf("%w: %s: e-mail %q is not one bare address", ErrPerson, p.Subject, p.Email)
		}
	}
	for _, g := range p.Groups {
		if g == "" || strings.ContainsFunc(g, notVisibleASCII) {
			return fmt.Errorf("%w: %s: group %q", ErrPerson, p.Subject, g)
		}
	}
	return nil
}

func notVisibleASCII(r rune) bool { return r <= ' ' || r > '~' }

func (i *Issuer) listPeople(w http.ResponseWriter, _ *http.Request) {
	sandbox.WriteJSON(w, http.StatusOK, slices.Concat([]Person{}, i.People()))
}

func (i *Issuer) putPerson(w http.ResponseWriter, r *http.Request) {
	var p Person
	err := sandbox.ReadJSON(w, r, &p)
	if err == nil {
		err = i.AddPerson(p)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	sandbox.WriteJSON(w, http.StatusOK, p)
}

func (i *Issuer) deletePerson(w http.ResponseWriter, r *http.Request) {
	if !i.RemovePerson(r.PathValue("subject")) {
		fail(w, http.StatusNotFound, "not_found", "no such person")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
