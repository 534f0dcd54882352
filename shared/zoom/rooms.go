package zoom

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"almanac/shared/fault"
	"almanac/shared/video"
)

// Rooms makes meetings in the accounts of those who connected theirs: each is asked for as the user whose token it is.
// It is a video.Provider, and safe for concurrent use.
type Rooms struct {
	api    *API
	tokens Tokens
}

var _ video.Provider = Rooms{}

// NewRooms makes Rooms over the grants of the people's app.
func NewRooms(api *API, tokens Tokens) Rooms { return Rooms{api, tokens} }

// hostLinkLife is how long the host's link serves, by Zoom's description.
const hostLinkLife = 2 * time.Hour

// Capabilities tells what Zoom can do.
func (r Rooms) Capabilities() video.Capabilities {
	return video.Capabilities{
		Name: "Zoom", PerPersonAccount: true, Update: true, Events: true, HostLink: true, HostLinkLife: hostLinkLife,
		History: true, LongestMinutes: longest,
	}
}

// JoinOrigins lists where Zoom's join addresses lead to.
func (r Rooms) JoinOrigins() []string { return r.api.site.origins() }

const (
	// reference begins the line of a meeting's description by which we find it again. Participants see it.
	reference = "Almanac reference: "
	maxMarker = 100
	// londonZone is the zone that Zoom shows a time in where none is wanted.
	londonZone = "Europe/London"
	scheduled  = 2
	// clock is how Zoom takes an instant: without the Z it would be a local time.
	clock = "2006-01-02T15:04:05Z"
)

// Create makes a meeting, once. The guests' waiting room is on, whoever has the link: nobody is alone with a stranger.
func (r Rooms) Create(ctx context.Context, h video.Host, w video.Want) (video.Room, error) {
	if w.Zone == "" {
		w.Zone = londonZone
	}
	if w.Start.IsZero() || w.Minutes < 1 || w.Minutes > longest || !opaque(w.Marker) {
		return video.Room{}, unaskable()
	}
	o, err := r.api.do(ctx, r.tokens, h, call{
		method: http.MethodPost, path: "/users/me/meetings", creates: true,
		body: map[string]any{
			"topic": w.Topic, "type": scheduled, "start_time": w.Start.UTC().Format(clock), "duration": w.Minutes,
			"timezone": w.Zone, "agenda": reference + w.Marker, "default_password": true,
			"settings": map[string]any{
				"use_pmi": false, "waiting_room": true, "join_before_host": false, "approval_type": 2,
				"auto_recording": "none", "meeting_authentication": false, // guests have no account
			},
		},
	})
	if err != nil {
		return video.Room{}, err
	}
	room := r.room(o)
	if room.Ref == "" || room.JoinURL == "" {
		return video.Room{}, unknown(silence{"a meeting without an id or an address", true})
	}
	return room, nil
}

func unaskable() *fault.Error {
	return fault.New(fault.Invalid, video.ProviderRefused, "This cannot be asked of Zoom.")
}

// opaque tells a marker that stands on a line of its own without being taken for anything else.
func opaque(marker string) bool {
	return marker != "" && len(marker) <= maxMarker &&
		!strings.ContainsFunc(marker, func(r rune) bool { return r <= ' ' || r > '~' })
}

const (
	pageSize = 300
	maxPages = 50
)

// Upcoming lists the meetings that are still to come or under way. Zoom does not say whether one that has not begun at
// its time is among them.
func (r Rooms) Upcoming(ctx context.Context, h video.Host) ([]video.Room, error) {
	return r.list(ctx, h, "upcoming")
}

// All lists, besides those, the meetings whose time has passed, as far as Zoom keeps them. Its list of all that are
// scheduled should have the upcoming ones, too; whoever looks here must not miss one for that.
func (r Rooms) All(ctx context.Context, h video.Host) ([]video.Room, error) {
	all, err := r.list(ctx, h, "scheduled")
	if err != nil {
		return nil, err
	}
	more, err := r.list(ctx, h, "upcoming")
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(all))
	for _, room := range all {
		there[room.Ref] = true
	}
	for _, room := range more {
		if !there[room.Ref] {
			all = append(all, room)
		}
	}
	return all, nil
}

// list lists meetings of a sort. Where Zoom's list does not end, it is an error: what is not on a part of it may be
// there all the same.
func (r Rooms) list(ctx context.Context, h video.Host, sort string) ([]video.Room, error) {
	rooms := []video.Room{}
	err := r.pages(ctx, h, call{
		method: http.MethodGet, path: "/users/me/meetings", query: url.Values{"type": {sort}},
	}, "meetings", func(one object) {
		if room := r.room(one); room.Ref != "" {
			rooms = append(rooms, room)
		}
	})
	return rooms, err
}

