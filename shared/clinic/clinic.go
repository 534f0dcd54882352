// Package clinic is what an organisation sets up: its sites, rooms and devices, services, practitioners, opening
// hours, leave, and its staff with their roles. Its rule: a change of any of it raises the organisation's
// configuration version, on which every write checks that it still rests, so that what is cached is never trusted
// beyond one request.
package clinic

import (
	"time"

	"almanac/shared/access"
	"almanac/shared/private"
)

// Organisation is a tenant: a clinic group, a practice, a clinic.
type Organisation struct {
	ID      string `json:"id" dynamodbav:"id"`
	Name    string `json:"name" dynamodbav:"name"`
	Zone    string `json:"timeZone" dynamodbav:"zone"` // IANA
	NHS     NHS    `json:"nhs" dynamodbav:"nhs"`
	Version int64  `json:"version" dynamodbav:"v"`
}

// Site is a place where people are seen. Its opening hours bound everything that happens there.
type Site struct {
	ID      string    `json:"id" dynamodbav:"id"`
	Name    string    `json:"name" dynamodbav:"name"`
	Address string    `json:"address,omitempty" dynamodbav:"address,omitempty"`
	Email   string    `json:"email,omitempty" dynamodbav:"email,omitempty"`
	Phone   string    `json:"phone,omitempty" dynamodbav:"phone,omitempty"`
	Zone    string    `json:"timeZone" dynamodbav:"zone"` // IANA
	Hours   []Opening `json:"openingHours" dynamodbav:"hours"`
	Closed  bool      `json:"closed" dynamodbav:"closed,omitempty"` // for good: nothing new is booked
	Version int64     `json:"version" dynamodbav:"v"`
}

// Opening is a stretch of local wall-clock time on one day of the week. On the day of a clock change it covers the
// instants whose wall clock reads between the two.
type Opening struct {
	Day    string `json:"day" dynamodbav:"d" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday"`
	Opens  string `json:"opens" dynamodbav:"o" example:"09:00"`
	Closes string `json:"closes" dynamodbav:"c" example:"17:30" doc:"24:00 is the end of the day"`
}

// Kinds of rooms.
const (
	KindRoom   = "room"
	KindDevice = "device"
)

// Room is a room or a device of a site. One with a capacity of n can be claimed n times over.
type Room struct {
	ID       string `json:"id" dynamodbav:"id"`
	SiteID   string `json:"siteId" dynamodbav:"site"`
	Kind     string `json:"kind" dynamodbav:"kind" enum:"room,device"`
	Name     string `json:"name" dynamodbav:"name"`
	Capacity int    `json:"capacity" dynamodbav:"cap"`
	Closed   bool   `json:"closed" dynamodbav:"closed,omitempty"`
	Version  int64  `json:"version" dynamodbav:"v"`
}

// Need is one room or device that a service takes: any one of the list.
type Need struct {
	AnyOf []string `json:"anyOf" dynamodbav:"any"`
}

// Service is something that can be booked. All lengths are minutes, in steps of five.
type Service struct {
	ID              string   `json:"id" dynamodbav:"id"`
	Name            string   `json:"name" dynamodbav:"name"`
	Minutes         int      `json:"minutes" dynamodbav:"min"`
	BufferBefore    int      `json:"bufferBefore" dynamodbav:"bb"`
	BufferAfter     int      `json:"bufferAfter" dynamodbav:"ba"`
	Step            int      `json:"step" dynamodbav:"step"`            // distance between offered starts
	LeadMinutes     int      `json:"leadMinutes" dynamodbav:"lead"`     // least time between now and the start
	HorizonDays     int      `json:"horizonDays" dynamodbav:"horizon"`  // most days ahead
	Mode            string   `json:"mode" dynamodbav:"mode"`            // in-person, video, telephone
	Needs           []Need   `json:"needs" dynamodbav:"needs"`          // empty: only the practitioner
	PractitionerIDs []string `json:"practitionerIds" dynamodbav:"prcs"` // who offers it
	// Questions are asked before each booking, so that nobody is booked whom the service does not suit.
	Questions []Question `json:"questions,omitempty" dynamodbav:"questions,omitempty"`
	Closed    bool       `json:"closed" dynamodbav:"closed,omitempty"`
	Version   int64      `json:"version" dynamodbav:"v"`
}

