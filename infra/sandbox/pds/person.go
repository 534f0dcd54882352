package pds

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"
)

// Person is one invented record. Dates are FHIR dates: yyyy, yyyy-mm or yyyy-mm-dd. The zero value of a field means
// that the record does not have it.
type Person struct {
	Number     string // required: ten digits with a good check digit, of the range 999
	Version    int    // versionId; 0: 1. Each change adds one.
	Security   string // confidentiality code: U (also when empty), R or V
	NoSecurity bool   // meta has no security label at all
	Names      []Name
	Gender     string
	BirthDate  string
	Birth      int // multipleBirthInteger; 0: none
	Death      Death
	Practice   Practice
	Removed    string // code of RemovalFromRegistration: DEA, EMB, SCT, NIT, TRA, ORR
	Addresses  []Address
	Telecoms   []Telecom
	Emergency  string // telephone number of the emergency contact
	Pharmacy   string // ODS code
	BirthPlace string
	Related    []Related

	SupersededBy string // GET gives that person; searches never find this one
	Invalidated  bool   // GET says so; searches never find this one
	Hidden       bool   // as if not there
	FoundAs      string // what a search gives as id instead of the number: one with a wrong check digit
	Unclear      bool   // a search that finds only this person answers a warning without any code

	About string // what this person is here to show, for the page
}

// Name is one name. Use is usual, temp, nickname, old or maiden.
type Name struct {
	Use            string
	Prefix, Given  []string
	Family, Suffix string
	Start, End     string
}

// Address is one address. Use is home, temp, billing or work.
type Address struct {
	Use        string
	Lines      []string
	Postcode   string
	Start, End string
}

// Telecom is one way to reach somebody. System is phone, email, fax or other.
type Telecom struct {
	System, Value, Use string
	Start, End         string
}

// Practice is the general practice somebody is or was registered with.
type Practice struct{ ODS, Start, End string }

// Death is what is known of somebody's death. Status is 1 informal, 2 formal, U removed: not dead after all.
type Death struct{ At, Status string }

// Related is somebody close to the patient.
type Related struct {
	Role  string // code of the relationship, such as Guardian
	Name  Name   // empty: only the link is known
	Phone string
}

// Numbers gives the numbers of the range 999 that have a good check digit, 999 000 0018 first.
func Numbers() iter.Seq[string] {
	return func(yield func(string) bool) {
		for prefix := 999_000_001; prefix <= 999_999_999; prefix++ {
			digits := strconv.Itoa(prefix)
			if check := checkDigit(digits); check < 10 && !yield(digits+strconv.Itoa(check)) {
				return
			}
		}
	}
}

// Number returns the n-th of Numbers, from 1. For many, range over Numbers.
func Number(n int) string {
	for number := range Numbers() {
		if n--; n == 0 {
			return number
		}
	}
	return ""
}

// checkDigit works out the tenth digit of nine; 10 means that there is none.
func checkDigit(nine string) int {
	sum := 0
	for n := range 9 {
		sum += int(nine[n]-'0') * (10 - n)
	}
	return (11 - sum%11) % 11
}

// GoodNumber tells whether a text is ten ASCII digits with a good check digit. Like the real service, it takes ten
// equal digits.
func GoodNumber(s string) bool {
	if len(s) != 10 || slices.ContainsFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' }) {
		return false
	}
	return checkDigit(s[:9]) == int(s[9]-'0')
}

// open tells whether everything about the person may be shown.
func (p *Person) open() bool { return p.Security == "" || p.Security == "U" }

// clone copies a person with all that can be changed.
func (p *Person) clone() Person {
	c := *p
	c.Names, c.Addresses, c.Telecoms = slices.Clone(p.Names), slices.Clone(p.Addresses), slices.Clone(p.Telecoms)
	c.Related = slices.Clone(p.Related)
	return c
}

