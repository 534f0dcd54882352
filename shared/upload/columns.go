package upload

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/shared/patient"
)

// The columns of a file of comma-separated values, by the exact names that its header must use.
const (
	localID     = "localId"
	nhsNumber   = "nhsNumber"
	family      = "family"
	given       = "given"
	birthDate   = "birthDate"
	sex         = "sex"
	addressLine = "addressLine" // and a digit from 1 to 5
	postcode    = "postcode"
	phone       = "phone"
	email       = "email"
	practice    = "practiceOdsCode"
	lines       = 5
)

// Columns lists the names that a header may use, in any order.
func Columns() []string {
	all := []string{localID, nhsNumber, family, given, birthDate, sex}
	for i := range lines {
		all = append(all, addressLine+strconv.Itoa(i+1))
	}
	return append(all, postcode, phone, email, practice)
}

// needed are the columns that a header must have. A line may leave the family name or the given names empty, because
// some people have one name.
func needed() []string { return []string{family, given, birthDate} }

// The ways in which a file writes dates. It says which: 03/04/1950 is a date in either of two countries, and nobody
// should have to guess.
const (
	ISODates     = "YYYY-MM-DD"
	BritishDates = "DD/MM/YYYY"
)

// maxLocalID bounds the clinic's own number, which is taken so that nobody must cut it out of the file, and not kept.
const maxLocalID = 64

// person makes a patient of a line's fields, and tells what of them cannot be made into one. What the record itself
// asks for is checked afterwards.
func person(fields map[string]string, dates string) (patient.Patient, []string) {
	var reasons []string
	value := func(column string) string { return strings.TrimSpace(fields[column]) }
	name := patient.Name{Use: patient.Usual, Family: value(family), Given: strings.Fields(value(given))}
	p := patient.Patient{Names: []patient.Name{name}}
	if len(value(localID)) > maxLocalID {
		reasons = append(reasons, reason("too_long", localID))
	}
	if born, why := date(value(birthDate), dates); why != "" {
		reasons = append(reasons, reason(why, birthDate))
	} else {
		p.BirthDate = born
	}
	if p.Sex = sexOf(value(sex)); p.Sex == "" {
		reasons = append(reasons, reason("not_a_choice", sex))
		p.Sex = patient.UnknownSex
	}
	if number := value(nhsNumber); number != "" {
		p.Number = &patient.Number{Value: number}
	}
	p.Addresses = addressOf(fields)
	for _, c := range []patient.Contact{
		{System: patient.Phone, Value: value(phone)}, {System: patient.Email, Value: value(email)},
	} {
		if c.Value != "" {
			p.Contacts = append(p.Contacts, c)
		}
	}
	if ods := value(practice); ods != "" {
		p.Practice = &patient.Practice{ODSCode: ods}
	}
	return p, reasons
}

// addressOf is the address where the person lives, if the line has any of it.
func addressOf(fields map[string]string) []patient.Address {
	a := patient.Address{Use: patient.Home, Postcode: strings.TrimSpace(fields[postcode])}
	for i := range lines {
		if l := strings.TrimSpace(fields[addressLine+strconv.Itoa(i+1)]); l != "" {
			a.Lines = append(a.Lines, l)
		}
	}
	if a.Postcode == "" && len(a.Lines) == 0 {
		return nil
	}
	return []patient.Address{a}
}

// date reads a whole date in the way that the file states; the birth date is part of what tells people apart.
func date(value, dates string) (string, string) {
	layout := time.DateOnly
	if dates == BritishDates {
		layout = "02/01/2006"
	}
	at, err := time.Parse(layout, value)
	switch {
	case value == "":
		return "", "required"
	case err != nil || len(value) != len(layout):
		return "", "wrong_format"
	}
	return at.Format(time.DateOnly), ""
}

// sexOf reads a sex in words or by its first letter; an empty field is not known, and anything else is nothing.
func sexOf(value string) string {
	value = strings.ToLower(value)
	if value == "" {
		return patient.UnknownSex
	}
	for _, s := range patient.Sexes() {
		if value == s || value == s[:1] {
			return s
		}
	}
	return ""
}

// reason writes a code and the column, or the record's field, that it is about. Neither is ever a value.
func reason(why, of string) string {
	if of == "" {
		return why
	}
	return why + ":" + of
}

// columnOf names the column behind a pointer into the record.
func columnOf(pointer string, p patient.Patient) string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	switch parts[0] {
	case "names":
		if slices.Contains(parts, given) {
			return given
		}
		return family
	case "addresses":
		if slices.Contains(parts, "lines") {
			return addressLine
		}
		return postcode
	case "contacts":
		return contactOf(parts, p)
	case "practice":
		return practice
	}
	return parts[0]
}

func contactOf(parts []string, p patient.Patient) string {
	if len(parts) > 1 {
		i, err := strconv.Atoi(parts[1])
		if err == nil && i < len(p.Contacts) && p.Contacts[i].System == patient.Email {
			return email
		}
	}
	return phone
}
