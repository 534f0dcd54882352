package main

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"almanac/shared/clinic"
	"almanac/shared/nhs"
	"almanac/shared/patient"
	"almanac/shared/pds"
)

// Bounds of what is taken over from the register, as those of what people enter: a record must stay one that can be
// changed by hand.
const (
	maxNames    = 10
	maxPlaces   = 10
	maxLines    = 5 // of an address, and names in a part of a name
	maxLine     = 100
	maxName     = 35
	maxVersion  = 40
	deathFormal = "2"
	deathUndone = "U"
)

// finding is what the register holds, in the terms of our records. What does not fit into those is left out.
func finding(p pds.Person, at time.Time) nhs.Finding {
	f := nhs.Finding{
		Number: p.Number.Digits(), Restricted: p.Restricted, BirthDate: day(p.BirthDate), Sex: p.Gender,
		Multiple: p.Multiple, Death: death(p), ReadAt: at,
	}
	if len(p.VersionID) <= maxVersion {
		f.VersionID = line(p.VersionID, maxVersion)
	}
	for _, n := range p.Names {
		if name, ok := nameOf(n); ok && len(f.Names) < maxNames {
			f.Names = append(f.Names, name)
		}
	}
	if p.Restricted { // it may say where the person is only by mistake
		return f
	}
	f.Practice = practice(p.Practice, at)
	for _, a := range p.Addresses {
		if address, ok := addressOf(a); ok && len(f.Addresses) < maxPlaces {
			f.Addresses = append(f.Addresses, address)
		}
	}
	for _, t := range p.Telecoms {
		if contact, ok := contactOf(t); ok && len(f.Contacts) < maxPlaces {
			f.Contacts = append(f.Contacts, contact)
		}
	}
	return f
}

// death is none where the register took it back.
func death(p pds.Person) *patient.Death {
	if p.DeathStatus == deathUndone || p.DeathStatus == "" && p.Deceased == "" {
		return nil
	}
	d := patient.Death{On: day(p.Deceased), Status: patient.Informal, Source: patient.PDS}
	if p.DeathStatus == deathFormal {
		d.Status = patient.Formal
	}
	return &d
}

// practice is the one that the person is registered with; none where the registration ended.
func practice(p pds.Practice, at time.Time) *patient.Practice {
	ods := strings.ToUpper(p.ODS)
	if ods == "" || p.Removed != "" || p.Period.End != "" && p.Period.End < at.Format(time.DateOnly) ||
		len(ods) < 3 || len(ods) > 10 || strings.Trim(ods, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return nil
	}
	start, end := period(p.Period)
	return &patient.Practice{ODSCode: ods, Start: start, End: end, Source: patient.PDS}
}

func nameOf(n pds.Name) (patient.Name, bool) {
	out := patient.Name{
		Use: n.Use, Family: line(n.Family, maxName), Given: lines(n.Given, maxName),
		Prefix: lines(n.Prefix, maxName), Suffix: lines(n.Suffix, maxName),
	}
	out.Start, out.End = period(n.Period)
	if !slices.Contains(patient.NameUses(), out.Use) {
		out.Use = "temp" // FHIR has more uses than PDS says it sends
	}
	return out, out.Family != "" || len(out.Given) > 0
}

func addressOf(a pds.Address) (patient.Address, bool) {
	out := patient.Address{Use: a.Use, Lines: lines(a.Lines, maxLine), Source: patient.PDS}
	out.Start, out.End = period(a.Period)
	if code, ok := patient.Postcode(a.Postcode); ok {
		out.Postcode = code
	}
	return out, slices.Contains(patient.AddressUses(), out.Use) && (len(out.Lines) > 0 || out.Postcode != "")
}

func contactOf(t pds.Telecom) (patient.Contact, bool) {
	out := patient.Contact{System: t.System, Use: t.Use, Source: patient.PDS}
	out.Start, out.End = period(t.Period)
	if !slices.Contains(patient.ContactUses(), out.Use) {
		out.Use = ""
	}
	var c clinic.Check
	switch t.System {
	case patient.Email:
		out.Value = c.Email("", strings.TrimSpace(t.Value))
	case patient.Phone:
		out.Value = c.Phone("", strings.TrimSpace(t.Value))
	default:
		return out, false // fax, pager
	}
	return out, c.Err() == nil && out.Value != ""
}

// period is given as two whole dates in order, or not at all.
func period(p pds.Period) (string, string) {
	start, end := p.Start, p.End
	if _, err := time.Parse(time.DateOnly, start); err != nil {
		start = ""
	}
	if _, err := time.Parse(time.DateOnly, end); err != nil {
		end = ""
	}
	if start != "" && end != "" && end < start {
		start = ""
	}
	return start, end
}

// day is a date of which the day, or the month too, may be missing; nothing where it is no date.
func day(s string) string {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil {
			return s
		}
	}
	return ""
}

func lines(in []string, length int) []string {
	var out []string
	for _, s := range in {
		if s = line(s, length); s != "" && len(out) < maxLines {
			out = append(out, s)
		}
	}
	return out
}

// line is one line of readable text: what steers the display is dropped, and it ends where it is too long.
func line(s string, length int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
	letters := []rune(norm.NFC.String(strings.Join(strings.Fields(s), " ")))
	return strings.TrimSpace(string(letters[:min(len(letters), length)]))
}
