package connection

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// Accounts is how rooms reach the accounts that people connected. The clinic's is none of them: no room is in it.
func (s *Store) Accounts() video.Accounts {
	return video.Accounts{
		Of: s.account, Lapse: s.Lapse, Due: s.Due, Revoke: s.Revoke, Fresh: s.Fresh, Removal: s.Removal,
		Read: func(ctx context.Context, by access.Caller, con string) (video.Account, error) {
			now, err := s.Read(ctx, by, con)
			if err == nil && now.Provider != Own {
				err = none()
			}
			return account(now), err
		},
	}
}

// account gives a person's account. Nobody is host who works here no more.
func (s *Store) account(ctx context.Context, by access.Caller, subject string) (video.Account, error) {
	con, err := s.Of(ctx, by, subject, Own)
	if err != nil {
		return video.Account{}, err
	}
	a := account(con)
	snap, err := s.p.Directory.Snapshot(ctx, by)
	if err != nil {
		return a, err
	}
	if member, ok := snap.Staff[subject]; !ok || member.Left {
		a.Usable, a.Why = false, OwnerLeft
	}
	return a, nil
}

func account(con Connection) video.Account {
	return video.Account{
		Connection: con.ID, Subject: con.Subject, Account: con.Account, User: con.User,
		Usable: con.State == Linked && con.Provider == Own, Ending: con.State == Ending, Why: con.Why,
		Provider: con.Provider, Granted: con.Made, Due: con.Due, Grant: con.Grant, History: con.History,
		Died: con.died(),
	}
}

func none() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }
