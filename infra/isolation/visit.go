package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"almanac/infra/sandbox/zoom"
)

// The appointments here are by video, with the site's clinician, who has connected an account at Zoom. None has a room
// there before somebody asks for one.

// hosts connects the account of each site's clinician, and those of the organisations.
func (h *house) hosts(ctx context.Context) error {
	for _, id := range []string{"VideoQueue", "NoticeQueue"} { // what comes again comes soon, so that it is waited for
		queue, err := h.queue(ctx, id)
		if err == nil {
			err = h.hasten(ctx, queue, "8")
		}
		if err != nil {
			return err
		}
	}
	for _, o := range h.orgs {
		if err := h.connectClinic(ctx, o); err != nil {
			return err
		}
		for _, g := range o.sites {
			if err := h.connect(ctx, g.staff[clinician], o.id, ownAccount); err != nil {
				return err
			}
		}
	}
	return nil
}

// mailed asks for the link to an appointment, and gives it as the patient got it.
func (h *house) mailed(ctx context.Context, g *ground, apt string) (string, error) {
	path := "/v1/appointments/" + apt + "/video/email"
	if _, err := h.does(ctx, g.org.boss, http.MethodPost, path, nil, ""); err != nil {
		return "", err
	}
	f, _ := h.oracle.fact(apt)
	to := h.canary(f.patient).mail()
	for deadline := time.Now().Add(settleFor); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, m := range h.stack.Mail.Mails(to) {
			if found := linkIn().FindStringSubmatch(m.Text); found != nil {
				h.secret(found[1])
				h.oracle.learn(found[1], fact{kind: kindLink, org: g.org.id, site: g.id})
				return found[1], nil
			}
		}
	}
	return "", fmt.Errorf("no link was mailed after %s", settleFor)
}

// linkIn finds a link in a mail.
func linkIn() *regexp.Regexp { return regexp.MustCompile(`/v/([A-Za-z0-9_-]{43})\b`) }

// room waits for the room of an appointment, and gives the meeting that Zoom has.
func (h *house) room(ctx context.Context, g *ground, apt string) (zoom.Meeting, error) {
	if err := h.until(ctx, g.org.boss, "/v1/appointments/"+apt+"/video", `"state":"ready"`); err != nil {
		return zoom.Meeting{}, err
	}
	got, err := h.does(ctx, g.org.boss, http.MethodGet, "/v1/appointments/"+apt, nil, "")
	if err != nil {
		return zoom.Meeting{}, err
	}
	start, err := time.Parse(time.RFC3339, text(got, "start"))
	if err != nil {
		return zoom.Meeting{}, errors.New("an appointment has no start")
	}
	all := h.stack.Video.Meetings(g.staff[clinician].zoom)
	i := slices.IndexFunc(all, func(m zoom.Meeting) bool { return !m.Trashed && m.Start.Equal(start) })
	if i < 0 {
		return zoom.Meeting{}, errors.New("there is no meeting at Zoom for an appointment that has a room")
	}
	h.secret(all[i].Passcode, all[i].Pwd)
	return all[i], nil
}

// visit books a patient's appointment, has the link mailed and waits for the room.
func (h *house) visit(ctx context.Context, g *ground, patient string) (string, zoom.Meeting, error) {
	apt, err := h.book(ctx, g, patient)
	if err != nil {
		return "", zoom.Meeting{}, err
	}
	if _, err := h.mailed(ctx, g, apt); err != nil {
		return apt, zoom.Meeting{}, err
	}
	m, err := h.room(ctx, g, apt)
	return apt, m, err
}

// link is a link of the site's to a visit that is about to begin, which can be joined.
func (h *house) link(ctx context.Context, g *ground) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.joinable != "" {
		return g.joinable, nil
	}
	c, err := h.register(ctx, g)
	if err != nil {
		return "", err
	}
	body := h.bookingBody(g, c.id)
	body["start"] = h.stack.Now().UTC().Truncate(5 * time.Minute).Add(5 * time.Minute).Format(time.RFC3339)
	apt, err := h.booked(ctx, g, body)
	if err != nil {
		return "", err
	}
	link, err := h.mailed(ctx, g, apt)
	if err != nil {
		return "", err
	}
	_, err = h.room(ctx, g, apt)
	g.joinable = link
	return link, err
}

// otherLinks is how many links of another organisation are tried in turns: a link that is asked for too often is
// refused for that.
const otherLinks = 5

