package upload

import (
	"context"
	"slices"

	"almanac/shared/fault"
	"almanac/shared/patient"
)

// outcome is what became of a line.
type outcome string

// The outcomes.
const (
	created     outcome = "created"
	wouldCreate outcome = "would_create"
	matched     outcome = "matched"
	duplicate   outcome = "duplicate"
	refusedLine outcome = "refused"
)

// entry is a line of the report.
type entry struct {
	number  int
	outcome outcome
	patient string
	reasons []string
}

// task is a line on its way to an entry.
type task struct {
	line
	likeness likeness
	finding  finding
	holder   string // the patient whose record has the NHS number
}

// judge compares a line with the records that there are, and with whoever has its NHS number; in a run that is no dry
// one it registers the patient where nothing speaks against it.
func (w *worker) judge(ctx context.Context, t task) (entry, error) {
	e := entry{number: t.number, outcome: t.finding.outcome, reasons: t.finding.reasons}
	if len(t.reasons) > 0 {
		e.outcome, e.reasons = refusedLine, t.reasons
	}
	if e.outcome != "" {
		return e, nil
	}
	for {
		e, err := w.match(ctx, t, e)
		if err != nil || e.outcome != "" {
			return e, err
		}
		if w.upload.dry() {
			e.outcome = wouldCreate
			return e, nil
		}
		e.outcome, e.patient = created, w.seen.patientOf(t.number)
		err = w.intake.Register(ctx, e.patient, t.patient)
		switch {
		case err == nil, patient.Exists(err): // it was registered by a run that was stopped before it could say so
			return e, nil
		case fault.Is(err, fault.Conflict) && t.holder == "" && len(fault.Of(err).Details) > 0:
			t.holder = fault.Of(err).Details[0].Resource // somebody was given the number meanwhile
			e.outcome, e.patient = "", ""
			continue
		}
		return e, err
	}
}

// match looks for the record of a line's patient.
func (w *worker) match(ctx context.Context, t task, e entry) (entry, error) {
	ids, err := w.intake.Namesakes(ctx, t.patient, 2*mostAlike+1)
	if err != nil {
		return e, err
	}
	if t.holder != "" && !slices.Contains(ids, t.holder) {
		ids = append([]string{t.holder}, ids...)
	}
	if mine := w.seen.patientOf(t.number); slices.Contains(ids, mine) {
		e.outcome, e.patient = created, mine // by a run that was stopped
		return e, nil
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return w.seen.own(id, t.likeness) })
	if len(ids) > mostAlike {
		e.outcome, e.reasons = refusedLine, []string{tooManyAlike}
		return e, nil
	}
	if len(ids) == 0 {
		return e, nil
	}
	records, err := w.intake.Records(ctx, ids...)
	if err != nil {
		return e, err
	}
	return w.compare(ctx, t, e, records)
}

// compare judges a line by the records that are alike. What is found in any of them is noted in its trail first.
func (w *worker) compare(ctx context.Context, t task, e entry, records []patient.Patient) (entry, error) {
	best, verdict := patient.Patient{}, another
	for _, r := range records {
		if err := w.intake.Compared(ctx, r.ID, w.upload.ID); err != nil {
			return e, err
		}
		if v := verdictOn(t.likeness, r); rank(v) > rank(verdict) {
			best, verdict = r, v
		}
	}
	if len(records) > 0 {
		e.patient = best.ID
	}
	switch verdict {
	case same:
		e.outcome, e.reasons = matched, differences(t.patient, best)
	case unsure:
		e.outcome, e.reasons = refusedLine, []string{possible}
	case numbered:
		e.outcome, e.reasons = refusedLine, []string{numberDiffers}
	case strange:
		e.outcome, e.reasons = refusedLine, []string{numberOfOther}
	case another:
		e.patient = ""
		if len(records) > 0 {
			e.reasons = append(e.reasons, alike+":"+records[0].ID)
		}
	}
	return e, nil
}

// rank says which verdict counts where several records are alike.
func rank(v verdict) int {
	return slices.Index([]verdict{another, unsure, numbered, strange, same}, v)
}

// verdictOn compares a line with a record. Where somebody lives and can be reached whose whereabouts are protected has
// no say in it: else lines with one address after another would find out which is the one.
func verdictOn(l likeness, r patient.Patient) verdict {
	verdict := another
	of := likenessOf(r)
	if r.Objection != nil {
		of.number = 0
	}
	for _, n := range r.Names {
		of.person, of.family = nameOf(n, r.BirthDate), short("family", patient.Fold(n.Family))
		v := l.compare(of)
		if r.Restricted && v != strange && of.person == l.person {
			v = same
		}
		if rank(v) > rank(verdict) {
			verdict = v
		}
	}
	return verdict
}
