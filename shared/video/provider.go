// Package video is the visits that patient and clinician make to each other from afar. Its rules: the diary says what
// is wanted and a provider of rooms is brought to agree with it, never the other way round without the diary's own
// claim; nothing exists at a provider before somebody asks for it; what may or may not have been done there is found
// out by looking, never by doing it again; and no type of a provider is known here.
package video

import (
	"context"
	"time"
)

// Host is whose account at the provider a room is made in.
type Host struct {
	Org        string
	Subject    string // the person
	Connection string // the id of the person's connected account
}

// Want is the room that an appointment wants.
type Want struct {
	Marker  string // an opaque reference by which the room is found again
	Start   time.Time
	Minutes int
	Zone    string // IANA name of the zone that the provider shows the time in
	Topic   string // says nothing of the patient
}

// Room is a room as the provider has it.
type Room struct {
	Ref      string // the provider's own name of the room
	Session  string // of the meeting that is under way in it, if the provider tells
	HostUser string // the provider's name of the user it belongs to
	Marker   string // empty for a room that is not ours
	Start    time.Time
	Minutes  int
	Started  bool   // a meeting is under way in it
	JoinURL  string // where guests come in; a secret
}

// Meeting is one that took place in a room, as the provider tells it afterwards.
type Meeting struct {
	Session    string // as its notices name it
	Start, End time.Time
	Stays      []Stay
}

// Stay is somebody's being in a meeting, from one coming to the next going.
type Stay struct {
	Participant  string // as notices name it, where the provider tells
	Host         bool
	Joined, Left time.Time // zero where the provider does not tell
}

// Difference is what of a room shall change; nil stays as it is.
type Difference struct {
	Start   *time.Time
	Minutes *int
}

// Capabilities is what a provider can do.
type Capabilities struct {
	Name string `json:"name"`
	// PerPersonAccount says that each host connects an account of their own.
	PerPersonAccount bool `json:"perPersonAccount" example:"true" doc:"Each host connects an account of their own."`
	// Update says that a room's time can be changed; without it, a move is a new room.
	Update bool `json:"update" example:"true" doc:"A room's time can be changed. Without it, a move is a new room."`
	// Events says that the provider tells what happens in its rooms.
	Events bool `json:"events" example:"true" doc:"The provider tells what happens in its rooms."`
	// HostLink says that the host comes in by a link of their own, and for how long one serves.
	HostLink     bool          `json:"hostLink" example:"true" doc:"The host comes in by a link of their own."`
	HostLinkLife time.Duration `json:"-"`
	// IdempotentCreate says that asking twice for the same room makes one; without it a lost answer is looked up.
	IdempotentCreate bool `json:"idempotentCreate" doc:"Asking the provider twice makes one room. Without it a lost answer is looked up."`
	// History says that what took place in a room can be read afterwards, by whom its account's owner lets.
	History bool `json:"-"`
	// LongestMinutes is the longest visit, zero where there is no limit.
	LongestMinutes int `json:"longestMinutes,omitempty" example:"1440" doc:"The longest visit. There is no limit where it is left out."`
}

// Provider makes rooms. Its errors are of these kinds and codes, and hold nothing of what the provider wrote:
//
//	Unavailable provider_unavailable   try again, after RetryAfter if that is set
//	Unavailable outcome_unknown        it was sent and no answer came: look before it is done again
//	Limited     provider_busy          too many calls; RetryAfter
//	Limited     daily_quota            no more of these today; RetryAfter
//	Denied      needs_reauth           the account's owner must connect it again
//	NotFound    room_gone              there is no such room, or not any more
//	Conflict    room_started           not while a meeting is under way in it
//	Conflict    room_ended             its meeting is over
//	Conflict    not_host               the room is another user's
//	Invalid     provider_refused       it will never be done as it was asked for
type Provider interface { //nolint:interfacebloat // each is one thing that is done with a room
	Capabilities() Capabilities
	// Create makes a room.
	Create(ctx context.Context, h Host, w Want) (Room, error)
	// Upcoming lists the host's rooms that are still to come, those that are not ours too. It may leave out one whose
	// start has passed.
	Upcoming(ctx context.Context, h Host) ([]Room, error)
	// All lists the host's rooms, those too whose start has passed.
	All(ctx context.Context, h Host) ([]Room, error)
	// Get reads a room.
	Get(ctx context.Context, h Host, ref string) (Room, error)
	// Past reads the meeting that took place in a room last. None is room_gone; who may not read it is refused with
	// provider_refused.
	Past(ctx context.Context, h Host, ref string) (Meeting, error)
	// Update changes a room. A provider may silently not do it, so the room is read again afterwards.
	Update(ctx context.Context, h Host, ref string, d Difference) error
	// Delete takes a room away. One that is gone already is no error.
	Delete(ctx context.Context, h Host, ref string) error
	// HostLink gives the address at which the host begins; it is a secret, and serves for minutes.
	HostLink(ctx context.Context, h Host, ref string) (string, error)
	// JoinOrigins lists the origins that join addresses lead to, as a page's policy names them.
	JoinOrigins() []string
}

// Codes of a provider's errors.
const (
	ProviderUnavailable = "provider_unavailable"
	OutcomeUnknown      = "outcome_unknown"
	ProviderBusy        = "provider_busy"
	DailyQuota          = "daily_quota"
	NeedsReauth         = "needs_reauth"
	RoomGone            = "room_gone"
	RoomStarted         = "room_started"
	RoomEnded           = "room_ended"
	NotHost             = "not_host"
	ProviderRefused     = "provider_refused"
)
