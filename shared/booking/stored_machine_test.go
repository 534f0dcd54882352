package booking_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
)

// newWith is newFixture with options for the client.
func newWith(t *testing.T, with ...func(*dynamodb.Options)) *fixture {
	t.Helper()
	h := clinictest.New(t, with...)
	c := h.Found(t)
	return &fixture{c, booking.New(c.Table, c.Directory, c.Clock.Now, id.New), c.By(t, clinictest.Receptionist)}
}

// stored is the whole table, read behind the product's back and decoded without its code.
type stored struct {
	// ticks says who has which tick of which place or diary: "10:05 <last four bytes> <until>".
	ticks map[string][]string
	// owners says which places have the record's whole id on their first tick.
	owners map[[16]byte][]string
	// kinds counts items by the first part of their sort key.
	kinds map[string]int
	items map[string]map[string]any // by "PK SK", less the organisation
}

func readStored(t *testing.T, h *clinictest.House, org string, now time.Time) stored {
	t.Helper()
	s := stored{
		ticks: map[string][]string{}, owners: map[[16]byte][]string{}, kinds: map[string]int{},
		items: map[string]map[string]any{},
	}
	for _, plain := range h.Stored(t) {
		pk, sk := plain["PK"].(string), plain["SK"].(string)
		rest, ours := strings.CutPrefix(pk, "T#"+org+"#")
		if !ours {
			continue
		}
		kind, _, _ := strings.Cut(sk, "#")
		if plain["name"] == string(event.RecordRead) {
			kind = "READ" // what looking leaves behind
		}
		s.kinds[kind]++
		s.items[rest+" "+sk] = plain
		if kind == "D" || kind == "DIARY" {
			s.addTicks(t, rest, sk, plain, now)
		}
	}
	for _, list := range s.ticks {
		slices.Sort(list)
	}
	return s
}

// addTicks decodes one item. Ticks of holds that ran out do not count and are left out.
func (s stored) addTicks(t *testing.T, of, sk string, item map[string]any, now time.Time) {
	t.Helper()
	var day time.Time
	if sk != "DIARY" {
		var err error
		if day, err = time.Parse("D#2006-01-02", sk); err != nil {
			t.Fatalf("a day item is called %q", sk)
		}
	}
	for name, value := range item {
		b, ok := value.([]byte)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(name, 36, 64)
		if err != nil || len(b) < 5 {
			t.Fatalf("%s %s: an attribute %q of %d bytes", of, sk, name, len(b))
		}
		at := time.Unix(n*300, 0).UTC()
		if sk != "DIARY" {
			at = day.Add(time.Duration(n) * 5 * time.Minute)
		}
		until, who := "ever", b[1:]
		if b[0] != 0xff {
			end := int64(binary.BigEndian.Uint32(b))
			if end < now.Unix() {
				continue
			}
			until, who = strconv.FormatInt(end, 10), b[4:]
		}
		switch len(who) {
		case 4:
		case 16:
			s.owners[[16]byte(who)] = append(s.owners[[16]byte(who)], of)
		default:
			t.Fatalf("%s %s: a tick of %d bytes", of, sk, len(b))
		}
		s.ticks[of] = append(s.ticks[of], tickLine(at, who[len(who)-4:], until))
	}
}

func tickLine(at time.Time, tail []byte, until string) string {
	return fmt.Sprintf("%s %x %s", at.UTC().Format("01-02 15:04"), tail, until)
}

// ticks lists what the model's records claim, as stored does.
func (m *model) ticks(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	add := func(of string, i interval, r *record) {
		raw, err := id.Raw(r.id)
		if err != nil {
			t.Fatal(err)
		}
		until := "ever"
		if r.hold {
			until = strconv.FormatInt(r.until.Unix(), 10)
		}
		for at := i.from; at.Before(i.to); at = at.Add(5 * time.Minute) {
			out[of] = append(out[of], tickLine(at, raw[12:], until))
		}
	}
	for _, r := range m.records {
		if m.counts(r) {
			for _, of := range append([]string{r.practitioner}, r.lanes...) {
				add(of, full(r.service, r.start), r)
			}
		}
		if m.inDiary(r) {
			add(r.patient, core(r.service, r.start), r)
		}
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

// lanesOf finds the places of rooms that a record has.
func (s stored) lanesOf(t *testing.T, of string) []string {
	t.Helper()
	raw, err := id.Raw(of)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, place := range s.owners[raw] {
		if strings.HasPrefix(place, "roo_") {
			out = append(out, place)
		}
	}
	slices.Sort(out)
	return slices.Compact(out) // a claim across midnight begins on both days
}
