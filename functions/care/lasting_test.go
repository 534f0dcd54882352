package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
)

// TestLasting: an emergency or a claim lets somebody read and act, and ends as it said: out of it nobody makes a
// relationship, for oneself, for one's sites or for a colleague. Who has one that lasts does, though there be a claim
// besides.
func TestLasting(t *testing.T) {
	d := newDesk(t)
	pat := d.Patients[0]
	colleague := d.clinician(t)
	open := map[string]func(who string) alert.Granted{
		"break-glass": func(who string) alert.Granted { return d.glass(t, pat, who) },
		"claim": func(who string) alert.Granted {
			return clinictest.Read[alert.Granted](t, d.must(t, http.StatusCreated, who, "POST", of(pat, "/claim"),
				object{"reason": "covering-colleague"}))
		},
	}
	for kind, opens := range open {
		who := d.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, SiteIDs: []string{d.Site.ID}})
		got := opens(who)
		alerts := len(d.list(t, "open"))
		for name, wish := range map[string]object{
			"oneself":        {"kind": "care-team", "subject": who},
			"a colleague":    {"kind": "care-team", "subject": colleague},
			"one's own site": {"kind": "referral", "siteId": d.Site.ID},
			"another site":   {"kind": "referral", "siteId": d.NewSite(t)},
		} {
			res := d.must(t, http.StatusForbidden, who, "POST", of(pat, "/relationships"), wish)
			if !strings.Contains(res.Body, `"needs_relationship"`) {
				t.Errorf("%s, %s: %s", kind, name, res.Body)
			}
			if e := d.last(t, pat); e.Name != event.ReadDenied || e.Action != string(access.RelationshipMake) || e.By != who {
				t.Errorf("%s, %s: the denial left %+v", kind, name, e)
			}
		}
		d.must(t, http.StatusOK, who, "GET", of(pat, "/relationships"), nil)
		if e := d.last(t, pat); e.Basis != kind+":"+got.RelationshipID {
			t.Errorf("%s: reading rests on %q", kind, e.Basis)
		}
		d.Clock.Set(got.Until)
		d.must(t, http.StatusForbidden, who, "GET", of(pat, "/relationships"), nil)
		if n := len(d.list(t, "open")); n != alerts {
			t.Errorf("%s: %d alerts, want %d", kind, n, alerts)
		}
	}
	who := d.clinician(t)
	d.glass(t, pat, who)
	team := clinictest.Read[care.Term](t, d.must(t, http.StatusCreated, clinictest.Receptionist, "POST", of(pat, "/relationships"),
		object{"kind": "care-team", "subject": who}))
	d.must(t, http.StatusCreated, who, "POST", of(pat, "/relationships"), object{"kind": "care-team", "subject": colleague})
	if e := d.last(t, pat); e.Basis != "care-team:"+team.ID {
		t.Errorf("with both it rests on %q", e.Basis)
	}
	d.Clock.Pass(time.Hour)
	d.must(t, http.StatusOK, colleague, "GET", of(pat, "/relationships"), nil)
}
