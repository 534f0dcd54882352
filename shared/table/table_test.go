package table_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// tap stands between the SDK and the engine. At rest it lets everything through; every transaction is kept.
type tap struct {
	fail atomic.Pointer[func(ctx context.Context, op string, send func() error) error]
	sent atomic.Pointer[[]*dynamodb.TransactWriteItemsInput]
}

func (p *tap) options() func(*dynamodb.Options) {
	intercept := clinictest.Intercept(func(ctx context.Context, op string, send func() error) error {
		if f := p.fail.Load(); f != nil {
			return (*f)(ctx, op, send)
		}
		return send()
	})
	return func(o *dynamodb.Options) {
		intercept(o)
		// As the functions have it (shared/app).
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, 200*time.Millisecond })
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("keep", p.keep), middleware.Before)
		})
	}
}

func (p *tap) keep(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	if tx, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput); ok {
		for {
			old := p.sent.Load()
			all := []*dynamodb.TransactWriteItemsInput{tx}
			if old != nil {
				all = append(slices.Clone(*old), tx)
			}
			if p.sent.CompareAndSwap(old, &all) {
				break
			}
		}
	}
	return next.HandleInitialize(ctx, in)
}

// transactions are those sent since the last call.
func (p *tap) transactions() []*dynamodb.TransactWriteItemsInput {
	if all := p.sent.Swap(nil); all != nil {
		return *all
	}
	return nil
}

// breakWith puts f before every operation, until heal.
func (p *tap) breakWith(f func(ctx context.Context, op string, send func() error) error) {
	p.fail.Store(&f)
}

func (p *tap) heal() { p.fail.Store(nil) }

// fixture is a founded clinic with one slice of the table for its receptionist.
type fixture struct {
	*clinictest.Clinic
	*tap
	k table.Clinic
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	p := &tap{}
	h := clinictest.New(t, p.options())
	c := h.Found(t)
	f := &fixture{Clinic: c, tap: p}
	f.k = f.as(t, clinictest.Receptionist)
	f.transactions()
	return f
}

// another founds a second clinic in the same table.
func (f *fixture) another(t *testing.T) *fixture {
	t.Helper()
	o := &fixture{Clinic: f.Found(t), tap: f.tap}
	o.k = o.as(t, clinictest.Receptionist)
	f.transactions()
	return o
}

// as gives the slice of a table without a table of keys, so that anybody's items can be written.
func (f *fixture) as(t *testing.T, subject string) table.Clinic {
	t.Helper()
	return table.New(f.DB, f.Name, f.Clock.Now, id.New).For(f.By(t, subject))
}

// stored reads the whole table behind the product's back: every item as JSON under its key.
func (f *fixture) stored(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, plain := range f.Stored(t) {
		text, err := json.Marshal(plain)
		if err != nil {
			t.Fatal(err)
		}
		out[plain["PK"].(string)+" "+plain["SK"].(string)] = string(text)
	}
	return out
}

// mustKeep runs do and holds that it wrote nothing at all.
func (f *fixture) mustKeep(t *testing.T, what string, do func()) {
	t.Helper()
	before := f.stored(t)
	do()
	if diff := cmp.Diff(before, f.stored(t)); diff != "" {
		t.Errorf("%s wrote something:\n%s", what, diff)
	}
}

type thing struct {
	Text    string `dynamodbav:"text"`
	Version int64  `dynamodbav:"v"`
}

// change is a complete change of the thing with that id, without items yet.
func change(target string, put ...table.Item) table.Change {
	return table.Change{
		Action: access.PatientChange, Target: target, Put: put,
		Event: event.Event{Name: event.PatientChanged},
	}
}

func (f *fixture) mustWrite(t *testing.T, ch table.Change) {
	t.Helper()
	if err := f.k.Write(t.Context(), ch); err != nil {
		t.Fatalf("Write: %v %+v", err, fault.Of(err).Details)
	}
}

// has gives the refusal's kind and code in one word.
func has(err error, kind fault.Kind, code string) bool {
	return fault.Is(err, kind) && fault.Of(err).Code == code
}

