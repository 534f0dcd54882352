package main

import (
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/nhs"
	"almanac/shared/patient"
)

// desk is a staffed clinic and this function in front of it.
type desk struct {
	*clinictest.Desk
	s *patient.Service
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	h := clinictest.New(t)
	s := patient.New(h.Table, h.Keeper, h.Clock.Now, id.New)
	n := nhs.New(h.Table, s, h.Keeper, h.Directory, h.Clock.Now, id.New)
	return &desk{clinictest.NewDesk(h.Found(t), h.Edge().Serve(routes(s, n))), s}
}

type jsonObject = clinictest.Body

// What stands in the record of the patient whom the tests send, and in no log and no refusal.
const (
	givenName   = "Florence"
	familyName  = "Marker-Patient"
	email       = "florence.marker@example.org"
	phone       = "07700 900123"
	born        = "1950-02-27"
	street      = "1 Secretplace"
	theNumber   = "9990000018"
	practice    = "A81001"
	note        = "Afternoonsonly"
	actsForName = "Robin-Marker"
)

func markers() []string {
	return []string{
		givenName, familyName, email, phone, "+447700900123", born, street, "TE1 1ST", theNumber, "999 000 0018", practice, note,
		actsForName,
	}
}

func patientObject() jsonObject {
	return jsonObject{
		"names":     []jsonObject{{"use": "usual", "given": []string{givenName}, "family": familyName}},
		"birthDate": born, "sex": "female", "nhsNumber": "999 000 0018", "bookingNote": note,
		"addresses": []jsonObject{{"use": "home", "lines": []string{street}, "postcode": "te11st"}},
		"contacts":  []jsonObject{{"system": "email", "value": email}, {"system": "phone", "value": phone}},
		"practice":  jsonObject{"odsCode": practice}, "alerts": []jsonObject{{"kind": "access-need", "text": note}},
	}
}

func representativeObject() jsonObject {
	return jsonObject{
		"relationship": "attorney", "name": jsonObject{"given": []string{actsForName}}, "may": []string{"book"},
		"contacts": []jsonObject{{"system": "phone", "value": phone}},
		"evidence": jsonObject{"kind": "power-of-attorney", "seenOn": "2027-01-04", "reference": note},
	}
}

// register has the receptionist register the patient of the tests.
func (d *desk) register(t *testing.T) patient.Receipt {
	t.Helper()
	return clinictest.Read[patient.Receipt](t, d.Must(t, 201, d.Ask(t, clinictest.Receptionist, "POST", "/v1/patients", patientObject())))
}
