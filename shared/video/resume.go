package video

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Resume has every visit looked at again that waits for the account or for its owner to have one, each as work of its
// own, and ends what the staff were told to wait for. Doing it twice does no harm. A connection that is gone is
// fault.NotFound: there is nothing to wait for.
func (s *Service) Resume(ctx context.Context, by access.Caller, connection string) error {
	a, err := s.accounts.Read(ctx, by, connection)
	if err != nil {
		return err
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return err
	}
	lists := []string{connection}
	if practitioner := snap.Staff[a.Subject].PractitionerID; practitioner != "" {
		lists = append(lists, practitioner)
	}
	for _, of := range lists {
		if err := s.resume(ctx, by, of); err != nil {
			return err
		}
	}
	if err := s.made(ctx, by, a); err != nil {
		return err
	}
	// What its host did to the rooms meanwhile nobody told us of.
	return s.accounts.Due(ctx, by, connection, s.now())
}

const (
	pageOfVisits = 100
	// longestVisit is more than a visit that is not over can have begun ago.
	longestVisit = 24 * time.Hour
)

// resume goes through one list of visits that are to come.
func (s *Service) resume(ctx context.Context, by access.Caller, list string) error {
	c := s.table.For(by)
	at := c.Listing(table.Visits, list, time.Time{}, "")
	for after := s.now().UTC().Add(-longestVisit).Format(time.RFC3339); ; {
		page, next, err := table.List[Visit](ctx, c, at, after, pageOfVisits, false)
		if err != nil {
			return err
		}
		for _, v := range page {
			if v.State == Ready && v.Why == "" {
				continue
			}
			err := c.Write(ctx, table.Change{
				Action: access.VideoSync, Target: v.AppointmentID, Patient: v.PatientID,
				Event: event.Event{Name: event.VideoAsked, Version: v.Version, Sequence: max(0, v.Acked.Sequence)},
			})
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// Ended has every visit looked at again that is still listed under a connection that is no more: one that came into it
// just before its erasing began, and that the index did not show in time.
func (s *Service) Ended(ctx context.Context, by access.Caller, connection string) error {
	return s.resume(ctx, by, connection)
}

// End erases an account that its owner disconnected. One that was connected again since stays, and one that is gone is
// fault.NotFound.
func (s *Service) End(ctx context.Context, by access.Caller, connection string) error {
	a, err := s.accounts.Read(ctx, by, connection)
	if err != nil || !a.Ending {
		return err
	}
	return s.erase(ctx, by, a, a.Why)
}
