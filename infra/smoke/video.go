package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"almanac/infra/browser"
	"almanac/infra/client"
	"almanac/infra/demo"
	"almanac/infra/sandbox/oidc"
	"almanac/shared/wall"
)

// calls is the part about video visits on clinicians' own Zoom, with what its steps hand on.
type calls struct {
	*job

	chromium          *browser.Browser
	anyone            *client.Client
	manager           *client.Client
	doctor, colleague *client.Client // whose Zoom users are Ada and Ben
	zone              *time.Location

	service, okafor, patel string
	free                   []slot // of Okafor, apart from each other, on one day

	held    *visit // takes place
	moved   *visit // is moved in the diary and in Zoom, and deleted there
	dropped *visit // is cancelled in the diary
	left    *visit // is still to come when Okafor uninstalls
	others  *visit // is the colleague's
}

// visit is one appointment by video.
type visit struct {
	id, mail, link string
	start          time.Time
	meeting        int64 // at Zoom
}

const (
	// visitMail begins the addresses of the patients who have video visits.
	visitMail = "smoke.video"
	// colleague is a clinician whom the demonstration does not have.
	colleague = "smoke-clinician"
	// settling is how long diary and Zoom may take to agree.
	settling = 30 * time.Second
)

// videos connects Zoom, holds a video visit, changes visits on either side, and takes Zoom away again.
func (j *job) videos(ctx context.Context) {
	c := &calls{job: j, anyone: client.New("")}
	var err error
	if c.chromium, err = browser.Start(ctx); !j.check("Chromium starts", err == nil, err) {
		return
	}
	defer func() { _ = c.chromium.Close() }() // it has nothing to keep
	if c.zone, err = wall.Zone("Europe/London"); !j.check("the clinic's time is known", err == nil, err) {
		return
	}
	for _, part := range []func(context.Context) bool{
		c.people, c.connections, c.times, c.visits, c.together, c.pages, c.forged, c.movedHere, c.movedThere,
		c.refusedThere, c.deletedThere, c.cancelledHere, c.begin, c.inside, c.noted, c.uninstalled, c.spared, c.again,
	} {
		if !part(ctx) {
			return // what follows rests on it, and has been said
		}
	}
}

// people logs everybody in, with a second clinician whose Zoom must not be touched by what the first does.
func (c *calls) people(ctx context.Context) bool {
	c.manager = c.staff(ctx, demo.Manager)
	var all page[named]
	var okafor struct {
		ID string `json:"practitionerId"`
	}
	err1 := c.manager.Get(ctx, "/v1/practitioners", &all)
	err2 := c.manager.Get(ctx, "/v1/staff/"+demo.Clinician, &okafor)
	c.okafor, c.patel = okafor.ID, idOf(all.Items, "Patel")
	if !c.check("two practitioners are found", c.okafor != "" && c.patel != "", err1, err2) {
		return false
	}
	a, err := c.manager.Do(ctx, http.MethodPost, "/v1/staff", map[string]any{
		"subject": colleague, "name": "Dr Dina Patel", "email": colleague + "@almanac.example", "jobRole": "Doctor",
		"roles": []string{"clinician"}, "practitionerId": c.patel,
	}, client.Key("smoke-colleague"))
	c.want("a second clinician joins the staff", http.StatusCreated, a, err)
	err = c.stack.People.AddPerson(oidc.Person{Subject: colleague, Name: "Dr Dina Patel", Groups: []string{demo.Org()}})
	c.check("and can log in", err == nil, err)
	c.doctor, c.colleague = c.staff(ctx, demo.Clinician), c.staff(ctx, colleague)
	return c.doctor.Token != "" && c.colleague.Token != ""
}

// apart is how far visits of the smoke test are from each other at the least.
const apart = 30 * time.Minute

