package table_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

const transact = "TransactWriteItems"

// cancelled is what DynamoDB answers when one of n items is the reason.
func cancelled(n, which int, code string) error {
	reasons := make([]types.CancellationReason, n)
	for i := range reasons {
		reasons[i].Code = aws.String("None")
	}
	reasons[which].Code = aws.String(code)
	return &types.TransactionCanceledException{CancellationReasons: reasons}
}

// first fails the first n transactions with what makes gives, and counts all of them.
func first(n int, fail func() error) (func(context.Context, string, func() error) error, func() int) {
	var mu sync.Mutex
	seen := 0
	f := func(_ context.Context, op string, send func() error) error {
		if op != transact {
			return send()
		}
		mu.Lock()
		seen++
		hit := seen <= n
		mu.Unlock()
		if hit {
			return fail()
		}
		return send()
	}
	return f, func() int { mu.Lock(); defer mu.Unlock(); return seen }
}

// booking is a change as large as a booking: a record, two resources, a diary, an answer on record.
func (f *fixture) booking(t *testing.T) table.Change {
	t.Helper()
	apt := table.Owner{ID: id.New("apt")}
	at := span(tickAt(10, 0), 6)
	return table.Change{
		Action: access.AppointmentBook, Target: apt.ID, Once: clinictest.Once(), Answer: apt.ID,
		Put: []table.Item{{Key: f.k.Appointment(apt.ID), Value: thing{}, New: true}},
		Claims: []table.Claim{
			{Resource: id.New("prc"), Take: at, As: apt},
			{Resource: id.New("roo"), Take: at, As: apt},
			{Patient: f.NewPatient(t), Take: at, As: apt},
		},
		Event: event.Event{Name: event.AppointmentBooked, Version: 1},
	}
}

const bookingItems = 7

func TestConflictsAreTriedAgain(t *testing.T) {
	f := newFixture(t)
	for _, code := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
		for times := 1; times <= 5; times++ {
			ch := f.booking(t)
			fail, calls := first(times, func() error { return cancelled(bookingItems, times%bookingItems, code) })
			f.breakWith(fail)
			if err := f.k.Write(t.Context(), ch); err != nil || calls() != times+1 {
				t.Errorf("%s, %d times: %v after %d calls", code, times, err, calls())
			}
			f.heal()
			f.mustHaveOne(t, ch)
		}
	}
}

// mustHaveOne holds that the change was carried out exactly once.
func (f *fixture) mustHaveOne(t *testing.T, ch table.Change) {
	t.Helper()
	rows, err := f.k.Under(t.Context(), f.k.Appointment(ch.Target), "A")
	if err != nil || len(rows) != 1 {
		t.Errorf("%d records, %v", len(rows), err)
	}
	rows, err = f.k.Under(t.Context(), f.k.Appointment(ch.Target), table.Events)
	if err != nil || len(rows) != 1 {
		t.Errorf("%d event items, %v", len(rows), err)
	}
	for _, cl := range ch.Claims {
		of := cl.Resource + cl.Patient
		if got := f.ticks(t, of); len(got) != cl.Take.Len() {
			t.Errorf("%s has %d ticks, want %d", of[:3], len(got), cl.Take.Len())
		}
	}
}

