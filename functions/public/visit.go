package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/page"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/wall"
)

// visits is what the pages of visits are made of.
type visits struct {
	// as makes the job that acts for whoever has the link, in one organisation.
	as      func(org string) access.Caller
	visitor func(ctx context.Context, by access.Caller, token string) (video.Invitation, error)
	join    func(ctx context.Context, by access.Caller, token string) (string, error)
	take    func(ctx context.Context, of table.Bucket, who string) error
	origins []string // that a join address may lead to
	now     func() time.Time
	sheet   *page.Sheet
}

// routes is the function's route table.
func (v visits) routes() page.Routes {
	return page.Routes{
		"GET /v/{token}":       v.show,
		"GET /v/{token}/join":  v.back,
		"POST /v/{token}/join": v.enter,
	}
}

// show answers with the page of a link. It changes nothing: scanners of mail open every link.
func (v visits) show(ctx context.Context, r page.Request) (page.Answer, error) {
	l, inv, err := v.open(ctx, r)
	if err != nil {
		return page.Answer{}, err
	}
	return v.page(l, inv, r.Query.Get("refresh") != "off")
}

// back leads from the button's address to the page, for who opens that one.
func (v visits) back(_ context.Context, r page.Request) (page.Answer, error) {
	return page.Answer{To: linkOf(r.Path["token"]).page()}, nil
}

// enter leads on to the call, if it is time and there is one; else it shows the page as it is now.
func (v visits) enter(ctx context.Context, r page.Request) (page.Answer, error) {
	l, inv, err := v.open(ctx, r)
	if err != nil {
		return page.Answer{}, err
	}
	if judge(inv, v.now()).joinable() {
		to, err := v.join(ctx, v.as(l.org), l.token)
		switch {
		case err == nil && leads(v.origins, to):
			return page.Answer{To: to, Org: l.org, Action: string(access.VideoVisit), State: "joined"}, nil
		case err == nil:
			return page.Answer{}, errElsewhere
		case !fault.Is(err, fault.Conflict):
			return page.Answer{}, err
		}
		// Something changed between the two reads: the page says what.
		if inv, err = v.visitor(ctx, v.as(l.org), l.token); err != nil {
			return page.Answer{}, err
		}
		inv.RoomReady = inv.RoomReady && !judge(inv, v.now()).joinable()
	}
	a, err := v.page(l, inv, true)
	a.Status = http.StatusConflict
	return a, err
}

// errElsewhere says that an address to join at leads to a place that the provider does not have. The address itself is
// a secret.
var errElsewhere = errors.New("the join address leads elsewhere")

// open counts the request and finds what its link leads to. Every wrong link takes the same work, whatever is wrong.
func (v visits) open(ctx context.Context, r page.Request) (link, video.Invitation, error) {
	l := linkOf(r.Path["token"])
	if err := v.admit(ctx, r.Address, l); err != nil {
		return l, video.Invitation{}, err
	}
	inv, err := v.visitor(ctx, v.as(l.org), l.token)
	if fault.Is(err, fault.Denied) { // an organisation that may not any more is told apart from none by nobody
		err = fault.Wrap(err, fault.NotFound, "not_found", "There is no such link.")
	}
	if fault.Is(err, fault.NotFound) {
		if often := v.wrong(ctx, l); often != nil {
			err = often
		}
	}
	return l, inv, err
}

// page makes the page of a link as it is now. With auto it asks again by itself where there is something to wait for.
func (v visits) page(l link, inv video.Invitation, auto bool) (page.Answer, error) {
	zone, err := wall.Zone(inv.Zone)
	if err != nil {
		return page.Answer{}, err
	}
	inv.Start, inv.End, inv.Told = inv.Start.In(zone), inv.End.In(zone), inv.Told.In(zone)
	now := v.now()
	s := judge(inv, now)
	says := speak(s, l, inv, now)
	a := page.Answer{
		Status: http.StatusOK, Sheet: v.sheet, Title: says.Heading, Org: l.org, Action: string(access.VideoRead),
		State: string(s),
	}
	switch {
	case s == expired:
		a.Status = http.StatusGone
	case s.joinable():
		a.FormTo = v.origins
	}
	if every := pace(s, inv, now); every > 0 {
		says.Again = again(s, l, auto)
		if auto {
			a.Refresh, a.Again = every, l.page()
		}
	}
	a.From, a.Content = says.from, says
	return a, nil
}

const (
	// every is between two looks at a page that waits. It is long enough to read the page aloud; who needs longer can
	// stop it (WCAG 2.2, success criteria 2.2.1 and 2.2.2).
	every = time.Minute
	// soon is how long before its opening a page waits for it.
	soon = 30 * time.Minute
)

// pace says after how long the page is asked for again; zero where there is nothing to wait for.
func pace(s state, inv video.Invitation, now time.Time) time.Duration {
	switch left := inv.Start.Add(-opensBefore).Sub(now); {
	case s == preparing || s == waiting:
		return every
	case s == early && left <= soon:
		return max(left, every)
	}
	return 0
}
