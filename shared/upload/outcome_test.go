package upload_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/table"
	"almanac/shared/upload"
)

// TestReasons: every line that cannot be taken is refused with all that is wrong with it, by column, and nothing of
// what stood in it is told. The lines around it are taken.
func TestReasons(t *testing.T) {
	o := newOffice(t)
	const long = "Marker012345678901234567890123456789"
	_, report := o.both(t, header+strings.Join([]string{
		`Marker,Ada,1950-02-27,female,999 000 0018,1 High Street,SW1A 2AA,07700 900123,ada@example.org,A81001`,
		`,,,,,,,,,`,
		`Marker,Ada,27/02/1950,w,1234567890,,nowhere,12,ada,?`,
		`Marker,Ada,2051-02-27,,9999999999,,,,,`,
		`Marker,Ada,1850-02-27,,٩٩٩٠٠٠٠٠١٨,,,,,`,
		`Marker,Ada,1951-02-29,,,,,,,`,
		long + `,Ada,1951-02-27,,,,,,,`,
		"Mar\x00ker,Ada,1951-02-27,,,,,,,",
		"Mar\u202eker,Ada\ufffd,1951-02-27,,,,,,,",
		`1234,Ada,1951-02-27,,,,,,,`,
		`Mar"ker,Ada,1951-02-27,,,,,,,`,
		`Marker,Ada,1951-02-27`,
		`=cmd()|Marker,@Ada,1952-02-27,F,,=1+1 High Street,,,,`,
		`Marker,,1953-02-27,,,,,,,`,
		`,Ada,1953-02-27,,,,ZZ99 3VZ,,,`,
	}, "\n")+"\n")
	says(
		t, report, "2 created", "3 refused required:birthDate required:family",
		"4 refused wrong_format:birthDate not_a_choice:sex wrong_format:postcode wrong_format:phone wrong_format:email wrong_format:practiceOdsCode wrong_check_digit:nhsNumber",
		"5 refused in_the_future:birthDate wrong_format:nhsNumber", "6 refused too_early:birthDate wrong_format:nhsNumber",
		"7 refused wrong_format:birthDate", "8 refused too_long:family", "9 refused text_refused:family",
		"10 refused text_refused:given", "11 refused wrong_format:family", "12 refused stray_quote", "13 refused field_count",
		"14 created", "15 created", "16 created",
	)
	for _, row := range report {
		if all := strings.Join(row, ","); strings.Contains(all, "Mark") || strings.Contains(all, "1950") || strings.Contains(all, "cmd") {
			t.Errorf("the report tells what stood in the line: %s", all)
		}
	}
	p, err := o.patients.Get(t.Context(), o.By(t, clinictest.Manager), report[12][2])
	if err != nil || p.Names[0].Family != "=cmd()|Marker" || p.Sex != patient.Female {
		t.Errorf("a name that looks like a formula is a name: %v", err)
	}
}

func TestDates(t *testing.T) {
	o := newOffice(t)
	_, report := o.both(t, header+"Marker,Ada,03/04/1950,,,,,,,\nMarker,Ben,1950-04-03,,,,,,,\nMarker,Eve,3/4/1950,,,,,,,\n",
		upload.Wish{Format: upload.CSV, Dates: upload.BritishDates})
	says(t, report, "2 created", "3 refused wrong_format:birthDate", "4 refused wrong_format:birthDate")
	p, err := o.patients.Get(t.Context(), o.By(t, clinictest.Manager), report[0][2])
	if err != nil || p.BirthDate != "1950-04-03" {
		t.Errorf("the third of April is another day: %v", err)
	}
}

// TestSameFileTwice: the same file again, in another upload, changes nothing and matches every line.
func TestSameFileTwice(t *testing.T) {
	o := newOffice(t)
	file := lines(0, 300) + "Solo,,1950-02-27,,,,,,,\nZoë,Ann Marie,1950-02-27,,,,,,zoe@example.org,\n"
	first, report := o.both(t, file)
	if first.Counts != (upload.Counts{Lines: 302, Created: 302}) {
		t.Fatalf("%+v", first.Counts)
	}
	second, again := o.both(t, file)
	if second.Counts != (upload.Counts{Lines: 302, Matched: 302}) {
		t.Fatalf("%+v", second.Counts)
	}
	for i := range report {
		if again[i][2] != report[i][2] || again[i][3] != "" {
			t.Errorf("line %s matches %s for %q, want %s", again[i][0], again[i][2], again[i][3], report[i][2])
		}
	}
	// The same people as another system writes them.
	_, other := o.both(t, header+"MARKERA,ADA,1940-01-01,,"+number(0)+",,,,,\nzoe,AnnMarie,1950-02-27,,,,,,ZOE@example.org,\n")
	says(t, other, "2 matched", "3 matched")
}