// Question is asked before a service is booked. Its id and its answers are codes, because the answers are kept with
// the appointment.
type Question struct {
	ID      string   `json:"id" dynamodbav:"id"`
	Text    string   `json:"text" dynamodbav:"text"`
	Options []string `json:"options,omitempty" dynamodbav:"opts,omitempty"` // none: yes and no
	// Excluding are the answers with which the service cannot be booked.
	Excluding []string `json:"excluding,omitempty" dynamodbav:"excl,omitempty"`
}

// Answers lists the answers that the question takes.
func (q Question) Answers() []string {
	if len(q.Options) == 0 {
		return []string{"yes", "no"}
	}
	return q.Options
}

// Practitioner is a person whom patients see. Sessions are when and where he or she works.
type Practitioner struct {
	ID       string    `json:"id" dynamodbav:"id"`
	Name     string    `json:"name" dynamodbav:"name"`
	Sessions []Session `json:"sessions" dynamodbav:"sessions"`
	Closed   bool      `json:"closed" dynamodbav:"closed,omitempty"`
	Version  int64     `json:"version" dynamodbav:"v"`
}

// Session is a regular stretch of a practitioner's week at a site.
type Session struct {
	SiteID string `json:"siteId" dynamodbav:"site"`
	Opening
}

// Staff is a member of staff: the identity provider's subject, the roles the organisation gave, and where the person
// works, which decides whose records the roles reach.
type Staff struct {
	private.Hidden

	Subject string        `json:"subject" dynamodbav:"id"`
	Name    string        `json:"name" dynamodbav:"name"`
	Email   string        `json:"email" dynamodbav:"email"`
	JobRole string        `json:"jobRole" dynamodbav:"job"`
	Roles   []access.Role `json:"roles" dynamodbav:"roles"`
	SiteIDs []string      `json:"siteIds,omitempty" dynamodbav:"sites,omitempty"` // none: all of them
	// PractitionerID is the practitioner in the diary that the person is, if any.
	PractitionerID string `json:"practitionerId,omitempty" dynamodbav:"prc,omitempty"`
	// SDSUserID is the person's id in the NHS's Spine directory, which a smartcard carries.
	SDSUserID string `json:"sdsUserId,omitempty" dynamodbav:"sds,omitempty"`
	Left      bool   `json:"left" dynamodbav:"left,omitempty"` // may do nothing from the next request on
	Version   int64  `json:"version" dynamodbav:"v"`
}

// Leave is a stretch in which a practitioner, a room or a whole site is not there.
type Leave struct {
	ID      string    `json:"id" dynamodbav:"id"`
	Of      string    `json:"of" dynamodbav:"of"` // id of the practitioner, room or site
	Start   time.Time `json:"start" dynamodbav:"start,unixtime"`
	End     time.Time `json:"end" dynamodbav:"end,unixtime"`
	Kind    string    `json:"kind" dynamodbav:"kind"`
	Version int64     `json:"version" dynamodbav:"v"`
}

// ETagVersion is the version that an ETag tells.
func (o Organisation) ETagVersion() int64 { return o.Version }

// ETagVersion is the version that an ETag tells.
func (s Site) ETagVersion() int64 { return s.Version }

// ETagVersion is the version that an ETag tells.
func (r Room) ETagVersion() int64 { return r.Version }

// ETagVersion is the version that an ETag tells.
func (s Service) ETagVersion() int64 { return s.Version }

// ETagVersion is the version that an ETag tells.
func (p Practitioner) ETagVersion() int64 { return p.Version }

// ETagVersion is the version that an ETag tells.
func (s Staff) ETagVersion() int64 { return s.Version }

// ETagVersion is the version that an ETag tells.
func (l Leave) ETagVersion() int64 { return l.Version }
