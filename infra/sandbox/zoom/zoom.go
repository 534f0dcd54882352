// Package zoom is a stand-in for Zoom: its OAuth, the part of its REST API that makes and changes meetings and users,
// its signed webhooks, and pages to act as a Zoom user. Rule: its users are invented, its webhooks go to this computer
// only, and what Zoom does badly (silence about a start in the past, tokens that die, events twice and in any order)
// it does badly too, so that it is met on a desk and not at a clinic.
//
// Mounted below a path it is served through http.StripPrefix; Config.URL has the whole address. ZOOM_URL and
// ZOOM_OAUTH_URL are both that address.
//
// Everything a Zoom user does can be asked for by POST /control/{act}, from a form of the page or as JSON (type Order),
// and by the methods of Server. The answer to JSON is JSON:
//
//	schedule {user, topic, start, minutes}       a meeting made in Zoom's own portal
//	edit     {meeting, start?, minutes?, topic?} moved, shortened, renamed in the portal
//	delete   {meeting, forever?}, recover {meeting}, start {meeting}, end {meeting}
//	join     {meeting, name, email?, signedIn?}  signedIn is a Zoom user; answers the Participant
//	admit    {meeting, participant?}             out of the waiting room; without participant all of them
//	leave    {meeting, participant}
//	uninstall {user, app?}                       app: "admin" for the admin-managed app
//	kill {user, app?}, expire {user, app?}       tokens end as by a log-in elsewhere; access tokens run out
//	deactivate, activate, remove {user}          users; activate accepts an invitation
//	grant    {user, scopes}                      what the user grants from the next log-in on; [] for everything
//	code     {user, app?, redirectUri, challenge?, scopes?}  a log-in without a browser; answers {"code": …}
//	spend    {user, count}                       counts so many creates and updates against the daily limit
//	emit     {app?, event, payload}              signs and sends what the test made up
//	deliver  {delivery?}                         sends one delivery now, or all that are due
//	shuffle {}, validate {app?}                  mixes the queue; sends endpoint.url_validation now
//	forget {}                                    what was asked, and the webhooks that are over
//
// A browser logs in at /oauth/authorize; a program may post the form {user, allow} or {user, deny} to the same address.
// GET /control/state shows users and meetings, /control/requests what was asked (?op= filters), /control/deliveries
// the webhooks; GET and PUT /control/hook (?app=admin) are a type Hook; /dev/faults and /dev/event-faults are
// sandbox.Faults.
package zoom

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"almanac/infra/sandbox"
)

// Admin names the admin-managed app where an act takes an app; empty is the user-managed one.
const Admin = "admin"

// Lifetimes that Zoom states.
const (
	codeLife   = 5 * time.Minute
	accessLife = time.Hour
	zakLife    = 2 * time.Hour
	pageLife   = 15 * time.Minute // of a next_page_token
)

var (
	// ErrConfig is wrapped by the errors about a Config that cannot work.
	ErrConfig = errors.New("zoom configuration")
	// ErrAct is wrapped by the errors about something a Zoom user cannot do.
	ErrAct = errors.New("not possible in Zoom")
)

// Config says which Zoom the stand-in plays.
type Config struct {
	URL    string // required: where it is served, an http address of this computer without a trailing slash
	App    App    // required: the user-managed app
	Admin  App    // the admin-managed app; without an ID there is none
	Users  []User // nil: People()
	APIURL string // the api_url of token answers, any text; empty: URL

	Plan         string         // "free", "pro" or "business" limits requests a second; empty: no such limit
	Daily        int            // creates and updates of meetings a host may make in a day; 0: 100, below 0: no limit
	Locked       map[string]any // settings that the account's administrator locked: they win silently
	Licences     int            // of type 2 in an account; 0: no limit
	ExistsStatus int            // of the answer 1005; 0: 409
	RefreshLife  time.Duration  // of refresh tokens; 0: 90 days
	// UpcomingToEnd has the list of upcoming meetings have one until its planned end, else until its start, unless it
	// runs: which of them Zoom does is not known.
	UpcomingToEnd bool

	Retry  []time.Duration // between the tries of a webhook; nil: 5, 20 and 60 minutes
	Manual bool            // webhooks wait for Deliver; else a goroutine sends them, and Close ends it

	Now    func() time.Time // nil: the real clock
	Ticks  func() time.Time // for requests a second; nil: the real clock
	Seed   uint64           // of what varies from one delivery to the next
	Lookup sandbox.LookupEnv
}

// App is an application registered with Zoom.
type App struct {
	ID, Secret, Name string
	RedirectURIs     []string // compared character by character
	Scopes           []string // nil: UserScopes(), or AdminScopes() for the admin-managed app
	Hook             Hook
}

