package main

import (
	"context"
	"net/http"
	"strconv"
)

func forVideo() makers {
	return makers{
		"POST /v1/connections/zoom":   nothing,
		"DELETE /v1/connections/zoom": disconnected,
		"DELETE /v1/connections/zoom-admin": func(ctx context.Context, d *draft) {
			d.clinics(ctx)
		},
		"POST /v1/staff/{subject}/zoom-user": func(ctx context.Context, d *draft) {
			d.body = object{"licensed": false}
			d.clinics(ctx)
		},
		"GET /zoom/callback":   comesBack,
		"POST /zoom/events":    forged,
		"POST /v/{token}/join": nothing,
		"POST /v1/tasks/{id}/done": func(_ context.Context, d *draft) {
			d.match = `"1"` // nobody has touched it yet
		},
	}
}

// nothing is the maker of what is asked without a body.
func nothing(context.Context, *draft) {}

// disconnected lets somebody ask who has an account to disconnect, if the role may.
func disconnected(ctx context.Context, d *draft) {
	if d.light != nil || d.verdict() != allow {
		return
	}
	role := manager
	if roles := d.who.posts[d.at.org.id].roles; len(roles) > 0 {
		role = roles[0]
	}
	d.who, d.err = d.h.connected(ctx, d.h.own, role)
}

// clinics sees to it that the clinic's account is connected, where the request would be carried out.
func (d *draft) clinics(ctx context.Context) {
	if d.light == nil && d.err == nil && d.verdict() == allow {
		d.err = d.h.connectClinic(ctx, d.h.own.org)
	}
}

// comesBack is what a browser asks that Zoom sent back, with what it was given when it was sent there.
func comesBack(_ context.Context, d *draft) {
	state := d.id("state", kindState)
	d.query.Set("state", state)
	d.query.Set("code", "none")
	if d.light != nil {
		return
	}
	d.h.mu.Lock()
	b, ok := d.h.begun[state]
	d.h.mu.Unlock()
	if ok {
		d.query.Set("code", b.code)
		d.header["Cookie"] = b.cookie
	}
}

// forged is what Zoom would tell of a room, told by somebody else.
func forged(_ context.Context, d *draft) {
	d.body = object{"event": "meeting.deleted", "event_ts": d.h.stack.Now().UnixMilli(), "payload": object{
		"account_id": accountOf(d.at.org.id), "object": object{"id": 98765432101, "host_id": "nobody"},
	}}
	d.header["x-zm-request-timestamp"] = strconv.FormatInt(d.h.stack.Now().Unix(), 10)
	d.header["x-zm-signature"] = "v0=" + http.StatusText(http.StatusOK)
}
