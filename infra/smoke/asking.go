package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"almanac/infra/client"
	"almanac/infra/sandbox/zoom"
)

// entry is one line of a visit's log.
type entry struct {
	Kind   string `json:"kind"`
	Source string `json:"source"`
	As     string `json:"as"`
}

// view is how a visit stands.
type view struct {
	State    string  `json:"state"`
	Why      string  `json:"why"`
	Start    string  `json:"start"`
	Live     bool    `json:"live"`
	MayStart bool    `json:"mayStart"`
	Log      []entry `json:"-"`
}

// kinds are what the log tells of.
func (v view) kinds() []string {
	var out []string
	for _, e := range v.Log {
		out = append(out, e.Kind)
	}
	return out
}

// shown waits until a visit stands as it should, and says so.
func (c *calls) shown(ctx context.Context, what string, v *visit, is func(view) bool) {
	var got view
	var err error
	ok := until(ctx, settling, func() bool {
		got, err = c.looked(ctx, v)
		return err == nil && is(got)
	})
	c.check(what, ok, fmt.Sprintf("%+v", got), err)
}

// looked reads how a visit stands, with its log.
func (c *calls) looked(ctx context.Context, v *visit) (view, error) {
	var got view
	if err := c.desk.Get(ctx, "/v1/appointments/"+v.id+"/video", &got); err != nil {
		return got, err
	}
	var log page[entry]
	err := c.desk.Get(ctx, "/v1/appointments/"+v.id+"/video/log", &log)
	got.Log = log.Items
	return got, err
}

// email asks for the link of a visit to be mailed.
func (c *calls) email(ctx context.Context, v *visit, key string) (client.Answer, error) {
	return c.desk.Do(ctx, http.MethodPost, "/v1/appointments/"+v.id+"/video/email", nil, client.Key(key))
}

// start asks for the host's way in.
func (c *calls) start(ctx context.Context, who *client.Client, v *visit) (string, client.Answer, error) {
	a, err := who.Do(ctx, http.MethodPost, "/v1/appointments/"+v.id+"/video/start", nil)
	var got struct {
		URL string `json:"startUrl"`
	}
	if err == nil && a.Status == http.StatusOK {
		err = a.Into(&got)
	}
	return got.URL, a, err
}

// linked waits for the mail with the link and takes it.
func (c *calls) linked(ctx context.Context, v *visit, n int) bool {
	m, ok := c.newest(ctx, v, n)
	_, rest, found := strings.Cut(m.Text, c.stack.Public()+"/v/")
	token, _, _ := strings.Cut(rest, "\n")
	v.link = c.stack.Public() + "/v/" + strings.TrimSpace(token)
	c.secrets = append(c.secrets, strings.TrimSpace(token))
	return c.check("the patient is mailed a link of ours, and Zoom's not", ok && found && len(token) > 40 &&
		!strings.Contains(m.Text+m.HTML, c.stack.Zoom), m.Subject, m.Text)
}

// standing are the meetings of a Zoom user at a time.
func (c *calls) standing(host string, start time.Time) []zoom.Meeting {
	return slices.DeleteFunc(c.stack.Video.Meetings(host), func(m zoom.Meeting) bool {
		return m.Trashed || m.Erased || !m.Start.Equal(start)
	})
}

// placed waits until there is exactly one meeting in Zoom at a visit's time, and keeps its number.
func (c *calls) placed(ctx context.Context, what, host string, v *visit) bool {
	var all []zoom.Meeting
	ok := until(ctx, settling, func() bool {
		all = c.standing(host, v.start)
		return len(all) > 0
	})
	if !c.check(what, ok && len(all) == 1, len(all)) {
		return false
	}
	v.meeting = all[0].ID
	c.check("that names nobody", !strings.Contains(all[0].Topic+all[0].Agenda, "Screencase"), all[0].Topic)
	return true
}

// together presses "e-mail link" and "start call" in the same moment.
func (c *calls) together(ctx context.Context) bool {
	var mailed, started client.Answer
	var address string
	var err1, err2 error
	var both sync.WaitGroup
	both.Go(func() { mailed, err1 = c.email(ctx, c.held, "smoke-video-email") })
	both.Go(func() { address, started, err2 = c.start(ctx, c.doctor, c.held) })
	both.Wait()
	c.want("the link is mailed", http.StatusOK, mailed, err1)
	c.check("the call is started in the same moment", err2 == nil && started.Status == http.StatusOK &&
		strings.HasPrefix(address, c.stack.Zoom+"/s/"), started.Status, err2)
	c.check("with an answer that nobody keeps", strings.Contains(started.Header.Get("Cache-Control"), "no-store"))
	again, err := c.email(ctx, c.held, "smoke-video-email")
	c.check("the same press again changes nothing", err == nil && string(again.Body) == string(mailed.Body),
		again.Status, err)
	_, a, err := c.start(ctx, c.desk, c.held)
	c.refused("only the practitioner can start it", http.StatusForbidden, "not_host", a, err)
	if !c.linked(ctx, c.held, 2) || !c.placed(ctx, "both together make one meeting", zoom.Ada, c.held) {
		return false
	}
	c.shown(ctx, "which the log tells", c.held, func(v view) bool {
		return v.State == "ready" && slices.Contains(v.kinds(), "created")
	})
	return true
}
