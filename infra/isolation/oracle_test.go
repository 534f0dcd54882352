package main

import (
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	p, err := newPolicy(policyText)
	if err != nil {
		t.Fatal(err)
	}
	made := newMakers()
	for row := range made {
		if _, ok := p[row]; !ok {
			t.Errorf("%s is asked for and not in the policy", row)
		}
	}
	for _, wrong := range []string{"GET /v1/x", "GET /v1/x r - what", "GET /v1/x r -\nGET /v1/x m -"} {
		if _, err := newPolicy(wrong); err == nil {
			t.Errorf("%q is a policy", wrong)
		}
	}
	found := unlike([]route{{row: "GET /a"}, {row: "POST /b", body: true}}, []string{"GET /a", "GET /c"},
		policy{"GET /a": {}, "GET /d": {}}, made)
	for _, want := range []string{
		"POST /b is documented and not served", "POST /b is documented and the policy", "POST /b is documented and nothing here",
		"GET /c is served and not documented", "GET /d is in the policy and not served",
	} {
		if !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("%q is missing in %q", want, found)
		}
	}
}

// TestJudge: a world of three patients, one of whom the clerk has to do with.
func TestJudge(t *testing.T) {
	p, err := newPolicy(policyText)
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(p)
	someone := func(role string) *person {
		return &person{subject: role, token: "t", claims: []string{"org_a"}, posts: map[string]post{
			"org_a": {roles: []string{role}, sites: []string{"sit_1"}},
		}}
	}
	clerk, doctor, officer := someone(receptionist), someone(clinician), someone(privacyOfficer)
	for one, f := range map[string]fact{
		"pat_mine":    {kind: kindPatient, org: "org_a", patient: "pat_mine"},
		"pat_other":   {kind: kindPatient, org: "org_a", patient: "pat_other"},
		"pat_foreign": {kind: kindPatient, org: "org_b", patient: "pat_foreign"},
		"apt_here":    {kind: kindAppointment, org: "org_a", site: "sit_1", patient: "pat_other"},
		"apt_there":   {kind: kindAppointment, org: "org_a", site: "sit_2", patient: "pat_other"},
		"rel_other":   {kind: kindRelationship, org: "org_a", patient: "pat_other"},
		"pat_claimed": {kind: kindPatient, org: "org_a", patient: "pat_claimed"},
		"viw_others":  {kind: kindView, org: "org_a", patient: "pat_mine", by: "somebody"},
	} {
		o.learn(one, f)
	}
	o.relate("pat_mine", "sit_1", sureTie)
	o.claims("pat_claimed", clerk.subject, sureTie)
	of := func(ids ...string) []slot {
		out := []slot{{"id", ids[0][:3], ids[0], true}}
		for _, one := range ids[1:] {
			out = append(out, slot{"part", one[:3], one, true})
		}
		return out
	}
	const patient, rel = "GET /v1/patients/{id}", "DELETE /v1/patients/{id}/relationships/{relationship}"
	const letIn = "POST /v1/patients/{id}/relationships"
	for _, c := range []struct {
		row   string
		who   *person
		slots []slot
		want  verdict
	}{
		{patient, clerk, of("pat_mine"), allow},
		{patient, clerk, of("pat_other"), denied},
		{patient, clerk, of("pat_foreign"), missing},
		{patient, clerk, of("pat_nobody"), missing},
		{patient, clerk, []slot{{"id", kindPatient, "apt_here", true}}, missing},
		{patient, officer, of("pat_mine"), denied},
		{patient, &person{}, of("pat_mine"), unknown},
		{patient, clerk, of("pat_claimed"), allow},
		{letIn, clerk, of("pat_claimed"), denied},
		{letIn, clerk, of("pat_mine"), allow},
		{rel, officer, of("pat_other", "rel_other"), allow},
		{rel, officer, of("pat_mine", "rel_other"), missing},
		{rel, clerk, of("pat_other", "rel_other"), denied},
		{"GET /v1/appointments/{id}", clerk, of("apt_here"), allow},
		{"GET /v1/appointments/{id}", clerk, of("apt_there"), denied},
		{"POST /v1/patients/{id}/claim", clerk, of("pat_other"), allow},
		{"POST /v1/patients/{id}/break-glass", clerk, of("pat_other"), denied},
		{"GET /v1/patients/{id}/record-views/{view}", doctor, of("pat_mine", "viw_others"), denied},
		{"POST /v1/organisations", clerk, nil, denied},
		{"GET /v1/nothing", clerk, nil, refused},
	} {
		if got := o.judge(asked{row: c.row, who: c.who, slots: c.slots}); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.row, c.who.subject, got, c.want)
		}
	}
	o.claims("pat_other", clerk.subject, maybeTie)
	if got := o.judge(asked{row: patient, who: clerk, slots: of("pat_other")}); got != unsettled {
		t.Errorf("with what may be a relationship it is %s", got)
	}
	for _, c := range []struct {
		org  string
		want verdict
	}{{"org_a", allow}, {"org_b", missing}, {"org_nothing", missing}, {"nonsense", refused}} {
		if got := o.judge(asked{row: patient, who: clerk, org: c.org, slots: of("pat_mine")}); got != c.want {
			t.Errorf("for %s: %s, want %s", c.org, got, c.want)
		}
	}
}
