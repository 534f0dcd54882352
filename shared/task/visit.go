package task

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/video"
)

// OfVisit raises a task about a trouble with a video visit, or with the account that its room is in.
func (s *Service) OfVisit(ctx context.Context, by access.Caller, t video.Trouble) error {
	return s.Raise(ctx, by, Matter{
		Kind: t.Why, AppointmentID: t.AppointmentID, ConnectionID: t.Connection, Subject: t.Subject,
		PatientID: t.PatientID, Sequence: t.Sequence, Apart: t.Apart, Because: t.Because,
		Appointments: t.Appointments, Count: t.Count,
	})
}

// OfAccount raises a task about a person's account that must be connected again. grant is the number of what was
// granted last: once it was connected again, the next time is another matter.
func (s *Service) OfAccount(
	ctx context.Context, by access.Caller, connection, subject, why string, grant int64,
) error {
	return s.Raise(ctx, by, Matter{
		Kind: video.NeedsReauth, ConnectionID: connection, Subject: subject, Sequence: grant, Because: why,
	})
}