// Add puts a person in, or replaces the one with the same number.
func (s *Server) Add(p Person) error {
	switch {
	case !GoodNumber(p.Number) || p.Number[:3] != "999":
		return fmt.Errorf("%w: the number is not a good one of the range 999", ErrPerson)
	case !slices.Contains([]string{"", "U", "R", "V"}, p.Security):
		return fmt.Errorf("%w: security %q is none of U, R, V", ErrPerson, p.Security)
	}
	if p.Version == 0 {
		p.Version = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people[p.Number] == nil {
		s.order = append(s.order, p.Number)
	}
	c := p.clone()
	s.people[p.Number] = &c
	return nil
}

// Person returns the record of a number as it is now.
func (s *Server) Person(number string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[number]
	if !ok {
		return Person{}, false
	}
	return p.clone(), true
}

// Everybody returns all people, as added.
func (s *Server) Everybody() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Person
	for _, number := range s.order {
		list = append(list, s.people[number].clone())
	}
	return list
}

// Change does something to a person's record and gives it the next version.
func (s *Server) Change(number string, change func(p *Person)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.people[number]
	if !ok {
		return fmt.Errorf("%w: there is no such person", ErrPerson)
	}
	change(p)
	p.Number = number
	p.Version++
	return nil
}

// Restrict makes a record restricted (R), as when somebody's location must be protected.
func (s *Server) Restrict(number string) error {
	return s.Change(number, func(p *Person) { p.Security = "R" })
}

// Unrestrict opens a record again.
func (s *Server) Unrestrict(number string) error {
	return s.Change(number, func(p *Person) { p.Security = "U" })
}

// Die records a death today: informal (status 1) until the registrar's notice makes it formal (2).
func (s *Server) Die(number string, formal bool) error {
	today := s.now().UTC().Format(time.DateOnly)
	return s.Change(number, func(p *Person) {
		p.Death = Death{At: today + "T00:00:00+00:00", Status: "1"}
		if formal {
			p.Death.Status = "2"
		}
	})
}

// Undie removes a death that was recorded by mistake: the status becomes U and the date goes.
func (s *Server) Undie(number string) error {
	return s.Change(number, func(p *Person) { p.Death = Death{Status: "U"} })
}

// Supersede makes a number lead to another person's record from now on; merging two records does the same.
func (s *Server) Supersede(number, by string) error {
	if _, ok := s.Person(by); !ok || by == number {
		return fmt.Errorf("%w: there is nobody else with the new number", ErrPerson)
	}
	return s.Change(number, func(p *Person) { p.SupersededBy = by })
}

// Renumber gives somebody a new number and makes the old one lead to it. It returns the new one.
func (s *Server) Renumber(number string) (string, error) {
	p, ok := s.Person(number)
	if !ok {
		return "", fmt.Errorf("%w: there is no such person", ErrPerson)
	}
	next := s.free()
	p.Number, p.Version, p.FoundAs, p.About = next, 1, "", "The new number of "+number+"."
	if err := s.Add(p); err != nil {
		return "", err
	}
	return next, s.Supersede(number, next)
}

// free finds a number nobody has.
func (s *Server) free() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(s.order) + 1; ; n++ {
		if number := Number(n); s.people[number] == nil {
			return number
		}
	}
}

// Invalidate withdraws a number without a successor.
func (s *Server) Invalidate(number string) error {
	return s.Change(number, func(p *Person) { p.Invalidated = true })
}

// Move ends the home address yesterday and adds the new one from today.
func (s *Server) Move(number string, to Address) error {
	now := s.now().UTC()
	return s.Change(number, func(p *Person) {
		for n := range p.Addresses {
			if p.Addresses[n].Use == "home" && p.Addresses[n].End == "" {
				p.Addresses[n].End = now.AddDate(0, 0, -1).Format(time.DateOnly)
			}
		}
		to.Use, to.Start = "home", now.Format(time.DateOnly)
		p.Addresses = append([]Address{to}, p.Addresses...)
	})
}
