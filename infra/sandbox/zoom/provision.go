package zoom

import (
	"net/http"
	"slices"
	"strings"
)

// getUser is GET /users/me, and GET /users/{id or e-mail} of an admin-managed app.
func (s *Server) getUser(c *call) answer {
	u, a, ok := s.about(c)
	if !ok {
		return a
	}
	verified := 0
	if u.Status == Active {
		verified = 1
	}
	return answer{status: http.StatusOK, body: object{
		"id": u.ID, "account_id": u.AccountID, "email": u.Email, "first_name": u.First, "last_name": u.Last,
		"display_name": u.Name(), "type": u.Type, "status": u.Status, "timezone": u.Timezone, "pmi": u.PMI,
		"verified": verified, "language": "en-GB", "role_name": "Member", "dept": "", "use_pmi": false,
	}}
}

// checkEmail is GET /users/email: whether an address has a Zoom user anywhere.
func (s *Server) checkEmail(c *call) answer {
	u, ok := s.user(c.r.URL.Query().Get("email"))
	return answer{status: http.StatusOK, body: object{"existed_email": ok && !u.Removed}}
}

// userBody is what POST /users takes.
type userBody struct {
	Action string `json:"action"`
	Info   struct {
		Email   string `json:"email"`
		Type    int    `json:"type"`
		First   string `json:"first_name"`
		Last    string `json:"last_name"`
		Display string `json:"display_name"`
	} `json:"user_info"`
}

// newUser is POST /users. Who is created is pending until the invitation is accepted (act "activate").
func (s *Server) newUser(c *call) answer {
	var b userBody
	if a, ok := c.decode(&b); !ok {
		return a
	}
	if a, ok := s.mayCreate(c, b); !ok {
		return a
	}
	u := &User{
		ID: secret()[:22], AccountID: c.owner.AccountID, Email: b.Info.Email, First: b.Info.First, Last: b.Info.Last,
		Type: b.Info.Type, Status: Pending, Timezone: c.owner.Timezone, PMI: s.newID(),
	}
	s.users = append(s.users, u)
	s.userEvent("user.created", u, c.owner)
	return answer{status: http.StatusCreated, body: object{
		"id": u.ID, "email": u.Email, "first_name": u.First, "last_name": u.Last, "type": u.Type,
	}}
}

// wrong names the field that is.
func (b userBody) wrong() string {
	name, domain, _ := strings.Cut(b.Info.Email, "@")
	switch {
	case !slices.Contains([]string{"create", "autoCreate", "custCreate", "ssoCreate"}, b.Action):
		return "action"
	case name == "" || !strings.Contains(domain, ".") || strings.ContainsAny(b.Info.Email, " \t\r\n<>"):
		return "user_info.email"
	case b.Info.Type != Basic && b.Info.Type != Licensed:
		return "user_info.type"
	}
	return ""
}

// licensed counts an account's users of that type.
func (s *Server) licensed(account string) int {
	count := 0
	for _, u := range s.users {
		if u.AccountID == account && u.Type == Licensed && !u.Removed {
			count++
		}
	}
	return count
}

func (s *Server) mayCreate(c *call, b userBody) (answer, bool) {
	no := func(status, code int, text string) (answer, bool) { return refuse(status, code, text), false }
	email := b.Info.Email
	if field := b.wrong(); field != "" {
		return invalid(fieldError{field, "Invalid field."}), false
	}
	if b.Action != "create" { // the others are for accounts with managed domains, or for partners
		return no(http.StatusBadRequest, 200, "No permission.")
	}
	if old, ok := s.user(email); ok && !old.Removed {
		if old.AccountID == c.owner.AccountID {
			return no(s.config.ExistsStatus, 1005, "User already in the account: "+email)
		}
		return no(http.StatusBadRequest, 1009, "The user already holds an active account.")
	}
	limit := s.config.Licences
	if limit > 0 && b.Info.Type == Licensed && s.licensed(c.owner.AccountID) >= limit {
		return no(http.StatusBadRequest, 2034, "You have reached the maximum number of licensed users.")
	}
	return answer{}, true
}
