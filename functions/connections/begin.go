package main

import (
	"context"
	"fmt"
	"time"

	"almanac/shared/connection"
	"almanac/shared/web"
)

const (
	aboutBegin = "Send the browser to authoriseUrl within ten minutes. The cookie that the answer sets must come " +
		"along when Zoom sends the browser back, so ask with credentials. Every request begins anew, at most five " +
		"times in ten minutes; after that it is 429, and Retry-After says when to try again."
	aboutAdmin = "As for your own account, by somebody who administers the clinic's account at Zoom. It is used for " +
		"finding and making log-ins, and for nothing else."
)

// begun is the way to Zoom. The secret is in the cookie alone.
type begun struct {
	AuthoriseURL string    `json:"authoriseUrl" example:"https://zoom.us/oauth/authorize?response_type=code"`
	ExpiresAt    time.Time `json:"expiresAt"`
	cookie       string
}

// Cookies sets the browser's secret. Lax is what lets it come along when Zoom sends the browser back.
func (b begun) Cookies() []string {
	return []string{fmt.Sprintf("%s=%s; Path=/; Max-Age=%d; HttpOnly; Secure; SameSite=Lax",
		connection.CookieName, b.cookie, int(connection.PendingFor.Seconds()))}
}

func begin(z connection.Zoom, provider string) web.Func[struct{}, begun] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (begun, error) {
		b, err := z.Begin(ctx, r.By, provider)
		return begun{AuthoriseURL: b.URL, ExpiresAt: b.Expires.UTC(), cookie: b.Cookie}, err
	}
}
