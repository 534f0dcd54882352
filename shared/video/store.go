package video

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

// Placing is the row that gives a provider's room to its appointment.
type Placing struct {
	AppointmentID string `dynamodbav:"apt"`
	PatientID     string `dynamodbav:"pat"`
	// Closed tells that the connection is being erased: nothing more is noted of the room.
	Closed bool `dynamodbav:"end,omitempty"`
	// Sessions are the latest meetings in the room, as far as anything was told of them.
	Sessions []session `dynamodbav:"ses,omitempty"`
	// Filled tells that the log has something of the room that was read at the provider afterwards.
	Filled bool `dynamodbav:"fil,omitempty"`
	// Idle is an instant at which the provider said that no meeting was under way in the room.
	Idle time.Time `dynamodbav:"idl,omitempty,unixtime"`
	// Read is the end of the appointment after which the provider was asked what took place in the room.
	Read    time.Time `dynamodbav:"red,omitempty,unixtime"`
	Version int64     `dynamodbav:"v"`
}

// load reads an appointment's video visit. One that nobody asked for is fault.NotFound.
func load(ctx context.Context, c table.Clinic, appointment string) (Visit, error) {
	var v Visit
	err := c.Get(ctx, c.Visit(appointment), &v)
	return v, err
}

// roomOf reads whose a room in a connected account is. One that is not ours is fault.NotFound.
func roomOf(ctx context.Context, c table.Clinic, connection, ref string) (Placing, error) {
	var p Placing
	err := c.Get(ctx, c.RoomOf(connection, ref), &p)
	return p, err
}

// item writes the row of a room in a connected account, or where only looks that it is what it was.
func (p Placing) item(c table.Clinic, connection, ref string, only bool) table.Item {
	it := table.Item{Key: c.RoomOf(connection, ref), Version: p.Version, Check: only}
	if !only {
		it.Value = p
	}
	return it
}

// item writes the visit, on the condition that nobody has since it was read.
func (v Visit) item(c table.Clinic) table.Item {
	it := table.Item{Key: c.Visit(v.AppointmentID), Value: v, New: v.Version == 0, Version: v.Version}
	if v.List != "" && v.State != Removed && v.State != Ended {
		it.Index = c.Listing(table.Visits, v.List, v.Start, v.AppointmentID)
	}
	return it
}

// change is the change that writes the visit as it is now, and other items with it.
func (v Visit) change(c table.Clinic, action access.Permission, name event.Name, also ...table.Item) table.Change {
	why := string(v.State)
	if v.Why != "" {
		why += ":" + v.Why
	}
	return table.Change{
		Action: action, Target: v.AppointmentID, Patient: v.PatientID,
		Put: append([]table.Item{v.item(c)}, also...),
		Event: event.Event{
			Name: name, Why: why, Before: v.Version, Version: v.Version + 1, Sequence: max(0, v.Acked.Sequence),
		},
	}
}

// opened gives the address at which guests come into the visit's room.
func (s *Service) opened(ctx context.Context, org string, v Visit) (string, error) {
	ring, err := s.keeper.Ring(ctx, org)
	if err != nil {
		return "", err
	}
	var url string
	return url, ring.OpenSecret(joinSecret(v.AppointmentID), v.JoinURL, &url)
}

// sealed keeps the address at which guests come in.
func (s *Service) sealed(ctx context.Context, org, appointment, url string) ([]byte, error) {
	ring, err := s.keeper.Ring(ctx, org)
	if err != nil {
		return nil, err
	}
	return ring.SealSecret(joinSecret(appointment), url)
}

func joinSecret(appointment string) string { return "join " + appointment }

// marker is the reference by which the room of an appointment is found again at the provider. It tells nobody else
// which appointment that is.
func (s *Service) marker(ctx context.Context, org, appointment string) (string, error) {
	ring, err := s.keeper.Ring(ctx, org)
	if err != nil {
		return "", err
	}
	return ring.Digest("video-room", appointment), nil
}

const (
	// leaseTime is how long whoever holds a visit's lease is taken to be alive, and workTime how long it works at most.
	leaseTime = 40 * time.Second
	workTime  = 30 * time.Second
	// settleTime is kept of the deadline for writing down what came of it.
	settleTime = 3 * time.Second
)

// held tells whether somebody holds the visit's lease.
func (v Visit) held(now time.Time) bool { return v.LeaseBy != "" && now.Before(v.LeaseUntil) }

const videoBusy = "video_busy"

// again is the refusal of what somebody else is at in this moment.
func again() error {
	e := fault.New(fault.Unavailable, videoBusy, "The video room is being worked on. Try again in a moment.")
	e.RetryAfter = 2 * time.Second
	return e
}

// beaten tells whether a write was refused because somebody else wrote first.
func beaten(err error) bool {
	return fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) && fault.Of(err).Code == "exists"
}
