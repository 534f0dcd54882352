package patient

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"almanac/shared/clinic"
	"almanac/shared/nhsnumber"
	"almanac/shared/wall"
)

// Bounds of what is taken. Names are as long as PDS takes them, each part of them.
const (
	maxNames     = 20
	maxParts     = 5
	maxPart      = 35
	maxAddresses = 20
	maxLines     = 5
	maxLine      = 100
	maxContacts  = 20
	maxAlerts    = 20
	maxAlert     = 200
	maxNote      = 1000
	minODS       = 3
	maxODS       = 10
)

// earliest is a year in which nobody living was born.
const earliest = "1880"

// home is the zone whose calendar says what day it is.
const home = "Europe/London"

// today is the date in the UK.
func (s *Service) today() (string, error) {
	zone, err := wall.Zone(home)
	if err != nil {
		return "", err
	}
	return s.now().In(zone).Format(time.DateOnly), nil
}

// check gathers what is wrong with a record.
type check struct {
	clinic.Check
	today  string
	issued bool
}

// checked is the record as it is stored, or a refusal with all that is wrong with it.
func (s *Service) checked(p Patient) (Patient, error) {
	today, err := s.today()
	if err != nil {
		return p, err
	}
	c := check{today: today, issued: s.issued}
	p = p.clone()
	c.names(p.Names)
	p.BirthDate = c.past("/birthDate", p.BirthDate)
	if p.Sex == "" {
		p.Sex = UnknownSex
	}
	c.Choice("/sex", p.Sex, Sexes()...)
	c.addresses(p.Addresses)
	c.contacts("/contacts", p.Contacts)
	c.practice(p.Practice)
	c.number(p.Number)
	c.death(p.Death, p.BirthDate)
	c.alerts(p.Alerts)
	p.BookingNote = c.note("/bookingNote", p.BookingNote)
	return p, c.Err()
}

func (c *check) names(names []Name) {
	if !c.Count("/names", len(names), 1, maxNames) {
		return
	}
	usual := false
	for i := range names {
		at := "/names/" + strconv.Itoa(i)
		if usual && names[i].Use == Usual {
			c.Refuse("not_unique", at+"/use", "There can be one usual name only.")
		}
		usual = usual || names[i].Use == Usual
		c.name(at, &names[i])
	}
	if !usual {
		c.Refuse("required", "/names", "One of the names must be the usual one.")
	}
}

func (c *check) name(at string, n *Name) {
	c.Choice(at+"/use", n.Use, NameUses()...)
	c.words(at+"/prefix", n.Prefix)
	c.words(at+"/given", n.Given)
	c.words(at+"/suffix", n.Suffix)
	if strings.TrimSpace(clinic.WithoutBidi(n.Family)) == "" && len(n.Given) == 0 {
		c.Refuse("required", at, "A family name or a given name must be given.")
	}
	n.Family = c.word(at+"/family", n.Family, 0)
	c.period(at, n.Start, n.End)
}

func (c *check) words(at string, words []string) {
	if !c.Count(at, len(words), 0, maxParts) {
		return
	}
	for i := range words {
		words[i] = c.word(at+"/"+strconv.Itoa(i), words[i], 1)
	}
}

// word checks a part of a name, which holds a letter if it holds anything. Runs of spaces become one, so that one name
// is not written in two ways that look the same.
func (c *check) word(at, value string, least int) string {
	value = c.Line(at, clinic.WithoutBidi(value), least, maxPart)
	if value != "" && !strings.ContainsFunc(value, unicode.IsLetter) {
		c.Refuse("wrong_format", at, "Must hold a letter.")
	}
	return strings.Join(strings.Fields(value), " ")
}

func (c *check) addresses(addresses []Address) {
	if !c.Count("/addresses", len(addresses), 0, maxAddresses) {
		return
	}
	for i := range addresses {
		a, at := &addresses[i], "/addresses/"+strconv.Itoa(i)
		c.Choice(at+"/use", a.Use, AddressUses()...)
		if c.Count(at+"/lines", len(a.Lines), 0, maxLines) {
			for j, l := range a.Lines {
				a.Lines[j] = c.Line(at+"/lines/"+strconv.Itoa(j), clinic.WithoutBidi(l), 1, maxLine)
			}
		}
		if a.Postcode == "" && len(a.Lines) == 0 {
			c.Refuse("required", at, "Lines or a postcode must be given.")
		}
		a.Postcode = c.postcode(at+"/postcode", a.Postcode)
		c.period(at, a.Start, a.End)
	}
}

// postcode checks a postcode. Empty is taken.
func (c *check) postcode(at, value string) string {
	code, ok := Postcode(value)
	if !ok && value != "" {
		c.Refuse("wrong_format", at, "Must be a UK postcode, such as SW1A 2AA; ZZ99 3VZ stands for no fixed abode, "+
			"ZZ99 3WZ for not known. Write one of another country into the lines.")
	}
	return code
}

