package web

import "strings"

// problemCodes is the catalogue of the codes that a refusal may carry, in the order of the documentation: the code,
// what it is in words that never change, and what to do about it. A test compares it with the codes that the tree
// uses; the documentation page shows it.
const problemCodes = `
not_logged_in: Not logged in
	Send a valid access token in the header Authorization: Bearer. Tokens expire; get a new one with your refresh
	token or log in again.
no_organisation: No organisation
	Ask a manager of your organisation to add you to its staff, then log in again.
organisation_needed: Organisation needed
	You belong to several organisations: name one in the header Almanac-Organisation.
organisation_not_found: Organisation not found
	Check the id in the header Almanac-Organisation: you do not belong to an organisation of that id.
denied: Not allowed
	Your roles do not allow this. A manager of your organisation can change them; a new role counts from your next
	request.
no_relationship: No part in the patient's care
	If you need the record, claim a relationship and say why (POST /v1/patients/{id}/claim). In an emergency,
	clinicians and managers may break the glass (POST /v1/patients/{id}/break-glass). Both raise an alert.
needs_relationship: Takes a lasting relationship
	A claim or an emergency opens the record for reading and for the care at hand. Making relationships, merging
	records and naming representatives takes somebody with a lasting relationship, by an appointment, a referral or
	a care team.
no_route: No such address
	Check the path against this page: capitals count, and no address ends with a slash.
method_not_allowed: Method not allowed
	The header Allow names the methods that the address takes.
not_found: Not found
	No record of that id exists for your organisation. Check the id.
idempotency_key_missing: Idempotency-Key missing
	Send the header Idempotency-Key, 1 to 255 printable ASCII characters: a fresh one for each thing you want done,
	the same one when you repeat a request.
idempotency_key_malformed: Idempotency-Key malformed
	It is longer than 255 characters, or holds one that is not printable ASCII. A UUID will do.
key_reused: Idempotency-Key used before
	Another request was carried out under this key. Use a fresh key for a new request; repeat the old one exactly to
	see its answer.
if_match_missing: If-Match missing
	Read the record and send its ETag in the header If-Match.
if_match_malformed: If-Match malformed
	Send one ETag as you received it, quotes included. Lists, weak tags and * are not taken.
stale: Changed since you read it
	Somebody changed the record after you read it. Read it again, see whether your change still makes sense, and
	send it with the new ETag.
malformed_json: Not readable as JSON
	Send one JSON value (RFC 8259) in UTF-8, at most 32 levels deep, with nothing after it.
malformed_body: Fields that cannot be taken
	See errors: unknown and repeated fields are refused, so that a misspelt one is never silently ignored.
malformed_query: Query not readable
	Check the percent-encoding of the query.
bad_parameter: Parameter not as documented
	See errors: unknown, repeated and ill-formed query parameters are refused.
body_missing: Body missing
	Send a JSON body.
body_unexpected: Body not expected
	Send this request without a body.
length_mismatch: Body not as long as said
	Send Content-Length as the number of bytes of the body, and the body as valid UTF-8.
too_large: Too large
	Send at most 65,536 bytes of body; within errors: a number at or below the one named.
too_long: Too long
	Give at most as many characters, hours or days as named.
not_json: Not JSON
	Send Content-Type: application/json, without Content-Encoding.
invalid: Not as documented
	See errors: each entry names a field and what it must be.
busy: Busy
	Many are changing the same records. Nothing was done: wait as Retry-After says and repeat the request.
too_often: Too often
	Nothing was done. Wait as Retry-After says, then ask again.
outcome_unknown: Outcome unknown
	Repeat the same request with the same Idempotency-Key: it is carried out once, whatever became of the first.
timeout: Took too long
	Repeat the request, a write with the same Idempotency-Key: it is carried out once, whatever became of the first
	try.
internal: A fault of ours
	Repeat the request later, a write with the same Idempotency-Key. If it happens again, tell us the instance.
time_taken: The time is taken
	See errors for who or what is busy. Look for free times again; nothing was booked.
hold_expired: The hold has run out
	Look for the time again and take a new hold.
hold_at_its_end: The hold cannot be renewed again
	Book it before it runs out, or let it go and take a new one.
held_for_another: Held for another patient
	Book the hold for the patient it was taken for.
task_done: Seen to already
	Read the tasks: somebody has seen to this one.
screening_excludes: The service does not suit
	See errors for the answer that excludes. Look for another service; nothing was booked.
may_not_book: The representative may not book
	Book for the patient, or have the representative's authority entered or renewed first.
hold_and_wish: Hold and wish together
	Send holdId and patientId, with onBehalf and answers where they are asked for, or the whole wish without holdId.
no_change: Nothing to change
	The appointment is at this time already; ask for another one.
not_changeable: Cannot be changed any more
	The appointment is over, cancelled or under way. Book another.
status_does_not_follow: The status does not follow
	Read the appointment: somebody may have set its status already.
not_yet: Not yet
	Wait until the appointment has begun.
not_a_member: Not a member
	Ask a manager of the organisation to add you to its staff.
last_manager: The last manager
	Make somebody else a manager first.
own_alert: An alert about yourself
	Ask somebody else who reviews alerts.
alert_reviewed: Reviewed already
	Read the alert: somebody has reviewed it.
relationship_over: Over already
	There is nothing to end.
exists: Exists already
	Read the record that is there, and change it instead.
patient_closed: Nothing can be booked for the patient
	See errors for why: the record was merged into another one, or the patient is recorded as having died.
patient_not_found: Patient not found
	Check the patient's id.
possible_duplicate: Possibly registered already
	Look at the records that errors names. If it is somebody else, send the request again, with a fresh key and their
	ids in notDuplicateOf.
malformed_cursor: Not a page's next
	Begin without after, and then send the next of each answer, as it was given. It is good for the person who got it,
	for the same request (only limit may differ), for an hour.
appointments_clash: Appointments at the same time
	Both patients have appointments at the times of those that errors names. Move or cancel one of each; nothing was
	merged.
too_many_to_merge: More than one record can hold
	See the detail for what there is too much of. Nothing was merged.
not_merged: Not merged
	Read the patient: merged lists the records that it goes on for.
number_taken: NHS number of another record
	Look at the record that errors names: it has this number. A number belongs to one record.
number_objected: Use of the NHS number objected to
	Nothing is done with the number. It can be entered and traced once the patient has withdrawn the objection.
tracing_off: NHS numbers are not traced
	Switch tracing on for the organisation (PUT /v1/organisation), if it may ask the NHS.
trace_under_way: The number is being traced
	Read the number in a moment (GET /v1/patients/{id}/nhs-number) to see what came of it.
review_decided: Decided already
	Read the patient's number: somebody has decided this.
no_candidate: Nobody to accept
	Complete the patient's details and search again, or refuse.
patient_merged: Merged into another record
	Use the record that errors names: it goes on for this one.
too_many_representatives: As many representatives as a record holds
	Nobody can be added: 20 are kept, those who were ended included.
keys_unavailable: Records cannot be opened
	The keys that they are sealed with cannot be had just now. Nothing was done: wait as Retry-After says and repeat the
	request.
record_elsewhere: The record is looked at elsewhere
	Your organisation does not get this record here: look at it where errors says.
record_not_viewable: No record can be looked at
	See errors for all that stands against it.
alert_impossible: The NHS could not be told
	A manager must enter your organisation's ASID, and your own SDS user id, before a record can be opened in an
	emergency. Until then look at it where errors says.
permission_expired: The permission counts no longer
	Ask the patient again, and ask for another view.
number_changed: The NHS number changed
	Ask for another view.
view_used: Shown already
	A view is shown once. Ask for another one if you need the record again.
view_opening: Being opened
	Wait a minute and open it again, unless it was shown meanwhile.
view_closed: Cannot be opened any more
	See errors for the reason. Ask for another view if it still makes sense.
record_opted_out: The patient does not want it seen
	Respect it. In an emergency ask for another view, and say why.
record_none: There is no such record
	Ask the patient, or the practice.
record_refused: The service refuses
	Look at the record in the National Care Records Service, or ask the practice.
record_stale: Replaced just now
	Open the view again within ten minutes.
record_unavailable: Cannot be fetched just now
	Open the view again within ten minutes.
record_unreadable: The answer cannot be read
	Open the view again within ten minutes. If it happens again, tell us the instance.
record_too_many: Too many requests to the NHS
	Wait as Retry-After says and open the view again within ten minutes.
record_request_refused: The NHS cannot read the request
	Tell us the instance.
record_no_ods: No ODS code
	A manager must enter the organisation's ODS code.
alert_incomplete: The alert lacks something
	Tell us the instance.
withdrawn_already: Withdrawn already
	There is nothing to do: the consent was withdrawn before.
upload_running: A run is under way
	Read the upload until its run has ended. One that shows no sign of life for 15 minutes can be started again, and
	goes on where it was.
upload_over: The upload is over
	Make a new upload. What was registered already is found again and left as it is.
file_missing: The file is not there
	Read the upload and send the file as send says. Files are kept for seven days.
file_changed: Not the file that was announced
	Make a new upload with the size and SHA-256 of the file that you mean.
dry_run_first: Dry run first
	Start with dryRun set, read the report, and then start the same file without it.
no_video: Not by video
	Only appointments of a service that is given by video have a room.
appointment_cancelled: The appointment was cancelled
	Book another.
appointment_over: The appointment is over
	Book another.
not_connected: No video account connected
	The practitioner connects an account first, under My profile (POST /v1/connections/zoom).
reconnect: The video account must be connected again
	Its owner connects it again under My profile (POST /v1/connections/zoom). Nothing is lost: what waits for it is made
	then.
needs_reauth: The video account must be connected again
	Its owner connects it again under My profile (POST /v1/connections/zoom). Nothing is lost: what waits for it is made
	then.
not_host: Not the host
	Ask the practitioner whose video account the room is in.
room_deleted: The room was deleted
	Its host deleted it at the video provider. If the appointment is still to take place, ask again in a few minutes.
no_room: No call to join yet
	Wait until there is one.
video_busy: The room is being worked on
	Ask again in a moment.
provider_unavailable: The video provider cannot be reached
	Ask again as Retry-After says. What was asked for is kept, and made as soon as it can be.
provider_busy: The video provider takes no more requests just now
	Ask again as Retry-After says.
provider_refused: The video provider refuses
	Look at the account there: its plan or its settings may not allow it.
daily_quota: No more rooms today
	The provider makes no more rooms for this practitioner until midnight UTC. It is tried again then.
too_many_changes: Changed too often
	The room was changed many times within the hour. It is tried again when that is over.
visit_too_long: Too long for a room
	Book a shorter appointment.
report_not_ready: No report yet
	Read the upload until a run is complete.
files_unavailable: Files cannot be reached
	Nothing was done: wait as Retry-After says and repeat the request.
authorisation_refused: Log-in refused by Zoom
	The answer that Zoom sent you back with was used before, or is too old. Begin again from your profile.
zoom_misconfigured: Zoom refuses this service
	There is nothing wrong with your account: the operator must mend how this service is registered with Zoom.
zoom_unexpected: Zoom said something unknown
	Try again later; if it stays so, tell the operator.
zoom_not_set_up: Zoom is not set up
	This installation is not registered with Zoom: its operator must do that first.
zoom_admin_needed: The clinic's Zoom account is not connected
	A manager connects it first (POST /v1/connections/zoom-admin), or once more if it was connected before.
zoom_user_exists: Zoom user exists
	The clinic's Zoom account has a user of this e-mail address already: have that person connect it.
zoom_user_elsewhere: Zoom account elsewhere
	The e-mail address has a Zoom account of its own: have that person connect it, or give another address.
zoom_user_unknown: No such Zoom user
	The clinic's Zoom account has no user of this e-mail address.
zoom_no_licence: No Zoom licence left
	Have the owner of the clinic's Zoom account free or buy a licence, or make the user without one.
`

