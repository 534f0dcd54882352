package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"almanac/infra/browser"
	"almanac/infra/client"
	"almanac/infra/demo"
	"almanac/infra/sandbox/zoom"
	"almanac/shared/wall"
)

// seen opens a page of ours in Chromium and has it judged.
func (c *calls) seen(what string, v browser.Visit, status int, title, says string) {
	v.Axe = true
	r, err := c.chromium.Open(v)
	faults := slices.DeleteFunc(r.Faults(), func(f string) bool {
		// A status is a fault to Chromium.
		return status >= http.StatusBadRequest && strings.Contains(f, "Failed to load resource")
	})
	c.check(what, err == nil && r.Status == status && r.Title == title && strings.Contains(r.Text, says) &&
		len(faults) == 0, "want", status, title, "got", r.Status, r.Title, r.Text, faults, err)
}

// pages looks at the link before its time, and at one that is none.
func (c *calls) pages(context.Context) bool {
	opens := c.held.start.In(c.zone).Add(-10 * time.Minute)
	c.seen("the patient opens the link: it is too early, and says when it is time", browser.Visit{URL: c.held.link},
		http.StatusOK, "Your video appointment", "You can join from "+wall.At(opens)+" on "+wall.Date(opens))
	c.seen("without scripts it says the same at night", browser.Visit{URL: c.held.link, Dark: true},
		http.StatusOK, "Your video appointment", "too early")
	last, other := c.held.link[len(c.held.link)-1:], "A"
	if last == other {
		other = "Q"
	}
	c.seen("a wrong link leads nowhere", browser.Visit{URL: c.held.link[:len(c.held.link)-1] + other},
		http.StatusNotFound, "This link does not work", "")
	return true
}

// What the page says when it is open.
const (
	toJoin  = "Join your video appointment"
	notYet  = "is not in the call at the moment"
	started = "has started the call"
)

// begin sets the clock near the start, and lets the patient wait and the host start.
func (c *calls) begin(ctx context.Context) bool {
	if !c.jump(ctx, c.held.start.Add(-5*time.Minute)) {
		return false
	}
	c.check("near its time the link opens", c.opens(ctx))
	page := browser.Visit{URL: c.held.link}
	c.seen("the page offers to join and wait", page, http.StatusOK, toJoin, notYet)
	c.joins("the button leads to Zoom, where the patient waits for the host", "Please wait for the host to start")
	address, a, err := c.start(ctx, c.doctor, c.held)
	if !c.check("the doctor starts the call", err == nil && address != "", a.Status, string(a.Body), err) {
		return false
	}
	if _, secret, ok := strings.Cut(address, "zak="); ok {
		c.secrets = append(c.secrets, secret)
	}
	b, err := c.anyone.Do(ctx, http.MethodGet, address, nil)
	m, _ := c.stack.Video.Meeting(c.held.meeting)
	if !c.check("and the meeting runs", err == nil && b.Status == http.StatusOK && m.Status == zoom.Started,
		b.Status, m.Status, err) {
		return false
	}
	c.shown(ctx, "which the clinic learns", c.held, func(v view) bool { return v.Live })
	c.seen("and the patient's page says", page, http.StatusOK, toJoin, started)
	return true
}

// opens waits until the page's clock has followed. A link may be opened so often a minute only.
func (c *calls) opens(ctx context.Context) bool {
	for range 10 {
		a, err := c.anyone.Do(ctx, http.MethodGet, c.held.link, nil)
		if err == nil && strings.Contains(string(a.Body), notYet) {
			return true
		}
		time.Sleep(time.Second)
	}
	return false
}

// joins presses the button, and expects to come to Zoom.
func (c *calls) joins(what, title string) {
	r, err := c.chromium.Open(browser.Visit{
		URL: c.held.link, Steps: []browser.Step{{Click: "Join the video call"}},
	})
	c.check(what, err == nil && strings.HasPrefix(r.URL, c.stack.Zoom+"/j/") &&
		strings.HasPrefix(r.Title, title) && !strings.Contains(r.Text, "Screencase"), r.Title, err)
}

// jump sets the clock and waits until everybody follows. Log-ins of before are over.
func (c *calls) jump(ctx context.Context, to time.Time) bool {
	c.stack.SetClock(to)
	err := error(nil)
	ok := until(ctx, settling, func() bool {
		err = c.stack.Video.Validate(ctx, "")
		return err == nil
	})
	if !c.check("Zoom's check of our webhook passes when the clock has moved", ok, err) {
		return false
	}
	for _, who := range []struct {
		subject string
		as      *client.Client
	}{
		{demo.Receptionist, c.desk},
		{demo.Clinician, c.doctor},
		{demo.Manager, c.manager},
		{colleague, c.colleague},
	} {
		if err := who.as.LogIn(ctx, c.stack.Login, who.subject); err != nil {
			return c.check(who.subject+" logs in anew", false, err)
		}
	}
	return true
}

// inside lets everybody come and go.
func (c *calls) inside(context.Context) bool {
	c.joins("who joins now is asked to wait to be let in", "Please wait for the host to let you in")
	zoomed := c.stack.Video
	c.check("the host lets everybody in", zoomed.Admit(c.held.meeting, "") == nil)
	m, _ := zoomed.Meeting(c.held.meeting)
	guest := ""
	if n := len(m.Instances); n > 0 {
		for _, p := range m.Instances[n-1].People {
			if p.User == "" && p.State == zoom.InMeeting {
				guest = p.UUID
			}
		}
	}
	err := zoomed.Leave(c.held.meeting, guest)
	c.check("a guest leaves", err == nil, err, m.Instances)
	err = zoomed.End(c.held.meeting)
	return c.check("the host ends the meeting", err == nil, err)
}

// noted reads the log of it.
func (c *calls) noted(ctx context.Context) bool {
	c.shown(ctx, "the log has all of it, each side with its own", c.held, func(v view) bool {
		kinds := v.kinds()
		for _, k := range []string{"created", "started", "waiting", "admitted", "joined", "left", "ended"} {
			if !slices.Contains(kinds, k) {
				return false
			}
		}
		host := slices.ContainsFunc(v.Log, func(e entry) bool { return e.Kind == "joined" && e.As == "host" })
		guest := slices.ContainsFunc(v.Log, func(e entry) bool { return e.Kind == "joined" && e.As == "guest" })
		return host && guest && !v.Live
	})
	of := "/v1/appointments/" + c.held.id + "/video"
	a, err := c.desk.Do(ctx, http.MethodGet, of, nil)
	b, failed := c.desk.Do(ctx, http.MethodGet, of+"/log", nil)
	text, named := string(a.Body)+string(b.Body), ""
	m, _ := c.stack.Video.Meeting(c.held.meeting)
	for _, word := range []string{"Screencase", "Guest", "Okonjo", "ada", c.stack.Zoom, m.Pwd, "zak", m.UUID} {
		if strings.Contains(text, word) {
			named = word
		}
	}
	c.check("and names nobody, and leads nowhere", err == nil && failed == nil && named == "", named, err, failed)
	return true
}
