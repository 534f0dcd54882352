package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client sends requests as they come, and follows no redirect: where it leads is the answer.
func client(workers int) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: doors{
			api: &http.Transport{MaxIdleConns: 2 * workers, MaxIdleConnsPerHost: 2 * workers},
			// Pages of links answer one address so often in a minute, and here everybody is at the same computer.
			pages: &http.Transport{DisableKeepAlives: true, DialContext: fromAnywhere},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// doors are the ways to the product: of clients with a log-in, and of browsers without.
type doors struct{ api, pages http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (d doors) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/v/") {
		return d.pages.RoundTrip(r)
	}
	return d.api.RoundTrip(r)
}

// fromAnywhere connects from one of the addresses that all are this computer's, where it has them.
func fromAnywhere(ctx context.Context, network, address string) (net.Conn, error) {
	part := func() byte { return byte(1 + rand.IntN(250)) } //nolint:gosec // any will do
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, part(), part(), part())}}
	if c, err := d.DialContext(ctx, network, address); err == nil {
		return c, nil
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// malformed are links and states that none can be.
func malformed(good string) []string {
	return []string{
		"x", "-", "none", good[1:], good + "A", good + "=", strings.ToUpper(good), strings.Repeat("A", len(good)),
		strings.Repeat("A", 400), "%00" + good[3:], good[:20] + "%20" + good[21:], "%F0%9F%90%A6", "org_" + good[4:],
	}
}

// asIf is something that leads nowhere, and answers as if there were nothing at all.
type asIf struct {
	what string
	of   func(token string) request
	good string
	org  string // another organisation's
	pace bool   // malformed ones take as long, too
}

// publicPages asks the pages without a log-in for what leads nowhere: links and states of another organisation, made-up
// ones, and such as none can be. All of it must look the same, to the byte, and take the same time.
func (h *house) publicPages(ctx context.Context, r *report) error {
	link, err := h.link(ctx, h.foreign)
	if err != nil {
		return err
	}
	state, err := h.returning(ctx, h.foreign)
	if err != nil {
		return err
	}
	n, leaks, worst := 0, []leak(nil), time.Duration(0)
	for _, a := range []asIf{
		{"GET /v/{token}", func(t string) request {
			return request{method: http.MethodGet, path: "/v/" + t}
		}, link, "", true},
		{"POST /v/{token}/join", func(t string) request {
			return request{method: http.MethodPost, path: "/v/" + t + "/join"}
		}, link, "", true},
		{"GET /zoom/callback", func(t string) request {
			q, err := url.PathUnescape(t)
			if err != nil {
				q = t
			}
			values := url.Values{"state": {q}, "code": {"none"}}
			return request{
				method: http.MethodGet, path: "/zoom/callback?" + values.Encode(),
				header: map[string]string{"Cookie": h.begun[state].cookie},
			}
		}, state, "", false},
	} {
		a.org = h.own.org.id
		tried, found, err := h.nowhere(ctx, a)
		if err != nil {
			return err
		}
		apart, err := h.asFast(ctx, a)
		if err != nil {
			return err
		}
		n, leaks, worst = n+tried, append(leaks, found...), max(worst, apart)
	}
	stolen, err := h.stolen(ctx)
	if err != nil {
		return err
	}
	leaks = append(leaks, stolen...)
	r.figure("links and states that lead nowhere", n)
	r.exactly("of those answered otherwise than one that never was", len(leaks), 0)
	r.leaks(leaks)
	r.atMost("largest difference of their medians", milliseconds(worst), milliseconds(limitApart), "ms")
	return nil
}

// nowhere compares the answers to all that lead nowhere.
func (h *house) nowhere(ctx context.Context, a asIf) (int, []leak, error) {
	var want string
	var out []leak
	all := slices.Concat([]string{guessed(h.own.org.id), guessed(""), swapped(a.good, a.org)}, malformed(a.good))
	for i, token := range all {
		got, err := h.send(ctx, a.of(token))
		if err != nil {
			return i, out, err
		}
		text := got.stable()
		if i == 0 {
			want = text
		}
		if text != want || got.status < http.StatusBadRequest || got.status >= http.StatusInternalServerError {
			which := fmt.Sprintf("none, number %d", i)
			out = append(out, leak{a.what, "somebody", which, "the same answer", got.told()})
		}
	}
	return len(all), out, nil
}

// asFast compares how long it takes to say that there is nothing: another organisation's, and malformed, with absent.
func (h *house) asFast(ctx context.Context, a asIf) (time.Duration, error) {
	ways := []func() string{
		func() string { return guessed(h.own.org.id) },
		func() string { return swapped(a.good, guessedOrganisation()) },
	}
	if a.pace {
		ways = append(ways, func() string { return guessed("")[1:] })
	}
	best := time.Duration(-1)
	for range rounds {
		took := make([][]time.Duration, len(ways))
		for range pairsOfPages {
			for i, way := range ways {
				got, err := h.send(ctx, a.of(way()))
				if err != nil {
					return 0, err
				}
				took[i] = append(took[i], got.took)
			}
		}
		apart := time.Duration(0)
		for i := range ways {
			apart = max(apart, (middle(took[i]) - middle(took[0])).Abs())
		}
		if best < 0 || apart < best {
			best = apart
		}
		if best < limitApart/2 {
			break
		}
	}
	return best, nil
}

// pairsOfPages is how often each kind is asked for.
const pairsOfPages = 12

// guessedOrganisation is one that there is not.
func guessedOrganisation() string { return newID(kindOrganisation) }

// stolen has somebody come back from Zoom with a state that another organisation's member of staff began, in another
// browser: neither may be connected to anything.
func (h *house) stolen(ctx context.Context) ([]leak, error) {
	who, err := h.employ(ctx, h.foreign.org, receptionist, h.foreign, "")
	if err != nil {
		return nil, err
	}
	b, err := h.startConnecting(ctx, who, h.foreign.org.id, ownAccount)
	if err != nil {
		return nil, err
	}
	thief, err := h.employ(ctx, h.own.org, receptionist, h.own, "")
	if err != nil {
		return nil, err
	}
	mine, err := h.startConnecting(ctx, thief, h.own.org.id, ownAccount)
	if err != nil {
		return nil, err
	}
	var out []leak
	for _, try := range []begun{
		{b.state, mine.code, mine.cookie}, {b.state, b.code, ""}, {mine.state, b.code, mine.cookie}, b,
	} {
		got, err := h.send(ctx, try.back())
		if err != nil {
			return out, err
		}
		if !refused.holds(got.status, 0) {
			out = append(out, leak{"GET /zoom/callback", "somebody", "another's state", string(refused), got.told()})
		}
	}
	for _, p := range []*person{who, thief} {
		state, err := h.connectionOf(ctx, p, ownAccount)
		if err != nil {
			return out, err
		}
		if state != "not-connected" {
			out = append(out, leak{"GET /zoom/callback", "somebody", "another's state", "nothing is connected", state})
		}
	}
	return out, nil
}
