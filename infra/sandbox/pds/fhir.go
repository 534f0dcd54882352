package pds

import (
	"fmt"
	"strconv"
	"time"
)

// What the resources name.
const (
	publicBase = "https://api.service.nhs.uk/personal-demographics/FHIR/R4"
	ukCore     = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"
	ukCodes    = "https://fhir.hl7.org.uk/CodeSystem/UKCore-"
	nhsNumber  = "https://fhir.nhs.uk/Id/nhs-number"
	odsCode    = "https://fhir.nhs.uk/Id/ods-organization-code"

	orgResource = "Organization" //nolint:misspell // a name in FHIR
)

// object is a JSON object. set leaves out what is empty, as FHIR forbids empty values.
type object map[string]any

func (o object) set(name string, value any) {
	switch v := value.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case []string:
		if len(v) == 0 {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	case object:
		if len(v) == 0 {
			return
		}
	}
	o[name] = value
}

func coding(system, version, code, display string) object {
	c := object{"system": system, "code": code}
	c.set("version", version)
	c.set("display", display)
	return object{"coding": []any{c}}
}

func period(start, end string) object {
	o := object{}
	o.set("start", start)
	o.set("end", end)
	return o
}

// resource is the Patient that GET by number gives. A restricted one has lost all that tells where somebody is.
func (p *Person) resource() object {
	o := p.common(p.Number)
	if !p.open() {
		return o
	}
	o.set("address", addresses(p.Addresses))
	o.set("telecom", telecoms(p.Telecoms))
	o.set("contact", p.contact())
	o.set("generalPractitioner", p.practice())
	extensions := p.extensions()
	if p.Pharmacy != "" {
		extensions = append(extensions, object{
			"url":            ukCore + "NominatedPharmacy",
			"valueReference": object{"identifier": object{"system": odsCode, "value": p.Pharmacy}},
		})
	}
	if p.BirthPlace != "" {
		extensions = append(extensions, object{
			"url":          "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
			"valueAddress": object{"city": p.BirthPlace, "country": "GBR"},
		})
	}
	o.set("extension", extensions)
	return o
}

// hit is the Patient in a search's answer, which has less: the home address only, no pharmacy.
func (p *Person) hit() object {
	id := p.Number
	if p.FoundAs != "" {
		id = p.FoundAs
	}
	o := p.common(id)
	if !p.open() {
		return o
	}
	var home []Address
	for _, a := range p.Addresses {
		if a.Use == "home" && a.End == "" {
			home = append(home, a)
		}
	}
	o.set("address", addresses(home))
	o.set("telecom", telecoms(p.Telecoms))
	o.set("generalPractitioner", p.practice())
	return o
}

// common is what every form of the resource has. The bare record has no more than this without names.
func (p *Person) common(id string) object {
	meta := object{"versionId": strconv.Itoa(p.Version)}
	if !p.NoSecurity {
		code := p.Security
		if code == "" {
			code = "U"
		}
		label := object{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code}
		label.set("display", map[string]string{"U": "unrestricted", "R": "restricted"}[code])
		meta["security"] = []any{label}
	}
	o := object{"resourceType": "Patient", "id": id, "meta": meta, "identifier": []any{object{
		"system": nhsNumber, "value": id, "extension": []any{object{
			"url": ukCore + "NHSNumberVerificationStatus",
			"valueCodeableConcept": coding(ukCodes+"NHSNumberVerificationStatus", "1.0.0", "01",
				"Number present and verified"),
		}},
	}}}
	o.set("name", names(p.Names))
	o.set("gender", p.Gender)
	o.set("birthDate", p.BirthDate)
	o.set("deceasedDateTime", p.Death.At)
	if p.Birth > 0 {
		o["multipleBirthInteger"] = p.Birth
	}
	o.set("extension", p.extensions())
	return o
}

