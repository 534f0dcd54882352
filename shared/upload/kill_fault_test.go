package upload_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/upload"
)

var errKilled = errors.New("killed")

// killer ends a worker at its k-th call to the engines: before it is sent, or after it was carried out and before the
// answer is there. All later calls of that worker fail.
type killer struct {
	mu    sync.Mutex
	at    int
	after bool
	calls int
	dead  bool
	stop  context.CancelFunc
}

func (k *killer) around(send func() error) error {
	k.mu.Lock()
	k.calls++
	mine, dead := k.calls == k.at, k.dead
	k.dead = dead || mine
	k.mu.Unlock()
	switch {
	case dead:
		return errKilled
	case !mine:
		return send()
	}
	defer k.stop()
	if k.after {
		_ = send()
	}
	return errKilled
}

// sleeper stops a worker at its k-th call until it is woken.
type sleeper struct {
	mu           sync.Mutex
	at, calls    int
	asleep, wake chan struct{}
}

func (s *sleeper) around(send func() error) error {
	s.mu.Lock()
	s.calls++
	mine := s.calls == s.at
	s.mu.Unlock()
	if mine {
		close(s.asleep)
		<-s.wake
	}
	return send()
}

type hook struct{}

// under gives the context of a worker whose calls go through f.
func under(ctx context.Context, f func(send func() error) error) context.Context {
	return context.WithValue(ctx, hook{}, f)
}

func intercept(ctx context.Context, _ string, send func() error) error {
	if f, ok := ctx.Value(hook{}).(func(func() error) error); ok {
		return f(send)
	}
	return send()
}

type client struct{ aws.HTTPClient }

// Do implements aws.HTTPClient.
func (c client) Do(req *http.Request) (*http.Response, error) {
	var res *http.Response
	err := intercept(req.Context(), "", func() error {
		var err error
		res, err = c.HTTPClient.Do(req) //nolint:bodyclose // whoever gets it closes it
		return err
	})
	if err != nil {
		if res != nil {
			_ = res.Body.Close()
		}
		return nil, err
	}
	return res, nil
}

// newFrailOffice is an office whose workers can be stopped at any call.
func newFrailOffice(t *testing.T) *office {
	t.Helper()
	h := clinictest.New(t, clinictest.Intercept(intercept))
	return newOfficeWith(t, h, func(c aws.HTTPClient) aws.HTTPClient { return client{c} })
}

// everything lists the items of the office's organisation, as "partition:sort key".
func (o *office) everything(t *testing.T) string {
	t.Helper()
	var out []string
	var from map[string]types.AttributeValue
	for {
		page, err := o.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &o.Name, ExclusiveStartKey: from, ProjectionExpression: aws.String("PK, SK")})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			pk, sk := item["PK"].(*types.AttributeValueMemberS).Value, item["SK"].(*types.AttributeValueMemberS).Value
			if mine, ok := strings.CutPrefix(pk, "T#"+o.Org+"#"); ok {
				out = append(out, mine+":"+sk)
			}
		}
		if from = page.LastEvaluatedKey; len(from) == 0 {
			slices.Sort(out)
			return strings.Join(out, "\n")
		}
	}
}

// file makes four lines: a new patient, one twice, one that is there, and one that is refused.
func (o *office) fourLines(n int) string {
	all := strings.SplitAfter(lines(2*n, 2), "\n")
	return header + all[1] + all[2] + all[1] + "Known,Ada,1950-02-27,,,,SW1A 2AA,,,\n,,,,,,,,,\n"
}

// TestKilledAnywhere kills the worker of a dry run, and of a run, at every call that it makes, before and after it is
// carried out. The next worker comes to the same report, the same records and the same counts, as if nothing had been.
func TestKilledAnywhere(t *testing.T) {
	o := newFrailOffice(t)
	o.both(t, header+"Known,Ada,1950-02-27,,,,SW1A 2AA,,,\n")
	points := 0
	for _, dry := range []bool{true, false} {
		for _, after := range []bool{false, true} {
			for k := 1; ; k++ {
				before := o.patientsThere(t)
				died := o.killed(t, points, k, dry, after)
				points++
				if !dry {
					if now := o.patientsThere(t); now != before+2 {
						t.Fatalf("killed at call %d (after: %t): %d patients were registered, want 2", k, after, now-before)
					}
				}
				if !died {
					break
				}
			}
		}
	}
	t.Logf("%d points at which a worker died", points-4)
}

