package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/table"
)

// Whatever way something takes out of a run, it is looked through.
func TestLeaks(t *testing.T) {
	h, err := newHouse(t.Context(), small(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(context.WithoutCancel(t.Context())) })
	call := func(w *world, path string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := ear{w, http.DefaultTransport}.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	write := func(w *world, name string) {
		k := w.table.For(access.NewCaller(w.org, "manager", []access.Role{access.Manager}, 0))
		err := k.Write(t.Context(), table.Change{
			Action: access.RoomCreate, Target: "rom_x", Event: event.Event{Name: event.RoomCreated},
			Put: []table.Item{{Key: k.Room("rom_x"), New: true, Value: clinic.Room{ID: "rom_x", Name: name}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		leak func(w *world)
		want int
	}{
		"nothing":           {func(*world) {}, 0},
		"a log":             {func(w *world) { w.logger().InfoContext(t.Context(), "of zebedee-CANARYa") }, 1},
		"a message":         {func(w *world) { w.put(`{"to":"`+family+`"}`, false) }, 1},
		"a dead letter":     {func(w *world) { w.post.dead = append(w.post.dead, &letter{body: appSecret}) }, 1},
		"an item":           {func(w *world) { write(w, "for "+family) }, 1},
		"staff in an item":  {func(w *world) { write(w, "desk@example.org") }, 0},
		"staff in a log":    {func(w *world) { w.logged("desk@example.org") }, 1},
		"an address":        {func(w *world) { call(w, "/v2/users/"+url.PathEscape(hookSecret)) }, 1},
		"in base 64":        {func(w *world) { w.logged(base64.StdEncoding.EncodeToString([]byte(family))) }, 1},
		"in an address":     {func(w *world) { w.logged("?q=" + url.QueryEscape("webhook secret of the app under faults")) }, 1},
		"twice in two ways": {func(w *world) { w.logged(family + appSecret); w.logged(family); w.put(family, true) }, 3},
		"what Zoom said": {func(w *world) {
			w.evidence.overheard([]byte(`{"users":[{"last_name":"Okonjo-Bell","join_url":"https://z/j/1?pwd=abcdefgh.1"}],"access_token":"aaaabbbb"}`))
			w.logged("Okonjo-Bell https://z/j/1?pwd=abcdefgh.1 aaaabbbb")
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := h.newWorld(t.Context(), 1, 0, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(w.close)
			before := h.searched.findings
			c.leak(w)
			w.secrets()
			if w.tally.wrong != c.want || h.searched.findings-before != c.want {
				t.Errorf("%d found, %q, not %d", w.tally.wrong, w.tally.notes, c.want)
			}
		})
	}
	var sum tally
	if h.searched.of(&sum); sum.runs != 12 || sum.wrong != h.searched.findings || sum.counts["canaries"] < 12*6 {
		t.Errorf("%+v", sum)
	}
}
