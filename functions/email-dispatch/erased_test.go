package main

import (
	"strings"
	"testing"
	"time"

	"almanac/shared/alert"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
)

// A message about somebody who is erased at any moment before it is sent is dropped as done and counted as gone: nobody
// gets a mail, the queue hears of no failure, and nothing is written. Once it went out, no more is said of it.
func TestNothingIsSentOfSomebodyErased(t *testing.T) {
	for name, happen := range map[string]func(*testing.T, *bench) event.Message{
		"appointment": func(t *testing.T, b *bench) event.Message {
			t.Helper()
			b.book(t, "2027-01-05T09:30")
			return b.outbox(t)[0]
		},
		"nothing to send": func(t *testing.T, b *bench) event.Message {
			t.Helper()
			apt := b.book(t, "2027-01-05T09:30")
			first := b.outbox(t)[0]
			b.move(t, apt, "2027-01-05T11:30")
			return first
		},
		"alert": func(t *testing.T, b *bench) event.Message {
			t.Helper()
			(&alerts{bench: b, service: alert.New(b.Table, b.Keeper, b.Clock.Now, id.New), by: b.By(t, clinictest.Clinician)}).glass(t)
			return b.outbox(t)[0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			for at, came := 1, true; came; at++ {
				var moment clinictest.Moment
				b := newBench(t, moment.Option())
				m := happen(t, b)
				before, mails := 0, 0
				moment.At(at, func() {
					b.Erase(t, b.patient)
					before, mails = b.Items(t), len(b.ses.Mails(""))
				})
				failed := b.work(t, m)
				gone := strings.Contains(b.Log.String(), `"outcome":"gone"`)
				if came = moment.Came(); !came {
					if at == 1 || len(failed) > 0 || gone {
						t.Errorf("it makes %d calls; failed %v\n%s", at-1, failed, b.Log)
					}
					continue
				}
				if after := b.Items(t); len(failed) > 0 || !gone || after != before || len(b.ses.Mails("")) != mails {
					t.Errorf("erased before call %d: failed %v, %d items became %d, %d mails became %d\n%s",
						at, failed, before, after, mails, len(b.ses.Mails("")), b.Log)
				}
				b.Clock.Pass(2 * time.Minute) // whoever took it is known to be gone
				if failed := b.work(t, m); len(failed) > 0 || b.Items(t) != before || len(b.ses.Mails("")) != mails {
					t.Errorf("erased before call %d, once more: failed %v", at, failed)
				}
			}
		})
	}
}
