package task

import (
	"cmp"
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
)

// How a task came to be done without anybody.
const (
	// Connected says that the person connected an account again.
	Connected = "connected"
	// AccountGone says that the account that it was about is no more.
	AccountGone = "account_gone"
	// VisitSettled says that the visit has its room, has another time by now, or needs no room any more.
	VisitSettled = "visit_settled"
)

// held is the row that stands among the matters of a person, or of an appointment, while a task that may end by itself
// is open: what tells whether it is over.
type held struct {
	Task string `dynamodbav:"id"`
	Kind string `dynamodbav:"kind"`
	// Connection is of an account that there is: of one that is no more nothing says anything but its tombstone.
	Connection string `dynamodbav:"con,omitempty"`
	Sequence   int64  `dynamodbav:"seq"`
	Version    int64  `dynamodbav:"v"`
}

// ofAccount tells whether the matter is of a person's account, and of no one appointment.
func (m Matter) ofAccount() bool {
	return m.AppointmentID == "" && m.ConnectionID != "" && m.Subject != ""
}

// ends tells whether the matter may end by itself.
func (m Matter) ends() bool {
	if m.AppointmentID == "" {
		return m.ofAccount()
	}
	switch m.Kind {
	case video.NotConnected, video.TimeRefused, video.RoomStarted, video.RoomEnded, video.NotTaken,
		video.ProviderRefused, video.TooLong, video.DailyQuota, video.TooManyMoves:
		return true
	}
	return false
}

func (m Matter) held() held {
	h := held{Task: m.known(), Kind: m.Kind, Connection: m.ConnectionID, Sequence: m.Sequence}
	if m.Kind == video.RoomsLost {
		h.Connection = ""
	}
	return h
}

// items write the task as it is now done, and take the row away that stood while it was open.
func (t Task) items(k table.Clinic) []table.Item {
	put := []table.Item{{Key: k.Task(t.ID), Value: t, Version: t.Version, Index: t.listing(k)}}
	if t.Held {
		put = append(put, table.Item{Key: k.Matter(t.whose(), t.ID), Delete: true, Version: 1})
	}
	return put
}

// whose is among whose matters the row of a task stands that may end by itself.
func (t Task) whose() string { return cmp.Or(t.AppointmentID, t.Subject) }

// OfMade ends what waits for somebody to connect an account, as it was when it was read as one that can be used. What
// was raised of it since, or of a later one, stays: whoever hears of an old connecting late ends nothing new.
func (s *Service) OfMade(ctx context.Context, by access.Caller, a video.Account) error {
	return s.settle(ctx, by, a.Subject, Connected, func(h held) bool {
		switch h.Kind {
		case video.NeedsReauth: // Sequence is the number of the grant
			return h.Connection == a.Connection && h.Sequence < a.Grant
		case video.RoomsLost: // Sequence is when that account was connected
			return h.Sequence < a.Granted.Unix()
		case video.ProviderRefused:
			return h.Connection == a.Connection && h.Sequence < a.Granted.Unix()
		}
		return false
	})
}

// OfGone ends what waits for an account that is no more: nobody can connect that one again.
func (s *Service) OfGone(ctx context.Context, by access.Caller, a video.Account) error {
	return s.settle(ctx, by, a.Subject, AccountGone, func(h held) bool {
		return (h.Kind == video.NeedsReauth || h.Kind == video.ProviderRefused) && h.Connection == a.Connection
	})
}

// OfSettled ends what is untrue of an appointment's visit as it stands now. What happened and cannot be undone, such as
// a room that was deleted too late, stays until somebody has seen to it.
func (s *Service) OfSettled(ctx context.Context, by access.Caller, now video.Standing) error {
	return s.settle(ctx, by, now.AppointmentID, VisitSettled, func(h held) bool {
		switch {
		case h.Kind == now.Told:
			return false
		case now.Over:
			return true
		case h.Kind == video.NotConnected:
			return now.Hosted
		case h.Kind == video.TimeRefused: // the room has the diary's time since then
			return h.Sequence < now.Sequence
		}
		return now.Fits
	})
}

// settle ends those of the matters of a person, or of an appointment, that are over.
func (s *Service) settle(
	ctx context.Context, by access.Caller, whose, how string, over func(held) bool,
) error {
	k := s.table.For(by)
	rows, err := k.Under(ctx, k.Matter(whose, ""), table.Matters)
	if err != nil {
		return err
	}
	for _, row := range rows {
		var h held
		if err := row.Decode(&h); err != nil {
			return err
		}
		if !over(h) {
			continue
		}
		if err := s.end(ctx, k, h.Task, how); err != nil {
			return err
		}
	}
	return nil
}

// tries is how often a task is looked at again that somebody changes at the same moment.
const tries = 3

// end puts down that a task is done, by itself. One that somebody has seen to stays as it is.
func (s *Service) end(ctx context.Context, k table.Clinic, task, how string) error {
	var err error
	for range tries {
		var t Task
		if err = k.Get(ctx, k.Task(task), &t); err != nil || t.State == Done {
			return err
		}
		now := s.now().UTC().Truncate(time.Second)
		t.State, t.DoneAt, t.Settled = Done, &now, how
		err = k.Write(ctx, table.Change{
			Action: access.TaskDone, Target: t.ID, Put: t.items(k),
			Event: event.Event{
				Name: event.TaskDone, Why: t.Kind + ":" + how, Before: t.Version, Version: t.Version + 1,
			},
		})
		if !fault.Is(err, fault.Stale) {
			return err
		}
	}
	return err
}
