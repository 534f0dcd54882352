package app

import "strings"

// Zoom is how Zoom is reached, and as which apps. Without a client id, this installation is not connected to it.
type Zoom struct {
	API, OAuth           string // addresses, without a path
	ClientID, Secret     string // the app that people connect their own accounts to
	AdminID, AdminSecret string // the app that makes log-ins in a clinic's account; empty where there is none
	PublicURL            string // address of Almanac's own pages
}

// Zoom gives the settings of Zoom. An app without what it needs is an error that names what is missing.
func (a *App) Zoom() (Zoom, error) {
	const (
		client, secret = "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET" //nolint:gosec // names of variables
		admin, hidden  = "ZOOM_ADMIN_CLIENT_ID", "ZOOM_ADMIN_CLIENT_SECRET"
	)
	z := Zoom{
		API:      or(a.env.get("ZOOM_URL"), "https://api.zoom.us"),
		OAuth:    or(a.env.get("ZOOM_OAUTH_URL"), "https://zoom.us"),
		ClientID: a.env.get(client), Secret: a.env.get(secret),
		AdminID: a.env.get(admin), AdminSecret: a.env.get(hidden), PublicURL: a.PublicURL(),
	}
	var needs []string
	if z.ClientID != "" {
		needs = append(needs, secret, publicURL)
	}
	if z.AdminID != "" {
		needs = append(needs, client, hidden)
	}
	return z, a.env.require(needs...)
}

// ZoomWebhook gives the secret tokens that Zoom signs with, newest first, and the queue for what it tells. Without a
// secret nothing that Zoom sends is taken.
func (a *App) ZoomWebhook() ([]string, string, error) {
	const queue = "NOTICE_QUEUE_URL"
	var secrets []string
	for s := range strings.SplitSeq(a.env.get("ZOOM_WEBHOOK_SECRETS"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			secrets = append(secrets, s)
		}
	}
	return secrets, a.env.get(queue), a.env.require(queue)
}

const publicURL = "PUBLIC_URL"

// PublicURL gives the address under which people reach Almanac's own pages, without a slash at its end; empty where
// none is set, and then there are no links to send.
func (a *App) PublicURL() string { return strings.TrimSuffix(a.env.get(publicURL), "/") }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