func tickAt(hour, minute int) table.Tick {
	return table.TickOf(time.Date(2027, 1, 11, hour, minute, 0, 0, time.UTC))
}

func span(from table.Tick, n int) table.Span { return table.Span{From: from, To: from + table.Tick(n)} }

func TestWriteRefuses(t *testing.T) {
	f := newFixture(t)
	other := f.another(t)
	there, gone, busy := id.New("pat"), id.New("pat"), id.New("prc")
	f.mustWrite(t, change(there, table.Item{Key: f.k.Patient(there), Value: thing{Text: "first"}, New: true}))
	f.mustWrite(t, change(there, table.Item{Key: f.k.Patient(there), Value: thing{Text: "second"}, Version: 1}))
	f.mustWrite(t, func() table.Change {
		ch := change(busy)
		ch.Claims = []table.Claim{
			{Resource: busy, Take: span(tickAt(10, 0), 6), As: table.Owner{ID: id.New("apt")}},
			{Patient: f.Patients[0], Take: span(tickAt(10, 0), 6), As: table.Owner{ID: id.New("apt")}},
		}
		return ch
	}())
	fresh := table.Item{Key: f.k.Patient(gone), Value: thing{}, New: true}
	taken := table.Claim{Resource: busy, Take: span(tickAt(10, 25), 6), As: table.Owner{ID: id.New("apt")}}
	with := func(do func(*table.Change)) table.Change {
		ch := change(gone, fresh)
		do(&ch)
		return ch
	}
	for _, test := range []struct {
		name string
		by   table.Clinic
		ch   table.Change
		ok   func(error) bool
	}{
		{"a new item that is there", f.k, change(there, table.Item{Key: f.k.Patient(there), Value: thing{}, New: true}), is(fault.Conflict, "exists")},
		{"an old version", f.k, change(there, table.Item{Key: f.k.Patient(there), Value: thing{}, Version: 1}), is(fault.Stale, "stale")},
		{"a version yet to come", f.k, change(there, table.Item{Key: f.k.Patient(there), Value: thing{}, Version: 3}), is(fault.Stale, "stale")},
		{"a version of what is not there", f.k, change(gone, table.Item{Key: f.k.Patient(gone), Value: thing{}, Version: 1}), is(fault.Stale, "stale")},
		{"deleting an old version", f.k, change(there, table.Item{Key: f.k.Patient(there), Delete: true, Version: 1}), is(fault.Stale, "stale")},
		{"neither new nor a version", f.k, change(there, table.Item{Key: f.k.Patient(there), Value: thing{}}), is(fault.Internal, "internal")},
		{"deleting without a version", f.k, change(there, table.Item{Key: f.k.Patient(there), Delete: true}), is(fault.Internal, "internal")},
		{"a permission that the role lacks", f.as(t, clinictest.Clinician), with(func(ch *table.Change) { ch.Action = access.PatientCreate }), is(fault.Denied, "denied")},
		{"a permission that there is not", f.k, with(func(ch *table.Change) { ch.Action = "patient.sell" }), is(fault.Denied, "denied")},
		{"no permission", f.k, with(func(ch *table.Change) { ch.Action = "" }), is(fault.Denied, "denied")},
		{"no permission, by somebody who may do all", f.as(t, clinictest.Manager), with(func(ch *table.Change) { ch.Action = "" }), is(fault.Internal, "internal")},
		{"no target", f.k, with(func(ch *table.Change) { ch.Target = "" }), is(fault.Internal, "internal")},
		{"no event", f.k, with(func(ch *table.Change) { ch.Event = event.Event{} }), is(fault.Internal, "internal")},
		{"nobody", f.Table.For(access.Caller{}), with(func(*table.Change) {}), is(fault.Denied, "denied")},
		{"a person of no organisation", f.Table.For(access.NewCaller("", "x", []access.Role{access.Manager}, 1)), with(func(*table.Change) {}), is(fault.Denied, "denied")},
		{"a job without the permission", f.Table.For(access.System(f.Org, "relay")), with(func(*table.Change) {}), is(fault.Denied, "denied")},
		{"another organisation's key", other.k, change(there, table.Item{Key: f.k.Patient(there), Value: thing{}, Version: 2}), is(fault.Internal, "internal")},
		{"another organisation's key, deleting", other.k, change(there, table.Item{Key: f.k.Patient(there), Delete: true, Version: 2}), is(fault.Internal, "internal")},
		{"a standing that is gone", f.Table.For(access.NewCaller(f.Org, "x", []access.Role{access.Manager}, 99)), with(func(*table.Change) {}), standing},
		{"reconfiguring at a standing that is gone", f.Table.For(access.NewCaller(f.Org, "x", []access.Role{access.Manager}, 99)), with(func(ch *table.Change) { ch.Reconfigure = true }), standing},
		{"founding what is founded", f.k, with(func(ch *table.Change) { ch.Found = true }), is(fault.Conflict, "exists")},
		{"a patient without a diary", f.k, with(func(ch *table.Change) {
			ch.Claims = []table.Claim{{Patient: gone, Take: span(tickAt(11, 0), 6), As: table.Owner{ID: id.New("apt")}}}
		}), is(fault.NotFound, "patient_not_found")},
		{"a time that is taken in its last tick", f.k, with(func(ch *table.Change) { ch.Claims = []table.Claim{taken} }), is(fault.Conflict, "time_taken")},
		{"more than eight hours", f.k, with(func(ch *table.Change) {
			ch.Claims = []table.Claim{{Resource: id.New("prc"), Take: span(tickAt(0, 0), 97), As: table.Owner{ID: id.New("apt")}}}
		}), is(fault.Invalid, "too_long")},
		{"an owner that is no id", f.k, with(func(ch *table.Change) {
			ch.Claims = []table.Claim{{Resource: id.New("prc"), Take: span(tickAt(0, 0), 2), As: table.Owner{ID: "me"}}}
		}), is(fault.Internal, "internal")},
		{"freeing what somebody else has", f.k, with(func(ch *table.Change) {
			ch.Claims = []table.Claim{{Resource: busy, Free: span(tickAt(10, 0), 6), Was: table.Owner{ID: id.New("apt")}}}
		}), is(fault.Conflict, "time_taken")},
		{"freeing what nobody has", f.k, with(func(ch *table.Change) {
			ch.Claims = []table.Claim{{Resource: id.New("prc"), Free: span(tickAt(10, 0), 6), Was: table.Owner{ID: id.New("apt")}}}
		}), is(fault.Conflict, "time_taken")},
		{"more items than a transaction holds", f.k, with(func(ch *table.Change) {
			for range 100 {
				p := id.New("pat")
				ch.Put = append(ch.Put, table.Item{Key: f.k.Patient(p), Value: thing{}, New: true})
			}
		}), is(fault.Internal, "internal")},
		{"an item that is too big", f.k, with(func(ch *table.Change) {
			ch.Put[0].Value = thing{Text: strings.Repeat("x", 400<<10)}
		}), is(fault.Internal, "internal")},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.mustKeep(t, test.name, func() {
				if err := test.by.Write(t.Context(), test.ch); !test.ok(err) {
					t.Errorf("the refusal is %v: %+v", err, fault.Of(err))
				}
			})
		})
	}
}