// Server is the stand-in. Its methods are safe for use from several goroutines.
type Server struct {
	Faults      *sandbox.Faults // of requests; also served at /dev/faults
	EventFaults *sandbox.Faults // of webhooks; also served at /dev/event-faults

	config  Config
	client  *http.Client
	handler http.Handler
	cancel  context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{}

	mu         sync.Mutex
	users      []*User
	meetings   []*Meeting
	hooks      map[string]*hook
	codes      map[string]grantCode
	access     map[string]*token
	refresh    map[string]*token
	links      map[string]*link
	zaks       map[string]zak
	pages      map[string]listPage
	made       map[string]int         // creates and updates by host and day
	lately     map[string][]time.Time // requests of the last second, by account and category
	requests   []Request
	deliveries []*Delivery
	delivered  int // the number of the last delivery
	stamp      time.Time
	rng        *rand.Rand
}

// New returns a stand-in ready to serve. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Server, error) {
	if err := sandbox.RefuseLambda(c.Lookup); err != nil {
		return nil, fmt.Errorf("zoom: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	c.defaults()
	s := &Server{
		config: c, Faults: sandbox.NewFaults(kinds()...), EventFaults: sandbox.NewFaults(eventKinds()...),
		client: hookClient(), wake: make(chan struct{}, 1), hooks: map[string]*hook{},
		codes: map[string]grantCode{}, access: map[string]*token{}, refresh: map[string]*token{},
		links: map[string]*link{}, zaks: map[string]zak{}, pages: map[string]listPage{}, made: map[string]int{},
		lately: map[string][]time.Time{}, rng: rand.New(rand.NewPCG(c.Seed, 1)), //nolint:gosec // no secret comes of it
	}
	for _, u := range c.Users {
		s.users = append(s.users, &u)
	}
	s.handler = sandbox.Guard(s.routes())
	for app, h := range map[string]Hook{"": c.App.Hook, Admin: c.Admin.Hook} {
		s.hooks[app] = &hook{}
		if err := s.SetHook(app, h); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if !c.Manual {
		s.running.Go(func() { s.run(ctx) })
	}
	return s, nil
}

func (c Config) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" || !sandbox.Loopback(u.Host):
		return fmt.Errorf("%w: %q is not an http address of this computer", ErrConfig, c.URL)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(u.Path, "/"):
		return fmt.Errorf("%w: %q has a query, fragment, user or trailing slash", ErrConfig, c.URL)
	case c.App.ID == "" || c.App.Secret == "":
		return fmt.Errorf("%w: the app has no ID or no secret", ErrConfig)
	case c.Admin.ID == c.App.ID:
		return fmt.Errorf("%w: both apps have one ID", ErrConfig)
	case !slices.Contains([]string{"", "free", "pro", "business"}, c.Plan):
		return fmt.Errorf("%w: no plan %q", ErrConfig, c.Plan)
	}
	return nil
}

func (c *Config) defaults() {
	if c.Users == nil {
		c.Users = People()
	}
	if c.APIURL == "" {
		c.APIURL = c.URL
	}
	if c.App.Scopes == nil {
		c.App.Scopes = UserScopes()
	}
	if c.Admin.Scopes == nil {
		c.Admin.Scopes = AdminScopes()
	}
	if c.Daily == 0 {
		c.Daily = 100
	}
	if c.ExistsStatus == 0 {
		c.ExistsStatus = http.StatusConflict
	}
	if c.RefreshLife == 0 {
		c.RefreshLife = 90 * 24 * time.Hour
	}
	if c.Retry == nil {
		c.Retry = []time.Duration{5 * time.Minute, 20 * time.Minute, 60 * time.Minute}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Ticks == nil {
		c.Ticks = time.Now
	}
}

// Close ends the sending of webhooks.
func (s *Server) Close() error {
	s.cancel()
	s.running.Wait()
	s.client.CloseIdleConnections()
	return nil
}

// ServeHTTP serves OAuth, the API, the pages and the controls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Set changes the configuration at run time: an api_url, a limit, locked settings. What New made of the apps, users and
// clocks stays as it is.
func (s *Server) Set(change func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.config)
}

// app returns the app that an act names, and whether there is one.
func (s *Server) app(name string) (App, bool) {
	if name == Admin {
		return s.config.Admin, s.config.Admin.ID != ""
	}
	return s.config.App, name == ""
}

// appByID returns the name and the app with a client ID.
func (s *Server) appByID(id string) (string, App, bool) {
	switch id {
	case "":
	case s.config.App.ID:
		return "", s.config.App, true
	case s.config.Admin.ID:
		return Admin, s.config.Admin, true
	}
	return "", App{}, false
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.oauthRoutes(mux)
	s.apiRoutes(mux)
	s.controlRoutes(mux)
	s.pageRoutes(mux)
	mux.Handle("/dev/faults", s.Faults)
	mux.Handle("/dev/event-faults", s.EventFaults)
	mux.HandleFunc("GET /style.css", sandbox.Style)
	return mux
}
