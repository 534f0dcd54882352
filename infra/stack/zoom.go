package stack

import (
	"net"
	"net/http"
	"net/url"

	"almanac/infra/sandbox/zoom"
	client "almanac/shared/zoom"
)

// What the installation is known as at the stand-in for Zoom. None of it is a secret of anybody.
const (
	zoomClient, zoomSecret           = "almanac-zoom", "local-zoom-secret"             //nolint:gosec // nobody's
	zoomAdminClient, zoomAdminSecret = "almanac-zoom-admin", "local-zoom-admin-secret" //nolint:gosec // nobody's
	zoomWebhookSecret                = "local-zoom-webhook-token"                      //nolint:gosec // nobody's
)

// startZoom makes the stand-in for Zoom. Its webhooks go to the API, which may not be up yet: it tries them again.
func (s *Stack) startZoom() (http.Handler, error) {
	hook := zoom.Hook{URL: s.API + "/zoom/events", Secret: zoomWebhookSecret, UserEvents: true}
	// The app asks for what docs/deploy.md has it ask for, and not for all that the stand-in knows.
	scopes := append(client.UserScopes(), client.HistoryScopes()...)
	redirect := []string{s.Public() + "/zoom/callback"}
	services, err := zoom.New(zoom.Config{
		URL: s.Zoom, Now: s.Now,
		App: zoom.App{
			ID: zoomClient, Secret: zoomSecret, Name: "Almanac", RedirectURIs: redirect, Hook: hook, Scopes: scopes,
		},
		Admin: zoom.App{
			ID: zoomAdminClient, Secret: zoomAdminSecret, Name: "Almanac log-ins", RedirectURIs: redirect,
		},
	})
	if err != nil {
		return nil, err
	}
	s.Video = services
	s.closers = append(s.closers, services.Close)
	return services, nil
}

// Public is the address under which people reach the API's pages. It names the computer, because browsers keep
// Secure cookies of a plain http address for this name alone.
func (s *Stack) Public() string {
	u, err := url.Parse(s.API)
	if err != nil {
		return s.API
	}
	return "http://" + net.JoinHostPort("localhost", u.Port())
}
