package video

import (
	"context"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/table"
)

// History lists a page of what happened to a visit's room and in it, the latest first; what the provider told without
// a time comes last. after is what the page before gave as next. The appointment comes with it, or the patient's id
// alone for who was denied. Errors: fault.Invalid for an after that is none, and those of booking.Service.Get.
func (s *Service) History(
	ctx context.Context, by access.Caller, appointment, after string, limit int,
) ([]Happening, string, booking.Appointment, error) {
	apt, err := s.diary.Get(ctx, by, appointment)
	if err != nil {
		return nil, "", apt, err
	}
	if after != "" && !strings.HasPrefix(after, table.VisitLogs) {
		return nil, "", apt, table.Astray()
	}
	c := s.table.For(by)
	rows, next, err := c.UnderPage(ctx, c.Visit(apt.ID), table.VisitLogs, after, limit, true)
	if err != nil {
		return nil, "", apt, err
	}
	out := make([]Happening, len(rows))
	for i, row := range rows {
		if err := row.Decode(&out[i]); err != nil {
			return nil, "", apt, err
		}
		out[i].At = out[i].At.UTC().Truncate(time.Second)
	}
	return out, next, apt, nil
}
