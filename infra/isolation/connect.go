package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almanac/infra/sandbox/zoom"
	"almanac/shared/id"
)

// own and clinics are the two accounts that can be connected, as the addresses name them.
const (
	ownAccount     = "zoom"
	clinicsAccount = "zoom-admin"
)

// begun is a connection that somebody began in a browser and allowed at Zoom, and that only the way back is missing of.
type begun struct{ state, code, cookie string }

// back is the request with which a browser comes back from Zoom.
func (b begun) back() request {
	q := url.Values{"state": {b.state}, "code": {b.code}}
	return request{
		method: http.MethodGet, path: "/zoom/callback?" + q.Encode(), header: map[string]string{"Cookie": b.cookie},
	}
}

// zoomUser is the person at Zoom: a user of an account that only the person's organisation has users of. The address
// is like an id, so that it is known again where it turns up, and whose it is.
func (h *house) zoomUser(who *person, org string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if who.zoom == "" {
		address := newID(kindZoom)
		who.zoom = "zoom-" + who.subject
		h.stack.Video.AddUser(zoom.User{
			ID: who.zoom, AccountID: accountOf(org), Email: address + "@zoom.example", First: "Host", Last: "Example",
			Type: zoom.Licensed, Status: zoom.Active, Timezone: "Europe/London", Owner: true,
		})
		h.oracle.learn(address, fact{kind: kindZoom, org: org, by: who.subject})
	}
	return who.zoom
}

// accountOf is the organisation's account at Zoom.
func accountOf(org string) string { return "account-" + org }

// startConnecting begins a connection as somebody, as far as Zoom's allowing it.
func (h *house) startConnecting(ctx context.Context, who *person, org, which string) (begun, error) {
	got, err := h.send(ctx, request{who: who, method: http.MethodPost, path: "/v1/connections/" + which})
	if err != nil {
		return begun{}, err
	}
	var to struct {
		URL string `json:"authoriseUrl"`
	}
	if !got.ok() || json.Unmarshal(got.body, &to) != nil {
		return begun{}, fmt.Errorf("a connection cannot be begun: %s", got.told())
	}
	u, err := url.Parse(to.URL)
	if err != nil {
		return begun{}, errors.New("the way to Zoom is no address")
	}
	app := ""
	if which == clinicsAccount {
		app = zoom.Admin
	}
	q := u.Query()
	code, err := h.stack.Video.Code(zoom.Login{
		App: app, User: h.zoomUser(who, org), RedirectURI: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"),
	})
	cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	h.secret(q.Get("state"), code, strings.TrimPrefix(cookie, "__Host-almanac-connect="))
	return begun{q.Get("state"), code, cookie}, err
}

// connect connects somebody's own account, or with clinicsAccount the organisation's.
func (h *house) connect(ctx context.Context, who *person, org, which string) error {
	b, err := h.startConnecting(ctx, who, org, which)
	if err != nil {
		return err
	}
	got, err := h.send(ctx, b.back())
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("coming back from Zoom is answered with %d", got.status)
	}
	return err
}

// connectClinic sees to it that the organisation's account is connected. One that was just disconnected must be gone
// first, which a worker sees to.
func (h *house) connectClinic(ctx context.Context, o *organisation) error {
	h.clinics.Lock()
	defer h.clinics.Unlock()
	for deadline := time.Now().Add(settleFor); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		switch state, err := h.connectionOf(ctx, o.boss, clinicsAccount); {
		case err != nil:
			return err
		case state == "linked":
			return nil
		case state == "ending":
			continue
		}
		who, err := h.employ(ctx, o, manager, nil, "") // somebody who has not begun so many yet
		if err != nil {
			return err
		}
		if err := h.connect(ctx, who, o.id, clinicsAccount); err != nil {
			return err
		}
	}
	return fmt.Errorf("the clinic's account is not connected after %s", settleFor)
}

// connectionOf is the state of a connection, for who may see it.
func (h *house) connectionOf(ctx context.Context, who *person, which string) (string, error) {
	got, err := h.does(ctx, who, http.MethodGet, "/v1/connections", nil, "")
	if err != nil {
		return "", err
	}
	all, _ := got["items"].([]any)
	for _, one := range all {
		if c, ok := one.(object); ok && c["provider"] == which {
			return text(c, "state"), nil
		}
	}
	return "", errors.New("the account is not in the list")
}

// connected is somebody new in the role who has connected an account, so that it can be disconnected.
func (h *house) connected(ctx context.Context, g *ground, role string) (*person, error) {
	who, err := h.employ(ctx, g.org, role, g, "")
	if err != nil {
		return nil, err
	}
	return who, h.connect(ctx, who, g.org.id, ownAccount)
}

// returning is a connection that somebody new has begun, and whose state is noted until it is used.
func (h *house) returning(ctx context.Context, g *ground) (string, error) {
	who, err := h.employ(ctx, g.org, receptionist, g, "")
	if err != nil {
		return "", err
	}
	b, err := h.startConnecting(ctx, who, g.org.id, ownAccount)
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	h.begun[b.state] = b
	h.mu.Unlock()
	h.oracle.learn(b.state, fact{kind: kindState, org: g.org.id, site: g.id})
	return b.state, nil
}

// sealedIn is how long what names an organisation and cannot be guessed is, before it is written down.
const sealedIn = 32

// swapped is a link or a state of one organisation with the name of another one put into it.
func swapped(token, org string) string {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	whose, failed := id.Raw(org)
	if err != nil || failed != nil || len(raw) != sealedIn {
		return guessed(org)
	}
	copy(raw, whose[:])
	return base64.RawURLEncoding.EncodeToString(raw)
}

// guessed is what nobody was given, of the organisation; of one that there is not if none is named.
func guessed(org string) string {
	raw := make([]byte, sealedIn)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	if whose, err := id.Raw(org); err == nil {
		copy(raw, whose[:])
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
