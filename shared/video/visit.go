package video

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// State is where the room of a visit stands.
type State string

// The states.
const (
	Wanted  State = "wanted"  // asked for, and not there yet
	Making  State = "making"  // a call that makes it was sent, and its answer is not on record
	Ready   State = "ready"   // there
	Parked  State = "parked"  // waits for something that Why says; nothing is lost
	Failed  State = "failed"  // will not be made, for the reason that Why says
	Ended   State = "ended"   // its meeting is over and the provider lets nobody change it
	Removed State = "removed" // taken away
)

// Why a visit is parked or failed, besides the codes of a provider's errors.
const (
	NotConnected = "not_connected" // the practitioner has no account connected
	TooManyMoves = "too_many_changes"
	// NotTaken says that the provider keeps another time than the diary's, as it does with starts in the past.
	NotTaken = "time_not_taken"
	// TooLong says that the provider has no rooms for so long.
	TooLong = "visit_too_long"
	// Passed says that the appointment was over before there was a room.
	Passed = "passed"
)

// Acked is what the provider is known to have.
type Acked struct {
	Start    time.Time `dynamodbav:"s,unixtime"`
	Minutes  int       `dynamodbav:"m"`
	Sequence int64     `dynamodbav:"q"` // of the appointment, at which the room had its time
	At       time.Time `dynamodbav:"t"` // when the provider was read
}

// Visit is the video visit of an appointment: the room that was asked for, and what is known of it. It holds ids and
// times; what lets somebody into the room is sealed.
type Visit struct {
	AppointmentID string `dynamodbav:"apt"`
	PatientID     string `dynamodbav:"pat"`
	State         State  `dynamodbav:"st"`
	Why           string `dynamodbav:"why,omitempty"`
	Provider      string `dynamodbav:"prv"`
	// Connection and Subject are whose account the room is in; empty before it is made.
	Connection string `dynamodbav:"con,omitempty"`
	Subject    string `dynamodbav:"sub,omitempty"`
	// Ref is the provider's name of the room; JoinURL, sealed, is where guests come in.
	Ref     string `dynamodbav:"ref,omitempty"`
	JoinURL []byte `dynamodbav:"url,omitempty"`
	Acked   Acked  `dynamodbav:"ack"`
	// Pending tells that a call that makes a room in Connection may have been sent, and its answer is not on record.
	// The row that table.Clinic.Making names stands as long.
	Pending bool `dynamodbav:"pnd,omitempty"`
	// Tried is when such a call was sent last. What it made may come to light somewhat later.
	Tried time.Time `dynamodbav:"try,omitempty,unixtime"`
	// Live tells that a meeting is under way in the room, as far as the provider told.
	Live bool `dynamodbav:"liv,omitempty"`
	// Linked counts how often the patient's link was asked for, and LinkedAt is the start that was told with it then.
	// Issue is the number of the link; another one is made by raising it.
	Linked   int       `dynamodbav:"lnk,omitempty"`
	LinkedAt time.Time `dynamodbav:"lat,omitempty,unixtime"`
	Issue    int       `dynamodbav:"iss,omitempty"`
	// List is under what the visit is listed among those that are to come: the connection that its room belongs in,
	// or the practitioner's id where there is none. Start is the appointment's, as it was seen last.
	List  string    `dynamodbav:"lst,omitempty"`
	Start time.Time `dynamodbav:"apt_at,unixtime"`
	// Lease is held by whoever is bringing provider and diary into agreement, until it is over or LeaseUntil is zero.
	// Whoever changes State, Connection or Ref without holding it takes it away, by emptying LeaseBy.
	LeaseBy    string    `dynamodbav:"lby,omitempty"`
	LeaseUntil time.Time `dynamodbav:"lun,omitempty,unixtime"`
	// Changes are the outbound changes of the room in the hour that Hour begins: a loop would run up many.
	Hour    time.Time `dynamodbav:"hr,omitempty,unixtime"`
	Changes int       `dynamodbav:"chg,omitempty"`
	// Again is when a parked visit is to be tried again, where that is known.
	Again   time.Time `dynamodbav:"agn,omitempty,unixtime"`
	Version int64     `dynamodbav:"v"`
}

