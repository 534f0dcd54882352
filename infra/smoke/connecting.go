package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"almanac/infra/client"
	"almanac/infra/sandbox/zoom"
)

// connection is how somebody's own Zoom stands.
type connection struct {
	State string `json:"state"`
	Plan  string `json:"plan"`
	As    string `json:"connectedAs"`
}

func (c *calls) zoomOf(ctx context.Context, who *client.Client) connection {
	var got page[connection]
	if err := who.Get(ctx, "/v1/connections", &got); err != nil || len(got.Items) != 1 {
		return connection{State: fmt.Sprint(err)}
	}
	return got.Items[0]
}

// arrival is a browser that Zoom sent back.
type arrival struct{ address, cookie string }

// allow begins a connection and logs in at Zoom as one of its users, who allows it.
func (c *calls) allow(ctx context.Context, who *client.Client, user string) (arrival, bool) {
	a, err := who.Do(ctx, http.MethodPost, "/v1/connections/zoom", nil)
	var begun struct {
		URL string `json:"authoriseUrl"`
	}
	if !c.want("a connection is begun", http.StatusOK, a, err) || a.Into(&begun) != nil {
		return arrival{}, false
	}
	cookie, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	form := url.Values{"user": {user}, "allow": {"1"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, begun.URL, strings.NewReader(form.Encode()))
	if !c.check("it leads to Zoom", err == nil && strings.HasPrefix(begun.URL, c.stack.Zoom+"/oauth/authorize?"), err) {
		return arrival{}, false
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.anyone.HTTP.Do(req)
	if !c.check("where somebody logs in and allows it", err == nil, err) {
		return arrival{}, false
	}
	_ = res.Body.Close()
	back, err := res.Location()
	if !c.check("and is sent back", err == nil &&
		strings.HasPrefix(back.String(), c.stack.Public()+"/zoom/callback?"), res.StatusCode, err) {
		return arrival{}, false
	}
	c.secrets = append(c.secrets, back.Query().Get("code"), back.Query().Get("state"))
	if _, value, ok := strings.Cut(cookie, "="); ok {
		c.secrets = append(c.secrets, value)
	}
	return arrival{back.String(), cookie}, true
}

// arrive opens the page that Zoom sends browsers back to.
func (c *calls) arrive(ctx context.Context, what string, at arrival, status int, says string) bool {
	a, err := c.anyone.Do(ctx, http.MethodGet, at.address, nil, client.Header{Name: "Cookie", Value: at.cookie})
	return c.check(what, err == nil && a.Status == status && strings.Contains(string(a.Body), says),
		"want", status, says, "got", a.Status, string(a.Body), err)
}

const isConnected = "Zoom is connected"

// connections connects both clinicians' Zoom.
func (c *calls) connections(ctx context.Context) bool {
	c.check("Zoom is not connected at first", c.zoomOf(ctx, c.doctor).State == "not-connected")
	strange, ok := c.allow(ctx, c.doctor, zoom.Ada)
	if !ok {
		return false
	}
	c.arrive(ctx, "who returns in another browser connects nothing", arrival{address: strange.address},
		http.StatusBadRequest, "another browser")
	c.arrive(ctx, "nor afterwards in the right one", strange, http.StatusBadRequest, "served already")
	c.check("Zoom is still not connected", c.zoomOf(ctx, c.doctor).State == "not-connected")
	mine, ok := c.allow(ctx, c.doctor, zoom.Ada)
	if !ok || !c.arrive(ctx, "in the browser that began it, it is connected", mine, http.StatusOK, isConnected) {
		return false
	}
	c.arrive(ctx, "once", mine, http.StatusBadRequest, "served already")
	got := c.zoomOf(ctx, c.doctor)
	c.check("the clinician sees that, and as whom",
		got.State == "linked" && got.Plan == "licensed" && strings.HasPrefix(got.As, "ada"), got)
	theirs, ok := c.allow(ctx, c.colleague, zoom.Ben)
	c.arrive(ctx, "a colleague connects a Basic user", theirs, http.StatusOK, "40 minutes")
	got = c.zoomOf(ctx, c.colleague)
	return ok && c.check("who is another", got.State == "linked" && got.Plan == "basic", got)
}
