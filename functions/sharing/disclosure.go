package main

import (
	"context"
	"time"

	"almanac/shared/disclosure"
	"almanac/shared/web"
)

const aboutDisclosures = "What left the house about the patient, the latest first: by Almanac itself (auto), or by " +
	"other ways and entered by hand."

type disclosuresIn struct {
	ID string `path:"id" maxLength:"40"`
	web.Paged
}

// Subject is the patient whose register is read.
func (in *disclosuresIn) Subject() string { return in.ID }

// disclosureEntry is an entry of the register as it is shown.
type disclosureEntry struct{ disclosure.Entry }

func disclosures(s *disclosure.Service) web.Func[disclosuresIn, web.Page[disclosureEntry]] {
	return func(ctx context.Context, r web.Request, in *disclosuresIn) (web.Page[disclosureEntry], error) {
		all, next, err := s.List(ctx, r.By, in.ID, in.After, in.Limit)
		out := make([]disclosureEntry, len(all))
		for i, e := range all {
			out[i] = disclosureEntry{e}
		}
		return web.NewPage(out, next), err
	}
}

type enterIn struct {
	web.Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		At        time.Time `json:"at" example:"2026-11-20T14:00:00Z" doc:"When the data left; not in the future."`
		Recipient struct {
			Name    string `json:"name" minLength:"1" maxLength:"200" example:"Example Solicitors"`
			ODSCode string `json:"odsCode,omitempty" maxLength:"10" example:"A81001" doc:"The NHS organisation code, where there is one."`
		} `json:"recipient" doc:"Who got it. Sealed."`
		Categories []string `json:"categories" minItems:"1" maxItems:"12" enum:"identity,contact-details,nhs-number,practice,representatives,alerts-and-notes,appointments,consents,health-record,summary-care-record,gp-record,other"`
		Purpose    string   `json:"purpose" enum:"direct-care,number-tracing,referral,patients-request,safeguarding,public-health,legal-claim,regulation,payment,privacy"`
		Authority  string   `json:"authority" enum:"consent,care-contract,care-public-task,care-interests,duty-to-share,vital-interests,legal-obligation,court-order,legal-claims,public-health,safeguarding,subject-access,portability,section-251-approval,access-to-health-records,substantial-public-interest" doc:"The lawful basis, as the articles of UK GDPR or the law that they stand for."`
		Channel    string   `json:"channel" enum:"nhs-service,download,email,post,telephone,in-person,electronic"`
	}
}

func enter(s *disclosure.Service) web.Func[enterIn, disclosure.Registered] {
	return func(ctx context.Context, r web.Request, in *enterIn) (disclosure.Registered, error) {
		b := in.Body
		return s.Enter(ctx, r.By, r.Once, in.ID, disclosure.Entry{
			At: b.At, Recipient: disclosure.Recipient{Name: b.Recipient.Name, ODSCode: b.Recipient.ODSCode},
			Categories: b.Categories, Purpose: b.Purpose, Authority: b.Authority, Channel: b.Channel,
		})
	}
}
