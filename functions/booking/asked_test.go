package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/web"
)

// asks makes the clinic's service ask two questions.
func (d *desk) asks(t *testing.T) {
	t.Helper()
	s := d.Service
	s.Questions = []clinic.Question{
		{ID: "pregnant", Text: "Could you be pregnant?", Excluding: []string{"yes"}},
		{ID: "age", Text: "How old are you?", Options: []string{"under-16", "16-to-64", "65-or-over"}, Excluding: []string{"under-16"}},
	}
	d.Change(t, func(k table.Clinic) []table.Item { return []table.Item{{Key: k.Service(s.ID), Value: s, Version: 1}} })
}

func answer(question, with string) object { return object{"questionId": question, "answer": with} }

// TestScreening: a service that asks is booked only with an answer to everything, none of which excludes.
func TestScreening(t *testing.T) {
	d := newDesk(t)
	d.asks(t)
	wish := d.wish("2027-01-04T09:00")
	held := d.hold(t, "2027-01-04T10:00")
	for name, c := range map[string]struct {
		answers []object
		status  int
		want    []string
	}{
		"nothing":        {nil, 422, []string{`"resource":"pregnant"`, `"resource":"age"`, `"code":"required"`}},
		"one of two":     {[]object{answer("age", "16-to-64")}, 422, []string{`"resource":"pregnant"`}},
		"no such answer": {[]object{answer("pregnant", "maybe"), answer("age", "16-to-64")}, 422, []string{`"pointer":"/answers/0/answer"`, `"choices":["yes","no"]`}},
		"no such question": {
			[]object{answer("pregnant", "no"), answer("age", "16-to-64"), answer("weight", "no")}, 422, []string{`"pointer":"/answers/2/questionId"`},
		},
		"twice":    {[]object{answer("pregnant", "no"), answer("age", "16-to-64"), answer("pregnant", "no")}, 422, []string{`"code":"not_unique"`}},
		"excluded": {[]object{answer("pregnant", "yes"), answer("age", "16-to-64")}, 409, []string{"screening_excludes", `"resource":"pregnant"`}},
		"both":     {[]object{answer("pregnant", "yes"), answer("age", "under-16")}, 409, []string{`"resource":"pregnant"`, `"resource":"age"`}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, body := range []object{wish.With("answers", c.answers), {"holdId": held.ID, "patientId": d.Patients[0], "answers": c.answers}} {
				if c.answers == nil {
					delete(body, "answers")
				}
				res := d.Must(t, c.status, d.ask(t, "POST", "/v1/appointments", body))
				for _, want := range c.want {
					if !strings.Contains(res.Body, want) {
						t.Errorf("%s does not say %s", res.Body, want)
					}
				}
				if strings.Contains(res.Body, "maybe") || strings.Contains(res.Body, "weight") {
					t.Errorf("it repeats what was sent: %s", res.Body)
				}
			}
		})
	}
	good := []object{answer("age", "65-or-over"), answer("pregnant", "no")}
	for _, body := range []object{wish.With("answers", good), {"holdId": held.ID, "patientId": d.Patients[0], "answers": good}} {
		res := d.Must(t, 201, d.ask(t, "POST", "/v1/appointments", body))
		if strings.Contains(res.Body, "65-or-over") {
			t.Errorf("what is kept for repeats holds an answer: %s", res.Body)
		}
		apt := clinictest.Read[booking.Appointment](t, res)
		got := clinictest.Read[booking.Appointment](t, d.Must(t, 200, d.ask(t, "GET", "/v1/appointments/"+apt.ID, nil)))
		want := []booking.Answer{{QuestionID: "age", Answer: "65-or-over"}, {QuestionID: "pregnant", Answer: "no"}}
		if !slices.Equal(got.Answers, want) || got.BookedBy != nil {
			t.Errorf("the appointment has %+v, %+v", got.Answers, got.BookedBy)
		}
		ev := d.ask(t, "POST", "/v1/appointments/"+apt.ID+"/move", object{"start": "2027-01-0" + map[bool]string{true: "5", false: "6"}[body["holdId"] == nil] + "T09:00"}).Match(`"1"`)
		d.Must(t, 200, ev)
		got = clinictest.Read[booking.Appointment](t, d.Must(t, 200, d.ask(t, "GET", "/v1/appointments/"+apt.ID, nil)))
		if !slices.Equal(got.Answers, want) {
			t.Errorf("moved it has %+v", got.Answers)
		}
	}
	d.Service.Questions = nil
	d.Must(t, 422, d.ask(t, "POST", "/v1/appointments", d.wish("2027-01-04T11:00").With("answers", []object{answer("x", "y"), answer("z", "y")})))
}

