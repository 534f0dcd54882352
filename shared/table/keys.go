package table

import (
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
//	patient                  T#<org>#<patient>         PAT                       -
//	patient's diary (ticks)  T#<org>#<patient>         DIARY                     -
//	resource day (ticks)     T#<org>#<resource>        D#<UTC day>               -
//	appointment              T#<org>#<appointment>     APT                       T#<org>#<patient>#APT / start#id
//	hold                     T#<org>#<hold>            HLD (ttl)                 -
//	delivery                 T#<org>#<appointment>     MSG#<event>               -
//	event                    T#<org>#<target>          EVT#<event>               OUT#<0..7> / id, until relayed
//	idempotency record       T#<org>#IDEM#<hash>       IDEM (ttl, 72 h)          -

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
	attrChanged = "c" // of the first guard: the items of the change that raised it, by sort key, with their versions
	index       = "GSI1"
	outbox      = "OUT#"
)

const (
	guardShards  = 8
	outboxShards = 8
)

// Key names one item of the caller's organisation. Only the methods of Clinic make one.
type Key struct{ pk, sk string }

// Index places an item in GSI1 as well; the zero Index leaves it out.
type Index struct{ pk, sk string }

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