func (c *check) contacts(under string, contacts []Contact) {
	if !c.Count(under, len(contacts), 0, maxContacts) {
		return
	}
	for i := range contacts {
		k, at := &contacts[i], under+"/"+strconv.Itoa(i)
		c.Choice(at+"/system", k.System, Systems()...)
		if k.Use != "" {
			c.Choice(at+"/use", k.Use, ContactUses()...)
		}
		k.Value = clinic.WithoutBidi(k.Value)
		switch {
		case k.Value == "":
			c.Refuse("required", at+"/value", "Must be given.")
		case k.System == Email:
			k.Value = c.Email(at+"/value", k.Value)
		default:
			k.Value = c.Phone(at+"/value", k.Value)
		}
		c.period(at, k.Start, k.End)
	}
}

func (c *check) practice(p *Practice) {
	if p == nil {
		return
	}
	p.ODSCode = strings.ToUpper(strings.TrimSpace(p.ODSCode))
	notCode := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	if len(p.ODSCode) < minODS || len(p.ODSCode) > maxODS || strings.ContainsFunc(p.ODSCode, notCode) {
		c.Refuse("wrong_format", "/practice/odsCode", "Must be an ODS code, such as A81001.")
		p.ODSCode = ""
	}
	c.period("/practice", p.Start, p.End)
}

// number checks a number, where there is one: a record may hold nothing but past ones.
func (c *check) number(n *Number) {
	if n == nil || n.Value == "" {
		return
	}
	parsed, err := nhsnumber.Parse(n.Value)
	switch {
	case err != nil:
		refuseNumber(&c.Check, err)
	case c.issued && !parsed.Issued():
		c.Refuse("test_number", "/nhsNumber", "This number is kept for tests: nobody has it.")
	}
	n.Value = parsed.Digits()
}

// refuseNumber says what nhsnumber.Parse found wrong with a number.
func refuseNumber(c *clinic.Check, err error) {
	if errors.Is(err, nhsnumber.ErrCheck) {
		c.Refuse("wrong_check_digit", "/nhsNumber",
			"The last digit does not belong to the others: a digit is wrong, or two are swapped.")
		return
	}
	c.Refuse("wrong_format", "/nhsNumber", "Must be an NHS number: ten digits, with or without spaces.")
}

func (c *check) death(d *Death, born string) {
	if d == nil {
		return
	}
	if d.Status == "" {
		d.Status = Informal
	}
	c.Choice("/death/status", d.Status, Informal, Formal)
	d.On = c.past("/death/on", d.On)
	if d.On != "" && born != "" && d.On < born[:min(len(born), len(d.On))] {
		c.Refuse("ends_too_early", "/death/on", "Must not be before the birth.")
	}
}

func (c *check) alerts(alerts []Alert) {
	if !c.Count("/alerts", len(alerts), 0, maxAlerts) {
		return
	}
	for i := range alerts {
		a, at := &alerts[i], "/alerts/"+strconv.Itoa(i)
		c.Choice(at+"/kind", a.Kind, AlertKinds()...)
		a.Text = c.Line(at+"/text", clinic.WithoutBidi(a.Text), 1, maxAlert)
		c.period(at, a.Start, a.End)
	}
}

// note checks a text of several lines.
func (c *check) note(at, value string) string {
	value = strings.ReplaceAll(clinic.WithoutBidi(value), "\r\n", "\n")
	if c.Line(at, strings.ReplaceAll(value, "\n", " "), 0, maxNote) == "" {
		return ""
	}
	return norm.NFC.String(strings.TrimSpace(value))
}

// period checks two dates, either of which may be left out.
func (c *check) period(at, start, end string) {
	for name, day := range map[string]string{"/start": start, "/end": end} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			c.Refuse("wrong_format", at+name, "Must be a date that exists, such as 2026-11-21.")
		}
	}
	if start != "" && end != "" && end < start {
		c.Refuse("ends_too_early", at+"/end", "Must not be before the start.")
	}
}

// past checks a date of which only the year, or the year and the month, may be known, and which is not to come.
func (c *check) past(at, value string) string {
	switch {
	case value == "":
	case !partial(value):
		c.Refuse("wrong_format", at, "Must be a date that exists, such as 1975-11-21, or as much of it as is known: "+
			"1975-11 or 1975.")
		return ""
	case value < earliest:
		c.Refuse("too_early", at, "Must be "+earliest+" or later.")
	case value > c.today[:len(value)]:
		c.Refuse("in_the_future", at, "Must not be in the future.")
	}
	return value
}

// partial tells whether the text is a date of which the day, or the month too, may be missing.
func partial(value string) bool {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly} {
		if _, err := time.Parse(layout, value); err == nil && len(value) == len(layout) {
			return true
		}
	}
	return false
}
