package patient

import (
	"slices"
	"testing"
)

// Protection ends with the number that gave it, and with no other's.
func TestProtectors(t *testing.T) {
	const own, past, other = "9990000018", "9990000026", "9990000034"
	merged := Number{Value: own, History: []PastNumber{{Value: past, Why: "superseded"}, {Value: other, Why: numberMerged}}}
	for name, x := range map[string]struct {
		by    []string
		stays []string
	}{
		"nothing known":      {nil, nil},
		"its own":            {[]string{own}, nil},
		"one that gave way":  {[]string{past, own}, nil},
		"its own record":     {[]string{"pat_a"}, nil},
		"a merged record":    {[]string{own, "pat_b"}, []string{"pat_b"}},
		"a merged number":    {[]string{other, past}, []string{other}},
		"the merged one too": {[]string{other, "pat_b"}, []string{other, "pat_b"}},
	} {
		p := Patient{ID: "pat_a", Restricted: true, RestrictedBy: x.by, Number: &merged}
		if p.Protected(own) != (len(x.stays) > 0) {
			t.Errorf("%s: protected is %v", name, p.Protected(own))
		}
		if p.Unrestrict(own); !slices.Equal(p.RestrictedBy, x.stays) || p.Restricted != (len(x.stays) > 0) {
			t.Errorf("%s: %d stay", name, len(p.RestrictedBy))
		}
	}
}

// What a record hands on when it is merged is its number, or itself where its number says nothing of it any more.
func TestHandedOn(t *testing.T) {
	const own, past = "9990000018", "9990000026"
	for name, x := range map[string]struct {
		is   Patient
		want []string
	}{
		"not protected":        {Patient{Number: &Number{Value: own}}, nil},
		"by its number":        {Patient{Restricted: true, RestrictedBy: []string{own}, Number: &Number{Value: own}}, []string{own}},
		"by one that gave way": {Patient{Restricted: true, RestrictedBy: []string{past}, Number: &Number{Value: own}}, []string{"pat_a"}},
		"by a number it lost":  {Patient{Restricted: true, RestrictedBy: []string{past}}, []string{"pat_a"}},
		"by another record":    {Patient{Restricted: true, RestrictedBy: []string{"pat_b"}}, []string{"pat_b"}},
		"by nobody knows what": {Patient{Restricted: true}, []string{"pat_a"}},
	} {
		x.is.ID = "pat_a"
		if got := x.is.handedOn(); !slices.Equal(got, x.want) {
			t.Errorf("%s: %d, not %d", name, len(got), len(x.want))
		}
	}
}

func TestMergedProtectionGoesBack(t *testing.T) {
	const own, other = "9990000018", "9990000026"
	into := Patient{ID: "pat_a", Restricted: true, RestrictedBy: []string{own}, Number: &Number{Value: own}}
	from := Patient{ID: "pat_b", Restricted: true, RestrictedBy: []string{other}, Number: &Number{Value: other}}
	w := pair{into: &file{Patient: into}, intoIs: into.clone()}
	got := gains{Version: w.into.Version}
	got.protect(&w.intoIs, from)
	if !slices.Equal(w.intoIs.RestrictedBy, []string{own, other}) || got.Restricted {
		t.Fatalf("%d protect it", len(w.intoIs.RestrictedBy))
	}
	w.giveBackFields(got, func(code, _ string) { t.Errorf("%s is kept", code) })
	if !w.intoIs.Restricted || !slices.Equal(w.intoIs.RestrictedBy, []string{own}) {
		t.Error("its own protection went with the other's")
	}
}