// TestAlike: who is the same person, who is another, and where nobody can tell.
func TestAlike(t *testing.T) {
	o := newOffice(t)
	const people = "Twin,Ada,1950-02-27,,9990000018,,SW1A 2AA,,,\n" +
		"Twin,Ada,1950-02-27,,,,SW1A 2AA,,,\n" + // the same, by the postcode
		"Twin,Ada,1950-02-27,,,,M1 1AE,,,\n" + // another
		"Twin,Ada,1950-02-27,,,,,,,\n" + // nobody can tell
		"Twin,Ada,1950-02-27,,9990000026,,SW1A 2AA,,,\n" + // one of the numbers is wrong
		"Twin,Bea,1950-02-27,,9990000018,,,,,\n" + // the same, by the number, with another given name
		"Other,Bea,1960-02-27,,9990000018,,,,,\n" // a wrong number
	_, report := o.both(t, header+people)
	says(t, report, "2 created", "3 duplicate duplicate_of_line:2", "4 created similar_to_line:2",
		"5 refused possible_duplicate_of_line:2", "6 refused number_differs:2", "7 duplicate duplicate_of_line:2",
		"8 refused number_of_another:2")
	_, again := o.both(t, "nhsNumber,"+strings.ReplaceAll(header, "nhsNumber,", "")+
		"9990000018,Twin,Ada,1950-02-27,,,SW1A 2AA,,,\n"+ // by the number
		",Twin,Ada,1950-02-27,,,M1 1AE,,,\n"+ // by the postcode
		",Twin,Ada,1950-02-27,,,EC1A 1BB,,,\n"+
		",Twin,Ada,1950-02-27,,,ZZ99 3VZ,,,\n")
	says(t, again, "2 matched", "3 matched", "4 created similar_to_line:2 similar_to_line:3 similar_exists:somebody",
		"5 refused possible_duplicate_of_line:2")
	_, third := o.both(t, header+"Twin,Ada,1950-02-27,,,,,,,\n")
	says(t, third, "2 refused possible_duplicate")
	_, fourth := o.both(t, header+"Twin,Ada,1950-02-27,,9990000026,,SW1A 2AA,,,\n")
	says(t, fourth, "2 refused number_differs")
	_, fifth := o.both(t, header+"Other,Bea,1960-02-27,,9990000018,,,,,\n")
	says(t, fifth, "2 refused number_of_another")
}

func TestTooManyAlike(t *testing.T) {
	o := newOffice(t)
	file := header
	for i := range 25 {
		file += "Twin,Ada,1950-02-27,,,,,,ada" + letters(i) + "@example.org,\n"
	}
	done, report := o.both(t, file)
	if done.Counts.Created != 20 || report[24][3] != "too_many_alike" {
		t.Errorf("%+v %q", done.Counts, report[24])
	}
}

// TestDifferences: where the file says something else than the record, the report says so, and the record stays.
func TestDifferences(t *testing.T) {
	o := newOffice(t)
	_, report := o.both(t, header+"Marker,Ada,1950-02-27,female,9990000018,1 High Street,SW1A 2AA,07700 900123,ada@example.org,A81001\n")
	before, err := o.patients.Get(t.Context(), o.By(t, clinictest.Manager), report[0][2])
	if err != nil {
		t.Fatal(err)
	}
	_, again := o.both(t, header+"Renamed,Eve,1950-02-27,male,9990000018,2 High Street,M1 1AE,07700 900124,eve@example.org,B81001\n")
	says(t, again, "2 matched differs:family differs:given differs:sex differs:postcode differs:addressLine differs:phone differs:email differs:practiceOdsCode")
	after, err := o.patients.Get(t.Context(), o.By(t, clinictest.Manager), report[0][2])
	if err != nil || after.Version != before.Version || again[0][2] != before.ID {
		t.Errorf("the record was changed: version %d, %v", after.Version, err)
	}
	// Who looked stands in the patient's trail.
	k := o.Table.For(o.job())
	rows, err := k.Under(t.Context(), k.Patient(before.ID), table.Events)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, row := range rows {
		var e event.Event
		if err := row.Decode(&e); err != nil {
			t.Fatal(err)
		}
		if e.Name == event.RecordRead && e.Why == "compared" && strings.HasPrefix(e.Refs["upload"], "upl_") {
			compared++
		}
	}
	if compared != 2 {
		t.Errorf("%d comparisons stand in the trail, want that of the dry run and that of the run", compared)
	}
}

