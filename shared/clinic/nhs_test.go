package clinic_test

import (
	"testing"

	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
)

// How an organisation works with the NHS: off until it is switched on, and nothing without the code that it is known by.
func TestNHS(t *testing.T) {
	h := clinictest.New(t)
	c := h.Found(t)
	o := clinic.New(h.Table, h.Directory, h.Clock.Now, id.New)
	by := c.By(t, clinictest.Manager)
	org, err := o.Organisation(t.Context(), by)
	if err != nil || org.NHS != (clinic.NHS{}) {
		t.Fatalf("a new organisation has %+v, %v", org.NHS, err)
	}
	for name, x := range map[string]struct {
		set  clinic.NHS
		want string
	}{
		"tracing without a code": {clinic.NHS{Tracing: true}, "required /nhs/odsCode"},
		"a view without a code":  {clinic.NHS{SummaryCareRecord: true}, "required /nhs/odsCode"},
		"GP data without a code": {clinic.NHS{GPRecord: true}, "required /nhs/odsCode"},
		"a short code":           {clinic.NHS{ODSCode: "A1"}, "wrong_format /nhs/odsCode"},
		"a long code":            {clinic.NHS{ODSCode: "A1234567890"}, "wrong_format /nhs/odsCode"},
		"a code with a dash":     {clinic.NHS{ODSCode: "Y-2345"}, "wrong_format /nhs/odsCode"},
		"another script's":       {clinic.NHS{ODSCode: "Ү12345"}, "wrong_format /nhs/odsCode"},
	} {
		bad := org
		bad.NHS = x.set
		_, err := o.ChangeOrganisation(t.Context(), by, clinictest.Once(), bad)
		if d := fault.Of(err).Details; !fault.Is(err, fault.Invalid) || len(d) != 1 || d[0].Code+" "+d[0].Pointer != x.want {
			t.Errorf("%s: %v %+v", name, err, d)
		}
	}
	org.NHS = clinic.NHS{ODSCode: " y12345", Tracing: true}
	if _, err := o.ChangeOrganisation(t.Context(), by, clinictest.Once(), org); err != nil {
		t.Fatal(err)
	}
	by = c.By(t, clinictest.Manager)
	if org, err = o.Organisation(t.Context(), by); err != nil || org.NHS != (clinic.NHS{ODSCode: "Y12345", Tracing: true}) {
		t.Errorf("%+v, %v", org.NHS, err)
	}
	org.NHS = clinic.NHS{}
	if _, err := o.ChangeOrganisation(t.Context(), by, clinictest.Once(), org); err != nil {
		t.Errorf("it cannot be switched off: %v", err)
	}
}