// slots gives a practitioner's free times of the first day that has so many apart from each other.
func (c *calls) slots(ctx context.Context, practitioner string, count int) []slot {
	day := func(n int) string { return c.stack.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	q := url.Values{"serviceId": {c.service}, "siteId": {c.site}, "from": {day(1)}, "to": {day(14)}}
	var found availability
	if err := c.desk.Get(ctx, "/v1/availability?"+q.Encode(), &found); err != nil {
		c.check("free times for video are listed", false, err)
		return nil
	}
	for _, d := range found.Days {
		var out []slot
		last := time.Time{}
		for _, s := range d.Slots {
			if at := instant(s.Start); d.PractitionerID == practitioner && !at.Before(last.Add(apart)) {
				out, last = append(out, s), at
			}
		}
		if len(out) >= count {
			return out
		}
	}
	return nil
}

func instant(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// wanted is how many times apart from each other the visits need: four, and two more to be moved to.
const wanted = 6

// times finds the service and free times for it.
func (c *calls) times(ctx context.Context) bool {
	var services page[named]
	err := c.desk.Get(ctx, "/v1/services", &services)
	c.service = idOf(services.Items, "Video")
	c.free = c.slots(ctx, c.okafor, wanted)
	return c.check("there is a service by video, with free times", err == nil && len(c.free) >= wanted,
		err, len(c.free))
}

// entered books a video visit for a patient of its own, and waits for the mail about it.
func (c *calls) entered(ctx context.Context, n int, given, practitioner string, s slot) *visit {
	v := &visit{mail: visitMail + strconv.Itoa(n) + "@example.org", start: instant(s.Start)}
	who := person(given, "Screencase", "1985-0"+strconv.Itoa(n)+"-11")
	who["contacts"] = []any{map[string]string{"system": "email", "value": v.mail}}
	patient := c.enter(ctx, who, given+" is registered", "smoke-video-patient-"+given)
	a, err := c.desk.Do(ctx, http.MethodPost, "/v1/appointments", map[string]string{
		"serviceId": c.service, "siteId": c.site, "practitionerId": practitioner, "patientId": patient,
		"start": s.LocalStart,
	}, client.Key("smoke-video-book-"+given))
	var made appointment
	if c.want("and has a video appointment", http.StatusCreated, a, err) {
		_ = a.Into(&made)
	}
	v.id = made.ID
	return v
}

// visits books them all. Zoom hears of none.
func (c *calls) visits(ctx context.Context) bool {
	last := len(c.free) - 1
	c.held = c.entered(ctx, 1, "Vita", c.okafor, c.free[0])
	c.moved = c.entered(ctx, 2, "Viola", c.okafor, c.free[1])
	c.dropped = c.entered(ctx, 3, "Vera", c.okafor, c.free[2])
	c.left = c.entered(ctx, 4, "Verity", c.okafor, c.free[last])
	theirs := c.slots(ctx, c.patel, 1)
	if !c.check("the colleague has a free time too", len(theirs) > 0) {
		return false
	}
	c.others = c.entered(ctx, 5, "Violet", c.patel, theirs[len(theirs)-1])
	for _, v := range []*visit{c.held, c.moved, c.dropped, c.left, c.others} {
		m, ok := c.newest(ctx, v, 1)
		c.check("whose mail has no link yet", ok && !strings.Contains(m.Text, "/v/"), m.Subject)
		if v.id == "" {
			return false
		}
	}
	got, err := c.looked(ctx, c.held)
	c.check("nobody has asked for a call", err == nil && got.State == "none" && len(got.Log) == 0, got, err)
	return c.check("so there is nothing in Zoom", len(c.stack.Video.Meetings("")) == 0, c.stack.Video.Meetings(""))
}

// newest waits until so many mails came to a visit's patient, and gives the last.
func (c *calls) newest(ctx context.Context, v *visit, n int) (mail, bool) {
	var all []mail
	q := url.Values{"to": {v.mail}, "wait": {patience}, "count": {strconv.Itoa(n)}}
	err := client.New(c.stack.Mailbox).Get(ctx, "/mailbox.json?"+q.Encode(), &all)
	if err != nil || len(all) != n {
		return mail{Subject: fmt.Sprint(len(all), " mails, want ", n)}, false
	}
	return all[0], true
}
