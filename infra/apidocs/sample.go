package main

import (
	"cmp"
	"strings"
)

// anId is how an example's id goes on behind its prefix.
const anID = "_01kc4z7v8wfj7rw4q3hxe6m2ta"

// unknown is the example of a text of which nothing is known. A test finds those: give the field an example tag, or a
// line below.
const unknown = "text"

// samples are examples of texts, by the field, or by the type and the field where that makes a difference; in lower
// case. What ends with an underscore is the prefix of an id; a dash says that the example is without the field.
const samples = `
	alert.due                        2026-12-07T09:30:00Z
	alert.findings                   -
	appointment.cancelreason         -
	appointment.end                  2026-11-23T10:00:00Z
	begun.expiresat                  2026-11-23T09:40:00Z
	connected.missing                -
	connected.note                   -
	connected.why                    -
	delivery.reason                  -
	delivery.state                   done
	happening.minutes                -
	happening.start                  -
	numberstanding.deathwithdrawnat  -
	numberstanding.reviewid          -
	numberstanding.source            pds
	numberstanding.tracing           settled
	state.until                      -
	task.appointmentids              -
	task.count                       -
	task.doneat                      -
	task.doneby                      -
	task.settled                     -
	upload.ended                     -
	upload.expected                  -
	upload.refusal                   -
	upload.started                   -
	upload.total                     -
	view.triedagain                  -
	view.why                         -
	wait.text                        The practitioner has no video account connected. It is connected under My profile.

	act.by                           patient
	action                           patient.read
	address                          1 Harbour Street, Testford TE1 1ST
	affected                         apt_
	after                            AGyQ3eX2bM0
	anyof                            roo_
	askedby                          8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	authority                        care-contract
	authoriseurl                     https://zoom.us/oauth/authorize?response_type=code
	basis                            claim
	basisid                          rel_
	birthdate                        1975-11-21
	because                          practitioner_busy
	bookingnote                      Prefers afternoons.
	by                               8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	categories                       contact-details
	channel                          in-person
	choices                          2026-10-25T01:30:00+01:00
	city                             Testford
	capabilities.name                Zoom
	connectedas                      ada.example@zoom.example
	code                             practitioner_busy
	consent.by                       patient
	country                          GB
	createdby                        8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	date                             2026-11-23
	deceaseddatetime                 2026-11-20
	delivery.channel                 email
	delivery.name                    appointment.booked
	deathview.on                     2026-11-20
	detail                           This time is not free.
	disclosureentry.channel          download
	display                          Number present and verified
	district                         Testshire
	duplicate.name                   Alex Example
	earlier                          viw_
	email                            desk@example.org
	end                              2031-12-31
	endedby                          8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	enteredby                        8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	entry.name                       Sam Example
	entry.reason                     new-referral
	event                            evt_
	evidence                         Signed form, scanned.
	excluding                        yes
	family                           Example
	fhircoding.code                  01
	fhircoding.system                https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus
	fhirextension.url                https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-ContactPreference
	fhiridentifier.system            https://fhir.nhs.uk/Id/nhs-number
	fhiridentifier.value             9990000018
	fhirlink.type                    replaces
	fhiraddress.text                 1 Harbour Street, Testford, TE1 1ST
	fhiraddress.type                 both
	fhiraddress.use                  home
	fhirname.text                    Alex Example
	fhirreference.reference          https://example.org/Patient/1
	fhirreference.type               Patient
	found.name                       Alex Example
	gender                           female
	happening.participant            b7c1f0a2d9e84f6c1a3b
	happening.session                5e0d9c8b7a6f4e3d2c1b
	happening.source                 zoom
	given                            Alex
	headers                          text/csv
	html                             <p>No known allergies.</p>
	instance                         TxN4Pj5sLPEEMxg=
	jobrole                          Receptionist
	kind                             holiday
	line                             1 Harbour Street
	lines                            1 Harbour Street
	locallast                        2026-11-23T10:15
	localstart                       2026-11-23T09:30
	may                              book
	merged                           pat_
	mergedinto                       pat_
	message                          The practitioner has another appointment then.
	missing                          meeting:delete:meeting
	mode                             in-person
	name                             Harbour Street
	note                             Covers for a colleague.
	emergencybody.note               The patient is unconscious.
	notduplicateof                   pat_
	notice                           Shown as it was at this moment.
	odscode                          A81001
	of                               prc_
	options                          yes
	organisation.name                Harbour Street Practice
	outcome                          found
	numberstanding.outcome           verified
	permissions                      appointment.book
	phone                            020 7946 0123
	pointer                          /practitionerId
	postalcode                       TE1 1ST
	postcode                         TE1 1ST
	practitioner.name                Dr Ada Example
	prefix                           Dr
	profile                          https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient
	providerid                       0102018f2c3d4e5f-6a7b8c9d
	purpose                          referral
	question.id                      pregnant
	question.text                    Are you pregnant?
	reason                           missing_columns
	alert.reason                     new-referral
	relationship.reason              new-referral
	duplicate.reasons                same_name_and_birth_date
	recipient.name                   Example Solicitors
	ref                              evt_
	reference                        OPG-7001-2345
	referrer                         A81001
	refs                             rel_
	relationship                     parent
	requestid                        60e0b220-8136-4ca5-ae46-1d97ef59d068
	resource                         prc_
	resourcetype                     Patient
	roles                            receptionist
	room.name                        Treatment room 2
	scope                            newsletter
	sdsuserid                        555021935107
	sentence                         The NHS confirms the number.
	delivery.sentence                Handed to the mail service.
	notice.sentence                  The patient has died. Nothing can be booked.
	refusal.sentence                 The file lacks a column that it needs.
	review.sentence                  The NHS holds other details under this number. Is it the same person?
	reviewdetail.sentence            The NHS holds other details under this number. Is it the same person?
	service.name                     New patient consultation
	sex                              female
	sha256                           9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
	source                           hand
	staff.email                      sam@example.org
	staff.name                       Sam Example
	start                            2024-01-31
	starturl                         https://zoom.us/s/98765432101?zak=an-example
	state                            Testshire
	step                             history
	step.action                      appointment.book
	step.name                        appointment.booked
	subject                          8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	suffix                           OBE
	task.kind                        room_time_refused
	task.text                        The practitioner gave the video room another time, which the diary cannot have.
	task.doneby                      8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	system                           email
	fhirtelecom.use                  home
	text                             I agree to get the newsletter by e-mail.
	textsha256                       9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
	timezone                         Europe/London
	title                            Allergies and adverse reactions
	link.url                         https://example.org/record/01kc4z7v8wfj7rw4q3hxe6m2ta
	ticket.url                       https://example.org/upload/01kc4z7v8wfj7rw4q3hxe6m2ta
	use                              home
	fhirname.use                     usual
	name.use                         usual
	value                            alex@example.org
	view.why                         daily_quota
	what                             record.read
	why                              patient_request

	alert.id                         alr_
	appointment.id                   apt_
	candidate.id                     pat_
	consent.id                       cns_
	disclosureentry.id               dsc_
	duplicate.id                     pat_
	entered.id                       lev_
	entry.id                         evt_
	fhir.id                          pat_
	found.id                         pat_
	granted.id                       rel_
	granting.id                      viw_
	hold.id                          hld_
	kept.id                          apt_
	leave.id                         lev_
	organisation.id                  org_
	patientview.id                   pat_
	practitioner.id                  prc_
	receipt.id                       pat_
	recorded.id                      cns_
	registered.id                    pat_
	relationship.id                  rel_
	representativeview.id            rep_
	review.id                        rev_
	reviewdetail.id                  rev_
	room.id                          roo_
	service.id                       svc_
	shown.id                         viw_
	site.id                          sit_
	standing.id                      alr_
	settled.id                       tsk_
	task.id                          tsk_
	term.id                          rel_
	unmerged.id                      pat_
	upload.id                        upl_

	aboutid                          rel_
	alertid                          alr_
	appointmentid                    apt_
	consentid                        cns_
	holdid                           hld_
	leaveid                          lev_
	organisationid                   org_
	otherpatientid                   pat_
	patientid                        pat_
	practitionerid                   prc_
	relationshipid                   rel_
	representativeid                 rep_
	reviewid                         rev_
	roomid                           roo_
	serviceid                        svc_
	siteid                           sit_
	staffid                          8a1d2c34-5b6e-4f70-91a2-b3c4d5e6f708
	taskid                           tsk_
	uploadid                         upl_
	viewid                           viw_
`

