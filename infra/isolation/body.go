package main

import "time"

// What is sent, as the API's description asks for it.

func week() []object {
	var out []object
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		out = append(out, object{"day": day, "opens": "00:00", "closes": "24:00"})
	}
	return out
}

func siteBody() object {
	return object{"name": "Site", "timeZone": "Europe/London", "openingHours": week()}
}

func (g *ground) roomBody() object { return object{"siteId": g.id, "kind": "room", "name": "Room"} }

func (g *ground) practitionerBody() object {
	sessions := week()
	for _, s := range sessions {
		s["siteId"] = g.id
	}
	return object{"name": "Dr Example", "sessions": sessions}
}

func (g *ground) serviceBody() object {
	return object{
		"name": "Call", "minutes": 15, "step": 5, "horizonDays": 365, "mode": "video",
		"practitionerIds": []string{g.practitioner, g.spare},
	}
}

func staffBody() object {
	return object{
		"name": "Sam Example", "email": "sam@staff.example.org", "jobRole": "Staff",
		"roles": []string{}, "siteIds": []string{},
	}
}

// slot gives a time of the practitioner that nobody has.
func (h *house) slot(g *ground) string {
	n := g.next.Add(1)
	return h.begin.Add(time.Duration(n) * 15 * time.Minute).Format(time.RFC3339)
}

func (h *house) bookingBody(g *ground, patient string) object {
	return object{
		"serviceId": g.service, "siteId": g.id, "practitionerId": g.practitioner, "patientId": patient,
		"start": h.slot(g),
	}
}

func (h *house) leaveBody(of string) object {
	far := h.begin.AddDate(2, 0, int(h.leaves.Add(1)))
	return object{
		"of": of, "kind": "training",
		"start": far.Format(time.RFC3339), "end": far.Add(time.Hour).Format(time.RFC3339),
	}
}

func (h *house) disclosureBody(note string) object {
	return object{
		"at":         h.stack.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		"recipient":  object{"name": "Solicitors " + note},
		"categories": []string{"identity"}, "purpose": "legal-claim", "authority": "consent", "channel": "post",
	}
}

const scope = "newsletter"

func consentBody(note string) object {
	return object{"scope": scope, "by": "patient", "channel": "in-person", "evidence": "Form " + note}
}

func withdrawalBody() object { return object{"by": "patient", "channel": "telephone"} }

func referralBody(site string) object {
	return object{"kind": "referral", "siteId": site, "referrer": "A81001"}
}

func claimBody(note string) object { return object{"reason": "other", "note": "Because of " + note} }

func viewBody() object {
	return object{
		"record": "summary-care-record", "basis": object{"permission": object{"scope": "once"}},
	}
}

func exportBody(note string) object {
	return object{
		"purpose": "patients-request", "authority": "subject-access", "recipient": object{"name": "For " + note},
	}
}