func is(kind fault.Kind, code string) func(error) bool {
	return func(err error) bool { return has(err, kind, code) }
}

func standing(err error) bool { return errors.Is(err, access.ErrStanding) }

// When several conditions fail at once, the refusal is the one that explains best, and a refused time names every
// resource.
func TestWriteRanksRefusals(t *testing.T) {
	f := newFixture(t)
	pat, prc, room := id.New("pat"), id.New("prc"), id.New("roo")
	first := change(pat, table.Item{Key: f.k.Patient(pat), Value: thing{}, New: true})
	first.Once = clinictest.Once()
	for _, r := range []string{prc, room} {
		first.Claims = append(first.Claims, table.Claim{Resource: r, Take: span(tickAt(9, 0), 6), As: table.Owner{ID: id.New("apt")}})
	}
	first.Claims = append(first.Claims, table.Claim{Patient: f.Patients[0], Take: span(tickAt(9, 0), 6), As: table.Owner{ID: id.New("apt")}})
	f.mustWrite(t, first)

	again := first
	again.Claims = append(slices.Clone(first.Claims),
		table.Claim{Patient: id.New("pat"), Take: span(tickAt(9, 0), 6), As: table.Owner{ID: id.New("apt")}})
	old := f.Table.For(access.NewCaller(f.Org, "x", []access.Role{access.Manager}, 99))
	f.mustKeep(t, "the refusals", func() {
		if err := old.Write(t.Context(), again); !errors.Is(err, access.ErrDone) {
			t.Errorf("all at once is %v, want that it is done", err)
		}
		again.Once = clinictest.Once()
		if err := old.Write(t.Context(), again); !standing(err) {
			t.Errorf("then it is %v, want the standing", err)
		}
		if err := f.k.Write(t.Context(), again); !has(err, fault.NotFound, "patient_not_found") {
			t.Errorf("then it is %v, want the patient", err)
		}
		again.Claims = first.Claims
		if err := f.k.Write(t.Context(), again); !has(err, fault.Conflict, "exists") {
			t.Errorf("then it is %v, want the record", err)
		}
		again.Put, again.Target = nil, f.Patients[0]
		err := f.k.Write(t.Context(), again)
		var got []string
		for _, d := range fault.Of(err).Details {
			got = append(got, d.Code+" "+d.Resource)
		}
		slices.Sort(got)
		want := []string{"patient_busy " + f.Patients[0], "resource_busy " + prc, "resource_busy " + room}
		if diff := cmp.Diff(want, got); !has(err, fault.Conflict, "time_taken") || diff != "" {
			t.Errorf("then it is %v:\n%s", err, diff)
		}
	})
}

