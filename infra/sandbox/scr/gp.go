package scr

import (
	"net/http"
	"strings"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/pds"
)

// routeGP tells what a request to the GP record asks for. There are two forms: GET GPBase/Patient/{number} gives coded
// entries, and POST GPBase/organisations/{ods}/Patient/$gpc.getcarerecord a composition to read, as GP Connect does.
func (s *Server) routeGP(r *http.Request) apim.Operation {
	path := strings.TrimPrefix(r.URL.Path, GPBase+"/")
	parts := strings.Split(path, "/")
	coded := len(parts) == 2 && parts[0] == "Patient"
	composed := len(parts) == 4 && parts[0] == "organisations" && parts[2]+"/"+parts[3] == "Patient/$gpc.getcarerecord"
	op := apim.Operation{Name: "record", Pattern: GPBase + "/Patient/{number}"}
	if composed {
		op.Pattern = GPBase + "/organisations/{ods}/Patient/$gpc.getcarerecord"
	}
	switch {
	case coded && r.Method == http.MethodGet:
		op.Number, op.Do = parts[1], s.codedRecord
	case composed && r.Method == http.MethodPost:
		op.Do = s.composedRecord
	case coded, composed:
		op.Do = always(apim.Unsupported("UNSUPPORTED_SERVICE"))
	default:
		op.Name, op.Pattern, op.Do = "unknown", GPBase+"/…", always(apim.Unsupported("UNSUPPORTED_REQUEST"))
	}
	return op
}

func always(a apim.Answer) func(*http.Request) apim.Answer {
	return func(*http.Request) apim.Answer { return a }
}

// registered finds a patient of some practice, or of this one, or tells the error. A restricted patient is refused, as
// every request for one whose location is protected is, and so is one who has opted out.
func (s *Server) registered(number, practice string) (pds.Person, apim.Answer, bool) {
	p, known := s.people.Person(number)
	record, _ := s.Record(number)
	open := p.Security == "" || p.Security == "U"
	switch {
	case !pds.GoodNumber(number):
		return p, apim.Outcome(http.StatusBadRequest, apim.Issue{
			Type: "value", Code: "INVALID_NHS_NUMBER",
			Display: "NHS number invalid",
		}), false
	case !known || p.Hidden || p.Invalidated || p.SupersededBy != "" || p.Practice.ODS == "" || p.Practice.End != "",
		!open, practice != "" && p.Practice.ODS != practice:
		return p, apim.Outcome(http.StatusNotFound, apim.Issue{
			Type: "not-found", Code: "PATIENT_NOT_FOUND",
			Display: "Patient record not found",
		}), false
	case record.Permission == No:
		return p, apim.Forbidden("forbidden", "NO_PATIENT_CONSENT",
			"Patient has not provided consent to share data", ""), false
	}
	return p, apim.Answer{}, true
}

// codedRecord answers with a collection of what a practice knows: allergy, medication, immunisation, problem.
func (s *Server) codedRecord(r *http.Request) apim.Answer {
	p, a, ok := s.registered(strings.TrimPrefix(r.URL.Path, GPBase+"/Patient/"), "")
	if !ok {
		return a
	}
	bundle := searchset(s.now(), gpEntries(p)...)
	bundle["type"] = "collection"
	delete(bundle, "total") // a collection has none
	return apim.Answer{Status: http.StatusOK, Body: bundle}
}

type careRecordInput struct {
	ResourceType string
	Parameter    []struct {
		Name                 string
		ValueIdentifier      identifier
		ValueCodeableConcept struct{ Coding []coding }
	}
}

// patient reads the number from the parameters, which must ask for the summary and for nothing else.
func (in careRecordInput) patient() (string, bool) {
	number, summary := "", false
	for _, p := range in.Parameter {
		codes := p.ValueCodeableConcept.Coding
		switch p.Name {
		case "patientNHSNumber":
			number = p.ValueIdentifier.Value
		case "recordSection":
			summary = len(codes) == 1 && codes[0].Code == "SUM"
		}
	}
	return number, in.ResourceType == "Parameters" && len(in.Parameter) == 2 && number != "" && summary
}

// composedRecord answers with a document whose Composition comes first.
func (s *Server) composedRecord(r *http.Request) apim.Answer {
	var in careRecordInput
	if a, ok := readFHIR(r, &in); !ok {
		return a
	}
	number, ok := in.patient()
	if !ok {
		return apim.Outcome(http.StatusUnprocessableEntity, apim.Issue{
			Type: "value", Code: "INVALID_PARAMETER", Display: "Submitted parameter is invalid",
		})
	}
	practice, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, GPBase+"/organisations/"), "/")
	p, a, ok := s.registered(number, practice)
	if !ok {
		return a
	}
	record, ok := s.Record(number)
	if !ok { // a practice has a record of everybody, uploaded or not
		record = Record{ID: derived(Record{ID: number}, "gp"), At: s.now()}
	}
	bundle := searchset(s.now(), recordOf(record, p)...)
	bundle["type"] = "document"
	delete(bundle, "total")
	return apim.Answer{Status: http.StatusOK, Body: bundle}
}

func gpEntries(p pds.Person) []any {
	subject := object{"reference": "Patient/gp-patient"}
	add := func(kind, id string, resource object) object {
		resource["resourceType"], resource["id"] = kind, id
		return object{"fullUrl": "https://gp.example/" + kind + "/" + id, "resource": resource}
	}
	return []any{
		add("Patient", "gp-patient", object{"identifier": []any{object{"system": nhsNumber, "value": p.Number}}}),
		add(orgResource, "gp-practice", object{
			"identifier": []any{object{"system": odsCode, "value": p.Practice.ODS}}, "name": "The Kestrel Bay Practice",
		}),
		add("AllergyIntolerance", "gp-allergy", object{
			"clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", ""),
			"code":           coded(snomed, "91936005", "Allergy to penicillin"), "patient": subject,
			"recordedDate": "2019-05-12",
		}),
		add("MedicationStatement", "gp-medication", object{
			"status": "active", "subject": subject, "effectivePeriod": object{"start": "2011-04-06"},
			"medicationCodeableConcept": object{"text": "Salbutamol 100micrograms/dose inhaler"},
			"dosage":                    []any{object{"text": "Two puffs when required"}},
		}),
		add(vaccineResource, "gp-vaccination", object{
			"status": "completed", "patient": subject, "occurrenceDateTime": "2025-10-04",
			"vaccineCode": object{"text": "Seasonal influenza vaccine"}, "primarySource": true, "lotNumber": "KB-0425",
		}),
		add("Condition", "gp-condition", object{
			"clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", ""),
			"code":           coded(snomed, "195967001", "Asthma"), "subject": subject, "onsetDateTime": "2011-04-06",
			"note": []any{object{"text": "Reviewed yearly. <b>See letter</b> of 2024."}},
		}),
	}
}
