package main

import (
	"testing"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/task"
	"almanac/shared/video"
)

// Uninstalled, and nobody tells: within ten days everything is gone that is kept of the account, whatever it could be
// used for before, and the visits that are to come wait for another one.
func TestUninstallingNeverTold(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, b *bench, con string){
		"linked": func(*testing.T, *bench, string) {},
		"to be connected again": func(t *testing.T, b *bench, con string) {
			t.Helper()
			if err := b.z.Lapse(t.Context(), b.job, con, video.AccountGone); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			apt, _ := b.ready(t, "2027-01-25T09:30")
			con, err := b.connection(t)
			if err != nil {
				t.Fatal(err)
			}
			before(t, b, con.ID)
			b.Clock.Pass(time.Minute)
			if err := b.zoom.Uninstall("", zoomsim.Ada); err != nil {
				t.Fatal(err)
			}
			b.told(t) // and it is lost
			erased := time.Duration(0)
			for start := b.Clock.Now(); erased == 0 && b.Clock.Now().Sub(start) < 20*24*time.Hour; {
				b.Clock.Pass(3 * time.Hour)
				err := b.video.Check(t.Context(), access.System(b.Org, string(access.VideoRooms)), con.ID)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.connection(t); fault.Is(err, fault.NotFound) {
					erased = b.Clock.Now().Sub(start)
				}
			}
			if erased < 7*24*time.Hour || erased > 10*24*time.Hour {
				t.Errorf("it is erased after %s", erased)
			}
			c := b.Table.For(b.job)
			var left connection.Tombstone
			if err := c.Get(t.Context(), c.Tombstone(con.ID), &left); err != nil || left.Why != video.LongDead {
				t.Errorf("left is %+v, %v", left, err)
			}
			var v video.Visit
			if err := c.Get(t.Context(), c.Visit(apt.ID), &v); err != nil || v.Why != video.NotConnected || v.Connection != "" {
				t.Errorf("the visit is %s %s, %v", v.State, v.Why, err)
			}
			all, _, err := b.tasks.List(t.Context(), b.job, task.Open, "", 10)
			if err != nil || len(all) != 1 || all[0].Kind != video.RoomsLost || all[0].Because[0] != video.LongDead {
				t.Errorf("the staff are told %+v, %v", all, err)
			}
		})
	}
}
