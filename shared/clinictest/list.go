package clinictest

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/cursor"
	"almanac/shared/id"
	"almanac/shared/web"
)

// Lists is what ExerciseLists needs to know of a function.
type Lists struct {
	Routes web.Routes
	// Ask gives the subject of somebody who may ask for a path of openapi.json such as
	// "/v1/patients/{id}/access-log", of another member who may, and the path with the ids of records that are there.
	Ask func(path string) (subject, colleague, address string)
}

// listed is what openapi.json tells of a route's query.
type listed struct {
	path   string
	filter string // a parameter and a value of it that is not its default; empty if there is none
}

// ExerciseLists sends every route of the function's openapi.json that takes after a cursor that is its own, and
// cursors that are not: made up, changed, another organisation's, another person's, another route's, another
// question's, and old ones. The first is opened, and all others are refused alike.
func (c *Clinic) ExerciseLists(t *testing.T, l Lists) {
	t.Helper()
	d := drill{Clinic: c, sealer: cursor.New(c.Table, c.Clock.Now)}
	edge := c.Edge()
	open := edge.Gate.Open
	edge.Gate.Open = func(ctx context.Context, by access.Caller, of []string, sealed string) (string, error) {
		d.of = slices.Clone(of)
		position, err := open(ctx, by, of, sealed)
		d.opened = position
		return position, err
	}
	d.serve = edge.Serve(l.Routes)
	all := lists(t)
	if len(all) == 0 {
		t.Fatal("openapi.json has no route that takes after")
	}
	var others [][]string
	for _, one := range all {
		t.Run(one.path, func(t *testing.T) {
			subject, colleague, address := l.Ask(one.path)
			r := c.Ask(t, subject, "GET", address, nil)
			mine := d.own(t, r)
			d.foreign(t, r, mine)
			for _, of := range others {
				d.refused(t, "another route's", r, d.cursor(t, c.Org, of))
			}
			others = append(others, mine)
			sealed := d.cursor(t, c.Org, mine)
			d.refused(t, "a colleague's", c.Ask(t, colleague, "GET", address, nil), sealed)
			if one.filter != "" {
				d.refused(t, "with another filter", c.Ask(t, subject, "GET", address+"?"+one.filter, nil), sealed)
			}
		})
	}
}

// drill sends cursors to the routes of one function.
type drill struct {
	*Clinic
	sealer *cursor.Sealer
	serve  web.Handler
	of     []string // what the last cursor had to belong to
	opened string   // what it opened to
}

const position = "position"

func (d *drill) cursor(t *testing.T, org string, of []string) string {
	t.Helper()
	sealed, err := d.sealer.Seal(t.Context(), org, of, position)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// own finds out what a cursor of the request belongs to, and checks that one which does is opened, for any length of
// page.
func (d *drill) own(t *testing.T, r Request) []string {
	t.Helper()
	d.refused(t, "made up", r, "AGyQ3eX2bM0")
	if len(d.of) == 0 {
		t.Fatal("after was never opened")
	}
	for _, limit := range []string{"", "limit=1&"} {
		sent := r
		sent.RawQueryString = limit + "after=" + d.cursor(t, d.Org, d.of)
		d.opened = ""
		if res := Send(t, d.serve, sent); d.opened != position || res.StatusCode >= 500 {
			t.Errorf("its own, with %q: opened to %q: %d %s", limit, d.opened, res.StatusCode, res.Body)
		}
	}
	return d.of
}

func (d *drill) foreign(t *testing.T, r Request, mine []string) {
	t.Helper()
	sealed := d.cursor(t, d.Org, mine)
	for name, text := range map[string]string{
		"a position":             position,
		"one letter less":        sealed[:len(sealed)-1],
		"one letter more":        sealed + "A",
		"a letter changed":       sealed[:20] + other(sealed[20]) + sealed[21:],
		"another organisation's": d.cursor(t, id.New("org"), mine),
		"an hour old":            d.old(t, time.Hour+time.Second, mine),
	} {
		d.refused(t, name, r, text)
	}
	for n := range mine {
		of := slices.Clone(mine)
		of[n] += "x"
		d.refused(t, "of "+of[n], r, d.cursor(t, d.Org, of))
	}
}

// old gives a cursor of a while ago.
func (d *drill) old(t *testing.T, age time.Duration, of []string) string {
	t.Helper()
	then := cursor.New(d.Table, func() time.Time { return d.Clock.Now().Add(-age) })
	sealed, err := then.Seal(t.Context(), d.Org, of, position)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (d *drill) refused(t *testing.T, name string, r Request, after string) {
	t.Helper()
	r.RawQueryString = strings.TrimPrefix(r.RawQueryString+"&after="+after, "&")
	res := Send(t, d.serve, r)
	if p := Read[web.Problem](t, res); res.StatusCode != http.StatusBadRequest || p.Code != "malformed_cursor" {
		t.Errorf("a cursor %s: %d %s", name, res.StatusCode, res.Body)
	}
}

func other(letter byte) string {
	if letter == 'A' {
		return "B"
	}
	return "A"
}

// lists reads which routes of the function take after.
func lists(t *testing.T) []listed {
	t.Helper()
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	type parameter struct {
		Name, In string
		Schema   struct {
			Enum    []string
			Default any
		}
	}
	var doc struct {
		Paths map[string]struct {
			Get struct{ Parameters []parameter }
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var out []listed
	for path, item := range doc.Paths {
		one, takes := listed{path: path}, false
		for _, p := range item.Get.Parameters {
			takes = takes || p.In == "query" && p.Name == "after"
			for _, value := range p.Schema.Enum {
				if p.In == "query" && value != p.Schema.Default {
					one.filter = p.Name + "=" + value
				}
			}
		}
		if takes {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b listed) int { return strings.Compare(a.path, b.path) })
	return out
}
