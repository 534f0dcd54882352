package main

import (
	"context"
	"fmt"
	"net/http"
)

// admit registers a new patient, one canary after the other, and books an appointment at the site: who works there is
// related from then on. Whoever set it up registered it, and is related too.
func (h *house) admit(ctx context.Context, g *ground) (canary, error) {
	c, err := h.register(ctx, g)
	if err != nil {
		return c, err
	}
	_, err = h.book(ctx, g, c.id)
	return c, err
}

func (h *house) register(ctx context.Context, g *ground) (canary, error) {
	h.mu.Lock()
	if len(h.canaries) >= len(h.numbers) {
		h.mu.Unlock()
		return canary{}, fmt.Errorf("all %d canaries are used", len(h.numbers))
	}
	c := canary{number: len(h.canaries), org: g.org.id, at: g.id}
	h.canaries = append(h.canaries, c)
	h.mu.Unlock()
	made, err := h.does(ctx, g.org.boss, http.MethodPost, "/v1/patients", c.record(h.numbers[c.number]), "")
	if err != nil {
		return c, err
	}
	c.id = text(made, "id")
	h.mu.Lock()
	h.canaries[c.number].id = c.id
	h.mu.Unlock()
	h.oracle.learn(c.id, fact{kind: kindPatient, org: g.org.id, site: g.id, patient: c.id})
	h.oracle.relate(c.id, g.org.boss.subject, sureTie)
	return c, nil
}

// canary is the one behind a patient.
func (h *house) canary(patient string) canary {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.canaries {
		if c.id == patient {
			return c
		}
	}
	return canary{}
}

// owner tells whose canary it is: the organisation's, and the patient's.
func (h *house) owner(n int) (canary, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n >= len(h.canaries) {
		return h.shadow(), n == len(h.numbers)
	}
	return h.canaries[n], true
}

func (h *house) book(ctx context.Context, g *ground, patient string) (string, error) {
	return h.booked(ctx, g, h.bookingBody(g, patient))
}

// booked books what the body says.
func (h *house) booked(ctx context.Context, g *ground, body object) (string, error) {
	made, err := h.does(ctx, g.org.boss, http.MethodPost, "/v1/appointments", body, "")
	if err != nil {
		return "", err
	}
	apt, patient := text(made, "id"), text(body, "patientId")
	h.oracle.learn(apt, fact{
		kind: kindAppointment, org: g.org.id, site: g.id, patient: patient, host: g.staff[clinician].subject,
	})
	h.oracle.relate(patient, g.id, sureTie)
	h.oracle.relate(patient, g.practitioner, sureTie)
	return apt, nil
}

// fresh makes a record that nobody has used. A part of a patient's record is one of the patient's, if a patient is
// named; what only its maker may use is made by who.
func (h *house) fresh(ctx context.Context, g *ground, kind, patient string, who *person) (string, error) {
	switch kind {
	case kindSite, kindRoom, kindService, kindPractitioner, kindLeave:
		return h.configured(ctx, g, kind)
	case kindStaff:
		who, err := h.employ(ctx, g.org, nobody, g, "")
		if err != nil {
			return "", err
		}
		return who.subject, nil
	case kindUpload:
		return h.sent(ctx, g, h.file(g, canariesOfFile))
	case kindReview:
		return g.review(true)
	case kindPatient:
		c, err := h.admit(ctx, g)
		return c.id, err
	}
	if patient == "" {
		c, err := h.admit(ctx, g)
		if err != nil {
			return "", err
		}
		patient = c.id
	}
	return h.about(ctx, g, kind, patient, who)
}

// configured makes a record of what the organisation is set up with.
func (h *house) configured(ctx context.Context, g *ground, kind string) (string, error) {
	switch kind {
	case kindSite:
		return h.create(ctx, g, kind, "/v1/sites", siteBody())
	case kindRoom:
		return h.create(ctx, g, kind, "/v1/rooms", g.roomBody())
	case kindService:
		return h.create(ctx, g, kind, "/v1/services", g.serviceBody())
	case kindPractitioner:
		return h.create(ctx, g, kind, "/v1/practitioners", g.practitionerBody())
	}
	return h.create(ctx, g, kindLeave, "/v1/leave", h.leaveBody(g.spare))
}

