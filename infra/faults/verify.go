package main

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/booking"
	"almanac/shared/event"
	"almanac/shared/table"
	"almanac/shared/video"
)

// verify compares, for every appointment of the run, what the diary says, what is kept of the visit, what Zoom has, the
// log and the claims on everybody's time. It asks none of the code that brought them about.
func (w *world) verify(ctx context.Context) {
	ring, err := w.keeper.Ring(ctx, w.org)
	w.must(err)
	meetings := w.zoom.Meetings("")
	for _, v := range w.visits {
		marker := ring.Digest("video-room", v.id)
		var there []zoomsim.Meeting
		for _, m := range meetings {
			if !m.Trashed && !m.Erased && strings.Contains(m.Agenda, marker) {
				there = append(there, m)
			}
		}
		w.verifyVisit(ctx, v, there)
		w.verifyLog(ctx, v)
	}
	w.verifyClaims(ctx)
	w.verifyRows(ctx)
}

// verifyVisit compares one appointment with its room.
func (w *world) verifyVisit(ctx context.Context, v *visit, there []zoomsim.Meeting) {
	apt := w.appointment(ctx, v)
	stored, asked := w.stored(ctx, v)
	live := apt.Status != booking.Cancelled
	w.verifyExpected(v, apt)
	if !asked && v.asked > 0 {
		w.tally.missing("visit %d was asked for, and nothing is kept of it", v.n)
		return
	}
	want := 0
	if asked && live {
		want = 1
	}
	switch {
	case len(there) < want:
		w.tally.missing("visit %d (%s %s) has no room", v.n, stored.State, stored.Why)
		return
	case len(there) > want:
		w.tally.twice("visit %d (%s, %s %s) has %d rooms, not %d",
			v.n, apt.Status, stored.State, stored.Why, len(there), want)
		return
	}
	if !asked {
		return
	}
	w.verifySettled(v, stored, live)
	if live {
		w.verifyTime(v, apt, stored, there[0])
		w.verifyRoom(v, apt, stored, there[0])
	}
}

// verifySettled looks whether nobody is at a visit any more, and whether it has ended where it should.
func (w *world) verifySettled(v *visit, stored video.Visit, live bool) {
	if stored.LeaseBy != "" && w.clock.now().Before(stored.LeaseUntil) || stored.Pending {
		w.tally.amiss("visit %d was not settled", v.n)
	}
	if !live && stored.State != video.Removed && stored.State != video.Ended {
		w.tally.amiss("visit %d of a cancelled appointment is %s %s", v.n, stored.State, stored.Why)
	}
}

// verifyTime compares the times that diary and Zoom have, and that the visit knows.
func (w *world) verifyTime(v *visit, apt booking.Appointment, stored video.Visit, m zoomsim.Meeting) {
	length, a := int(apt.End.Sub(apt.Start)/time.Minute), stored.Acked
	if !m.Start.Equal(apt.Start) || m.Minutes != length {
		w.tally.amiss("visit %d is at %s for %d in the diary and at %s for %d in Zoom", v.n,
			apt.Start.UTC().Format(time.RFC3339), length, m.Start.Format(time.RFC3339), m.Minutes)
	} else if !a.Start.Equal(m.Start) || a.Minutes != m.Minutes || a.Sequence != apt.Sequence {
		w.tally.amiss("visit %d does not know what Zoom has", v.n)
	}
}

// verifyExpected compares an appointment with what the run knows of it.
func (w *world) verifyExpected(v *visit, apt booking.Appointment) {
	x := v.expects
	if x == nil {
		return
	}
	cancelled := apt.Status == booking.Cancelled
	length := int(apt.End.Sub(apt.Start) / time.Minute)
	if cancelled != x.cancelled || !cancelled && (!apt.Start.Equal(x.start) || length != x.minutes) {
		w.tally.amiss("visit %d is %s at %s for %d minutes, and should be at %s for %d, cancelled: %t", v.n, apt.Status,
			apt.Start.UTC().Format(time.RFC3339), length, x.start.Format(time.RFC3339), x.minutes, x.cancelled)
	}
}