func TestConflictForEver(t *testing.T) {
	f := newFixture(t)
	ch := f.booking(t)
	for _, test := range []struct {
		name, code string
		fail       func() error
	}{
		{"conflict", "busy", func() error { return cancelled(bookingItems, 3, "TransactionConflict") }},
		{"a single conflict", "busy", func() error { return &types.TransactionConflictException{} }},
		{"throttled items", "busy", func() error { return cancelled(bookingItems, 0, "ThrottlingError") }},
		{"throttled", "busy", func() error { return &types.ProvisionedThroughputExceededException{} }},
		{"request limit", "busy", func() error { return &types.RequestLimitExceeded{} }},
		// Of these nobody can tell whether they were carried out.
		{"in progress", "", func() error { return &types.TransactionInProgressException{} }},
		{"a server error", "outcome_unknown", func() error { return &types.InternalServerError{} }},
		{"no connection", "outcome_unknown", func() error { return &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF} }},
		{"nothing known", "outcome_unknown", func() error { return errors.New("something else") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.mustKeep(t, test.name, func() {
				refuse, calls := first(1000, test.fail)
				f.breakWith(refuse)
				defer f.heal()
				start := time.Now()
				err := f.k.Write(t.Context(), ch)
				if !fault.Is(err, fault.Unavailable) || fault.Of(err).RetryAfter <= 0 {
					t.Errorf("it is %v, try again after %s", err, fault.Of(err).RetryAfter)
				}
				if got := fault.Of(err).Code; test.code != "" && got != test.code {
					t.Errorf("the code is %s, want %s", got, test.code)
				}
				if calls() > 6 {
					t.Errorf("%d calls: a table in trouble must not get many times the calls it had", calls())
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
	if err := f.k.Write(t.Context(), ch); err != nil {
		t.Fatalf("the same request after all that: %v", err)
	}
	f.mustHaveOne(t, ch)
}

// Somebody who gives up waiting is let go at once.
func TestGivingUp(t *testing.T) {
	f := newFixture(t)
	ch := f.booking(t)
	ctx, cancel := context.WithCancel(t.Context())
	refuse, calls := first(1000, func() error { cancel(); return cancelled(bookingItems, 3, "TransactionConflict") })
	f.mustKeep(t, "giving up", func() {
		f.breakWith(refuse)
		defer f.heal()
		if err := f.k.Write(ctx, ch); !fault.Is(err, fault.Unavailable) || calls() != 1 {
			t.Errorf("%v after %d calls", err, calls())
		}
	})
}

// A transaction that was cancelled for good reason is not tried again, even when another item was only busy and the
// reason is one that no later try can change.
func TestRefusalsAreNotTriedAgain(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name  string
		which int
		ok    func(error) bool
		calls int
	}{
		{"done", 0, func(err error) bool { return errors.Is(err, access.ErrDone) }, 1},
		{"standing", 1, standing, 1},
		{"exists", 2, is(fault.Conflict, "exists"), 1},
		{"taken", 3, is(fault.Conflict, "time_taken"), 1},
		{"done, and busy", 0 + 100, func(err error) bool { return errors.Is(err, access.ErrDone) }, 1},
		{"standing, and busy", 1 + 100, standing, 1},
		// Somebody else's transaction under way may be our own twin, or may fail: only a try without it tells.
		{"exists, and busy", 2 + 100, is(fault.Unavailable, "busy"), 6},
		{"taken, and busy", 3 + 100, is(fault.Unavailable, "busy"), 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			refuse, calls := first(1000, func() error {
				err := cancelled(bookingItems, test.which%100, "ConditionalCheckFailed")
				if tx, ok := errors.AsType[*types.TransactionCanceledException](err); ok && test.which >= 100 {
					tx.CancellationReasons[bookingItems-1].Code = aws.String("TransactionConflict")
				}
				return err
			})
			ch := f.booking(t)
			f.breakWith(refuse)
			defer f.heal()
			if err := f.k.Write(t.Context(), ch); !test.ok(err) || calls() != test.calls {
				t.Errorf("%v after %d calls", err, calls())
			}
		})
	}
}

// The reply is lost after the commit: the SDK tries again under the same token and hears of its own success; or it
// gives up, and then the request sent again is told that it was done.
func TestLostReply(t *testing.T) {
	f := newFixture(t)
	for name, lost := range map[string]error{
		"and tried again":              &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF},
		"and known as a server's":      &types.InternalServerError{},
		"and the process with it":      errors.New("killed"),
		"and then a conflict is heard": cancelled(bookingItems, 2, "TransactionConflict"),
	} {
		t.Run(name, func(t *testing.T) {
			ch := f.booking(t)
			sent, dead := 0, false
			f.breakWith(func(_ context.Context, op string, send func() error) error {
				if op != transact {
					return send()
				}
				sent++
				if dead {
					return lost
				}
				if err := send(); err != nil || sent > 1 {
					return err
				}
				dead = name == "and the process with it"
				return lost
			})
			err := f.k.Write(t.Context(), ch)
			f.heal()
			if err != nil && !fault.Is(err, fault.Unavailable) && !errors.Is(err, access.ErrDone) {
				t.Errorf("the answer is %v", err)
			}
			if err == nil != (name != "and the process with it") {
				t.Errorf("after %d calls the answer is %v", sent, err)
			}
			f.mustHaveOne(t, ch)
			f.mustKeep(t, "a repeat", func() {
				if err := f.k.Write(t.Context(), ch); !errors.Is(err, access.ErrDone) {
					t.Errorf("a repeat is %v", err)
				}
			})
			if answer, found, err := f.k.Recall(t.Context(), ch.Once); !found || err != nil || string(answer) != strconv.Quote(ch.Target) {
				t.Errorf("recalled %s, %t, %v", answer, found, err)
			}
		})
	}
}

// With three tries in ten in conflict, nobody waits a second for it, and nearly everybody is served. What the engine
// itself takes, on a machine that may be busy with other tests, is not counted.
func TestConflictsTakeUnderASecond(t *testing.T) {
	f := newFixture(t)
	const workers, each = 4, 40
	changes := make([]table.Change, workers*each)
	for i := range changes {
		changes[i] = f.booking(t)
	}
	type stopwatch struct{}
	var mu sync.Mutex
	draw := rand.New(rand.NewPCG(1, 30))
	injected := 0
	f.breakWith(func(ctx context.Context, op string, send func() error) error {
		mu.Lock()
		hit := op == transact && draw.Float64() < 0.3
		if hit {
			injected++
		}
		mu.Unlock()
		if hit {
			return cancelled(bookingItems, 4, "TransactionConflict")
		}
		start := time.Now()
		defer func() { *ctx.Value(stopwatch{}).(*time.Duration) += time.Since(start) }()
		return send()
	})
	took := make([]time.Duration, len(changes))
	failed := make([]error, len(changes))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				var engine time.Duration
				start := time.Now()
				failed[i] = f.k.Write(context.WithValue(t.Context(), stopwatch{}, &engine), changes[i])
				took[i] = time.Since(start) - engine
			}
		})
	}
	wg.Wait()
	f.heal()
	refused := 0
	for i, err := range failed {
		if err == nil {
			f.mustHaveOne(t, changes[i])
			continue
		}
		refused++
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("a write failed: %v", err)
		}
		if rows, err := f.k.Under(t.Context(), f.k.Appointment(changes[i].Target), "A"); err != nil || len(rows) > 0 {
			t.Errorf("a refused write left %d items, %v", len(rows), err)
		}
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d writes, %d conflicts injected, waited p50 %s, p99 %s, most %s, %d unavailable",
		len(took), injected, took[len(took)/2], p99, took[len(took)-1], refused)
	if p99 >= time.Second || refused > len(took)/50 {
		t.Errorf("waited p99 %s, %d of %d unavailable", p99, refused, len(took))
	}
}