// detailCodes are those of the entries of a refusal's errors alone. Several of them are also answers to why a time is
// not free, which the list of free times gives in the same words.
const detailCodes = `
unknown_field: Unknown field
	Leave out what is not among choices.
duplicate_field: Field given twice
	Give it once.
read_only_field: Field is not yours to set
	Leave it out.
text_refused: Text not readable
	Remove NUL characters and halves of surrogate pairs.
unknown_parameter: Unknown parameter
	Leave out what is not among choices.
repeated_parameter: Parameter given twice
	Give it once.
required: Required
	Give a value.
wrong_type: Wrong type
	Give a value of the type documented.
wrong_format: Wrong format
	Give a value in the form documented.
wrong_value: Wrong value
	Compare with the documentation.
not_a_choice: Not one of the choices
	Give one of choices.
not_a_multiple: Not a multiple
	Give a multiple of the number named.
not_unique: Twice in a list
	Give each entry once.
not_needed: Not needed
	Leave it out: it says nothing here.
too_short: Too short
	Give at least as many characters as named.
too_small: Too small
	Give a number at or above the one named.
too_few: Too few
	Give at least as many entries as named.
too_many: Too many
	Give at most as many entries as named.
service_closed: Service not offered
	Choose another service.
practitioner_does_not_offer: Practitioner does not offer the service
	Choose another practitioner or service.
practitioner_not_working: Practitioner not at work
	Choose a time within the practitioner's hours.
practitioner_on_leave: Practitioner on leave
	Choose another day or practitioner.
practitioner_busy: Practitioner busy
	Choose another time or practitioner.
same_nhs_number: Same NHS number
	Compare the records.
same_name_and_birth_date: Same name and birth date
	Compare the records.
same_given_name_birth_date_and_postcode: Same given name, birth date and postcode
	Compare the records: the family name may have changed.
same_given_name_birth_date_and_contact: Same given name, birth date and telephone or e-mail
	Compare the records: the family name may have changed.
same_name_and_similar_birth_date: Same name, similar birth date
	Compare the records: the birth date may be mistyped.
patient_busy: Patient busy
	Choose another time, or move the patient's other appointment.
answer_excludes: The answer excludes
	resource names the question. Choose another service.
room_not_needed: Room not needed
	Leave roomIds out, or name rooms that the service needs.
room_busy: No room free
	Choose another time or site.
resource_busy: Taken
	Choose another time; resource names who or what is busy.
site_closed: Site closed
	Choose another day or site.
outside_opening_hours: Outside opening hours
	Choose a time within the site's hours.
too_soon: Too soon
	Choose a later time: the service needs more notice.
too_far: Too far ahead
	Choose an earlier time: the service cannot be booked so far ahead.
span_out_of_range: Span out of range
	Ask for a span from a date to the same or a later one, 31 days at the most.
malformed_date: Not a date
	Write a date that exists, such as 2026-11-23.
malformed_time: Not a time
	Write a local time, such as 2026-11-23T09:30, or an instant with its offset.
off_grid: Not in steps of five minutes
	Choose a full five minutes.
time_skipped: Time does not exist
	The clocks go forward past it: choose another time.
time_twice: Time exists twice
	The clocks go back: send one of choices.
in_the_past: In the past
	Choose a time to come.
no_length: No length
	Give it at least five minutes.
ends_too_early: Ends before it begins
	Give an end after the beginning.
overlaps: Overlaps
	Join the entries, or move one.
unknown_time_zone: Unknown time zone
	Give a name of the IANA time zone database, such as Europe/London.
test_number: Number kept for tests
	Give the number that the patient has, or none.
wrong_check_digit: Wrong check digit
	Compare with where the number is from: a digit is wrong, or two are swapped.
too_early: Too early
	Give a date at or after the one named.
in_the_future: In the future
	Give a date that is not to come.
unknown_id: No such record
	Check the id: there is no record of that kind with it in your organisation.
look_elsewhere: Look elsewhere
	Open the address among choices.
record_retry_over: The time to try again is over
	Ask for another view.
patient_deceased: The patient died
	Nothing can be done for this patient here.
patient_restricted: Protected
	What others hold of this patient is not looked at here.
number_not_verified: NHS number not verified
	Have the number traced first.
`

// Code is one stable word that a refusal may carry: as the code of the whole problem, or of one entry of its errors.
type Code struct {
	Code   string
	Title  string
	Advice string
	Detail bool // only within errors
}

// Codes lists the catalogue.
func Codes() []Code {
	return append(read(problemCodes, false), read(detailCodes, true)...)
}

func read(text string, detail bool) []Code {
	var out []Code
	for line := range strings.Lines(strings.TrimPrefix(text, "\n")) {
		if words, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t"); ok {
			c := &out[len(out)-1]
			c.Advice = strings.TrimPrefix(c.Advice+" "+words, " ")
			continue
		}
		code, title, _ := strings.Cut(strings.TrimSpace(line), ": ")
		out = append(out, Code{Code: code, Title: title, Detail: detail})
	}
	return out
}

// Title gives a problem code's title; "Refused" for one that is not in the catalogue.
func Title(code string) string {
	_, rest, ok := strings.Cut(problemCodes, "\n"+code+": ")
	if !ok {
		return "Refused"
	}
	title, _, _ := strings.Cut(rest, "\n")
	return title
}