// about says what a value is of: a field, and the named type that has it, in lower case; empty where there is none.
type about struct{ owner, field string }

// absent is the sample of a field that an example is without.
const absent = "-"

// leftOut tells whether an example is without a field, because it would say what the rest of it says otherwise.
func (a about) leftOut() bool {
	own, ok := a.own()
	return ok && own == absent
}

// own is the sample of the field of this very type, if there is one.
func (a about) own() (string, bool) {
	if a.owner == "" {
		return "", false
	}
	return lookUp(a.owner + "." + a.field)
}

// sample makes up a text. A list's name may be that of its entries and an s.
func (a about) sample() string {
	one := strings.TrimSuffix(a.field, "s")
	for _, name := range []string{a.owner + "." + a.field, a.owner + "." + one, a.field, one} {
		if found, ok := lookUp(name); ok {
			return found
		}
	}
	return cmp.Or(idOf(one), unknown)
}

// lookUp finds the sample of a name, with the rest of an id behind its prefix.
func lookUp(name string) (string, bool) {
	_, rest, ok := strings.Cut(samples, "\n\t"+name+" ")
	line, _, _ := strings.Cut(rest, "\n")
	found := strings.TrimSpace(line)
	if prefix, isID := strings.CutSuffix(found, "_"); isID {
		return prefix + anID, ok
	}
	return found, ok
}

// idOf is an id of a thing whose name is a field's, as in a path; empty where it has none.
func idOf(thing string) string {
	if one, ok := lookUp(thing + "id"); ok && strings.HasSuffix(one, anID) {
		return one
	}
	return ""
}
