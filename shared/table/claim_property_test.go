package table_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
)

// ticks reads what is stored for a resource, or in a patient's diary, without the product's own decoder: by tick, the
// last four bytes of who has it and until when, "ever" for an appointment. Whoever's first tick it is, has a star.
func (f *fixture) ticks(t *testing.T, of string) map[int]string {
	t.Helper()
	out := map[int]string{}
	for sk, item := range f.items(t, of) {
		if sk != "DIARY" && !strings.HasPrefix(sk, "D#") {
			continue
		}
		day := time.Unix(0, 0).UTC()
		if sk != "DIARY" {
			var err error
			if day, err = time.Parse("D#2006-01-02", sk); err != nil {
				t.Fatalf("the day item is called %q", sk)
			}
		}
		for name, v := range item {
			if raw, ok := v.([]byte); ok {
				n, err := strconv.ParseInt(name, 36, 64)
				if err != nil {
					t.Fatalf("%s: an attribute called %q", sk, name)
				}
				out[int(day.Unix()/300+n)] = holder(t, raw)
			}
		}
	}
	return out
}

func holder(t *testing.T, b []byte) string {
	t.Helper()
	if len(b) < 5 {
		t.Fatalf("a tick holds %x", b)
	}
	until, who := "ever", b[1:]
	if b[0] != 0xff {
		until, who = strconv.Itoa(int(binary.BigEndian.Uint32(b))), b[4:]
	}
	star := ""
	if len(who) == 16 {
		star = "*"
	} else if len(who) != 4 {
		t.Fatalf("a tick holds %x", b)
	}
	return fmt.Sprintf("%x %s%s", who[len(who)-4:], until, star)
}

// items reads what is stored under a record, by sort key.
func (f *fixture) items(t *testing.T, of string) map[string]map[string]any {
	t.Helper()
	page, err := f.DB.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &f.Name, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("PK = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: "T#" + f.Org + "#" + of},
		},
	})
	if err != nil || page.LastEvaluatedKey != nil {
		t.Fatalf("the record does not fit on a page: %v", err)
	}
	out := map[string]map[string]any{}
	for _, item := range page.Items {
		var plain map[string]any
		if err := attributevalue.UnmarshalMap(item, &plain); err != nil {
			t.Fatal(err)
		}
		out[plain["SK"].(string)] = plain
	}
	return out
}

// held is the test's own picture of one resource: who has each tick, and until when.
type held map[int]grip

type grip struct {
	id    string
	until int64 // 0: for good
	first bool
}

func (h held) free(s table.Span, now int64, but string) bool {
	for t := s.From; t < s.To; t++ {
		if g, ok := h[int(t)]; ok && g.id != but && (g.until == 0 || g.until >= now) {
			return false
		}
	}
	return true
}

// take marks the span; a run begins anew in each UTC day of a resource, but not in a diary, which is one item.
func (h held) take(s table.Span, o table.Owner, diary bool) {
	until := int64(0)
	if !o.Until.IsZero() {
		until = o.Until.Unix()
	}
	for t := int(s.From); t < int(s.To); t++ {
		h[t] = grip{o.ID, until, t == int(s.From) || !diary && t%288 == 0}
	}
}

func (h held) drop(s table.Span) {
	for t := s.From; t < s.To; t++ {
		delete(h, int(t))
	}
}

// whole tells whether the owner still has every tick.
func (h held) whole(s table.Span, o table.Owner) bool {
	for t := s.From; t < s.To; t++ {
		if h[int(t)].id != o.ID {
			return false
		}
	}
	return true
}

func (h held) shown(t *testing.T) map[int]string {
	t.Helper()
	out := map[int]string{}
	for tick, g := range h {
		raw, err := id.Raw(g.id)
		if err != nil {
			t.Fatal(err)
		}
		until, star := "ever", ""
		if g.until != 0 {
			until = strconv.FormatInt(g.until, 10)
		}
		if g.first {
			star = "*"
		}
		out[tick] = fmt.Sprintf("%x %s%s", raw[12:], until, star)
	}
	return out
}