// Service brings diary and rooms into agreement, both ways. It is safe for concurrent use.
type Service struct {
	table    *table.Table
	keeper   *seal.Keeper
	dir      *clinic.Directory
	diary    *booking.Service
	provider Provider
	accounts Accounts
	raise    func(ctx context.Context, by access.Caller, t Trouble) error
	settle   Settle
	job      func(org string) access.Caller
	now      func() time.Time
	newID    id.Source
}

// Trouble is something about a video visit that staff must see to.
type Trouble struct {
	Why           string // a code
	AppointmentID string
	PatientID     string
	Subject       string // whose room it is
	Sequence      int64  // of the appointment's changes: another change is another trouble
	// Because is more of why, as codes with spaces between them. Apart tells troubles apart that are else the same.
	Because, Apart string
	// Connection is set where the trouble is of an account and not of one appointment. Appointments are then the
	// earliest that it concerns, and Count is how many there are; Sequence is when the account was connected.
	Connection   string
	Appointments []string
	Count        int
}

// Parts are what a Service is made of.
type Parts struct {
	Table     *table.Table
	Keeper    *seal.Keeper
	Directory *clinic.Directory
	Diary     *booking.Service
	Provider  Provider
	Accounts  Accounts
	// Raise makes a task for the staff of a trouble; the same trouble twice is one task.
	Raise func(ctx context.Context, by access.Caller, t Trouble) error
	// Settle ends the staff's tasks about an account that are over; optional, as Raise is.
	Settle Settle
	// Job gives the caller that makes rooms when somebody starts a call and nobody else did yet: access.VideoRooms.
	Job func(org string) access.Caller
	Now func() time.Time
	ID  id.Source
}

// Settle ends the staff's tasks that wait for an account: Made for its owner to connect one, which this one is and can
// be used; Gone for this one, which is no more. What is over already is no error.
type Settle struct {
	Made, Gone func(ctx context.Context, by access.Caller, a Account) error
	// Visit ends those about one appointment that are untrue as its visit stands now.
	Visit func(ctx context.Context, by access.Caller, now Standing) error
}

// Standing is how a visit stands, for what the staff were told of it.
type Standing struct {
	AppointmentID string
	Sequence      int64  // of the appointment's changes
	Hosted        bool   // its practitioner has an account
	Fits          bool   // it has its room, at the appointment's time
	Over          bool   // it needs none any more
	Told          string // what the staff were told just now, if anything
}

// made ends what waited for somebody to connect an account: the account's owner, or whoever else is the same
// practitioner, those too who left.
func (s *Service) made(ctx context.Context, by access.Caller, a Account) error {
	if s.settle.Made == nil || !a.Usable {
		return nil
	}
	snap, err := s.dir.Snapshot(ctx, by)
	if err != nil {
		return err
	}
	practitioner := snap.Staff[a.Subject].PractitionerID
	all := []string{a.Subject}
	for subject, m := range snap.Staff {
		if practitioner != "" && m.PractitionerID == practitioner && subject != a.Subject {
			all = append(all, subject)
		}
	}
	for _, a.Subject = range all {
		if err := s.settle.Made(ctx, by, a); err != nil {
			return err
		}
	}
	return nil
}

// gone ends what waited for an account.
func (s *Service) gone(ctx context.Context, by access.Caller, a Account) error {
	if s.settle.Gone == nil {
		return nil
	}
	return s.settle.Gone(ctx, by, a)
}

// New makes the Service.
func New(p Parts) *Service {
	return &Service{
		table: p.Table, keeper: p.Keeper, dir: p.Directory, diary: p.Diary, provider: p.Provider,
		accounts: p.Accounts, raise: p.Raise, settle: p.Settle, job: p.Job, now: p.Now, newID: p.ID,
	}
}
