package care

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Entry is one line of a patient's access log: who did what with the record, or tried to, as what and because of what.
type Entry struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Subject string    `json:"subject" doc:"Of the person; job: and a name for a job of the system."`
	Name    string    `json:"name,omitempty" doc:"The person's, as the staff list has it now."`
	Roles   []string  `json:"roles" doc:"The person's at the time."`
	Action  string    `json:"action" doc:"The permission that was used, or asked for."`
	What    string    `json:"what" doc:"What happened, such as record.read."`
	Outcome string    `json:"outcome" enum:"done,denied"`
	// Basis is the kind of relationship that the access rested on, and BasisID what made it.
	Basis   string            `json:"basis,omitempty" doc:"What it rested on: booking, referral, claim and so on; left out where none is asked for."`
	BasisID string            `json:"basisId,omitempty"`
	Reason  string            `json:"reason,omitempty" doc:"A code."`
	Refs    map[string]string `json:"refs,omitempty" doc:"Ids of other records concerned, by role."`
}

// Log lists everything that happened to a patient's record, the latest first, a page at a time: reads, denials,
// changes, claims and emergencies. after is what the page before gave as next.
func (s *Service) Log(
	ctx context.Context, by access.Caller, patient, after string, limit int,
) ([]Entry, string, error) {
	k := s.table.For(by)
	if _, err := look(ctx, k, patient); err != nil {
		return nil, "", err
	}
	if after != "" {
		if !id.Valid(after, "evt") {
			return nil, "", table.Astray()
		}
		after = table.Events + after
	}
	rows, next, err := k.UnderPage(ctx, k.Patient(patient), table.Events, after, limit, true)
	if err != nil {
		return nil, "", err
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return nil, "", err
	}
	out := make([]Entry, len(rows))
	for i, row := range rows {
		var e event.Event
		if err := row.Decode(&e); err != nil {
			return nil, "", err
		}
		out[i] = entry(e)
		out[i].Name = snap.Staff[e.By].Name
	}
	if next != "" {
		next = next[len(table.Events):]
	}
	return out, next, nil
}

func entry(e event.Event) Entry {
	out := Entry{
		ID: e.ID, At: e.At.UTC(), Subject: e.By, Roles: e.Roles, Action: e.Action, What: string(e.Name),
		Outcome: "done", Reason: e.Why, Refs: e.Refs,
	}
	if e.Name == event.ReadDenied {
		out.Outcome = "denied"
	}
	if out.Roles == nil {
		out.Roles = []string{}
	}
	out.Basis, out.BasisID = Basis(e.Basis)
	return out
}
