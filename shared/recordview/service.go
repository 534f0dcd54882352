package recordview

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Settings are what a Service is made of; all are required.
type Settings struct {
	Table     *table.Table
	Keys      *seal.Keeper
	Patients  *patient.Service
	Directory *clinic.Directory
	// Sources are the records that this installation can get at all; of others people are told where to look.
	Sources map[Kind]Source
	Now     func() time.Time
	NewID   id.Source
}

// Service keeps the views. It is safe for concurrent use.
type Service struct{ Settings }

// New makes the Service.
func New(set Settings) *Service { return &Service{set} }

// source is where the organisation looks at the record: it may get it only where the record is switched on for it.
func (s *Service) source(record Kind, org clinic.Organisation) Source {
	on := org.NHS.SummaryCareRecord
	if record == GPRecord {
		on = org.NHS.GPRecord
	}
	source, ok := s.Sources[record]
	if !on || !ok || org.NHS.ODSCode == "" {
		return LinkOut{}
	}
	return source
}

// viewable tells why no record of the patient can be looked at, with every reason, or nil.
func viewable(p patient.Patient) error {
	var why []fault.Detail
	add := func(code, message string) { why = append(why, fault.Detail{Code: code, Message: message}) }
	if p.MergedInto != "" {
		add("patient_merged", "This record goes on under another one.")
	}
	if !p.Living() {
		add("patient_deceased", "The patient died.")
	}
	if p.Restricted {
		add("patient_restricted", "Where this patient lives is protected, and with it what others hold of the patient.")
	}
	if p.Objection != nil {
		add("number_objected", "The patient does not want the NHS number used.")
	}
	if p.Number == nil || p.Number.State != patient.NumberVerified || p.Number.Status != patient.StatusVerified {
		add("number_not_verified", "The NHS number is missing, or was not compared with the NHS's register.")
	}
	if len(why) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "record_not_viewable", "No record of this patient can be looked at here.", why...)
}

// file is what a view is judged on.
type file struct {
	c       table.Clinic
	org     clinic.Organisation
	staff   clinic.Staff
	patient patient.Patient
	key     seal.Key
}

func (s *Service) file(ctx context.Context, by access.Caller, of string) (file, error) {
	f := file{c: s.Table.For(by)}
	if !isPatient(of) {
		return f, notFound()
	}
	var err error
	if f.patient, err = s.Patients.Get(ctx, by, of); err != nil {
		return f, err
	}
	if f.key, err = s.Keys.Key(ctx, f.c, by.Org(), of); err != nil {
		return f, err
	}
	snap, err := s.Directory.Snapshot(ctx, by)
	if err != nil {
		return f, err
	}
	f.org, f.staff = snap.Organisation, snap.Staff[by.Person()]
	return f, nil
}

func (f file) query(v view, number string, now time.Time) Query {
	q := Query{View: v.ID, Round: v.Round, ODS: f.org.NHS.ODSCode, Number: number}
	if p := f.patient.Practice; p != nil && (p.End == "" || p.End >= now.Format(time.DateOnly)) {
		q.Practice = p.ODSCode
	}
	return q
}