// extensions are those a restricted record keeps.
func (p *Person) extensions() []any {
	var list []any
	if p.Death.Status != "" {
		status := coding(ukCodes+"DeathNotificationStatus", "1.0.0", p.Death.Status, map[string]string{
			"1": "Informal - death notice received via an update from a local NHS Organisation such as GP or Trust",
			"2": "Formal - death notice received from Registrar of Deaths",
			"U": "Removed",
		}[p.Death.Status])
		parts := []any{object{"url": "deathNotificationStatus", "valueCodeableConcept": status}}
		if p.Death.At != "" {
			parts = append(parts, object{"url": "systemEffectiveDate", "valueDateTime": p.Death.At})
		}
		list = append(list, object{"url": ukCore + "DeathNotificationStatus", "extension": parts})
	}
	if p.Removed != "" && p.open() {
		code := coding("https://fhir.nhs.uk/CodeSystem/PDS-RemovalReasonExitCode", "", p.Removed, "")
		list = append(list, object{
			"url": "https://fhir.nhs.uk/StructureDefinition/Extension-PDS-RemovalFromRegistration",
			"extension": []any{
				object{"url": "removalFromRegistrationCode", "valueCodeableConcept": code},
				object{"url": "effectiveTime", "valuePeriod": period("2024-01-01T00:00:00+00:00", "")},
			},
		})
	}
	return list
}

// numbered makes a list of which each element has an id of that letter.
func numbered[T any](letter string, list []T, fill func(o object, one T)) []any {
	var out []any
	for n, one := range list {
		o := object{"id": letter + strconv.Itoa(n+1)}
		fill(o, one)
		out = append(out, o)
	}
	return out
}

func names(list []Name) []any {
	return numbered("N", list, func(o object, one Name) {
		o.set("use", one.Use)
		o.set("prefix", one.Prefix)
		o.set("given", one.Given)
		o.set("family", one.Family)
		if one.Suffix != "" {
			o["suffix"] = []string{one.Suffix}
		}
		o.set("period", period(one.Start, one.End))
	})
}

func addresses(list []Address) []any {
	return numbered("A", list, func(o object, one Address) {
		o.set("use", one.Use)
		o.set("line", one.Lines)
		o.set("postalCode", one.Postcode)
		o.set("period", period(one.Start, one.End))
	})
}

func telecoms(list []Telecom) []any {
	return numbered("T", list, func(o object, one Telecom) {
		o.set("system", one.System)
		o.set("value", one.Value)
		o.set("use", one.Use)
		o.set("period", period(one.Start, one.End))
	})
}

func (p *Person) contact() []any {
	if p.Emergency == "" {
		return nil
	}
	return []any{object{
		"id": "C1", "period": object{"start": "2020-01-01"},
		"relationship": []any{coding("http://terminology.hl7.org/CodeSystem/v2-0131", "", "C", "Emergency Contact")},
		"telecom":      []any{object{"system": "phone", "value": p.Emergency}},
	}}
}

func (p *Person) practice() []any {
	if p.Practice.ODS == "" {
		return nil
	}
	id := object{"system": odsCode, "value": p.Practice.ODS}
	id.set("period", period(p.Practice.Start, p.Practice.End))
	return []any{object{"id": "G1", "type": orgResource, "identifier": id}}
}

func (one Related) resource(id, patient string) object {
	o := object{
		"resourceType": "RelatedPerson", "id": id, "active": true, "period": object{"start": "2020-01-01"},
		"patient": object{"identifier": object{"system": nhsNumber, "value": patient}},
		"relationship": []any{coding("https://fhir.hl7.org.uk/CodeSystem/UKCore-AdditionalRelatedPersonRole", "",
			one.Role, "")},
	}
	if one.Name.Family != "" || len(one.Name.Given) > 0 {
		o.set("name", names([]Name{one.Name}))
	}
	if one.Phone != "" {
		o["telecom"] = []any{object{"system": "phone", "use": "home", "value": one.Phone}}
	}
	return o
}

// bundle is a searchset. Without hits it has no entry at all, as FHIR wants it.
func (s *Server) bundle(entries []any) map[string]any {
	b := map[string]any{
		"resourceType": "Bundle", "type": "searchset", "total": len(entries),
		"timestamp": s.now().UTC().Format(time.RFC3339),
	}
	if len(entries) > 0 {
		b["entry"] = entries
	}
	return b
}

// found is a searchset of one person.
func (s *Server) found(p *Person, score float64) map[string]any {
	hit := p.hit()
	return s.bundle([]any{object{
		"fullUrl": publicBase + "/Patient/" + fmt.Sprint(hit["id"]), "search": object{"score": score}, "resource": hit,
	}})
}