// amend changes a patient's record as another job would.
func (o *office) amend(t *testing.T, patientID string, change func(*patient.Patient)) {
	t.Helper()
	_, err := o.patients.Amend(t.Context(), access.System(o.Org, string(access.PDSLookup)), access.Once{}, patientID,
		access.NumberSettle, event.Event{Name: event.NumberSettled},
		func(p *patient.Patient) error { change(p); return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// TestProtected: of somebody whose whereabouts are protected, no file finds out where; who objects to the use of the
// NHS number is not found by it; the dead are told of; and none of them is changed.
func TestProtected(t *testing.T) {
	o := newOffice(t)
	_, report := o.both(t, header+
		"Hidden,Ada,1950-02-27,,9990000018,1 High Street,SW1A 2AA,,,\n"+
		"Objects,Ben,1950-02-27,,9990000026,,SW1A 2AA,,,\n"+
		"Dead,Eve,1950-02-27,,9990000034,,SW1A 2AA,,,\n")
	says(t, report, "2 created", "3 created", "4 created")
	o.amend(t, report[0][2], func(p *patient.Patient) { p.Restricted = true })
	o.amend(t, report[1][2], func(p *patient.Patient) { p.Objection = &patient.Objection{At: o.Clock.Now(), By: "staff"} })
	o.amend(t, report[2][2], func(p *patient.Patient) { p.Death = &patient.Death{On: "2026-12-24", Status: patient.Formal} })
	_, again := o.both(t, header+
		"Hidden,Ada,1950-02-27,,,9 Low Street,M1 1AE,,,\n"+
		"Objects,Ben,1950-02-27,,9990000026,,M1 1AE,,,\n"+
		"Dead,Eve,1950-02-27,,9990000034,,M1 1AE,,,\n")
	says(t, again, "2 matched not_compared", "3 created similar_exists:somebody", "4 matched differs:postcode deceased")
	_, right := o.both(t, header+"Hidden,Ada,1950-02-27,,,1 High Street,SW1A 2AA,,,\nObjects,Ben,1950-02-27,,9990000042,,SW1A 2AA,,,\n")
	says(t, right, "2 matched not_compared", "3 matched")
	for i, version := range []int64{2, 2, 2} {
		if p, err := o.patients.Get(t.Context(), o.job(), report[i][2]); err != nil || p.Version != version {
			t.Errorf("%s is at version %d: %v", report[i][0], p.Version, err)
		}
	}
}

// TestNumberTakenMeanwhile: a number that somebody is given between the look-up and the write is found all the same.
func TestNumberTakenMeanwhile(t *testing.T) {
	var o *office
	taken := false
	o = newOffice(t, clinictest.Intercept(func(ctx context.Context, op string, send func() error) error {
		if op == "BatchGetItem" && o != nil && o.patients != nil && !taken && o.armed(ctx) {
			taken = true
			if err := send(); err != nil {
				return err
			}
			//nolint:contextcheck // of somebody else than the worker
			o.Register(t, patient.Patient{
				Names: []patient.Name{{Use: patient.Usual, Family: "Marker", Given: []string{"Ada"}}}, BirthDate: "1950-02-27",
				Number: &patient.Number{Value: "9990000018"},
			})
			return nil
		}
		return send()
	}))
	u := o.send(t, header+"Marker,Ada,1950-02-27,,9990000018,,SW1A 2AA,,,\n")
	o.run(t, u, true)
	done := o.carry(t, u, o.start(t, u, false), armed)
	if !taken || done.Counts != (upload.Counts{Lines: 1, Matched: 1}) {
		t.Errorf("taken: %t, %+v", taken, done.Counts)
	}
}

type mark struct{}

// armed marks the context of the calls that an intercepting test is about.
func armed(ctx context.Context) context.Context { return context.WithValue(ctx, mark{}, true) }

func (*office) armed(ctx context.Context) bool { return ctx.Value(mark{}) != nil }

// carry carries an upload on under a context of its own.
func (o *office) carry(
	t *testing.T, u upload.Upload, m event.Message, with func(context.Context) context.Context,
) upload.Upload {
	t.Helper()
	if err := o.runner.Carry(with(t.Context()), o.job(), m); err != nil {
		t.Fatalf("carry: %v %+v", err, fault.Of(err))
	}
	return o.get(t, u.ID)
}

func TestProgress(t *testing.T) {
	o := newOffice(t)
	u := o.send(t, lines(0, 600))
	m := o.start(t, u, true)
	if got := o.get(t, u.ID); got.State != upload.Checking || got.Percent != 0 || got.Send != nil {
		t.Errorf("%+v", got)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	if err := o.runner.Carry(ctx, o.job(), m); err != nil {
		t.Fatal(err)
	}
	if got := o.get(t, u.ID); got.State != upload.Checked || got.Total != 600 || got.Ended.IsZero() || got.Started.IsZero() {
		t.Errorf("%+v", got)
	}
}