// about makes a record about a patient.
func (h *house) about(ctx context.Context, g *ground, kind, patient string, who *person) (string, error) {
	of, note := "/v1/patients/"+patient, h.canary(patient).word(noteWord)
	switch kind {
	case kindAppointment:
		return h.book(ctx, g, patient)
	case kindHold:
		return h.part(ctx, g, kind, "/v1/holds", h.bookingBody(g, patient), patient)
	case kindRepresentative:
		return h.part(ctx, g, kind, of+"/representatives", h.canary(patient).friend(), patient)
	case kindRelationship:
		return h.part(ctx, g, kind, of+"/relationships", referralBody(g.id), patient)
	case kindConsent:
		return h.part(ctx, g, kind, of+"/consents", consentBody(note), patient)
	case kindDisclosure:
		return h.part(ctx, g, kind, of+"/disclosures", h.disclosureBody(note), patient)
	case kindAlert:
		return h.alert(ctx, g, patient)
	case kindView:
		return h.view(ctx, g, patient, who)
	case kindTask:
		return h.task(ctx, g, patient)
	}
	return "", fmt.Errorf("nothing here makes a %s", kind)
}

// part makes a record about a patient through its route.
func (h *house) part(
	ctx context.Context, g *ground, kind, path string, body object, patient string,
) (string, error) {
	made, err := h.does(ctx, g.org.boss, http.MethodPost, path, body, "")
	if err != nil {
		return "", err
	}
	one := text(made, "id")
	h.oracle.learn(one, fact{kind: kind, org: g.org.id, site: g.id, patient: patient})
	return one, nil
}

// alert has somebody of the organisation who works at no site of this world claim a relationship.
func (h *house) alert(ctx context.Context, g *ground, patient string) (string, error) {
	who, err := h.employ(ctx, g.org, receptionist, g, "")
	if err != nil {
		return "", err
	}
	made, err := h.does(ctx, who, http.MethodPost, "/v1/patients/"+patient+"/claim",
		claimBody(h.canary(patient).word(noteWord)), "")
	if err != nil {
		return "", err
	}
	h.oracle.claims(patient, who.subject, sureTie)
	h.oracle.learn(text(made, "relationshipId"), fact{kind: kindRelationship, org: g.org.id, patient: patient})
	one := text(made, "alertId")
	h.oracle.learn(one, fact{kind: kindAlert, org: g.org.id, patient: patient})
	return one, nil
}

// claimed is a patient of the sibling clinic whom the person has claimed, if the person may. Where the record may end
// or go on for another one it is one of its own, so that the cells that follow find theirs as it was.
func (h *house) claimed(ctx context.Context, who *person, once bool) (string, error) {
	g, key := h.sibling, "claimed by "+who.subject
	g.mu.Lock()
	defer g.mu.Unlock()
	if all := g.pool[key]; len(all) > 0 && !once {
		return all[0], nil
	}
	c, err := h.admit(ctx, g)
	if err != nil {
		return "", err
	}
	if h.policy("POST /v1/patients/{id}/claim").may(who.posts[g.org.id].roles) {
		made, err := h.does(ctx, who, http.MethodPost, "/v1/patients/"+c.id+"/claim", claimBody(c.word(noteWord)), "")
		if err != nil {
			return "", err
		}
		h.oracle.claims(c.id, who.subject, sureTie)
		h.oracle.learn(text(made, "relationshipId"), fact{kind: kindRelationship, org: g.org.id, patient: c.id})
		h.oracle.learn(text(made, "alertId"), fact{kind: kindAlert, org: g.org.id, patient: c.id})
	}
	if !once {
		g.pool[key] = append(g.pool[key], c.id)
	}
	return c.id, nil
}

// view grants a view of a shared record to somebody, who alone may open it.
func (h *house) view(ctx context.Context, g *ground, patient string, who *person) (string, error) {
	may := h.policy("POST /v1/patients/{id}/record-views")
	if who == nil || !may.may(who.posts[g.org.id].roles) || h.oracle.related(who, g.org.id, patient) != sureTie {
		who = g.staff[clinician]
	}
	made, err := h.does(ctx, who, http.MethodPost, "/v1/patients/"+patient+"/record-views", viewBody(), "")
	if err != nil {
		return "", err
	}
	one := text(made, "id")
	h.oracle.learn(one, fact{kind: kindView, org: g.org.id, site: g.id, patient: patient, by: who.subject})
	return one, nil
}

func (h *house) policy(row string) rule { return h.oracle.policy[row] }

// stock gives a record that is there to be read, making it the first time.
func (h *house) stock(ctx context.Context, g *ground, kind, patient string) (string, error) {
	key := kind + patient
	g.mu.Lock()
	defer g.mu.Unlock()
	if all := g.pool[key]; len(all) > 0 {
		return all[0], nil
	}
	one, err := h.fresh(ctx, g, kind, patient, nil)
	if err == nil {
		g.pool[key] = append(g.pool[key], one)
	}
	return one, err
}