// record is somebody who has a span on a resource and in a diary.
type record struct {
	owner table.Owner
	span  table.Span
}

// Claims of any length, across midnights, by appointments and holds that run out, taken, freed and exchanged in any
// order: a claim is carried out exactly when each of its ticks is free, run out or its own, and then the items hold
// exactly what was claimed, tick by tick.
func TestClaimsAreTicks(t *testing.T) {
	clinictest.Checks(t, 12)
	f := newFixture(t)
	rapid.Check(t, func(rt *rapid.T) {
		f.Clock.Set(clinictest.Monday())
		m := &claims{f: f, t: t, prc: id.New("prc"), pat: f.NewPatient(t), desk: held{}, diary: held{}}
		rt.Repeat(map[string]func(*rapid.T){
			"take":     m.take,
			"free":     m.free,
			"exchange": m.exchange,
			"pass": func(rt *rapid.T) {
				f.Clock.Pass(time.Duration(rapid.IntRange(1, 200).Draw(rt, "seconds")) * time.Second)
			},
			"": m.check,
		})
	})
}

type claims struct {
	f           *fixture
	t           *testing.T
	prc, pat    string
	desk, diary held
	live        []record
}

func (m *claims) owner(rt *rapid.T) table.Owner {
	if rapid.Bool().Draw(rt, "hold") {
		return table.Owner{ID: id.New("hld"), Until: m.f.Clock.Now().Add(5 * time.Minute)}
	}
	return table.Owner{ID: id.New("apt")}
}

// window is a span around a midnight.
func (m *claims) window(rt *rapid.T) table.Span {
	from := tickAt(24, 0) - 40 + table.Tick(rapid.IntRange(0, 80).Draw(rt, "from"))
	return span(from, rapid.OneOf(rapid.IntRange(1, 12), rapid.Just(96)).Draw(rt, "length"))
}

func (m *claims) write(cl ...table.Claim) error {
	ch := change(m.prc)
	ch.Claims = cl
	return m.f.k.Write(m.t.Context(), ch)
}

func (m *claims) take(rt *rapid.T) {
	s, o := m.window(rt), m.owner(rt)
	err := m.write(table.Claim{Resource: m.prc, Take: s, As: o}, table.Claim{Patient: m.pat, Take: s, As: o})
	now := m.f.Clock.Now().Unix()
	if m.judge(rt, "take "+s.String(), err, m.desk.free(s, now, "") && m.diary.free(s, now, "")) {
		m.desk.take(s, o, false)
		m.diary.take(s, o, true)
		m.live = append(m.live, record{o, s})
	}
}

func (m *claims) pick(rt *rapid.T) int {
	if len(m.live) == 0 {
		rt.Skip("nobody has anything")
	}
	return rapid.IntRange(0, len(m.live)-1).Draw(rt, "who")
}

func (m *claims) free(rt *rapid.T) {
	i := m.pick(rt)
	r := m.live[i]
	ok := m.desk.whole(r.span, r.owner) && m.diary.whole(r.span, r.owner)
	err := m.write(
		table.Claim{Resource: m.prc, Free: r.span, Was: r.owner}, table.Claim{Patient: m.pat, Free: r.span, Was: r.owner})
	if m.judge(rt, "free "+r.span.String(), err, ok) {
		m.desk.drop(r.span)
		m.diary.drop(r.span)
		m.live = slices.Delete(m.live, i, i+1)
	}
}

