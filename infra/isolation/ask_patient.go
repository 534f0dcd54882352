package main

import (
	"context"
	"net/http"
	"strings"

	"almanac/shared/id"
)

func forPatients() makers {
	return makers{
		"POST /v1/patients":        func(_ context.Context, d *draft) { d.body = d.somebody() },
		"POST /v1/patients/search": searchFor,
		"PUT /v1/patients/{id}":    asBefore,
		"POST /v1/patients/{id}/merge": func(_ context.Context, d *draft) {
			d.body = object{"patientId": d.id("patientId", kindPatient)}
			d.mingles()
		},
		"POST /v1/patients/{id}/unmerge": merged,
		"POST /v1/patients/{id}/representatives": bodied(func(d *draft) object {
			return d.h.canary(patientOf(d.slots)).friend()
		}),
		"POST /v1/patients/{id}/exports": bodied(func(d *draft) object { return exportBody(d.note()) }),
		"POST /v1/nhs-number-reviews/{id}/decide": bodied(func(*draft) object {
			return object{"decision": "refuse"}
		}),
	}
}

// somebody is a canary who is not registered yet, and who is noted as the organisation's before it is.
func (d *draft) somebody() object {
	h := d.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.light != nil || len(h.canaries) >= len(h.numbers) {
		return object{"names": []object{{"use": "usual", "family": "Nobody"}}, "birthDate": "1980"}
	}
	c := canary{number: len(h.canaries), org: d.at.org.id, at: d.at.id}
	h.canaries = append(h.canaries, c)
	return c.record(h.numbers[c.number])
}

// searchFor looks for everybody: all canaries' names begin alike.
func searchFor(_ context.Context, d *draft) {
	d.body = object{"name": capital(familyWord)}
}

// asBefore sends what is on record of the patient already.
func asBefore(_ context.Context, d *draft) {
	if d.light != nil {
		d.body = object{"names": []object{{"use": "usual"}}} // not valid: canaries keep their names
		return
	}
	c := d.h.canary(patientOf(d.slots))
	if c.id == "" {
		c = d.h.canary(d.h.any(d.at))
	}
	d.body = c.record(d.h.numbers[c.number])
}

// any is a patient of the site.
func (h *house) any(g *ground) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.canaries {
		if c.at == g.id && c.id != "" {
			return c.id
		}
	}
	return ""
}

// merged merges the two patients first, where the caller may undo that.
func merged(ctx context.Context, d *draft) {
	into, from := patientOf(d.slots), d.id("patientId", kindPatient)
	d.body = object{"patientId": from}
	if d.light != nil || d.err != nil || d.verdict() != allow {
		return
	}
	d.mingles()
	boss := d.at.org.boss
	made, err := d.h.does(ctx, boss, http.MethodPost, "/v1/patients/"+into+"/merge", d.body, d.version(ctx))
	d.err = err
	if err == nil {
		d.match = text(made, etag)
	}
}

// mingles notes what a merge will do if it is carried out: the appointments of the one become the other's. Whoever sees
// them, in the diary of a practitioner, sees another patient's name there. A light draft is noted as it is sent.
func (d *draft) mingles() {
	if d.light == nil && d.err == nil && d.verdict() == allow {
		d.h.oracle.mingle(d.slots)
	}
}

// verdict is what the oracle says of the draft as it stands.
func (d *draft) verdict() verdict {
	return d.h.oracle.judge(asked{row: d.route.row, who: d.who, slots: d.slots})
}

func forCare() makers {
	return makers{
		"POST /v1/patients/{id}/relationships": func(_ context.Context, d *draft) {
			d.body = referralBody(d.id("siteId", kindSite))
		},
		"POST /v1/patients/{id}/claim": bodied(func(d *draft) object { return d.rarely(claimBody(d.note())) }),
		"POST /v1/patients/{id}/break-glass": bodied(func(d *draft) object {
			return d.rarely(object{"reason": "life-at-risk", "note": "Because of " + d.note()})
		}),
		"POST /v1/alerts/{id}/review": bodied(func(*draft) object { return object{"outcome": "justified"} }),
	}
}

// rarely makes the body of a light draft invalid, most of the time: else everybody would soon be related to everybody.
func (d *draft) rarely(body object) object {
	if d.light != nil && d.light.IntN(20) > 0 {
		body["reason"] = "curiosity"
	}
	return body
}

func forSharing() makers {
	return makers{
		"POST /v1/consent-texts": bodied(func(*draft) object {
			return object{"scope": "scope-" + strings.ToLower(id.New("txt")[20:]), "text": "I agree."}
		}),
		"POST /v1/patients/{id}/consents": bodied(func(d *draft) object { return consentBody(d.note()) }),
		"POST /v1/patients/{id}/consents/{consent}/withdraw": bodied(func(*draft) object {
			return withdrawalBody()
		}),
		"POST /v1/patients/{id}/disclosures":  bodied(func(d *draft) object { return d.h.disclosureBody(d.note()) }),
		"POST /v1/patients/{id}/record-views": bodied(func(*draft) object { return viewBody() }),
		"POST /v1/uploads":                    bodied(func(*draft) object { return uploadBody([]byte("family\n")) }),
		"POST /v1/uploads/{id}/start":         bodied(func(*draft) object { return object{"dryRun": true} }),
	}
}
