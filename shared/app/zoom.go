package app

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

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

// Webhook is how what Zoom tells is taken.
type Webhook struct {
	Secrets []string      // that Zoom signs with, newest first; without one nothing is taken
	MaxAge  time.Duration // of a delivery
	Queue   string        // for what is taken
}

// The ages that a delivery may be allowed: below the least, what Zoom tells at its last try would be lost; above the
// most, a former secret is already gone.
const (
	leastMaxAge   = 90 * time.Minute
	usualMaxAge   = 2 * time.Hour // Zoom tries again for 85 minutes and does not say whether it signs anew
	longestMaxAge = 24 * time.Hour
)

// ZoomWebhook gives the settings of the function that Zoom tells things.
func (a *App) ZoomWebhook() (Webhook, error) {
	const queue, age = "NOTICE_QUEUE_URL", "ZOOM_WEBHOOK_MAX_AGE"
	w := Webhook{MaxAge: usualMaxAge, Queue: a.env.get(queue)}
	for s := range strings.SplitSeq(a.env.get("ZOOM_WEBHOOK_SECRETS"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			w.Secrets = append(w.Secrets, s)
		}
	}
	if text := a.env.get(age); text != "" {
		n, err := strconv.Atoi(text)
		w.MaxAge = time.Duration(n) * time.Second
		if err != nil || n > int(longestMaxAge.Seconds()) || w.MaxAge < leastMaxAge {
			return w, fmt.Errorf("environment variable %s is not a number of seconds from %d to %d",
				age, int(leastMaxAge.Seconds()), int(longestMaxAge.Seconds()))
		}
	}
	return w, a.env.require(queue)
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
