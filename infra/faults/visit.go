package main

import (
	"context"
	"strconv"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
)

const visitMinutes = 30

// visit is an appointment of a run. Each has a day of its own, unless a run wants them to meet.
type visit struct {
	n            int
	id           string
	practitioner int
	patient      int
	asked        int // how often the link was asked for
	// expects is how it must stand in the end, where the run knows.
	expects *expected
}

// expected is how a visit must stand.
type expected struct {
	start     time.Time
	minutes   int
	cancelled bool
}

// day is the morning of the visit's own day.
func (v *visit) day() time.Time { return monday().Truncate(24*time.Hour).AddDate(0, 0, 3+v.n) }

// sometime is a random time on the visit's day.
func (w *world) sometime(v *visit) time.Time {
	return v.day().Add(time.Duration(8*12+w.draw.IntN(8*12)) * 5 * time.Minute)
}

func once() access.Once { return access.Once{Key: id.New("key"), Fingerprint: [32]byte{1}} }

// book books a visit.
func (w *world) book(ctx context.Context, practitioner int) *visit {
	v := &visit{n: len(w.visits), practitioner: practitioner, patient: len(w.visits) % len(w.patients)}
	start := w.sometime(v)
	a, err := w.diary.Book(ctx, w.by(ctx, desk), once(), booking.Wish{
		ServiceID: w.service, SiteID: w.site, PractitionerID: w.practitioners[practitioner],
		PatientID: w.patients[v.patient], Start: start.Format(time.RFC3339),
	})
	w.must(err)
	v.id, v.expects = a.ID, &expected{start: start, minutes: visitMinutes}
	w.visits = append(w.visits, v)
	return v
}

// ask asks for the link of a visit.
func (w *world) ask(ctx context.Context, v *visit) {
	_, err := w.video.Email(ctx, w.by(ctx, desk), once(), v.id, false)
	if fault.Is(err, fault.Conflict) {
		return // it is cancelled by now
	}
	w.must(err)
	v.asked++
}

// ready books a visit and has its room made.
func (w *world) ready(ctx context.Context, practitioner int) *visit {
	v := w.book(ctx, practitioner)
	w.ask(ctx, v)
	w.must(w.video.Sync(ctx, w.job(), v.id))
	return v
}

// appointment reads a visit's appointment.
func (w *world) appointment(ctx context.Context, v *visit) booking.Appointment {
	var a booking.Appointment
	k := w.table.For(w.job())
	w.must(k.Get(ctx, k.Appointment(v.id), &a))
	return a
}

// stored reads what is kept of a visit.
func (w *world) stored(ctx context.Context, v *visit) (video.Visit, bool) {
	var got video.Visit
	k := w.table.For(w.job())
	err := k.Get(ctx, k.Visit(v.id), &got)
	if fault.Is(err, fault.NotFound) {
		return got, false
	}
	w.must(err)
	return got, true
}

// patiently asks the diary again when others changed the same in the same moment.
func patiently(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !fault.Is(err, fault.Stale) && !fault.Is(err, fault.Unavailable) || ctx.Err() != nil {
			return err
		}
	}
}

// move moves a visit in the diary. A refusal because the time is taken, or because it cannot be moved any more, is the
// diary's good right.
func (w *world) move(ctx context.Context, v *visit, start time.Time, practitioner int) {
	err := patiently(ctx, func() error {
		now := w.appointment(ctx, v)
		_, err := w.diary.Move(ctx, w.by(ctx, desk), once(), v.id, now.Version, booking.Wish{
			Start: start.Format(time.RFC3339), PractitionerID: w.practitioners[practitioner],
		})
		return err
	})
	if fault.Is(err, fault.Conflict) {
		return
	}
	w.must(err)
	v.practitioner = practitioner
	v.expects = &expected{start: start, minutes: visitMinutes}
}

// cancel cancels a visit in the diary.
func (w *world) cancel(ctx context.Context, v *visit) {
	err := patiently(ctx, func() error {
		now := w.appointment(ctx, v)
		_, err := w.diary.Cancel(ctx, w.by(ctx, desk), once(), v.id, now.Version, booking.ByClinic)
		return err
	})
	if !fault.Is(err, fault.Conflict) {
		w.must(err)
	}
	v.expects = &expected{cancelled: true}
}

// room is the number of a visit's meeting at Zoom, zero where none is known.
func (w *world) room(ctx context.Context, v *visit) int64 {
	got, _ := w.stored(ctx, v)
	n, err := strconv.ParseInt(got.Ref, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// edit moves a visit's meeting in Zoom, as its host.
func (w *world) edit(ctx context.Context, v *visit, start time.Time, minutes int) {
	room := w.room(ctx, v)
	if room != 0 && w.zoom.Edit(room, zoomsim.Change{Start: &start, Minutes: &minutes}) == nil { // else it is gone
		v.expects = &expected{start: start, minutes: minutes}
	}
}

// remove deletes a visit's meeting in Zoom, as its host.
func (w *world) remove(ctx context.Context, v *visit) {
	room := w.room(ctx, v)
	if room != 0 && w.zoom.Delete(room, w.draw.IntN(2) == 0) == nil {
		v.expects = &expected{cancelled: true}
	}
}

// held tells which ticks of a resource's are an appointment's.
func held(o table.Occupancy, appointment string) []table.Tick {
	raw, err := id.Raw(appointment)
	if err != nil {
		return nil
	}
	var out []table.Tick
	for _, t := range o.Taken {
		if t.Firm && t.HeldBy(raw) {
			out = append(out, t.Tick)
		}
	}
	return out
}
