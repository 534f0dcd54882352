package patient

import (
	"context"
	"fmt"

	"almanac/shared/access"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// exportTries is how often an export is made anew because the record moved on under it.
const exportTries = 5

// Export gives a patient's record as a FHIR resource for somebody outside, and enters that into the register of
// disclosures: e says to whom, why and on what authority, and the rest of it is filled in here. Without the entry there
// is no export, and the entry rests on the record as it was read: what is objected to or protected by then is not in
// it. Errors: fault Invalid with all that is wrong with the entry, NotFound, and those of table.Clinic.Write.
func (s *Service) Export(ctx context.Context, by access.Caller, patient string, e disclosure.Entry) (FHIR, error) {
	for try := 1; ; try++ {
		out, err := s.export(ctx, by, patient, e)
		if try == exportTries || !fault.Is(err, fault.Stale) {
			return out, err
		}
	}
}

func (s *Service) export(ctx context.Context, by access.Caller, patient string, e disclosure.Entry) (FHIR, error) {
	f, err := s.one(ctx, by, patient)
	if err != nil {
		return FHIR{}, err
	}
	out := NewFHIR(f.Patient)
	e.ID, e.At, e.By = s.newID("dsc"), s.now().UTC(), by.Person()
	e.Categories, e.Channel, e.Source = out.Exported(), disclosure.Download, disclosure.Auto
	c := s.table.For(by)
	item, err := disclosure.Item(c, f.key, patient, e)
	if err != nil {
		return FHIR{}, err
	}
	err = c.Write(ctx, table.Change{
		Action: access.PatientExport, Target: patient, Put: []table.Item{item, Unchanged(c, f.Patient)},
		Event: event.Event{
			Name: event.DisclosureEntered, Version: f.Version, Before: f.Version,
			Refs: map[string]string{"disclosure": e.ID},
		},
	})
	if err != nil {
		return FHIR{}, fmt.Errorf("export: %w", err)
	}
	return out, nil
}

// Unchanged makes a change rest on the record's being as it was read, without writing it: for what gives away something
// of the person that an objection, a restriction or a merge would keep here.
func Unchanged(c table.Clinic, p Patient) table.Item {
	return table.Item{Key: c.Patient(p.ID), Version: p.Version, Check: true}
}
