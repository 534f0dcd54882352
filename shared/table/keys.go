package table

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The data model. PK always begins with the caller's organisation, so that a key of another one cannot be written.
//
//	item                     PK                        SK                        GSI1
//	guard (8 shards)         T#<org>#CONF              !G#<0..7>                 -
//	organisation             T#<org>#CONF              ORG                       -
//	site, room, service      T#<org>#CONF              SIT#|ROO#|SVC#<id>        -
//	practitioner, staff      T#<org>#CONF              PRC#<id>, STF#<subject>   -
//	leave                    T#<org>#CONF              LEV#<last UTC day>#<id>   -
//	patient (sealed)         T#<org>#<patient>         PAT                       -
//	patient's diary (ticks)  T#<org>#<patient>         DIARY                     -
//	patient's circle         T#<org>#<patient>         CARE                      -
//	trace of the NHS number  T#<org>#<patient>         PDS                       -
//	merge into another one   T#<org>#<patient>         MRG                       -
//	consent, disclosure      T#<org>#<patient>         CNS#<id>, DSC#<id>        -
//	view of a shared record  T#<org>#<patient>         VIW#<id>                  -
//	look-up of patients      T#<org>#IDX#<digest>      <path>#<patient>          -
//	NHS number               T#<org>#NHS#<digest>      NHS                       -
//	consent text             T#<org>#CONSENT           TXT#<scope>#<version>     -
//	number review            T#<org>#<review>          REV                       T#<org>#REVIEW#<state> / at#id
//	key of cursors           T#<org>#CURSOR            KEY                       -
//	alert                    T#<org>#<alert>           ALR                       T#<org>#ALERT#<state> / at#id
//	upload                   T#<org>#<upload>          UPL                       T#<org>#UPLOAD# / at#id
//	resource day (ticks)     T#<org>#<resource>        D#<UTC day>               -
//	appointment              T#<org>#<appointment>     APT                       T#<org>#<patient>#APT / start#id
//	hold                     T#<org>#<hold>            HLD (ttl)                 -
//	delivery                 T#<org>#<appointment>     MSG#<event>               -
//	  of an alert            T#<org>#<alert>           MSG#<event>#<subject>     -
//	connected account        T#<org>#<connection>      CON                       DUE#<0..7> / at#org#id
//	  whose it is            T#<org>#USR#<subject>     CON#<provider>            -
//	  pending connection     T#<org>#GRANT#<hash>      GRANT (ttl)               -
//	  its rooms              T#<org>#<connection>      ROO#<room>                -
//	  rooms long over        T#<org>#<connection>      OLD#<room>                -
//	  room being made        T#<org>#<connection>      NEW#<appointment>         -
//	  calls of a day         T#<org>#<connection>      USE#<UTC day> (ttl)       -
//	  its erasure            T#<org>#<connection>      ERA                       -
//	  what is left of it     T#<org>#<connection>      END                       -
//	video visit              T#<org>#<appointment>     VID                       T#<org>#VISIT#<connection> / at#id
//	  its log                T#<org>#<appointment>     LOG#<at>#<entry>          -
//	patient's link           T#<org>#LNK#<hash>        LNK                       -
//	task                     T#<org>#<task>            TSK                       T#<org>#TASK#<state> / at#id
//	  that ends by itself    T#<org>#USR#<whose>       MAT#<task>                -
//	event                    T#<org>#<target>          EVT#<event>               OUT#<0..7> / id, until relayed
//	idempotency record       T#<org>#IDEM#<hash>       IDEM (ttl, 72 h)          -
//
// Outside every organisation stands only what says whose an account at a provider is (see pointer.go):
//
//	account at a provider    X#<kind>#<name>           WHOSE                     -
//
// A second table holds nothing but keys, so that it can do without point-in-time recovery: a key that was destroyed
// does not come back with a restored table, and what it sealed stays unreadable.
//
//	organisation's root key  T#<org>#CONF              KEY                       -
//	patient's data key       T#<org>#<patient>         KEY                       -

// Names of attributes that the table itself writes. A tick's attribute has a name of two or five base-36 digits and
// a binary value, which none of these has.
const (
	attrPK      = "PK"
	attrSK      = "SK"
	attrGPK     = "GPK"
	attrGSK     = "GSK"
	attrVersion = "v"
	attrTTL     = "ttl"
	attrEnded   = "x"
	attrClosed  = "closed" // of a patient's diary: why nobody can be booked into it
	attrMet     = "m"      // begins the name of each month's meetings in a patient's diary
	attrChanged = "c"      // of the first guard: the items of the change that raised it, by sort key, with versions
	index       = "GSI1"
	outbox      = "OUT#"
)

