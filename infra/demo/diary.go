package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/wall"
)

// addPatients registers invented people. Their addresses end in example.org, which never receives mail.
func (b *builder) addPatients(ctx context.Context) error {
	first := []string{"Ada", "Bert", "Cleo", "Dev", "Elsie", "Farid", "Gwen", "Hal", "Ines", "Jonah", "Kit", "Lena"}
	last := []string{"Ashdown", "Birchall", "Coppice", "Dunmore", "Elderfield"}
	by, err := b.by(ctx, Receptionist)
	if err != nil {
		return err
	}
	for i := range len(first) * len(last) {
		f, l := first[i%len(first)], last[i/len(first)]
		got, err := b.pats.Create(ctx, by, once(), patient.Patient{
			Names:     []patient.Name{{Use: patient.Usual, Given: []string{f}, Family: l}},
			BirthDate: time.Date(1940+i, time.Month(1+i%12), 1+i%28, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			Contacts: []patient.Contact{
				{System: patient.Email, Value: fmt.Sprintf("patient%02d@example.org", i+1)},
				{System: patient.Phone, Value: fmt.Sprintf("07700 9000%02d", i)},
			},
		})
		if err != nil {
			return err
		}
		b.patients = append(b.patients, got.ID)
	}
	return nil
}

// fill books appointments around the day, most of them near it, and takes those that are past to their end.
func (b *builder) fill(ctx context.Context, day time.Time) error {
	by, err := b.by(ctx, Receptionist)
	if err != nil {
		return err
	}
	zone, err := wall.Zone("Europe/London")
	if err != nil {
		return err
	}
	booked := 0
	for try := 0; booked < appointments && try < 12*appointments; try++ {
		apt, err := b.one(ctx, by, day)
		if errors.Is(err, errFull) {
			continue
		}
		if err != nil {
			return err
		}
		booked++
		if apt.Start.Before(day) && apt.Start.In(zone).YearDay() != day.In(zone).YearDay() {
			if err := b.finish(ctx, by, apt); err != nil {
				return err
			}
		}
	}
	return nil
}

// one books a service at a random time on a random day.
func (b *builder) one(ctx context.Context, by access.Caller, day time.Time) (booking.Appointment, error) {
	svc := b.services[b.rand.IntN(len(b.services))]
	prc := svc.PractitionerIDs[b.rand.IntN(len(svc.PractitionerIDs))]
	date := day.AddDate(0, 0, b.rand.IntN(daysBefore+daysAfter+1)-daysBefore)
	if w := date.Weekday(); w == time.Saturday || w == time.Sunday {
		return booking.Appointment{}, errFull
	}
	minute := 9*60 + 30 + b.rand.IntN(6*12)*5
	start := fmt.Sprintf("%sT%02d:%02d", date.Format(time.DateOnly), minute/60, minute%60)
	apt, err := b.book.Book(ctx, by, once(), booking.Wish{
		ServiceID: svc.ID, SiteID: b.siteOf(prc), PractitionerID: prc,
		PatientID: b.patients[b.rand.IntN(len(b.patients))], Start: start,
	})
	if fault.Is(err, fault.Conflict) {
		return apt, errFull
	}
	return apt, err
}

func (b *builder) siteOf(practitioner string) string {
	i := slices.IndexFunc(b.practitioners, func(p clinic.Practitioner) bool { return p.ID == practitioner })
	return b.practitioners[i].Sessions[0].SiteID
}

// finish takes an appointment that is over to its end: most were completed, some missed, some cancelled before.
func (b *builder) finish(ctx context.Context, by access.Caller, apt booking.Appointment) error {
	switch b.rand.IntN(10) {
	case 0:
		_, err := b.book.Cancel(ctx, by, once(), apt.ID, apt.Version, booking.ByPatient)
		return err
	case 1:
		return b.later(apt, func() error {
			_, err := b.book.Progress(ctx, by, once(), apt.ID, apt.Version, booking.DidNotAttend)
			return err
		})
	}
	return b.later(apt, func() error {
		var err error
		for _, to := range []booking.Status{booking.Arrived, booking.Completed} {
			if apt, err = b.book.Progress(ctx, by, once(), apt.ID, apt.Version, to); err != nil {
				return err
			}
		}
		return nil
	})
}

// later does something at the end of the appointment.
func (b *builder) later(apt booking.Appointment, do func() error) error {
	before := b.at
	b.at = apt.End
	defer func() { b.at = before }()
	return do()
}
