package booking_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/meter"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// TestCostOfBooking: what a booking asks of the table, now that it makes the relationship between the patient and the
// clinic, answers questions, and may be made on somebody's behalf.
func TestCostOfBooking(t *testing.T) {
	m := meter.New(http.DefaultTransport)
	c := clinictest.New(t, func(o *dynamodb.Options) { o.HTTPClient = &http.Client{Transport: m} }).Found(t)
	s, by, pat := booking.New(c.Table, c.Directory, c.Clock.Now, id.New), c.By(t, clinictest.Receptionist), c.Patients[0]
	k := c.Table.For(by)
	rep := care.Representative{ID: id.New("rep"), Relationship: "parent", May: []string{care.MayBook}, From: c.Clock.Now()}
	err := care.Settle(t.Context(), k, pat, func(circle care.Circle) error {
		circle.Representatives = append(circle.Representatives, rep)
		return k.Write(t.Context(), table.Change{
			Action: access.RepresentativeAdd, Target: pat, Put: []table.Item{circle.Item(k, pat)},
			Event: event.Event{Name: event.RepresentativeAdded},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC)
	book := func(n int, asked booking.Asked) meter.Usage {
		t.Helper()
		before := m.Usage()
		_, err := s.Book(t.Context(), by, clinictest.Once(), booking.Wish{
			ServiceID: c.Service.ID, SiteID: c.Site.ID, PractitionerID: c.Practitioners[n%2].ID, PatientID: pat, Asked: asked,
			Start: day.AddDate(0, 0, n/5*7).Add(time.Duration(n%5) * time.Hour).Format(time.RFC3339),
		})
		if err != nil {
			t.Fatal(err)
		}
		u := m.Usage().Since(before)
		if err := u.Err(); err != nil {
			t.Fatal(err)
		}
		return u
	}
	book(0, booking.Asked{}) // reads the configuration
	for n := 1; n < 9; n++ {
		if u := book(n, booking.Asked{}); u.Trips() != 1 || u.ReadUnits != 0 || u.WriteUnits > 16 {
			t.Errorf("booking %d: %d round trips, %v read units, %v write units", n, u.Trips(), u.ReadUnits, u.WriteUnits)
		}
	}
	if u := book(9, booking.Asked{OnBehalf: rep.ID}); u.Trips() != 2 || u.ReadUnits > 1 || u.WriteUnits > 16 {
		t.Errorf("on behalf: %d round trips, %v read units, %v write units", u.Trips(), u.ReadUnits, u.WriteUnits)
	}
}