const (
	guardShards  = 8
	outboxShards = 8
)

// Key names one item of the caller's organisation. Only the methods of Clinic make one.
type Key struct {
	pk, sk string
	secret bool // of the table of keys
}

// Index places an item in GSI1 as well; the zero Index leaves it out.
type Index struct{ pk, sk string }

func (i Index) key() Key { return Key{pk: i.pk, sk: i.sk} }

func (c Clinic) key(part, sk string) Key { return Key{pk: "T#" + c.by.Org() + "#" + part, sk: sk} }

// DynamoDB's limits of a key's parts, in bytes.
const (
	maxPK = 2048
	maxSK = 1024
)

// reaches tells whether the key can be of an item of the caller's organisation. A key that another organisation's
// slice made is not, and neither is one with an id in it that is longer than any key.
func (c Clinic) reaches(k Key) bool {
	return strings.HasPrefix(k.pk, c.key("", "").pk) && len(k.pk) <= maxPK && len(k.sk) <= maxSK
}

// reachesItem tells whether the item, with the place it has in the index, may be written by the caller's organisation.
func (c Clinic) reachesItem(it Item) bool {
	if it.Key.points() {
		return c.pointed(it) && it.Index == (Index{})
	}
	listed := it.Index == (Index{}) || it.Index.due() || c.reaches(it.Index.key())
	return listed && c.reaches(it.Key)
}

func (c Clinic) conf(sk string) Key { return c.key("CONF", sk) }

// Organisation is the key of the organisation itself.
func (c Clinic) Organisation() Key { return c.conf("ORG") }

// Site is the key of a site.
func (c Clinic) Site(id string) Key { return c.conf("SIT#" + id) }

// Room is the key of a room or device.
func (c Clinic) Room(id string) Key { return c.conf("ROO#" + id) }

// Service is the key of a service.
func (c Clinic) Service(id string) Key { return c.conf("SVC#" + id) }

// Practitioner is the key of a practitioner.
func (c Clinic) Practitioner(id string) Key { return c.conf("PRC#" + id) }

// Staff is the key of a member of staff, by the identity provider's subject.
func (c Clinic) Staff(subject string) Key { return c.conf("STF#" + subject) }

// Leave is the key of an absence or closure; its last UTC day comes first so that those that are over are not read.
func (c Clinic) Leave(id string, end time.Time) Key {
	return c.conf("LEV#" + end.UTC().Format(time.DateOnly) + "#" + id)
}

// Patient is the key of a patient's record.
func (c Clinic) Patient(id string) Key { return c.key(id, "PAT") }

// Diary is the key of the item that holds a patient's claimed ticks.
func (c Clinic) Diary(patient string) Key { return c.key(patient, "DIARY") }

// PatientKey is the key, in the table of keys, of a patient's data key.
func (c Clinic) PatientKey(id string) Key { return c.key(id, "KEY").inSecret() }

// CursorKey is the key of what the organisation's cursors are sealed with.
func (c Clinic) CursorKey() Key { return c.key("CURSOR", "KEY") }

// OrganisationKey is the key, in the table of keys, of the organisation's root key.
func (c Clinic) OrganisationKey() Key { return c.conf("KEY").inSecret() }

func (k Key) inSecret() Key {
	k.secret = true
	return k
}

// Circle is the key of the item that says who is involved in a patient's care.
func (c Clinic) Circle(patient string) Key { return c.key(patient, "CARE") }

// Trace is the key of how the tracing of a patient's NHS number stands.
func (c Clinic) Trace(patient string) Key { return c.key(patient, "PDS") }

// Merger is the key of what was moved when a patient's record was merged into another one.
func (c Clinic) Merger(patient string) Key { return c.key(patient, "MRG") }

// Consent is the key of a consent.
func (c Clinic) Consent(patient, id string) Key { return c.key(patient, Consents+id) }

// Disclosure is the key of an entry in a patient's disclosure register.
func (c Clinic) Disclosure(patient, id string) Key { return c.key(patient, Disclosures+id) }

// RecordView is the key of one view of a record that another organisation holds.
func (c Clinic) RecordView(patient, id string) Key { return c.key(patient, RecordViews+id) }

// ConsentText is the key of a version of a text that people consent to.
func (c Clinic) ConsentText(scope string, version int) Key {
	return c.key("CONSENT", ConsentTexts+scope+"#"+fmt.Sprintf("%06d", version))
}

// Review is the key of a review of an NHS number.
func (c Clinic) Review(id string) Key { return c.key(id, "REV") }

// Alert is the key of an alert to the privacy officer.
func (c Clinic) Alert(id string) Key { return c.key(id, "ALR") }

// Upload is the key of an upload of patients.
func (c Clinic) Upload(id string) Key { return c.key(id, "UPL") }