// pages reads a list of Zoom's page by page.
func (r Rooms) pages(ctx context.Context, h video.Host, c call, name string, take func(object)) error {
	if c.query == nil {
		c.query = url.Values{}
	}
	c.query.Set("page_size", strconv.Itoa(pageSize))
	for range maxPages {
		o, err := r.api.do(ctx, r.tokens, h, c)
		if err != nil {
			return err
		}
		list, ok := o[name].([]any)
		if !ok {
			return unreached(silence{"a list without " + name, true})
		}
		for _, v := range list {
			one, _ := v.(map[string]any)
			take(one)
		}
		next := o.text("next_page_token")
		if next == "" {
			return nil
		}
		c.query.Set("next_page_token", next)
	}
	return unreached(silence{"a list without an end", true})
}

// Get reads a meeting. Its JoinURL is empty where Zoom gives none that a person may be sent to.
func (r Rooms) Get(ctx context.Context, h video.Host, ref string) (video.Room, error) {
	o, err := r.read(ctx, h, ref)
	if err != nil {
		return video.Room{}, err
	}
	return r.room(o), nil
}

// read gives the meeting as Zoom has it.
func (r Rooms) read(ctx context.Context, h video.Host, ref string) (object, error) {
	if !isRef(ref) {
		return nil, unaskable()
	}
	o, err := r.api.do(ctx, r.tokens, h, call{method: http.MethodGet, path: "/meetings/" + ref})
	if err != nil {
		return nil, err
	}
	if o.ref() != ref {
		return nil, unreached(silence{"another meeting", true})
	}
	return o, nil
}

// Update changes a meeting's time. Zoom ignores a start that has passed, and says nothing of it.
func (r Rooms) Update(ctx context.Context, h video.Host, ref string, d video.Difference) error {
	body := map[string]any{}
	if d.Start != nil {
		body["start_time"] = d.Start.UTC().Format(clock)
	}
	if d.Minutes != nil {
		body["duration"] = *d.Minutes
	}
	if !isRef(ref) || d.Start != nil && d.Start.IsZero() ||
		d.Minutes != nil && (*d.Minutes < 1 || *d.Minutes > longest) {
		return unaskable()
	}
	if len(body) == 0 {
		return nil
	}
	_, err := r.api.do(ctx, r.tokens, h, call{method: http.MethodPatch, path: "/meetings/" + ref, body: body})
	return err
}

// Delete takes a meeting away, and has Zoom mail nobody about it.
func (r Rooms) Delete(ctx context.Context, h video.Host, ref string) error {
	if !isRef(ref) {
		return unaskable()
	}
	_, err := r.api.do(ctx, r.tokens, h, call{
		method: http.MethodDelete, path: "/meetings/" + ref,
		query: url.Values{"schedule_for_reminder": {"false"}, "cancel_meeting_reminder": {"false"}},
	})
	if err != nil && fault.Of(err).Code == video.RoomGone {
		return nil
	}
	return err
}

// HostLink gives the address at which the host begins, made afresh at each call. It lets its bearer in as the host.
func (r Rooms) HostLink(ctx context.Context, h video.Host, ref string) (string, error) {
	o, err := r.read(ctx, h, ref)
	if err != nil {
		return "", err
	}
	link := o.text("start_url")
	switch {
	case link == "": // Zoom gives it to the host only
		return "", notHost(silence{"no address for the host", true})
	case !r.api.site.page(link):
		return "", unreached(silence{"an address elsewhere", true})
	}
	return link, nil
}

// isRef tells what can be the id of a meeting; anything else has no place in an address.
func isRef(ref string) bool { return object{"id": ref}.ref() != "" }

// room reads a meeting, of whatever sort. One without an id has no Ref; one without a fixed time has no Start.
func (r Rooms) room(o object) video.Room {
	room := video.Room{
		Ref: o.ref(), Session: o.session("uuid"), HostUser: o.name("host_id"),
		Marker: markerOf(o.text("agenda")), Started: o.text("status") == "started",
	}
	room.Start, _ = o.instant("start_time", "timezone")
	room.Minutes, _ = o.minutes("duration")
	if link := o.text("join_url"); r.api.site.page(link) {
		room.JoinURL = link
	}
	return room
}

// markerOf finds our marker in a description, to which the host may have added.
func markerOf(agenda string) string {
	for line := range strings.Lines(agenda) {
		if marker, ours := strings.CutPrefix(strings.TrimSpace(line), reference); ours && opaque(marker) {
			return marker
		}
	}
	return ""
}
