package disclosure

// What may be disclosed. A category says what sort of data it was.
const (
	Identity         = "identity"            // names, birth date, sex
	ContactDetails   = "contact-details"     // addresses, telephone numbers, e-mail
	NHSNumber        = "nhs-number"          // the number
	Practice         = "practice"            // the GP practice
	Representatives  = "representatives"     // who may act for the patient
	AlertsAndNotes   = "alerts-and-notes"    // alerts, notes for booking
	Appointments     = "appointments"        // when, where, with whom
	Consents         = "consents"            // consents given and withdrawn
	HealthRecord     = "health-record"       // letters, results, notes
	SummaryRecord    = "summary-care-record" // seen of the NHS Summary Care Record
	GPRecord         = "gp-record"           // seen of the GP's record
	OtherInformation = "other"
)

// Categories lists the codes of what may be disclosed.
func Categories() []string {
	return []string{
		Identity, ContactDetails, NHSNumber, Practice, Representatives, AlertsAndNotes, Appointments, Consents,
		HealthRecord, SummaryRecord, GPRecord, OtherInformation,
	}
}

// Why it was disclosed.
const (
	DirectCare      = "direct-care"      // treatment of this patient
	NumberTracing   = "number-tracing"   // finding or checking the NHS number
	Referral        = "referral"         // handing the patient on
	PatientsRequest = "patients-request" // the patient or a representative asked for it
	Safeguarding    = "safeguarding"     // protecting a child or an adult at risk
	PublicHealth    = "public-health"    // notifiable diseases, screening
	LegalClaim      = "legal-claim"      // courts, solicitors, complaints
	Regulation      = "regulation"       // inspection, investigation
	Payment         = "payment"          // insurers, commissioners
	Privacy         = "privacy"          // telling those who guard a record that it was looked at
)

// Purposes lists the codes of why something may be disclosed.
func Purposes() []string {
	return []string{
		DirectCare, NumberTracing, Referral, PatientsRequest, Safeguarding, PublicHealth, LegalClaim, Regulation,
		Payment, Privacy,
	}
}

// On what authority: the lawful basis of UK GDPR article 6 with the condition of article 9, or the law that asks for
// it.
const (
	ByConsent        = "consent"                     // 6(1)(a), 9(2)(a): explicit consent
	CareContract     = "care-contract"               // 6(1)(b), 9(2)(h): care under a contract with the patient
	CarePublicTask   = "care-public-task"            // 6(1)(e), 9(2)(h): care as a public task
	CareInterests    = "care-interests"              // 6(1)(f), 9(2)(h): care in legitimate interests
	DutyToShare      = "duty-to-share"               // Health and Social Care Act 2012, section 251B
	VitalInterests   = "vital-interests"             // 6(1)(d), 9(2)(c): life at risk
	LegalObligation  = "legal-obligation"            // 6(1)(c), 9(2)(g): a duty by law
	CourtOrder       = "court-order"                 // 6(1)(c), 9(2)(f)
	LegalClaims      = "legal-claims"                // 6(1)(f), 9(2)(f)
	ForPublicHealth  = "public-health"               // 6(1)(e), 9(2)(i)
	ForSafeguarding  = "safeguarding"                // 6(1)(e), 9(2)(g), DPA 2018, schedule 1, 18
	SubjectAccess    = "subject-access"              // UK GDPR article 15
	Portability      = "portability"                 // UK GDPR article 20
	Section251       = "section-251-approval"        // NHS Act 2006, section 251
	AccessToDeceased = "access-to-health-records"    // Access to Health Records Act 1990
	PublicInterest   = "substantial-public-interest" // 6(1)(e), 9(2)(g)
)

// Authorities lists the codes of what authority a disclosure may rest on.
func Authorities() []string {
	return []string{
		ByConsent, CareContract, CarePublicTask, CareInterests, DutyToShare, VitalInterests, LegalObligation,
		CourtOrder, LegalClaims, ForPublicHealth, ForSafeguarding, SubjectAccess, Portability, Section251,
		AccessToDeceased, PublicInterest,
	}
}

// By what channel.
const (
	NHSService = "nhs-service" // an interface of an NHS national service
	Download   = "download"    // a file handed out by Almanac
	Email      = "email"
	Post       = "post"
	Telephone  = "telephone"
	InPerson   = "in-person"
	Electronic = "electronic" // any other electronic way
)

// Channels lists the codes of how something may be disclosed.
func Channels() []string {
	return []string{NHSService, Download, Email, Post, Telephone, InPerson, Electronic}
}
