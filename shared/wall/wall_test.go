package wall_test

import (
	"errors"
	"testing"
	"time"

	"almanac/shared/wall"
)

func london(t *testing.T) *time.Location {
	t.Helper()
	z, err := wall.Zone("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Every minute of the days around every London clock change from 2020 to 2040: a local time is found exactly as often
// as walking through the instants finds it.
func TestEveryMinuteAroundEveryLondonChange(t *testing.T) {
	z := london(t)
	for change := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); ; {
		if change.Year() > 2040 {
			return
		}
		_, next := change.Add(time.Hour).In(z).ZoneBounds()
		if !next.After(change) { // beyond the zone file, bounds also end with the year
			change = change.AddDate(0, 0, 2)
			continue
		}
		change = next
		from := change.Add(-26 * time.Hour).UTC().Truncate(time.Minute)
		instants := map[string][]time.Time{}
		for at := from; at.Before(change.Add(26 * time.Hour)); at = at.Add(time.Minute) {
			local := at.In(z).Format(wall.Layout)
			instants[local] = append(instants[local], at)
		}
		local := from.In(z)
		for m := 60; m < 50*60; m++ {
			text := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute()+m, 0, 0, time.UTC).
				Format(wall.Layout)
			check(t, z, text, instants[text])
		}
	}
}

func check(t *testing.T, z *time.Location, text string, want []time.Time) {
	t.Helper()
	got, err := wall.Parse(text, z)
	var twice *wall.TwiceError
	switch len(want) {
	case 0:
		if _, skipped := errors.AsType[*wall.SkippedError](err); !skipped {
			t.Fatalf("%s does not exist, yet Parse gave %v, %v", text, got, err)
		}
	case 1:
		if err != nil || !got.Equal(want[0]) {
			t.Fatalf("Parse(%s) = %v, %v, want %v", text, got, err, want[0])
		}
	default:
		if !errors.As(err, &twice) || !twice.Earlier.Equal(want[0]) || !twice.Later.Equal(want[1]) {
			t.Fatalf("Parse(%s) = %v, %v, want both of %v", text, got, err, want)
		}
	}
}

func TestParseInstants(t *testing.T) {
	z := london(t)
	got, err := wall.Parse("2027-10-31T01:30:00Z", z)
	if err != nil || got.Format(time.RFC3339) != "2027-10-31T01:30:00Z" {
		t.Errorf("the second half past one, told by its offset, is %v, %v", got, err)
	}
	for _, bad := range []string{"", "soon", "2027-02-30T10:00", "2027-01-01", "2027-01-01T25:00", "10:00"} {
		if at, err := wall.Parse(bad, z); !errors.Is(err, wall.ErrMalformed) {
			t.Errorf("Parse(%q) = %v, %v", bad, at, err)
		}
	}
}

func TestDayLengths(t *testing.T) {
	z := london(t)
	for date, hours := range map[string]float64{"2027-03-28": 23, "2027-10-31": 25, "2027-06-01": 24} {
		d, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		start, end := wall.Day(d, z)
		if got := end.Sub(start).Hours(); got != hours {
			t.Errorf("%s has %v hours, want %v", date, got, hours)
		}
	}
}

func TestZoneRefusesTheMachinesOwn(t *testing.T) {
	for _, name := range []string{"", "Local", "Mars/Olympus"} {
		if _, err := wall.Zone(name); err == nil {
			t.Errorf("Zone(%q) was accepted", name)
		}
	}
}
