package video

import "time"

// Kind says what a provider told.
type Kind string

// The kinds.
const (
	RoomCreated   Kind = "created"
	RoomUpdated   Kind = "updated"
	RoomDeleted   Kind = "deleted"
	RoomRecovered Kind = "recovered"
	MeetingBegan  Kind = "started"
	MeetingEnded  Kind = "ended"
	Joined        Kind = "joined"
	Left          Kind = "left"
	Waiting       Kind = "waiting"  // somebody waits to be let in
	Admitted      Kind = "admitted" // and was
	// Uninstalled: the user took our permission away.
	Uninstalled Kind = "uninstalled"
	// UserGone: the user was deleted, deactivated or taken out of the account.
	UserGone Kind = "user-gone"
)

// NoticeVersion is the V of notices written by this code.
const NoticeVersion = 1

// Notice is what a provider told, reduced to what is needed of it: no name, address, topic or link of anybody. It is
// a hint that something happened; what is so now is read at the provider.
type Notice struct {
	V        int    `json:"v"`
	Provider string `json:"provider"`
	Kind     Kind   `json:"kind"`
	// Account and User are the provider's names of whose room it is.
	Account string `json:"account"`
	User    string `json:"user"`
	// App is the provider's name of our app that was uninstalled: we may have several. Empty where it told none.
	App string `json:"app,omitempty"`
	// Room is the provider's name of the room; Session that of the meeting in it. Both are empty where the notice is
	// of no room.
	Room    string `json:"room,omitempty"`
	Session string `json:"session,omitempty"`
	// At is the provider's own time of it, to the millisecond; the zero time where it told none.
	At time.Time `json:"at"`
	// Start and Minutes are what an update said of the time, if anything.
	Start   *time.Time `json:"start,omitempty"`
	Minutes *int       `json:"minutes,omitempty"`
	// Unclear tells that an update said something of the time that nobody can be sure of: only reading the room helps.
	Unclear bool `json:"unclear,omitempty"`
	// Participant tells the comings and goings of one person in one meeting apart from others'; it names nobody.
	Participant string `json:"participant,omitempty"`
	// Host tells that the participant is the host.
	Host bool `json:"host,omitempty"`
	// Part tells that only one occurrence of a series was meant, which ours never are.
	Part bool `json:"part,omitempty"`
	// Received is when it reached us.
	Received time.Time `json:"received"`
}
