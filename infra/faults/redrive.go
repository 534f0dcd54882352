package main

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
)

// redrives has our workers die until messages are dead letters, and sends those again, twice; then somebody is erased,
// or uninstalls Almanac, and everything that ever was told is told again, also in the words of a later version.
func redrives(ctx context.Context, w *world) {
	if w.broken {
		w.strip = forgetful
	}
	w.connectAll(ctx)
	for i := range 3 {
		w.ready(ctx, i%2)
	}
	w.drain(ctx)
	w.post.dying = true
	for _, v := range w.visits[:2] {
		w.move(ctx, v, w.sometime(v), v.practitioner)
	}
	w.edit(ctx, w.visits[2], w.sometime(w.visits[2]), 25)
	w.ask(ctx, w.book(ctx, 0))
	w.drain(ctx)
	if len(w.post.dead) < 3 {
		w.tally.amiss("only %d messages became dead letters", len(w.post.dead))
	}
	w.post.dying = false
	w.clock.pass(time.Hour)
	for _, l := range w.post.dead {
		for range 2 {
			w.post.waiting = append(w.post.waiting, &letter{body: l.body, notice: l.notice, due: w.clock.now()})
		}
	}
	w.tally.count("dead letters", len(w.post.dead))
	w.post.dead = nil
	w.drain(ctx)
	w.verify(ctx)
	if w.draw.IntN(2) == 0 || w.broken {
		w.eraseAndRepeat(ctx)
	} else {
		w.uninstallAndRepeat(ctx)
	}
	w.verifyLater(ctx)
}

// eraseAndRepeat erases the patient of the first visit, whose move is still on its way.
func (w *world) eraseAndRepeat(ctx context.Context) {
	v := w.visits[0]
	w.move(ctx, v, w.sometime(v), v.practitioner)
	w.collect(ctx)
	w.erase(ctx, w.patients[v.patient])
	count := func() int {
		k := w.table.For(w.job())
		rows, err := k.Under(ctx, k.Visit(v.id), table.Events)
		w.must(err)
		return len(rows)
	}
	before := count()
	w.again()
	w.drain(ctx)
	if n := count() - before; n > 0 {
		w.tally.amiss("%d things were noted of somebody who was erased", n)
	}
	for _, x := range w.visits {
		w.verifyLog(ctx, x)
	}
}

// erase destroys a patient's data key and diary in one step, as erasing somebody does.
func (w *world) erase(ctx context.Context, patient string) {
	pk := "T#" + w.org + "#" + patient
	var items []types.TransactWriteItem
	for name, sk := range map[string]string{w.keys: "KEY", w.name: "DIARY"} {
		items = append(items, types.TransactWriteItem{Delete: &types.Delete{
			TableName: aws.String(name), ConditionExpression: aws.String("attribute_exists(PK)"),
			Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk},
			},
		}})
	}
	_, err := w.direct.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	w.must(err)
}

// uninstallAndRepeat has the first practitioner uninstall Almanac at Zoom, and later connect it again: the visits that
// are still to come have rooms then as if nothing had been.
func (w *world) uninstallAndRepeat(ctx context.Context) {
	con := w.account(ctx, 0)
	w.clock.pass(time.Minute)
	w.must(w.zoom.Uninstall("", w.user(0)))
	w.drain(ctx)
	w.verifyForgotten(ctx, con.ID)
	w.again()
	w.drain(ctx)
	w.verifyForgotten(ctx, con.ID)
	w.clock.pass(time.Minute)
	w.connect(ctx, 0, w.user(0))
	w.drain(ctx)
	w.clock.pass(time.Minute)
	w.sweep(ctx) // what was left at Zoom goes
	w.drain(ctx)
	w.verify(ctx)
	tasks, _, err := w.tasks.List(ctx, w.by(ctx, desk), task.Open, "", 100)
	w.must(err)
	for _, x := range tasks {
		if x.Kind == video.RoomsLost || x.Kind == video.NeedsReauth {
			w.tally.amiss("the staff are still told %s", x.Kind)
		}
	}
}

// verifyForgotten looks for what is still kept of an account that is gone.
func (w *world) verifyForgotten(ctx context.Context, con string) {
	k := w.table.For(w.job())
	if _, err := w.conns.Read(ctx, renewer(w.org), con); !fault.Is(err, fault.NotFound) {
		w.tally.amiss("the account that was uninstalled is still there: %v", err)
	}
	if _, err := w.table.WhoseIs(ctx, "zoom", w.users[0].AccountID+"#"+w.users[0].ID); !fault.Is(err, fault.NotFound) {
		w.tally.amiss("something leads to the account that was uninstalled: %v", err)
	}
	for _, prefix := range []string{table.RoomsOf, table.PastRoomsOf, table.Makings, table.Usages} {
		rows, err := k.Under(ctx, k.Tombstone(con), prefix)
		w.must(err)
		if len(rows) > 0 {
			w.tally.amiss("%d rows %s of the account are left", len(rows), prefix)
		}
	}
	for _, v := range w.visits {
		log, err := w.video.Log(ctx, w.job(), v.id)
		w.must(err)
		for _, e := range log {
			if e.Connection == con {
				w.tally.amiss("visit %d has a log of the account", v.n)
				break
			}
		}
		if stored, ok := w.stored(ctx, v); ok && (stored.Connection == con || stored.List == con) {
			w.tally.amiss("visit %d is in the account", v.n)
		}
	}
}

// verifyLater sends what later code would: it must stay in the queue until that code is there.
func (w *world) verifyLater(ctx context.Context) {
	n := 0
	for _, body := range w.post.seen {
		text, notice := strings.CutPrefix(body, "!")
		if strings.Contains(text, `"v":1,`) && n < 4 {
			n++
			w.post.waiting = append(w.post.waiting, &letter{
				body: strings.Replace(text, `"v":1,`, `"v":2,"more":{},`, 1), notice: notice, due: w.clock.now(),
			})
		}
	}
	dead := len(w.post.dead)
	w.drain(ctx)
	if got := len(w.post.dead) - dead; got != n {
		w.tally.missing("of %d messages of a later version %d became dead letters", n, got)
	}
}
