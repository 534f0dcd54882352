package main

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
)

// links is the case of guessing at patients' links.
func links() []plan {
	return []plan{{
		name: "A13", what: "patients' links guessed, changed and replaced: each refused alike, and nothing changed",
		broken: "looks at the beginning of a link only", run: guesses,
	}}
}

const guessed = 60 // of each run

// guesses tries links that there are not.
func guesses(ctx context.Context, w *world) {
	w.connectAll(ctx)
	for range 2 {
		w.ready(ctx, 0)
	}
	old := w.link(ctx, w.visits[1])
	_, err := w.video.Email(ctx, w.by(ctx, desk), once(), w.visits[1].id, true)
	w.must(err)
	w.visits[1].asked++
	good := w.link(ctx, w.visits[0])
	events := w.eventsOf(ctx)
	told := map[string]bool{}
	for range guessed {
		token := w.guess(good, old)
		_, seen := w.knock(ctx, token, good)
		_, join := w.video.Join(ctx, w.visitor(), token)
		for _, err := range []error{seen, join} {
			if !fault.Is(err, fault.NotFound) {
				w.tally.amiss("a guessed link leads somewhere: %v", err)
				continue
			}
			told[fault.Of(err).Error()+fault.Of(err).Message] = true
		}
	}
	if len(told) > 1 {
		w.tally.amiss("guessed links are told apart: %v", told)
	}
	if n := w.eventsOf(ctx) - events; n > 0 {
		w.tally.amiss("guesses left %d traces with appointments", n)
	}
	in, err := w.video.Visitor(ctx, w.visitor(), good)
	if err != nil || !in.RoomReady {
		w.tally.missing("the real link leads nowhere: %v", err)
	}
	if url, err := w.video.Join(ctx, w.visitor(), good); err != nil || !strings.Contains(url, "pwd=") {
		w.tally.missing("the real link lets nobody in: %v", err)
	}
	w.clock.pass(time.Minute)
	w.settle(ctx)
	w.verify(ctx)
}

func (w *world) visitor() access.Caller { return access.System(w.org, string(access.VideoVisitor)) }

// knock asks what a link leads to.
func (w *world) knock(ctx context.Context, token, good string) (video.Invitation, error) {
	if w.broken && len(token) >= 30 && token[:30] == good[:30] {
		token = good
	}
	return w.video.Visitor(ctx, w.visitor(), token)
}

// link is the token of the link that the patient was mailed.
func (w *world) link(ctx context.Context, v *visit) string {
	token, err := video.Links{Table: w.table, Keeper: w.keeper}.Of(ctx, w.job(), v.id)
	w.must(err)
	w.evidence.plant("a patient's link", token)
	return token
}

// eventsOf counts what is on record of the appointments.
func (w *world) eventsOf(ctx context.Context) int {
	k, n := w.table.For(w.job()), 0
	for _, v := range w.visits {
		rows, err := k.Under(ctx, k.Visit(v.id), table.Events)
		w.must(err)
		n += len(rows)
	}
	return n
}

// guess makes a link that there is not.
func (w *world) guess(good, old string) string {
	raw, err := base64.RawURLEncoding.DecodeString(good)
	w.must(err)
	changed := append([]byte{}, raw...)
	i := len(raw)/2 + w.draw.IntN(len(raw)/2)
	elsewhere, err := id.Raw(id.New("org"))
	w.must(err)
	switch w.draw.IntN(7) {
	case 0: // of the same organisation, at random
		for n := len(raw) / 2; n < len(raw); n++ {
			changed[n] = byte(w.draw.IntN(256)) //nolint:gosec // it fits
		}
	case 1: // one bit away
		changed[i] ^= 1 << w.draw.IntN(8)
	case 2: // another organisation's
		copy(changed, elsewhere[:])
	case 3: // the same bytes, written otherwise
		return good[:len(good)-1] + string(good[len(good)-1]+1)
	case 4:
		return good[:len(good)-1-w.draw.IntN(5)]
	case 5:
		return good + other('B')
	default:
		return old // was replaced by another
	}
	return base64.RawURLEncoding.EncodeToString(changed)
}
