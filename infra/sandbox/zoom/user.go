package zoom

import (
	"fmt"
	"slices"
	"strings"
)

// What a user's Type and Status can be.
const (
	Basic    = 1
	Licensed = 2

	Active   = "active"
	Inactive = "inactive"
	Pending  = "pending"
)

// User is a Zoom user. All are invented.
type User struct {
	ID        string   `json:"id"`
	AccountID string   `json:"account_id"`
	Email     string   `json:"email"`
	First     string   `json:"first_name"`
	Last      string   `json:"last_name"`
	Type      int      `json:"type"`
	Status    string   `json:"status"`
	Timezone  string   `json:"timezone"`
	PMI       int64    `json:"pmi"`
	Owner     bool     `json:"owner,omitempty"`   // administers the account, so may install the admin-managed app
	Grants    []string `json:"grants,omitempty"`  // the scopes this user grants; nil: all that an app asks for
	Removed   bool     `json:"removed,omitempty"` // no longer there; its tokens answer 4735
}

// Name is how Zoom shows the user.
func (u User) Name() string { return strings.TrimSpace(u.First + " " + u.Last) }

// The users of People.
const (
	Ada  = "adaOkonjo0QgePTO8WbOqw" // licensed, of the first account
	Ben  = "benWhitlow1gePTO8WbOqw" // Basic: 40 minutes
	Cara = "caraLindqvist2TO8WbOqw" // of the second account
	Dev  = "devPending3gePTO8WbOqw" // invited, has not accepted
	Eve  = "eveInactive4ePTO8WbOqw" // deactivated
	Fay  = "fayFewScopes5PTO8WbOqw" // grants everything but the deletion of meetings
	Gus  = "gusOwner6QgePTO8WbOqwA" // owner of the first account
)

// The accounts of People.
const (
	AccountOne = "HarbourEPeQtiABC000VYx"
	AccountTwo = "MeadowEPeQtiABC000VYxH"
)

// People are the users a stand-in begins with.
func People() []User {
	list := []User{
		{ID: Ada, First: "Ada", Last: "Okonjo"},
		{ID: Ben, First: "Ben", Last: "Whitlow", Type: Basic},
		{ID: Cara, First: "Cara", Last: "Lindqvist", AccountID: AccountTwo},
		{ID: Dev, First: "Dev", Last: "Marlowe", Status: Pending},
		{ID: Eve, First: "Eve", Last: "Sandford", Status: Inactive},
		{ID: Fay, First: "Fay", Last: "Tregarth", Grants: slices.DeleteFunc(UserScopes(), func(s string) bool {
			return s == "meeting:delete:meeting"
		})},
		{ID: Gus, First: "Gus", Last: "Ivory", Owner: true},
	}
	for n := range list {
		u := &list[n]
		u.Timezone, u.PMI = "Europe/London", int64(4_100_000_000+n)
		u.Email = strings.ToLower(u.First+"."+u.Last) + "@zoom.example"
		if u.AccountID == "" {
			u.AccountID = AccountOne
		}
		if u.Type == 0 {
			u.Type = Licensed
		}
		if u.Status == "" {
			u.Status = Active
		}
	}
	return list
}

// UserScopes are all scopes of a user-managed app that the stand-in knows.
func UserScopes() []string {
	return []string{
		"meeting:delete:meeting", "meeting:read:list_meetings", "meeting:read:list_past_participants",
		"meeting:read:meeting", "meeting:read:past_meeting", "meeting:update:meeting", "meeting:update:status",
		"meeting:write:meeting", "user:read:email", "user:read:user",
	}
}

// AdminScopes are those of the admin-managed app: it makes users, and no meetings.
func AdminScopes() []string {
	return []string{"user:read:email:admin", "user:read:user:admin", "user:write:user:admin"}
}

// Users returns all users.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []User
	for _, u := range s.users {
		list = append(list, *u)
	}
	return list
}

// AddUser puts a user in, or replaces the one with the same ID.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(slices.DeleteFunc(s.users, func(o *User) bool { return o.ID == u.ID }), &u)
}

// user finds a user by ID or e-mail address, in any account. The caller holds the lock.
func (s *Server) user(name string) (*User, bool) {
	n := slices.IndexFunc(s.users, func(u *User) bool {
		return u.ID == name || !u.Removed && strings.EqualFold(u.Email, name)
	})
	if n < 0 || name == "" {
		return nil, false
	}
	return s.users[n], true
}

// mustUser is user as an act wants it.
func (s *Server) mustUser(name string) (*User, error) {
	u, ok := s.user(name)
	if !ok || u.Removed {
		return nil, fmt.Errorf("%w: there is no such user", ErrAct)
	}
	return u, nil
}