// another is a link of the site's with the name of another organisation put into it.
func (h *house) another(ctx context.Context, g *ground, org string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.links) < otherLinks {
		c, err := h.register(ctx, g)
		if err != nil {
			return "", err
		}
		apt, err := h.booked(ctx, g, h.bookingBody(g, c.id))
		if err != nil {
			return "", err
		}
		link, err := h.mailed(ctx, g, apt)
		if err != nil {
			return "", err
		}
		g.links = append(g.links, link)
	}
	g.links = append(g.links[1:], g.links[0])
	return swapped(g.links[0], org), nil
}

// task has the host give a room a time that the diary cannot have, and gives the task that comes of it.
func (h *house) task(ctx context.Context, g *ground, patient string) (string, error) {
	apt, m, err := h.visit(ctx, g, patient)
	if err != nil {
		return "", err
	}
	odd := m.Start.Add(2 * time.Minute)
	if err := h.stack.Video.Edit(m.ID, zoom.Change{Start: &odd}); err != nil {
		return "", err
	}
	for deadline := time.Now().Add(settleFor); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		one, err := h.taskAbout(ctx, g, apt)
		if err != nil {
			return "", err
		}
		if one != "" {
			h.oracle.learn(one, fact{kind: kindTask, org: g.org.id, site: g.id})
			return one, nil
		}
	}
	return "", fmt.Errorf("no task came of a time that the diary cannot have after %s", settleFor)
}

// taskAbout finds the task about an appointment that waits to be done.
func (h *house) taskAbout(ctx context.Context, g *ground, apt string) (string, error) {
	after := ""
	for {
		got, err := h.does(ctx, g.org.boss, http.MethodGet, with("/v1/tasks", "limit", "200")+after, nil, "")
		if err != nil {
			return "", err
		}
		all, _ := got["items"].([]any)
		for _, one := range all {
			if t, ok := one.(object); ok && t["appointmentId"] == apt {
				return text(t, "id"), nil
			}
		}
		next := text(got, "next")
		if next == "" {
			return "", nil
		}
		after = strings.TrimPrefix(with("", "after", next), "?")
		after = "&" + after
	}
}

// visits has patients come to their visits under their own names, which Zoom then tells of in its webhooks, and has
// the diary and Zoom change them.
func (h *house) visits(ctx context.Context, n int) error {
	grounds := []*ground{h.own, h.sibling, h.foreign}
	for i := range n {
		g := grounds[i%len(grounds)]
		c, err := h.register(ctx, g)
		if err != nil {
			return err
		}
		apt, m, err := h.visit(ctx, g, c.id)
		if err != nil {
			return err
		}
		if err := h.attend(ctx, g, apt, m, c); err != nil {
			return err
		}
		if err := h.change(ctx, g, apt, m, i); err != nil {
			return err
		}
	}
	return h.quiet(ctx)
}

// attend has the host start the call and the patient come and go.
func (h *house) attend(ctx context.Context, g *ground, apt string, m zoom.Meeting, c canary) error {
	path := "/v1/appointments/" + apt + "/video/start"
	got, err := h.does(ctx, g.staff[clinician], http.MethodPost, path, nil, "")
	if err != nil {
		return err
	}
	_, zak, _ := strings.Cut(text(got, "startUrl"), "zak=")
	h.secret(zak)
	z := h.stack.Video
	if err := z.Start(m.ID); err != nil {
		return err
	}
	p, err := z.Join(m.ID, zoom.Guest{Name: capital(c.word(givenWord)) + " " + family(c), Email: c.mail()})
	if err != nil {
		return err
	}
	if p.State == zoom.InWaitingRoom {
		err = z.Admit(m.ID, p.UUID)
	}
	if err == nil {
		err = z.Leave(m.ID, p.UUID)
	}
	return errors.Join(err, z.End(m.ID))
}

// change has the one or the other change a visit.
func (h *house) change(ctx context.Context, g *ground, apt string, m zoom.Meeting, i int) error {
	of, z := "/v1/appointments/"+apt, h.stack.Video
	switch i % 4 {
	case 0, 1:
		got, err := h.does(ctx, g.org.boss, http.MethodGet, of, nil, "")
		if err != nil {
			return err
		}
		body, way := object{"reason": "clinic_request"}, "/cancel"
		if i%4 == 1 {
			body, way = object{"start": h.slot(g)}, "/move"
		}
		_, err = h.does(ctx, g.org.boss, http.MethodPost, of+way, body, text(got, etag))
		return err
	case 2:
		to, err := time.Parse(time.RFC3339, h.slot(g))
		if err != nil {
			return err
		}
		return z.Edit(m.ID, zoom.Change{Start: &to})
	}
	return z.Delete(m.ID, false)
}