// Reads fail as unavailable, with a time to come back, and never as empty.
func TestReadsFailClosed(t *testing.T) {
	f := newFixture(t)
	f.breakWith(func(context.Context, string, func() error) error { return errors.New("the table is gone") })
	defer f.heal()
	var out map[string]any
	_, errAll := table.GetAll[map[string]any](t.Context(), f.k, []table.Key{f.k.Organisation()})
	_, errDays := f.k.Days(t.Context(), "prc", span(tickAt(0, 0), 1))
	_, errDiary := f.k.DiaryOf(t.Context(), f.Patients[0])
	_, errConf := f.k.Configuration(t.Context(), clinictest.Monday())
	_, found, errRecall := f.k.Recall(t.Context(), clinictest.Once())
	_, errWait := f.Table.Outbox().Waiting(t.Context(), 0, time.Now(), 1)
	for name, err := range map[string]error{
		"Get": f.k.Get(t.Context(), f.k.Organisation(), &out), "GetAll": errAll, "Days": errDays, "DiaryOf": errDiary,
		"Configuration": errConf, "Recall": errRecall, "Waiting": errWait,
		"Note": f.k.Note(t.Context(), access.PatientRead, "pat", event.Event{Name: event.RecordRead}),
	} {
		if !fault.Is(err, fault.Unavailable) || fault.Of(err).RetryAfter <= 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found {
		t.Error("Recall found something")
	}
}

// Whatever people send, it is a value: the names and operators of expressions are the table's own.
func TestExpressionsAreNotMadeOfInput(t *testing.T) {
	f := newFixture(t)
	const evil = "x) OR attribute_exists(PK) REMOVE #v :now #ttl "
	apt := table.Owner{ID: id.New("apt")}
	at := span(tickAt(10, 0), 6)
	ch := table.Change{
		Action: access.AppointmentBook, Target: evil + "target", Answer: evil,
		Once: access.Once{Key: evil + "key", Fingerprint: [32]byte{1}},
		Put: []table.Item{
			{Key: f.k.Appointment(evil), Value: map[string]string{evil: evil}, New: true, Index: f.k.PatientIndex(evil, time.Time{}, evil)},
			{Key: f.k.Staff(evil), Value: thing{Text: evil}, New: true},
		},
		Claims: []table.Claim{{Resource: evil, Take: at, As: apt}, {Patient: f.Patients[0], Take: at, As: apt}},
		Event:  event.Event{Name: event.AppointmentBooked, Why: evil, Refs: map[string]string{evil: evil}},
	}
	f.transactions()
	f.mustWrite(t, ch)
	ch.Once.Key += "2"
	ch.Put = nil
	ch.Claims = []table.Claim{{Resource: evil, Free: at, Was: apt, Ended: true}, {Patient: f.Patients[0], Free: at, Was: apt}}
	f.mustWrite(t, ch)
	for _, tx := range f.transactions() {
		for _, it := range tx.TransactItems {
			mustBeOurs(t, it)
		}
	}
}

func mustBeOurs(t *testing.T, it types.TransactWriteItem) {
	t.Helper()
	ours := regexp.MustCompile(`^(SET|REMOVE|ADD|AND|OR|NOT|=|>=|<|,|x|v|PK|attribute_(not_)?exists\((PK|#closed)\)|[#:][0-9a-z]+|\s)*$`)
	name := regexp.MustCompile(`^([0-9a-z]{2}|[0-9a-z]{5}|ttl|closed|m[0-9]+)$`)
	var expressions []*string
	var names map[string]string
	switch {
	case it.Put != nil:
		expressions, names = []*string{it.Put.ConditionExpression}, it.Put.ExpressionAttributeNames
	case it.Update != nil:
		expressions = []*string{it.Update.ConditionExpression, it.Update.UpdateExpression}
		names = it.Update.ExpressionAttributeNames
	case it.ConditionCheck != nil:
		expressions = []*string{it.ConditionCheck.ConditionExpression}
	}
	for _, e := range expressions {
		if !ours.MatchString(*e) {
			t.Errorf("an expression with something else in it: %s", *e)
		}
	}
	for _, n := range names {
		if !name.MatchString(n) {
			t.Errorf("an attribute name from elsewhere: %q", n)
		}
	}
}

// Reads send no text of theirs in expressions either.
func TestQueriesAreNotMadeOfInput(t *testing.T) {
	f := newFixture(t)
	const evil = "x' OR PK = :p AND #a "
	if _, err := f.k.Days(t.Context(), evil, span(tickAt(0, 0), 1)); err != nil {
		t.Error(err)
	}
	if rows, err := f.k.Under(t.Context(), f.k.Appointment(evil), table.Events); err != nil || len(rows) > 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	at := f.k.PatientIndex(evil, time.Time{}, "")
	if got, _, err := table.List[map[string]any](t.Context(), f.k, at, evil, 5, true); err != nil || len(got) > 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
}
