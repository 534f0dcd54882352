package main

import (
	"context"

	"almanac/shared/disclosure"
	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutExporting = "The patient as a FHIR R4 resource of the profile UK Core Patient. It is entered into the " +
	"register of disclosures in the same step, and each request makes an export and an entry of its own. With the " +
	"NHS number only where it is verified and its use is not objected to; without address, telephone, e-mail and " +
	"practice where the person's whereabouts are protected."

type exportRecipient struct {
	Name    string `json:"name" minLength:"1" maxLength:"200" example:"Example Hospital"`
	ODSCode string `json:"odsCode,omitempty" maxLength:"10" example:"RX100" doc:"The NHS organisation code, where there is one."`
}

type exportIn struct {
	ID   string `path:"id"`
	Body struct {
		Recipient exportRecipient `json:"recipient" doc:"Who gets it. Sealed."`
		Purpose   string          `json:"purpose" enum:"direct-care,number-tracing,referral,patients-request,safeguarding,public-health,legal-claim,regulation,payment,privacy"`
		Authority string          `json:"authority" enum:"consent,care-contract,care-public-task,care-interests,duty-to-share,vital-interests,legal-obligation,court-order,legal-claims,public-health,safeguarding,subject-access,portability,section-251-approval,access-to-health-records,substantial-public-interest" doc:"The lawful basis, as the articles of UK GDPR or the law that they stand for."`
	}
}

// Subject is the patient whose record is exported.
func (e *exportIn) Subject() string { return e.ID }

func export(s *patient.Service) web.Func[exportIn, patient.FHIR] {
	return func(ctx context.Context, r web.Request, in *exportIn) (patient.FHIR, error) {
		b := in.Body
		return s.Export(ctx, r.By, in.ID, disclosure.Entry{
			Recipient: disclosure.Recipient{Name: b.Recipient.Name, ODSCode: b.Recipient.ODSCode},
			Purpose:   b.Purpose, Authority: b.Authority,
		})
	}
}
