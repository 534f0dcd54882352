package zoom

import "fmt"

// Uninstall ends a user's link with an app: its tokens die, and the app is told.
func (s *Server) Uninstall(app, user string) error {
	return s.withUser(user, func(u *User) error {
		if !s.linked(app, u.ID) {
			return fmt.Errorf("%w: the user has not installed the app", ErrAct)
		}
		s.uninstall(app, u)
		return nil
	})
}

// Kill ends all tokens that an app has of a user, as when the same user logs in to it from elsewhere. Nobody is told.
func (s *Server) Kill(app, user string) error {
	return s.withUser(user, func(u *User) error {
		s.kill(app, u.ID)
		return nil
	})
}

// Deactivate takes a user's log-in away.
func (s *Server) Deactivate(user string) error {
	return s.withUser(user, func(u *User) error {
		u.Status = Inactive
		s.userEvent("user.deactivated", u, u)
		return nil
	})
}

// Activate gives it back, or accepts an invitation.
func (s *Server) Activate(user string) error {
	return s.withUser(user, func(u *User) error {
		if u.Status == Pending {
			u.Status = Active
			s.userEvent("user.invitation_accepted", u, u)
		}
		u.Status = Active
		s.userEvent("user.activated", u, u)
		return nil
	})
}

// RemoveUser deletes a user: its tokens answer 4735, its meetings are gone.
func (s *Server) RemoveUser(user string) error {
	return s.withUser(user, func(u *User) error {
		for _, m := range s.meetings {
			if m.Host == u.ID && !m.Erased {
				m.Erased = true
			}
		}
		s.userEvent("user.deleted", u, u)
		u.Removed = true
		for _, l := range s.links {
			if l.user == u.ID {
				l.active = false
			}
		}
		return nil
	})
}

// Grant says which scopes a user grants from the next log-in on; none for all that an app asks for.
func (s *Server) Grant(user string, scopes ...string) error {
	return s.withUser(user, func(u *User) error {
		u.Grants = scopes
		return nil
	})
}

// Readdress changes a user's e-mail address.
func (s *Server) Readdress(user, email string) error {
	return s.withUser(user, func(u *User) error {
		old := u.Email
		u.Email = email
		s.userTold("user.updated", u, func() object {
			return object{
				"operator": email, "operator_id": u.ID, "time_stamp": s.nextStamp().UnixMilli(),
				"object": object{"id": u.ID, "email": email}, "old_object": object{"id": u.ID, "email": old},
			}
		})
		return nil
	})
}

// Linked tells whether a user has an app installed.
func (s *Server) Linked(app, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.user(user)
	return ok && s.linked(app, u.ID)
}

func (s *Server) withUser(user string, do func(*User) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.mustUser(user)
	if err != nil {
		return err
	}
	return do(u)
}