// exchange moves a claim, renews it or turns it into another one's, at another time or the same.
func (m *claims) exchange(rt *rapid.T) {
	i := m.pick(rt)
	r := m.live[i]
	s, o := r.span, m.owner(rt)
	// Nobody moves a hold: it is renewed or booked where it is, which keeps long ones within 300 operators.
	if r.owner.Until.IsZero() && rapid.Bool().Draw(rt, "elsewhere") {
		s = m.window(rt)
	}
	now := m.f.Clock.Now().Unix()
	ok := m.desk.whole(r.span, r.owner) && m.diary.whole(r.span, r.owner) &&
		m.desk.free(s, now, r.owner.ID) && m.diary.free(s, now, r.owner.ID)
	err := m.write(
		table.Claim{Resource: m.prc, Take: s, As: o, Free: r.span, Was: r.owner},
		table.Claim{Patient: m.pat, Take: s, As: o, Free: r.span, Was: r.owner})
	if m.judge(rt, "exchange "+r.span.String()+" for "+s.String(), err, ok) {
		for _, h := range []held{m.desk, m.diary} {
			h.drop(r.span)
		}
		m.desk.take(s, o, false)
		m.diary.take(s, o, true)
		m.live[i] = record{o, s}
	}
}

func (m *claims) judge(rt *rapid.T, what string, err error, ok bool) bool {
	if ok != (err == nil) || err != nil && !has(err, fault.Conflict, "time_taken") {
		rt.Fatalf("%s: %v %+v, want it to be possible: %t", what, err, fault.Of(err), ok)
	}
	return ok
}

func (m *claims) check(rt *rapid.T) {
	for of, want := range map[string]held{m.prc: m.desk, m.pat: m.diary} {
		if diff := gocmp.Diff(want.shown(m.t), m.f.ticks(m.t, of)); diff != "" {
			rt.Fatalf("the items of %s:\n%s", of[:3], diff)
		}
	}
	// The product's own reading is the same.
	got, err := m.f.k.Days(m.t.Context(), m.prc, span(tickAt(0, 0), 3*table.DayTicks))
	if err != nil {
		rt.Fatal(err)
	}
	slices.SortFunc(got.Taken, func(a, b table.Tenure) int { return cmp.Compare(a.Tick, b.Tick) })
	if len(got.Taken) != len(m.desk) {
		rt.Fatalf("Days gives %d ticks, %d are stored", len(got.Taken), len(m.desk))
	}
	for _, tenure := range got.Taken {
		g := m.desk[int(tenure.Tick)]
		raw, err := id.Raw(g.id)
		if err != nil {
			rt.Fatal(err)
		}
		if !tenure.HeldBy(raw) || tenure.Firm != (g.until == 0) || tenure.Until != g.until || tenure.First != g.first {
			rt.Fatalf("Days gives %+v, want %+v", tenure, g)
		}
		if tenure.Counts(m.f.Clock.Now()) != (g.until == 0 || g.until >= m.f.Clock.Now().Unix()) {
			rt.Fatalf("at %d, whether it counts: %+v", m.f.Clock.Now().Unix(), tenure)
		}
	}
}

// A claim across midnight UTC is one transaction on two day items, each with the owner's whole id on its first tick.
func TestClaimAcrossMidnight(t *testing.T) {
	f := newFixture(t)
	prc, apt := id.New("prc"), table.Owner{ID: id.New("apt")}
	ch := change(prc)
	ch.Claims = []table.Claim{{Resource: prc, Take: span(tickAt(23, 50), 4), As: apt}}
	f.mustWrite(t, ch)
	days := map[string]int{}
	for sk, item := range f.items(t, prc) {
		if strings.HasPrefix(sk, "D#") {
			days[sk] = len(item) - 2
		}
	}
	if diff := gocmp.Diff(map[string]int{"D#2027-01-11": 2, "D#2027-01-12": 2}, days); diff != "" {
		t.Errorf("ticks by day item:\n%s", diff)
	}
	want := held{}
	want.take(span(tickAt(23, 50), 4), apt, false)
	if diff := gocmp.Diff(want.shown(t), f.ticks(t, prc)); diff != "" {
		t.Error(diff)
	}
	// One tick is taken on the far side: nothing is claimed on the near one.
	f.mustKeep(t, "half of a claim", func() {
		ch.Claims = []table.Claim{{Resource: prc, Take: span(tickAt(23, 30), 5), As: table.Owner{ID: id.New("apt")}}}
		if err := f.k.Write(t.Context(), ch); !has(err, fault.Conflict, "time_taken") {
			t.Error(err)
		}
	})
	ch.Claims = []table.Claim{{
		Resource: prc, Take: span(tickAt(23, 55), 4), As: apt, Free: span(tickAt(23, 50), 4), Was: apt, Ended: true,
	}}
	f.mustWrite(t, ch)
	got, err := f.k.Days(t.Context(), prc, span(tickAt(0, 0), 300))
	if err != nil || len(got.Taken) != 4 || len(got.Ended) != 2 {
		t.Errorf("%d ticks, %d ended, %v", len(got.Taken), len(got.Ended), err)
	}
}