// Another organisation's records cannot be read either: its keys find nothing.
func TestAnotherOrganisationIsNotFound(t *testing.T) {
	f := newFixture(t)
	other := f.another(t)
	mine := f.k.Patient(f.Patients[0])
	var out map[string]any
	if err := f.k.Get(t.Context(), mine, &out); err != nil {
		t.Fatal(err)
	}
	if err := other.k.Get(t.Context(), mine, &out); !fault.Is(err, fault.NotFound) {
		t.Errorf("Get with another organisation's key: %v", err)
	}
	if err := other.k.Get(t.Context(), other.k.Patient(f.Patients[0]), &out); !fault.Is(err, fault.NotFound) {
		t.Errorf("Get of another organisation's id: %v", err)
	}
	if got, err := table.GetAll[map[string]any](t.Context(), other.k, []table.Key{mine, other.k.Patient(f.Patients[0])}); err != nil || len(got) > 0 {
		t.Errorf("GetAll gives %d records of another organisation, %v", len(got), err)
	}
	if got, err := other.k.Under(t.Context(), mine, table.Events); err != nil || len(got) > 0 {
		t.Errorf("Under gives %d rows of another organisation, %v", len(got), err)
	}
	at := f.k.PatientIndex(f.Patients[0], time.Time{}, "")
	apt := id.New("apt")
	f.mustWrite(t, change(apt, table.Item{Key: f.k.Appointment(apt), Value: thing{}, New: true, Index: f.k.PatientIndex(f.Patients[0], clinictest.Monday(), apt)}))
	if got, _, err := table.List[map[string]any](t.Context(), f.k, at, "", 10, true); err != nil || len(got) != 1 {
		t.Errorf("List gives %d records of its own, %v", len(got), err)
	}
	if got, _, err := table.List[map[string]any](t.Context(), other.k, at, "", 10, true); err == nil && len(got) > 0 {
		t.Errorf("List gives %d records of another organisation", len(got))
	}
	if _, err := other.k.DiaryOf(t.Context(), f.Patients[0]); !has(err, fault.NotFound, "patient_not_found") {
		t.Errorf("DiaryOf another organisation's patient: %v", err)
	}
}