// verifyRoom compares what is known of a room with the room.
func (w *world) verifyRoom(v *visit, apt booking.Appointment, stored video.Visit, m zoomsim.Meeting) {
	ref := strconv.FormatInt(m.ID, 10)
	switch {
	case stored.State != video.Ready || stored.Why != "":
		w.tally.amiss("visit %d is %s %s", v.n, stored.State, stored.Why)
	case stored.Ref != ref:
		w.tally.amiss("visit %d has another room than Zoom", v.n)
	case m.Host != w.user(slices.Index(w.practitioners, apt.PractitionerID)):
		w.tally.amiss("the room of visit %d is somebody else's", v.n)
	case len(stored.JoinURL) == 0 || stored.Linked != v.asked:
		w.tally.amiss("visit %d was asked for %d times, not %d", v.n, stored.Linked, v.asked)
	}
	if strings.Contains(m.Topic+m.Agenda, family) || strings.Contains(m.Agenda, v.id) {
		w.tally.amiss("the room of visit %d says whose it is", v.n)
	}
}

// verifyLog looks for what stands in a visit's log twice, and for what Zoom told and does not stand there.
func (w *world) verifyLog(ctx context.Context, v *visit) {
	log, err := w.video.Log(ctx, w.job(), v.id)
	w.must(err)
	seen := map[video.Happening]bool{}
	for _, e := range log {
		if e.Source == video.Almanac {
			continue
		}
		e.Start, e.Minutes, e.Version = nil, nil, 0
		if seen[e] {
			w.tally.twice("visit %d: the log has %s twice", v.n, e.Kind)
		}
		seen[e] = true
	}
}

// verifyClaims compares the time that everybody's appointments take with the appointments.
func (w *world) verifyClaims(ctx context.Context) {
	k := w.table.For(w.job())
	begin := monday().Truncate(24 * time.Hour)
	span := table.SpanOf(begin, begin.AddDate(0, 0, 5+len(w.visits)))
	taken := map[string]int{}
	for i, prc := range w.practitioners {
		days, err := k.Days(ctx, prc, span)
		w.must(err)
		taken[prc] = len(days.Taken)
		for _, v := range w.visits {
			apt := w.appointment(ctx, v)
			var want []table.Tick
			if core := table.SpanOf(apt.Start, apt.End); apt.Status != booking.Cancelled && apt.PractitionerID == prc {
				for t := core.From; t < core.To; t++ {
					want = append(want, t)
				}
			}
			got := held(days, v.id)
			slices.Sort(got)
			if taken[prc] -= len(got); !slices.Equal(got, want) {
				w.tally.amiss("visit %d claims %d steps of practitioner %d, not %d", v.n, len(got), i, len(want))
			}
		}
		if taken[prc] != 0 {
			w.tally.amiss("%d steps of practitioner %d are nobody's", taken[prc], i)
		}
	}
}

// verifyRows looks for rows that a room being made left behind, and for one room that is two visits'.
func (w *world) verifyRows(ctx context.Context) {
	k := w.table.For(w.job())
	for _, subject := range w.subjects {
		a, err := w.conns.Accounts().Of(ctx, renewer(w.org), subject)
		if err != nil {
			continue // not connected
		}
		rows, err := k.Under(ctx, k.Tombstone(a.Connection), table.Makings)
		w.must(err)
		if len(rows) > 0 {
			w.tally.amiss("%d rooms are being made for ever", len(rows))
		}
	}
	links := 0
	for _, v := range w.visits {
		rows, err := k.Under(ctx, k.Visit(v.id), table.Events)
		w.must(err)
		asked := 0
		for _, row := range rows {
			var e event.Event
			w.must(row.Decode(&e))
			if e.Name == event.VideoLinkAsked {
				asked++
			}
		}
		if asked != v.asked {
			w.tally.amiss("visit %d: %d mails with the link are planned, not %d", v.n, asked, v.asked)
		}
		links += asked
	}
}

// picture is everything that matters of the final state, to be compared with another time's.
func (w *world) picture(ctx context.Context) string {
	type one struct {
		Apt   booking.Appointment
		Visit video.Visit
		Log   []video.Happening
	}
	var all []one
	for _, v := range w.visits {
		stored, _ := w.stored(ctx, v)
		log, err := w.video.Log(ctx, w.job(), v.id)
		w.must(err)
		stored.Acked.At = time.Time{}
		all = append(all, one{w.appointment(ctx, v), stored, log})
	}
	var there []zoomsim.Meeting
	for _, m := range w.zoom.Meetings("") {
		if !m.Erased && !m.Trashed {
			there = append(there, m)
		}
	}
	text, err := json.Marshal([]any{all, there})
	w.must(err)
	return string(text)
}
