package main

import (
	"context"
	"time"

	"almanac/shared/recordview"
	"almanac/shared/web"
)

const (
	aboutGranting = "Writes down on what the view rests, before anything is asked of the other organisation: the " +
		"patient's permission, which counts for an hour or until the instant given, or an emergency, which raises an " +
		"alert here and at the NHS and counts for half an hour. Where your organisation does not get the record " +
		"here, the refusal says where to look at it. Only you can open the view."
	aboutOpening = "Shows the record once and keeps nothing of it. If it could not be fetched, ask again within ten " +
		"minutes. A patient who opted out is not overruled but in an emergency."
)

type grantIn struct {
	web.Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Record string `json:"record" enum:"summary-care-record,gp-record"`
		Basis  struct {
			Permission *permissionBody `json:"permission,omitempty" doc:"What the patient said. Send this or emergency."`
			Emergency  *emergencyBody  `json:"emergency,omitempty" doc:"Why the patient was not asked."`
		} `json:"basis"`
	}
}

type permissionBody struct {
	AskedBy string    `json:"askedBy,omitempty" maxLength:"128" doc:"The subject of the member of staff who asked the patient; you, if left out."`
	Scope   string    `json:"scope" enum:"once,until" doc:"For this view, or for views until an instant."`
	Until   time.Time `json:"until,omitzero" doc:"With the scope until: at most a year ahead."`
	Earlier string    `json:"earlier,omitempty" maxLength:"40" doc:"Instead of until: the view for which the patient gave a permission that still counts."`
}

type emergencyBody struct {
	Reason string `json:"reason" enum:"unable-to-ask,public-interest,statute,court-order"`
	Note   string `json:"note" minLength:"10" maxLength:"500" doc:"One line. Sealed; the privacy officer reads it."`
}

func grant(s *recordview.Service) web.Func[grantIn, recordview.Granting] {
	return func(ctx context.Context, r web.Request, in *grantIn) (recordview.Granting, error) {
		var basis recordview.Basis
		if p := in.Body.Basis.Permission; p != nil {
			basis.Permission = &recordview.Permission{
				AskedBy: p.AskedBy, Scope: p.Scope, Until: p.Until, Earlier: p.Earlier,
			}
		}
		if e := in.Body.Basis.Emergency; e != nil {
			basis.Emergency = &recordview.Emergency{Reason: e.Reason, Note: e.Note}
		}
		return s.Grant(ctx, r.By, r.Once, in.ID, recordview.Kind(in.Body.Record), basis)
	}
}

type openIn struct {
	ID   string `path:"id" maxLength:"40"`
	View string `path:"view" maxLength:"40"`
}

// Subject is the patient whose record is shown.
func (in *openIn) Subject() string { return in.ID }

// References names the view.
func (in *openIn) References() map[string]string { return map[string]string{"view": in.View} }

func open(s *recordview.Service) web.Func[openIn, recordview.Shown] {
	return func(ctx context.Context, r web.Request, in *openIn) (recordview.Shown, error) {
		return s.Open(ctx, r.By, in.ID, in.View)
	}
}
