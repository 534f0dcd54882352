package clinic_test

import (
	"slices"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
)

// TestWorking: where somebody works must be there, and counts from the person's next request on.
func TestWorking(t *testing.T) {
	c := clinictest.New(t).Found(t)
	o := clinic.New(c.Table, c.Directory, c.Clock.Now, id.New)
	other := clinictest.New(t).Found(t)
	staff := clinic.Staff{
		Subject: "someone", Name: "Someone", Email: "someone@example.org", JobRole: "Doctor", Roles: []access.Role{access.Clinician},
	}
	for name, x := range map[string]struct {
		sites        []string
		practitioner string
		want         []string
	}{
		"another organisation's": {[]string{other.Site.ID}, other.Practitioners[0].ID, []string{"unknown_id /siteIds/0", "unknown_id /practitionerId"}},
		"a site twice":           {[]string{c.Site.ID, c.Site.ID}, "", []string{"not_unique /siteIds/1"}},
		"a room and a site":      {[]string{c.Rooms[0].ID}, c.Site.ID, []string{"unknown_id /siteIds/0", "unknown_id /practitionerId"}},
		"more sites than can be": {slices.Repeat([]string{c.Site.ID}, 101), "", []string{"too_many /siteIds"}},
	} {
		staff.SiteIDs, staff.PractitionerID = x.sites, x.practitioner
		_, err := o.CreateStaff(t.Context(), c.By(t, clinictest.Manager), clinictest.Once(), staff)
		var got []string
		for _, d := range fault.Of(err).Details {
			got = append(got, d.Code+" "+d.Pointer)
		}
		if !fault.Is(err, fault.Invalid) || !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
	staff.SiteIDs, staff.PractitionerID = []string{c.Site.ID}, c.Practitioners[0].ID
	if _, err := o.CreateStaff(t.Context(), c.By(t, clinictest.Manager), clinictest.Once(), staff); err != nil {
		t.Fatal(err)
	}
	by := c.By(t, staff.Subject)
	if !by.WorksAt(c.Site.ID) || by.WorksAt(other.Site.ID) || by.Practitioner() != c.Practitioners[0].ID {
		t.Errorf("works at %q as %q", by.Sites(), by.Practitioner())
	}
	staff.SiteIDs, staff.PractitionerID, staff.Version = nil, "", 1
	if _, err := o.ChangeStaff(t.Context(), c.By(t, clinictest.Manager), clinictest.Once(), staff); err != nil {
		t.Fatal(err)
	}
	if by := c.By(t, staff.Subject); !by.WorksAt(other.Site.ID) || by.Practitioner() != "" {
		t.Errorf("works at %q as %q", by.Sites(), by.Practitioner())
	}
}

// TestQuestions: what a service asks is made of codes, each once, and leaves at least one way to be booked.
func TestQuestions(t *testing.T) {
	c := clinictest.New(t).Found(t)
	o := clinic.New(c.Table, c.Directory, c.Clock.Now, id.New)
	for name, x := range map[string]struct {
		questions []clinic.Question
		want      []string
	}{
		"yes and no":      {[]clinic.Question{{ID: "pregnant", Text: " Could you be pregnant? ", Excluding: []string{"yes"}}}, nil},
		"options":         {[]clinic.Question{{ID: "age", Text: "Age?", Options: []string{"16", "17", "more"}, Excluding: []string{"16", "17"}}}, nil},
		"no text":         {[]clinic.Question{{ID: "age"}}, []string{"required /questions/0/text"}},
		"no id":           {[]clinic.Question{{Text: "Age?"}}, []string{"wrong_format /questions/0/id"}},
		"an id with name": {[]clinic.Question{{ID: "Age of Zebedee", Text: "Age?"}}, []string{"wrong_format /questions/0/id"}},
		"twice":           {[]clinic.Question{{ID: "age", Text: "Age?"}, {ID: "age", Text: "Age?"}}, []string{"not_unique /questions/1/id"}},
		"one option":      {[]clinic.Question{{ID: "age", Text: "Age?", Options: []string{"16"}}}, []string{"too_few /questions/0/options"}},
		"options twice":   {[]clinic.Question{{ID: "age", Text: "Age?", Options: []string{"16", "16"}}}, []string{"not_unique /questions/0/options/1"}},
		"no such answer":  {[]clinic.Question{{ID: "age", Text: "Age?", Excluding: []string{"16"}}}, []string{"not_a_choice /questions/0/excluding/0"}},
		"all excluded":    {[]clinic.Question{{ID: "age", Text: "Age?", Excluding: []string{"yes", "no"}}}, []string{"too_many /questions/0/excluding"}},
		"too many":        {slices.Repeat([]clinic.Question{{ID: "age", Text: "Age?"}}, 21), []string{"too_many /questions"}},
	} {
		s := c.Service
		s.Questions = x.questions
		got, err := o.CreateService(t.Context(), c.By(t, clinictest.Manager), clinictest.Once(), s)
		var wrong []string
		if err != nil {
			for _, d := range fault.Of(err).Details {
				wrong = append(wrong, d.Code+" "+d.Pointer)
			}
		}
		if !slices.Equal(wrong, x.want) || err == nil && len(got.Questions) != 1 {
			t.Errorf("%s: %q (%v), want %q", name, wrong, err, x.want)
		}
		if name == "yes and no" && got.Questions[0].Text != "Could you be pregnant?" {
			t.Errorf("stored as %q", got.Questions[0].Text)
		}
	}
}