// The zero Caller reads nothing at all.
func TestNobodyReadsNothing(t *testing.T) {
	f := newFixture(t)
	nobody := f.Table.For(access.Caller{})
	var out map[string]any
	_, errList := func() ([]map[string]any, error) {
		got, _, err := table.List[map[string]any](t.Context(), nobody, f.k.PatientIndex("x", time.Time{}, ""), "", 1, false)
		return got, err
	}()
	_, errAll := table.GetAll[map[string]any](t.Context(), nobody, []table.Key{f.k.Organisation()})
	_, errDays := nobody.Days(t.Context(), "prc", span(tickAt(0, 0), 1))
	_, errDiary := nobody.DiaryOf(t.Context(), "pat")
	_, errConf := nobody.Configuration(t.Context(), clinictest.Monday())
	_, errStanding := nobody.Standing(t.Context())
	_, errUnder := nobody.Under(t.Context(), f.k.Organisation(), "")
	_, _, errRecall := nobody.Recall(t.Context(), clinictest.Once())
	for name, err := range map[string]error{
		"Get": nobody.Get(t.Context(), f.k.Organisation(), &out), "List": errList, "GetAll": errAll, "Days": errDays,
		"DiaryOf": errDiary, "Configuration": errConf, "Standing": errStanding, "Under": errUnder, "Recall": errRecall,
	} {
		if !fault.Is(err, fault.Denied) {
			t.Errorf("%s by nobody: %v", name, err)
		}
	}
	if err := nobody.Note(t.Context(), access.PatientRead, "pat", event.Event{Name: event.RecordRead}); err == nil {
		t.Error("nobody's reading was noted")
	}
}

// A key that no id makes is an item that does not exist, however long it is: never an error of ours.
func TestKeysThatCannotBe(t *testing.T) {
	f := newFixture(t)
	var out map[string]any
	for _, bad := range []string{"", "#", "x#APT", "CONF", strings.Repeat("x", 1000), strings.Repeat("x", 3000)} {
		for name, k := range map[string]table.Key{
			"Appointment": f.k.Appointment(bad), "Hold": f.k.Hold(bad), "Patient": f.k.Patient(bad), "Staff": f.k.Staff(bad),
			"Site": f.k.Site(bad), "Delivery": f.k.Delivery("apt", bad), "Diary": f.k.Diary(bad),
		} {
			if err := f.k.Get(t.Context(), k, &out); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s(%d characters): %v", name, len(bad), err)
			}
		}
	}
}

// The largest item that DynamoDB takes is taken; what an answer may hold at most is the request's own limit.
func TestAnItemNearlyTooBig(t *testing.T) {
	f := newFixture(t)
	pat := id.New("pat")
	big := thing{Text: strings.Repeat("x", 399<<10)}
	f.mustWrite(t, change(pat, table.Item{Key: f.k.Patient(pat), Value: big, New: true}))
	var got thing
	if err := f.k.Get(t.Context(), f.k.Patient(pat), &got); err != nil || got.Text != big.Text || got.Version != 1 {
		t.Errorf("%d bytes at version %d, %v", len(got.Text), got.Version, err)
	}
}

// An item over 400 kB (DynamoDB's limit) is refused as a fault of ours at once, with nothing half-done.
func TestAnItemTooBig(t *testing.T) {
	f := newFixture(t)
	pat := id.New("pat")
	ch := change(pat,
		table.Item{Key: f.k.Diary(pat), Value: thing{Text: "small"}, New: true},
		table.Item{Key: f.k.Patient(pat), Value: thing{Text: strings.Repeat("x", 401<<10)}, New: true})
	if err := f.k.Write(t.Context(), ch); !fault.Is(err, fault.Internal) {
		t.Errorf("an item too big is %v", err)
	}
	var got thing
	if err := f.k.Get(t.Context(), f.k.Diary(pat), &got); !fault.Is(err, fault.NotFound) {
		t.Errorf("the rest of the change was carried out: %v", err)
	}
}
