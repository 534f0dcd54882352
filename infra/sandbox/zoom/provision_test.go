package zoom_test

import (
	"testing"

	"almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
)

func newUser(email, action string, kind int) map[string]any {
	return map[string]any{"action": action, "user_info": map[string]any{
		"email": email, "type": kind, "first_name": "Hana", "last_name": "Whitby",
	}}
}

// The admin-managed app makes users, pending until they accept, and says why not (facts 6.1).
func TestNewUser(t *testing.T) {
	z := zoomtest.New(t, func(c *zoom.Config) { c.Licences = 6 })
	token := z.AuthoriseAdmin(t, zoom.Gus).Access
	for what, c := range map[string]struct {
		body         map[string]any
		status, code int
	}{
		"basic":     {newUser("hana.whitby@zoom.example", "create", 1), 201, 0},
		"ours":      {newUser("ADA.okonjo@zoom.example", "create", 1), 409, 1005},
		"elsewhere": {newUser("cara.lindqvist@zoom.example", "create", 1), 400, 1009},
		"custom":    {newUser("x@zoom.example", "custCreate", 1), 400, 200},
		"action":    {newUser("x@zoom.example", "", 1), 400, 300},
		"address":   {newUser("x", "create", 1), 400, 300},
		"type":      {newUser("x@zoom.example", "create", 9), 400, 300},
	} {
		if r := z.API(t, token, "POST", "/v2/users", c.body); r.Status != c.status || r.Code() != c.code {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	status := func() any {
		return z.API(t, token, "GET", "/v2/users/hana.whitby@zoom.example", nil).Map(t)["status"]
	}
	if got := status(); got != "pending" {
		t.Errorf("before the invitation is accepted: %v", got)
	}
	if err := z.Activate("hana.whitby@zoom.example"); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != "active" {
		t.Errorf("after: %v", got)
	}
	if r := z.API(t, token, "POST", "/v2/users", newUser("y@zoom.example", "create", 2)); r.Status != 201 {
		t.Errorf("the last licence: %d %s", r.Status, r.Body)
	}
	if r := z.API(t, token, "POST", "/v2/users", newUser("z@zoom.example", "create", 2)); r.Code() != 2034 {
		t.Errorf("beyond the licences: %d %s", r.Status, r.Body)
	}
}

// Who may ask about users (facts 2, 3.4, 6.5).
func TestWhoAsksAboutUsers(t *testing.T) {
	z := zoomtest.New(t)
	admin, user := z.AuthoriseAdmin(t, zoom.Gus).Access, z.Authorise(t, zoom.Ada).Access
	for what, c := range map[string]struct {
		token, method, path string
		status, code        int
	}{
		"me":                 {user, "GET", "/v2/users/me", 200, 0},
		"the installer":      {admin, "GET", "/v2/users/me", 200, 0},
		"a user's token":     {user, "GET", "/v2/users/" + zoom.Ben, 400, 4711},
		"an admin's token":   {admin, "GET", "/v2/users/" + zoom.Ben, 200, 0},
		"another account":    {admin, "GET", "/v2/users/" + zoom.Cara, 404, 1001},
		"nobody":             {admin, "GET", "/v2/users/nobody@zoom.example", 404, 1001},
		"an e-mail address":  {user, "GET", "/v2/users/email?email=ada.okonjo@zoom.example", 200, 0},
		"no user-level POST": {user, "POST", "/v2/users", 400, 4711},
		"no meetings":        {admin, "POST", mine, 400, 4711},
	} {
		if r := z.API(t, c.token, c.method, c.path, nil); r.Status != c.status || r.Code() != c.code {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	if _, err := z.Server.Code(zoom.Login{App: zoom.Admin, User: zoom.Ada}); err == nil {
		t.Error("somebody who is no owner installed the admin-managed app")
	}
	if err := z.RemoveUser(zoom.Ada); err != nil {
		t.Fatal(err)
	}
	if r := me(t, z, user); r.Code() != 4735 {
		t.Errorf("a removed user: %d %s", r.Status, r.Body)
	}
}