// Connection is the key of a connected account at a provider.
func (c Clinic) Connection(id string) Key { return c.key(id, "CON") }

// Connected is the key of the row that says which account of a provider a person connected.
func (c Clinic) Connected(subject, provider string) Key {
	return c.key("USR#"+subject, Connections+provider)
}

// Grant is the key of a connection that was begun, by the digest of its state.
func (c Clinic) Grant(digest string) Key { return c.key("GRANT#"+digest, "GRANT") }

// RoomOf is the key of the row that gives a provider's room to its appointment.
func (c Clinic) RoomOf(connection, ref string) Key { return c.key(connection, RoomsOf+ref) }

// PastRoomOf is the key of that row once the room is long over: only the erasing of the connection looks for it there.
func (c Clinic) PastRoomOf(connection, ref string) Key { return c.key(connection, PastRoomsOf+ref) }

// Making is the key of the row that stands while a room for an appointment is being made.
func (c Clinic) Making(connection, appointment string) Key {
	return c.key(connection, Makings+appointment)
}

// Usage is the key of the count of a connection's calls on a UTC day.
func (c Clinic) Usage(connection string, day time.Time) Key {
	return c.key(connection, "USE#"+day.UTC().Format(time.DateOnly))
}

// Erasure is the key of how far the erasing of a connection's data has come.
func (c Clinic) Erasure(connection string) Key { return c.key(connection, "ERA") }

// Tombstone is the key of what is left of a connection whose data was deleted.
func (c Clinic) Tombstone(connection string) Key { return c.key(connection, "END") }

// Visit is the key of an appointment's video visit.
func (c Clinic) Visit(appointment string) Key { return c.key(appointment, "VID") }

// VisitLog is the key of an entry in the log of an appointment's video visit; entries are in order of time.
func (c Clinic) VisitLog(appointment string, at time.Time, entry string) Key {
	return c.key(appointment, VisitLogs+at.UTC().Format("2006-01-02T15:04:05.000Z")+"#"+entry)
}

// VisitLink is the key of a patient's link to a video visit, by the digest of its token.
func (c Clinic) VisitLink(digest string) Key { return c.key("LNK#"+digest, "LNK") }

// Task is the key of a task for the staff.
func (c Clinic) Task(id string) Key { return c.key(id, "TSK") }

// Matter is the key of the row that stands while a task about a person's account waits for somebody, or one about an
// appointment without a room: whose is the person, or the appointment.
func (c Clinic) Matter(whose, task string) Key { return c.key("USR#"+whose, Matters+task) }

// ListOf names a list of records of one kind, by time.
type ListOf string

// The lists.
const (
	Reviews ListOf = "REVIEW"
	Alerts  ListOf = "ALERT"
	Uploads ListOf = "UPLOAD"
	Visits  ListOf = "VISIT" // by connection
	Tasks   ListOf = "TASK"
)

// Listing places a record in a list of its kind and state, by time; the state may be empty. With the zero time and an
// empty id it names the list itself, for List.
func (c Clinic) Listing(of ListOf, state string, at time.Time, id string) Index {
	return Index{pk: c.key(string(of)+"#"+state, "").pk, sk: at.UTC().Format(time.RFC3339) + "#" + id}
}

// Lookup is the key of a row by which a patient is found: digest says under what, path sorts the patients within it.
func (c Clinic) Lookup(digest, path, patient string) Key {
	return c.key("IDX#"+digest, path+"#"+patient)
}

// Number is the key of the row that gives an NHS number, by its digest, to at most one patient.
func (c Clinic) Number(digest string) Key { return c.key("NHS#"+digest, "NHS") }

// Appointment is the key of an appointment.
func (c Clinic) Appointment(id string) Key { return c.key(id, "APT") }

// Hold is the key of a hold.
func (c Clinic) Hold(id string) Key { return c.key(id, "HLD") }

// Delivery is the key of the delivery record of one event's message about an appointment.
func (c Clinic) Delivery(appointment, event string) Key { return c.key(appointment, "MSG#"+event) }

// PatientIndex places an appointment in its patient's list, by start.
func (c Clinic) PatientIndex(patient string, start time.Time, appointment string) Index {
	return Index{pk: c.key(patient+"#APT", "").pk, sk: start.UTC().Format(time.RFC3339) + "#" + appointment}
}

func (c Clinic) guard(shard int) Key { return c.conf("!G#" + strconv.Itoa(shard)) }

func (c Clinic) day(resource string, day time.Time) Key {
	return c.key(resource, "D#"+day.Format(time.DateOnly))
}

func (c Clinic) event(target, id string) Key { return c.key(target, "EVT#"+id) }
