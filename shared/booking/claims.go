package booking

import (
	"slices"

	"almanac/shared/table"
)

// footprint is what a record has or wants: resources over the span with buffers, the patient over the core, who meets
// the site and the practitioner then.
type footprint struct {
	resources []string
	full      table.Span
	patient   string
	meets     []string
	core      table.Span
	owner     table.Owner
}

func (a Appointment) footprint() footprint {
	return footprint{
		resources: append([]string{a.PractitionerID}, a.Lanes...), full: a.full(),
		patient: a.PatientID, meets: []string{a.SiteID, a.PractitionerID},
		core: a.core(), owner: table.Owner{ID: a.ID},
	}
}

// exchange gives the claims that turn one footprint into another: each resource and the patient appears once, with
// what it takes and what it frees. Either may be empty.
func exchange(was, want footprint) []table.Claim {
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(was.resources, want.resources))))
	var out []table.Claim
	for _, r := range all {
		c := table.Claim{Resource: r}
		if slices.Contains(want.resources, r) {
			c.Take, c.As = want.full, want.owner
		}
		if slices.Contains(was.resources, r) {
			c.Free, c.Was = was.full, was.owner
		}
		out = append(out, c)
	}
	if want.patient != "" || was.patient != "" {
		c := table.Claim{Patient: want.patient}
		if c.Patient == "" {
			c.Patient = was.patient
		}
		if want.patient != "" {
			c.Take, c.As, c.Meets = want.core, want.owner, want.meets
		}
		if was.patient != "" {
			c.Free, c.Was = was.core, was.owner
		}
		out = append(out, c)
	}
	return out
}
