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
		"apt_call":    {kind: kindAppointment, org: "org_a", site: "sit_1", patient: "pat_mine", host: doctor.subject},
		"tsk_here":    {kind: kindTask, org: "org_a", site: "sit_1"},
		"tsk_there":   {kind: kindTask, org: "org_a", site: "sit_2"},
		"lnk_foreign": {kind: kindLink, org: "org_b"},
		"sta_foreign": {kind: kindState, org: "org_b"},
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
	const start, done = "POST /v1/appointments/{id}/video/start", "POST /v1/tasks/{id}/done"
	const page, back = "GET /v/{token}", "GET /zoom/callback"
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
		{start, doctor, of("apt_call"), allow},
		{start, clerk, of("apt_call"), denied},
		{start, doctor, of("apt_here"), denied},
		{start, officer, of("apt_call"), denied},
		{"GET /v1/appointments/{id}/video", clerk, of("apt_there"), denied},
		{done, clerk, of("tsk_here"), allow},
		{done, clerk, of("tsk_there"), missing},
		{done, officer, of("tsk_here"), denied},
		{"GET /v1/tasks/{id}", clerk, of("tsk_here"), allow},
		{"GET /v1/tasks/{id}", clerk, of("tsk_there"), missing},
		{"GET /v1/appointments/{id}/video/log", clerk, of("apt_there"), denied},
		{"POST /v1/connections/zoom-admin", clerk, nil, denied},
		{page, &person{}, of("lnk_foreign"), allow}, // whoever has it may use it
		{page, clerk, of("lnk_made_up"), missing},
		{back, &person{}, []slot{{"state", kindState, "sta_foreign", false}}, allow},
		{back, clerk, []slot{{"state", kindState, "sta_made_up", false}}, refused},
		{"POST /zoom/events", clerk, nil, unknown},
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

// TestMingles: a merge that is allowed makes one patient's people the other's, perhaps; one that is refused does not.
func TestMingles(t *testing.T) {
	p, err := newPolicy(policyText)
	if err != nil {
		t.Fatal(err)
	}
	boss := &person{subject: "boss", token: "t", claims: []string{"org_a"}, posts: map[string]post{
		"org_a": {roles: []string{manager}},
	}}
	clerk := &person{subject: "clerk", posts: map[string]post{"org_a": {sites: []string{"sit_2"}}}}
	for want, d := range map[tie]*draft{
		maybeTie: {who: boss}, noTie: {who: clerk},
	} {
		o := newOracle(p)
		for one, site := range map[string]string{"pat_into": "sit_1", "pat_from": "sit_2"} {
			o.learn(one, fact{kind: kindPatient, org: "org_a", patient: one})
			o.relate(one, site, sureTie)
		}
		d.h, d.route = &house{oracle: o}, route{row: "POST /v1/patients/{id}/merge"}
		d.slots = []slot{{"id", kindPatient, "pat_into", true}}
		d.pick = func(string, string, string) (string, error) { return "pat_from", nil }
		forPatients()[d.route.row](t.Context(), d)
		if got := o.related(clerk, "org_a", "pat_into"); got != want {
			t.Errorf("after a merge by %s, a clerk where the other was treated is related %d, want %d",
				d.who.subject, got, want)
		}
	}
}

// TestLoosens: after what may have ended a relationship, nothing rests on it for sure; and other patients' stay.
func TestLoosens(t *testing.T) {
	p, err := newPolicy(policyText)
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(p)
	clerk := &person{subject: "clerk", posts: map[string]post{"org_a": {sites: []string{"sit_1"}}}}
	for _, one := range []string{"pat_seen", "pat_kept"} {
		o.learn(one, fact{kind: kindPatient, org: "org_a", patient: one})
		o.relate(one, "sit_1", sureTie)
	}
	o.learn("rel_seen", fact{kind: kindRelationship, org: "org_a", patient: "pat_seen"})
	o.loosen([]slot{{"id", kindPatient, "pat_none", true}, {"relationship", kindRelationship, "rel_seen", true}})
	for one, want := range map[string]tie{"pat_seen": maybeTie, "pat_kept": sureTie} {
		if got := o.related(clerk, "org_a", one); got != want {
			t.Errorf("to %s the clerk is related %d, want %d", one, got, want)
		}
	}
	for row, want := range map[string]bool{
		"POST /v1/patients/{id}/unmerge": true, "DELETE /v1/patients/{id}/relationships/{relationship}": true,
		"POST /v1/patients/{id}/relationships": false, "POST /v1/appointments/{id}/cancel": false,
	} {
		if loosens(row) != want {
			t.Errorf("%s ends relationships: %v", row, !want)
		}
	}
}

// TestShows: nobody is told of tasks elsewhere, or of anybody's log-in at Zoom but the own one.
func TestShows(t *testing.T) {
	p, err := newPolicy(policyText)
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(p)
	clerk := &person{subject: "clerk", token: "t", claims: []string{"org_a"}, posts: map[string]post{
		"org_a": {roles: []string{receptionist}, sites: []string{"sit_1"}},
	}}
	for one, f := range map[string]fact{
		"tsk_here":  {kind: kindTask, org: "org_a", site: "sit_1"},
		"tsk_there": {kind: kindTask, org: "org_a", site: "sit_2"},
		"zom_mine":  {kind: kindZoom, org: "org_a", by: "clerk"},
		"zom_other": {kind: kindZoom, org: "org_a", by: "somebody"},
	} {
		o.learn(one, f)
	}
	for one, want := range map[string]bool{"tsk_here": true, "tsk_there": false, "zom_mine": true, "zom_other": false} {
		if got := o.shows(asked{row: "GET /v1/tasks", who: clerk}, "org_a", one); got != want {
			t.Errorf("%s is shown: %v", one, got)
		}
	}
}

// TestGiven: what is secret is found wherever it stands as a whole.
func TestGiven(t *testing.T) {
	link, code := guessed(""), "Q3jAyV_aRoa1-b58Yw.q7"
	h := &house{secrets: map[string]bool{}}
	h.secret(link, code, "short")
	for text, want := range map[string]int{
		`{"path":"/v/` + link + `"}`: 1, "code=" + code: 1, link + "x": 0, link[1:]: 0, "short": 0, "": 0,
		"GET /v/" + link + "/join?x=" + link: 2,
	} {
		if got := len(h.given([]byte(text))); got != want {
			t.Errorf("%d secrets in %q, want %d", got, text, want)
		}
	}
}

// TestSwapped: a link of one organisation with the name of another one is neither's.
func TestSwapped(t *testing.T) {
	a, b := newID(kindOrganisation), newID(kindOrganisation)
	link := guessed(a)
	other := swapped(link, b)
	if other == link || swapped(other, a) != link || swapped(link, a) != link || len(other) != len(link) {
		t.Errorf("%d and %d characters", len(link), len(other))
	}
}
