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
no_route: No such address
	Check the path against this page: capitals count, and no address ends with a slash.
method_not_allowed: Method not allowed
	The header Allow names the methods that the address takes.
not_found: Not found
	No record of that id exists for your organisation. Check the id.
idempotency_key_missing: Idempotency-Key missing
	Send the header Idempotency-Key, 1 to 255 printable ASCII characters: a fresh one for each thing you want done,
	the same one when you repeat a request.
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
hold_and_wish: Hold and wish together
	Send holdId and patientId alone, or the whole wish without holdId.
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
exists: Exists already
	Read the record that is there, and change it instead.
patient_not_found: Patient not found
	Check the patient's id.
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
patient_busy: Patient busy
	Choose another time, or move the patient's other appointment.
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
malformed_cursor: Not a page's next
	Begin without after, and then send the next of each answer.
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
ends_too_early: Ends before it begins
	Give an end after the beginning.
overlaps: Overlaps
	Join the entries, or move one.
unknown_time_zone: Unknown time zone
	Give a name of the IANA time zone database, such as Europe/London.
unknown_id: No such record
	Check the id: there is no record of that kind with it in your organisation.
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
