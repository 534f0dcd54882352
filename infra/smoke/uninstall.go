package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/browser"
	"almanac/infra/demo"
	"almanac/infra/sandbox/zoom"
)

// uninstalled takes our app away in Zoom, as a user who has a visit to come.
func (c *calls) uninstalled(ctx context.Context) bool {
	if !c.waited(ctx) {
		return false
	}
	before, err := c.kept(ctx)
	c.check("the table knows Zoom's user and meetings", err == nil && len(before.of(c.strangers())) > 0, err)
	c.secrets = append(c.secrets, c.passwords()...)
	if err := c.stack.Video.Uninstall("", zoom.Ada); !c.check("the doctor uninstalls us in Zoom", err == nil, err) {
		return false
	}
	gone := until(ctx, settling, func() bool { return c.zoomOf(ctx, c.doctor).State == "not-connected" })
	if !c.check("then Zoom is not connected", gone, c.zoomOf(ctx, c.doctor)) {
		return false
	}
	for _, v := range []*visit{c.held, c.left} {
		c.shown(ctx, "the visit has neither room nor log, and waits for an account", v, func(v view) bool {
			return v.State == "parked" && v.Why == "not_connected" && len(v.Log) == 0
		})
	}
	c.tasked(ctx, "the staff are told which rooms are lost", "rooms_lost", demo.Clinician)
	after, err := c.kept(ctx)
	if !c.check("the table is read through", err == nil, err) {
		return false
	}
	c.check("nothing in it knows that user or the meetings", len(after.of(c.strangers())) == 0, after.of(c.strangers()))
	stones := after.tombstones()
	c.check("one tombstone says what went, and of whom nothing", len(stones) == 1 &&
		strings.Contains(stones[0], "uninstalled") && strings.Contains(stones[0], "visits"), stones)
	return c.without(ctx)
}

// waited makes rooms for visits that are still to come, of the user who uninstalls us and of another.
func (c *calls) waited(ctx context.Context) bool {
	for _, one := range []struct {
		v    *visit
		host string
	}{{c.left, zoom.Ada}, {c.others, zoom.Ben}} {
		a, err := c.email(ctx, one.v, "smoke-video-email-"+one.v.id)
		c.want("a link is mailed for a visit that is still to come", http.StatusOK, a, err)
		if !c.linked(ctx, one.v, 2) || !c.placed(ctx, "which makes its meeting", one.host, one.v) {
			return false
		}
		c.shown(ctx, "and is in its log", one.v, func(v view) bool { return slices.Contains(v.kinds(), "created") })
	}
	return true
}

// without looks at a link whose visit has no account to be in, and asks for one.
func (c *calls) without(ctx context.Context) bool {
	c.seen("the patient's page says that there is no call", browser.Visit{URL: c.held.link}, http.StatusOK,
		"Your video call is not ready yet", "There is no call to join yet.")
	link := c.left.link
	a, err := c.email(ctx, c.left, "smoke-video-email-late")
	c.check("a link is mailed without Zoom too, and what it waits for is said", err == nil &&
		a.Status == http.StatusOK && strings.Contains(string(a.Body), `"code":"not_connected"`),
		a.Status, string(a.Body))
	c.linked(ctx, c.left, 3)
	return c.check("it is the same link", c.left.link == link)
}

// passwords are of the meetings in Zoom: no log may have any.
func (c *calls) passwords() []string {
	var out []string
	for _, m := range c.stack.Video.Meetings("") {
		out = append(out, m.Pwd)
	}
	return out
}

// strangers are Zoom's names of the user who uninstalled us, and of that user's meetings.
func (c *calls) strangers() []string {
	out := []string{zoom.Ada}
	for _, m := range c.stack.Video.Meetings(zoom.Ada) {
		out = append(out, strconv.FormatInt(m.ID, 10))
	}
	return out
}

// kept is what the table holds, an item a line.
type kept []string

func (c *calls) kept(ctx context.Context) (kept, error) {
	var out kept
	pages := dynamodb.NewScanPaginator(c.stack.DynamoDB, &dynamodb.ScanInput{TableName: aws.String(c.stack.TableName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			var one map[string]any
			if err := attributevalue.UnmarshalMap(item, &one); err != nil {
				return nil, err
			}
			out = append(out, fmt.Sprint(one))
		}
	}
	return out, nil
}

// of are the items in which one of some words stands.
func (k kept) of(words []string) []string {
	var out []string
	for _, item := range k {
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(item, w) }) {
			out = append(out, item)
		}
	}
	return out
}

// tombstones are what is left of connections.
func (k kept) tombstones() []string { return k.of([]string{" SK:END "}) }

// spared looks at the colleague's Zoom, which nobody uninstalled.
func (c *calls) spared(ctx context.Context) bool {
	got := c.zoomOf(ctx, c.colleague)
	c.check("the colleague's Zoom is connected as before", got.State == "linked", got)
	c.shown(ctx, "with the visit's room and log", c.others, func(v view) bool {
		return v.State == "ready" && slices.Contains(v.kinds(), "created")
	})
	address, a, err := c.start(ctx, c.colleague, c.others)
	c.check("which can be started", err == nil && address != "", a.Status, string(a.Body), err)
	return true
}

// again connects Zoom once more.
func (c *calls) again(ctx context.Context) bool {
	mine, ok := c.allow(ctx, c.doctor, zoom.Ada)
	if !ok || !c.arrive(ctx, "Zoom is connected again", mine, http.StatusOK, isConnected) {
		return false
	}
	c.shown(ctx, "and the visit gets a room again by itself", c.left, func(v view) bool { return v.State == "ready" })
	c.restored(ctx)
	c.secrets = append(c.secrets, c.passwords()...)
	return c.swept(ctx)
}

// restored waits until what the staff were told of the lost rooms is done by itself, and looks which rooms that were.
func (c *calls) restored(ctx context.Context) {
	var got page[struct {
		Kind    string   `json:"kind"`
		Apts    []string `json:"appointmentIds"`
		Count   int      `json:"count"`
		Settled string   `json:"settled"`
		By      string   `json:"doneBy"`
	}]
	ok := until(ctx, settling, func() bool {
		got.Items = nil
		if err := c.desk.Get(ctx, "/v1/tasks?state=done", &got); err != nil {
			return false
		}
		for _, t := range got.Items {
			if t.Kind == "rooms_lost" {
				return t.Settled == "connected" && t.By == "" && t.Count == len(t.Apts) &&
					slices.Contains(t.Apts, c.left.id)
			}
		}
		return false
	})
	c.check("the staff's task of the lost rooms names it, and is done by itself", ok, got)
}

// swept waits for the regular look at the account, which finds the meeting that was left behind in Zoom.
func (c *calls) swept(ctx context.Context) bool {
	there := func() []zoom.Meeting { return c.standing(zoom.Ada, c.left.start) }
	c.check("the room of before is still in Zoom beside it", len(there()) == 2, len(there()))
	if !c.jump(ctx, c.stack.Now().Add(6*time.Minute)) { // the look comes every five
		return false
	}
	ok := until(ctx, settling, func() bool { return len(there()) == 1 })
	left := there()
	return c.check("until the next look at the account", ok && left[0].ID != c.left.meeting, len(left))
}