// killed runs an upload whose worker is killed at its k-th call, and tells whether it made so many.
func (o *office) killed(t *testing.T, n, k int, dry, after bool) bool {
	t.Helper()
	u := o.send(t, o.fourLines(1000+n))
	if !dry {
		o.run(t, u, true)
	}
	m := o.start(t, u, dry)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	killer := &killer{at: k, after: after, stop: cancel}
	err := o.runner.Carry(under(ctx, killer.around), o.job(), m)
	died := killer.dead
	if died == (err == nil) && o.get(t, u.ID).State == map[bool]upload.State{true: upload.Checking, false: upload.Loading}[dry] {
		t.Errorf("killed at call %d: %t, error %v", k, died, err)
	}
	o.Clock.Pass(3 * time.Minute)
	if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
		t.Fatalf("dry: %t, killed at call %d, after: %t: the next worker: %v", dry, k, after, err)
	}
	got := o.get(t, u.ID)
	if want := (upload.Counts{Lines: 5, Created: 2, Matched: 1, Duplicates: 1, Refused: 1}); got.Counts != want || got.State != map[bool]upload.State{true: upload.Checked, false: upload.Done}[dry] {
		t.Fatalf("dry: %t, killed at call %d, after: %t: %s %+v", dry, k, after, got.State, got.Counts)
	}
	what := map[bool]string{true: "would_create", false: "created"}[dry]
	var rows []string
	for _, r := range o.report(t, u) {
		rows = append(rows, r[0]+" "+r[1]+" "+r[3])
	}
	want := []string{"2 " + what + " ", "3 " + what + " ", "4 duplicate duplicate_of_line:2", "5 matched ", "6 refused required:birthDate required:family"}
	if !slices.Equal(rows, want) {
		t.Fatalf("dry: %t, killed at call %d, after: %t: the report says %q", dry, k, after, rows)
	}
	return died
}

// TestTwoWorkers: of two who get the same message at once, one carries the upload and the other leaves it.
func TestTwoWorkers(t *testing.T) {
	o := newOffice(t)
	u := o.send(t, lines(0, 400))
	o.run(t, u, true)
	before := o.patientsThere(t)
	m := o.start(t, u, false)
	errs := make([]error, 4)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = o.runner.Carry(t.Context(), o.job(), m) })
	}
	wait.Wait()
	carried := 0
	for _, err := range errs {
		if err == nil {
			carried++
		} else if !fault.Is(err, fault.Unavailable) {
			t.Errorf("the other left it for %v", err)
		}
	}
	if got := o.get(t, u.ID); carried != 1 || got.State != upload.Done || got.Counts.Created != 400 || o.patientsThere(t) != before+400 {
		t.Errorf("%d carried it: %s %+v", carried, got.State, got.Counts)
	}
}

// TestTakenForDead: a worker who stands still past its lease loses the upload to the next; when it wakes it writes
// nothing that counts, and says so.
func TestTakenForDead(t *testing.T) {
	o := newFrailOffice(t)
	u := o.send(t, lines(0, 400))
	o.run(t, u, true)
	before := o.patientsThere(t)
	m := o.start(t, u, false)
	s := &sleeper{at: 700, asleep: make(chan struct{}), wake: make(chan struct{})}
	first := make(chan error, 1)
	go func() { first <- o.runner.Carry(under(t.Context(), s.around), o.job(), m) }()
	select {
	case <-s.asleep:
	case err := <-first:
		t.Fatalf("it made no more than %d calls: %v", s.calls, err)
	}
	version := o.get(t, u.ID).Version
	if err := o.runner.Carry(t.Context(), o.job(), m); !fault.Is(err, fault.Unavailable) || o.get(t, u.ID).Version != version {
		t.Errorf("the second worker does not wait for the lease to end: %v", err)
	}
	o.Clock.Pass(3 * time.Minute)
	if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
		t.Fatalf("the second worker: %v", err)
	}
	close(s.wake)
	if err := <-first; !fault.Is(err, fault.Unavailable) {
		t.Errorf("the first worker: %v", err)
	}
	if got := o.get(t, u.ID); got.State != upload.Done || got.Counts.Created != 400 || o.patientsThere(t) != before+400 {
		t.Errorf("%s %+v", got.State, got.Counts)
	}
	if rows := o.report(t, u); len(rows) != 400 {
		t.Errorf("the report has %d lines", len(rows))
	}
}

// TestOutOfTime: a worker stops before its time is over and calls the next, until the file is at its end.
func TestOutOfTime(t *testing.T) {
	o := newOffice(t)
	u := o.send(t, lines(0, 1200))
	m, turns := o.start(t, u, true), 0
	for got := o.get(t, u.ID); got.State == upload.Checking; got = o.get(t, u.ID) {
		turns++
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second+100*time.Millisecond)
		err := o.runner.Carry(ctx, o.job(), m)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		// An old message is over; the next one's version is that of the event that called.
		if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
			t.Fatal(err)
		}
		m = o.message(event.UploadContinued, u.ID, o.get(t, u.ID).Version)
		if turns > 50 {
			t.Fatal("it never ends")
		}
	}
	got := o.get(t, u.ID)
	if got.State != upload.Checked || got.Counts.Created != 1200 || turns < 2 {
		t.Errorf("%s after %d turns: %+v", got.State, turns, got.Counts)
	}
	seen := map[string]bool{}
	for _, r := range o.report(t, u) {
		seen[r[0]] = true
	}
	if len(slices.Collect(maps.Keys(seen))) != 1200 || !seen["2"] || !seen[fmt.Sprint(1201)] {
		t.Errorf("the report has %d lines", len(seen))
	}
}
