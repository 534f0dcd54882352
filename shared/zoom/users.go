package zoom

import (
	"context"
	"net/http"
	"net/url"

	"almanac/shared/fault"
	"almanac/shared/private"
	"almanac/shared/video"
)

// User is a user of Zoom. It prints as [redacted].
type User struct {
	private.Hidden

	ID      string
	Account string
	Email   string
	Zone    string
	Status  string // active, inactive or pending; empty where Zoom does not tell
	// Licensed says that the user has a licence: meetings of the others end after forty minutes.
	Licensed bool
}

// Active tells whether the user can hold meetings.
func (u User) Active() bool { return u.Status == "" || u.Status == "active" }

// NewUser is a user to be made in the account. It prints as [redacted].
type NewUser struct {
	private.Hidden

	Email, First, Last string
	Licensed           bool
}

// Me tells whose access it is.
func (a *API) Me(ctx context.Context, access Access) (User, error) {
	same := func(context.Context, video.Host, string) (Access, error) { return access, nil }
	o, err := a.do(ctx, same, video.Host{}, call{method: http.MethodGet, path: "/users/me"})
	if err != nil {
		return User{}, err
	}
	u := userOf(o)
	if u.ID == "" || u.Account == "" {
		return User{}, unreached(silence{"a user without a name", true})
	}
	return u, nil
}

// Users makes users in a clinic's own account, with access to the whole of it. It is safe for concurrent use.
type Users struct {
	api    *API
	tokens Tokens
}

// NewUsers makes Users over the grants of the app for whole accounts.
func NewUsers(api *API, tokens Tokens) Users { return Users{api, tokens} }

// Create has Zoom ask somebody by mail to take up a log-in in the account; until then the user is pending. It is sent
// once. Errors: those of a video.Provider, fault.Conflict UserThere, UserElsewhere or NoLicence.
func (u Users) Create(ctx context.Context, h video.Host, n NewUser) (User, error) {
	kind := kindBasic
	if n.Licensed {
		kind = kindLicensed
	}
	o, err := u.api.do(ctx, u.tokens, h, call{
		method: http.MethodPost, path: "/users", about: aUser, creates: true,
		body: map[string]any{"action": "create", "user_info": map[string]any{
			"email": n.Email, "type": kind, "first_name": n.First, "last_name": n.Last,
		}},
	})
	if err != nil {
		return User{}, err
	}
	made := userOf(o)
	if made.ID == "" {
		return User{}, unknown(silence{"a user without a name", true})
	}
	return made, nil
}

// Find reads the user of an address. Errors: those of a video.Provider, fault.NotFound UserUnknown.
func (u Users) Find(ctx context.Context, h video.Host, email string) (User, error) {
	if email == "" || email == "." || email == ".." {
		return User{}, fault.New(fault.NotFound, UserUnknown, "The Zoom account has no user of this address.")
	}
	o, err := u.api.do(ctx, u.tokens, h, call{
		method: http.MethodGet, path: "/users/" + url.PathEscape(email), about: aUser,
	})
	if err != nil {
		return User{}, err
	}
	found := userOf(o)
	if found.ID == "" {
		return User{}, unreached(silence{"a user without a name", true})
	}
	return found, nil
}

const (
	kindBasic    = 1
	kindLicensed = 2
)

func userOf(o object) User {
	kind, _ := o.whole("type")
	return User{
		ID: o.name("id"), Account: o.name("account_id"), Email: o.text("email"), Zone: o.text("timezone"),
		Status: o.text("status"), Licensed: kind == kindLicensed,
	}
}
