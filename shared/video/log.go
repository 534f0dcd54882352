package video

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"almanac/shared/access"
	"almanac/shared/table"
)

// Almanac is the source of an entry about what we did ourselves; the others name the provider that told.
const Almanac = "almanac"

// Whom an entry of somebody's coming or going is about.
const (
	asHost  = "host"
	asGuest = "guest"
)

// Happening is one thing that happened to a visit's room or in it. It holds no name, address, token or link.
type Happening struct {
	At     time.Time `json:"at" dynamodbav:"at"`
	Kind   Kind      `json:"kind" dynamodbav:"kind" enum:"created,updated,deleted,recovered,started,ended,joined,left,waiting,admitted" example:"joined"`
	Source string    `json:"source" dynamodbav:"src" doc:"almanac for what Almanac did; else the provider that told, of Almanac's own changes too."`
	// Session and Participant tell apart meetings, and the comings and goings in them; As says of which side it was.
	Session     string `json:"session,omitempty" dynamodbav:"ses,omitempty"`
	Participant string `json:"participant,omitempty" dynamodbav:"who,omitempty"`
	As          string `json:"as,omitempty" dynamodbav:"as,omitempty" enum:"host,guest" example:"guest"`
	// Start and Minutes are the time that the room was given, where that was told.
	Start   *time.Time `json:"start,omitempty" dynamodbav:"s,omitempty"`
	Minutes *int       `json:"minutes,omitempty" dynamodbav:"m,omitempty"`
	// Run tells Almanac's own changes of one moment apart.
	Run string `json:"-" dynamodbav:"run,omitempty"`
	// Connection and Room are whose log it is: it goes when that account goes.
	Connection string `json:"-" dynamodbav:"con"`
	Room       string `json:"-" dynamodbav:"roo"`
	// Undated tells that the provider told no time of it: At is when it reached us, and another time when told again.
	Undated bool `json:"-" dynamodbav:"und,omitempty"`
	// Looked tells that nobody told it in time: it was read at the provider afterwards. Told after all, it is replaced.
	Looked  bool  `json:"-" dynamodbav:"lok,omitempty"`
	Version int64 `json:"-" dynamodbav:"v"`
}

// short is how many bytes of a digest tell sessions, and entries of one instant, apart.
const short = 10

func brief(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(p + "\x00")) // never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:short])
}

// entry is what a notice comes to in the log.
func (n Notice) entry(connection string) Happening {
	e := Happening{
		At: n.told(), Kind: n.Kind, Source: n.Provider, Participant: n.Participant, Start: n.Start, Minutes: n.Minutes,
		Connection: connection, Room: n.Room,
	}
	if n.Session != "" {
		e.Session = brief("session", n.Session)
	}
	switch n.Kind {
	case Joined, Left, Waiting, Admitted:
		if e.As = asGuest; n.Host {
			e.As = asHost
		}
	case RoomDeleted, RoomRecovered:
		e.Undated = n.At.IsZero()
	case RoomCreated, RoomUpdated, MeetingBegan, MeetingEnded, Uninstalled, UserGone:
	}
	return e
}

// told is when it happened, by the provider's clock if it told.
func (n Notice) told() time.Time {
	at := n.At
	if at.IsZero() {
		at = n.Received
	}
	return at.UTC().Truncate(time.Millisecond)
}

// key is the entry's: told twice, it is one.
func (e Happening) key(c table.Clinic, appointment string) table.Key {
	at := e.At
	if e.Undated {
		at = time.Unix(0, 0) // the same each time
	}
	return c.VisitLog(appointment, at, string(e.Kind)+"#"+brief(e.Source, e.Room, e.Session, e.Participant+e.Run))
}

// item is the entry as a new item of a change.
func (e Happening) item(c table.Clinic, appointment string) table.Item {
	return table.Item{Key: e.key(c, appointment), Value: e, New: true}
}

// Log lists all that happened in an appointment's video visit, in order of time, for a job; people are shown History.
func (s *Service) Log(ctx context.Context, by access.Caller, appointment string) ([]Happening, error) {
	return entries(ctx, s.table.For(by), appointment)
}

func entries(ctx context.Context, c table.Clinic, appointment string) ([]Happening, error) {
	rows, err := c.Under(ctx, c.Visit(appointment), table.VisitLogs)
	if err != nil {
		return nil, err
	}
	out := make([]Happening, len(rows))
	for i, row := range rows {
		if err := row.Decode(&out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Happening) int { return a.At.Compare(b.At) }) // the undated come first
	return out, nil
}
