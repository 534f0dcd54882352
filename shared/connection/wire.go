package connection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// CallbackPath is where Zoom sends people back to, below the address of our own pages.
const CallbackPath = "/zoom/callback"

// CookieName is of the secret by which a browser is known again that comes back. Its prefix has browsers refuse one
// that another host, or an unencrypted page, would set (RFC 6265bis, 4.1.3.2).
const CookieName = "__Host-almanac-connect"

// Settings are how this installation reaches Zoom, and the parts of the function that does.
type Settings struct {
	API, OAuth           string // addresses, without a path
	ClientID, Secret     string // without them, this installation is not connected to Zoom
	AdminID, AdminSecret string // of the app that makes log-ins; empty where there is none
	PublicURL            string

	Table     *table.Table
	Keeper    *seal.Keeper
	Directory *clinic.Directory
	Log       *slog.Logger
	Now       func() time.Time
	// Clock is the computer's own: paces and circuits do not follow a clock that people set.
	Clock func() time.Time
	ID    id.Source
	// Job gives the caller that keeps connections usable: access.Renewer.
	Job func(org string) access.Caller
	// Raise makes a task for the staff of a person's account that must be connected again; optional.
	Raise func(ctx context.Context, by access.Caller, connection, subject, why string, grant int64) error
}

// Zoom is everything that is made of Settings: the connections, the rooms in them, and the log-ins that are made in a
// clinic's account.
type Zoom struct {
	*Store
	Rooms video.Provider
	Users zoom.Users
}

const (
	dialTimeout = 3 * time.Second
	idle        = time.Minute
)

// NewZoom makes the parts. Errors name the setting that is missing or malformed.
func NewZoom(set Settings) (Zoom, error) {
	if set.Clock == nil || set.Now == nil || set.Job == nil || set.Log == nil {
		return Zoom{}, errors.New("connections need Clock, Now, Job and Log")
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: idle, ForceAttemptHTTP2: true,
	}}
	api, err := zoom.New(zoom.Settings{
		URL: set.API, HTTP: client, Now: set.Clock,
		Pace: func(ctx context.Context, account string) error {
			return set.Table.Pace("zoom#"+lane(account), set.Clock).Wait(ctx, true)
		},
	})
	if err != nil {
		return Zoom{}, err
	}
	app := func(client *http.Client, id, secret string, scopes []string) (zoom.App, error) {
		a := zoom.App{
			URL: set.OAuth, API: set.API, ClientID: id, ClientSecret: secret, Redirect: set.PublicURL + CallbackPath,
			Scopes: scopes, HTTP: client, Now: set.Now,
		}
		if id == "" {
			return zoom.App{}, nil
		}
		return a, a.Check()
	}
	own, err := app(client, set.ClientID, set.Secret, zoom.UserScopes())
	if err != nil {
		return Zoom{}, err
	}
	admin, err := app(client, set.AdminID, set.AdminSecret, zoom.AdminScopes())
	if err != nil {
		return Zoom{}, err
	}
	s := New(Parts{
		Table: set.Table, Keeper: set.Keeper, Directory: set.Directory, Own: own, Admin: admin, API: api,
		Job: set.Job, Alarm: alarm(set.Log), Raise: set.Raise, Now: set.Now, ID: set.ID,
	})
	return Zoom{Store: s, Rooms: zoom.NewRooms(api, s.Token), Users: zoom.NewUsers(api, s.Token)}, nil
}

// lane names the queue for the calls to a Zoom account: it stays when all else of the account is deleted, so it does
// not name that.
func lane(account string) string {
	sum := sha256.Sum256([]byte("zoom account " + account))
	return hex.EncodeToString(sum[:16])
}

// alarm logs what the operator must see. Of the cause only kind and code are told.
func alarm(log *slog.Logger) func(ctx context.Context, code, connection string, cause error) {
	return func(ctx context.Context, code, connection string, cause error) {
		log.LogAttrs(ctx, slog.LevelError, "connection", slog.String("code", code),
			slog.String("connection", connection), slog.String("cause", kindOf(cause)))
	}
}

// kindOf is what may be logged of an error.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Error()
}