// The longest claims there are, in every way, stay within what DynamoDB takes in one expression: 300 operators and
// 4 kB (AWS service quotas), which the local engine may not hold us to.
func TestLongestClaims(t *testing.T) {
	f := newFixture(t)
	prc, pat := id.New("prc"), f.Patients[0]
	apt := table.Owner{ID: id.New("apt")}
	hold := table.Owner{ID: id.New("hld"), Until: f.Clock.Now().Add(5 * time.Minute)}
	longer := table.Owner{ID: hold.ID, Until: hold.Until.Add(time.Minute)}
	at, later := span(tickAt(8, 0), 96), span(tickAt(8, 5), 96)
	far, night := span(tickAt(16, 5), 94), span(tickAt(20, 0), 96)
	claim := func(take table.Span, as table.Owner, free table.Span, was table.Owner) []table.Claim {
		return []table.Claim{
			{Resource: prc, Take: take, As: as, Free: free, Was: was, Ended: free.Len() > 0},
			{Patient: pat, Take: take, As: as, Free: free, Was: was},
		}
	}
	none, nobody := table.Span{}, table.Owner{}
	for _, step := range []struct {
		name   string
		claims []table.Claim
	}{
		{"hold", claim(at, hold, none, nobody)},
		{"renew", claim(at, longer, at, hold)},
		{"book the held time", claim(at, apt, at, longer)},
		{"move by five minutes", claim(later, apt, at, apt)},
		{"move to elsewhere on the day", claim(far, apt, later, apt)},
		{"move back", claim(later, apt, far, apt)},
		{"move across midnight", claim(night, apt, later, apt)},
		{"cancel", claim(none, nobody, night, apt)},
	} {
		ch := change(prc)
		ch.Claims = step.claims
		f.transactions()
		f.mustWrite(t, ch)
		for _, it := range f.transactions()[0].TransactItems {
			if it.Update != nil {
				mustFit(t, step.name, it.Update.UpdateExpression, it.Update.ConditionExpression)
			}
		}
	}
	if got := f.ticks(t, prc); len(got) > 0 {
		t.Errorf("at the end %d ticks are left", len(got))
	}
	if got := f.ticks(t, pat); len(got) > 0 {
		t.Errorf("at the end %d ticks are left in the diary", len(got))
	}
}

func mustFit(t *testing.T, what string, expressions ...*string) {
	t.Helper()
	for _, e := range expressions {
		operators := 0
		for _, word := range strings.FieldsFunc(*e, func(r rune) bool { return strings.ContainsRune(" ,()", r) }) {
			switch word {
			case "AND", "OR", "NOT", "=", ">=", "<", "+", "ADD", "SET", "REMOVE", "attribute_exists", "attribute_not_exists":
				operators++
			}
		}
		if operators > 300 || len(*e) > 4096 {
			t.Errorf("%s: an expression of %d operators and %d bytes", what, operators, len(*e))
		}
	}
}