// represent gives a patient a representative, as the patient's own record would.
func (d *desk) represent(t *testing.T, patient string, r care.Representative) string {
	t.Helper()
	r.ID, r.Relationship = id.New("rep"), "parent"
	k := d.Table.For(d.By(t, clinictest.Manager))
	err := care.Settle(t.Context(), k, patient, func(c care.Circle) error {
		c.Representatives = append(c.Representatives, r)
		return k.Write(t.Context(), table.Change{
			Action: access.RepresentativeAdd, Target: patient, Put: []table.Item{c.Item(k, patient)},
			Event: event.Event{Name: event.RepresentativeAdded},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// TestOnBehalf: who books for somebody else must be that patient's representative, for booking, at this time.
func TestOnBehalf(t *testing.T) {
	d := newDesk(t)
	now, pat := d.Clock.Now(), d.Patients[0]
	may := d.represent(t, pat, care.Representative{May: []string{care.MayBook}, From: now, Until: now.Add(time.Hour)})
	asks := d.represent(t, pat, care.Representative{May: []string{care.MayAsk}, From: now})
	theirs := d.represent(t, d.Patients[1], care.Representative{May: []string{care.MayBook}, From: now})
	other := d.Found(t)
	foreign := (&desk{clinictest.NewDesk(other, nil)}).represent(t, other.Patients[0], care.Representative{May: []string{care.MayBook}, From: now})
	for name, c := range map[string]struct {
		id, code string
		status   int
	}{
		"may ask only":           {asks, "may_not_book", 409},
		"another patient's":      {theirs, "unknown_id", 422},
		"another organisation's": {foreign, "unknown_id", 422},
		"nobody":                 {id.New("rep"), "unknown_id", 422},
		"not even an id":         {"", "too_short", 422},
	} {
		t.Run(name, func(t *testing.T) {
			res := d.Must(t, c.status, d.ask(t, "POST", "/v1/appointments",
				d.wish("2027-01-04T09:00").With("onBehalf", object{"representativeId": c.id})))
			if !strings.Contains(res.Body, c.code) {
				t.Errorf("%s does not say %s", res.Body, c.code)
			}
		})
	}
	d.Clock.Pass(59 * time.Minute)
	held := d.hold(t, "2027-01-04T10:00")
	for _, body := range []object{d.wish("2027-01-04T09:00"), {"holdId": held.ID, "patientId": pat}} {
		res := d.Must(t, 201, d.ask(t, "POST", "/v1/appointments", body.With("onBehalf", object{"representativeId": may})))
		apt := clinictest.Read[booking.Appointment](t, res)
		got := clinictest.Read[booking.Appointment](t, d.Must(t, 200, d.ask(t, "GET", "/v1/appointments/"+apt.ID, nil)))
		if got.BookedBy == nil || *got.BookedBy != (booking.BookedBy{RepresentativeID: may, Relationship: "parent"}) {
			t.Errorf("booked by %+v", got.BookedBy)
		}
		if e := d.History(t, d.Org, apt.ID)[0]; e.Refs["representative"] != may || (e.Refs["hold"] != "") != (body["holdId"] != nil) {
			t.Errorf("the event's refs are %v", e.Refs)
		}
	}
	d.Clock.Pass(time.Minute)
	d.Must(t, 409, d.ask(t, "POST", "/v1/appointments", d.wish("2027-01-05T09:00").With("onBehalf", object{"representativeId": may})))
	all := clinictest.Read[web.Page[booking.Appointment]](t, d.Must(t, http.StatusOK, d.ask(t, "GET", "/v1/patients/"+pat+"/appointments", nil)))
	if len(all.Items) != 2 || all.Items[0].BookedBy == nil {
		t.Errorf("listed are %+v", all.Items)
	}
}
