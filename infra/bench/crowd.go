package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// crowd is a house with many patients, invented by chance but always the same: their names are as unevenly spread as
// an English clinic's, where one in ninety has the commonest family name and every third a name that few share.
type crowd struct {
	*house
	size            int
	families, given []string
	known           []patient.Patient // the first, whose dates and numbers are asked for
	seeding         time.Duration
	items           atomic.Int64
}

const (
	firstKnown = 100    // the smallest crowd
	wholeUpTo  = 50_000 // above it, the records of those whom no measured search finds are left out
	chunk      = 250    // patients that are made at a time; the recorder holds them until what nobody reads is out
	seeders    = 3

	progressEvery = 20_000
	perWrite      = 80 // items; a transaction holds a hundred
	rareEach      = 2  // patients with each of the rare names, however many there are in all
)

// The frequent names come first. The others are put together from parts.
const (
	frequentFamilies = "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson " +
		"Evans Walker White Roberts Green Hall Wood Jackson Clarke Hughes Khan Edwards Hill Moore " +
		"Begum Clark Harris Lewis"
	frequentGiven = "Margaret John Susan David Mary Peter Olivia Joseph Patricia Robert Christine Joanne " +
		"Mohammed Elizabeth William Jean Michael Sarah Joan Stephen Anne Oliver Maria Daniel Dawn " +
		"Amelia Josephine"
	familyStarts = "Ash Barn Beck Bir Brad Bram Bur Cald Car Chad Chil Clay Cole Cran Crow Dal Den Dray Dun " +
		"East Ed Elm Fair Far Fen Ford Gar Gild Good Graf Hal Har Hather Hazel Hol Horn In Kel " +
		"Kim Kirk Lang Lin Lough Mad Mar Mel Mil Mor Nor Oak Ol Pem Pen Pres Quar Rad Ray Red " +
		"Roth San Shel Sher Stan Stock Sut Thorn Tod Up Wal War Wil Win Wood Yar"
	familyMiddles = "- en er ing le ma o per ram ster ter wen"
	familyEnds    = "ton ford well ley wood by ham worth field bourne bridge brook bury combe cott croft dale " +
		"den don down end er gate good grave greave hall head hill holm house hurst ing land law " +
		"leigh lock low man mead mere mond more mouth ock over port ridge row sall sell shaw ship " +
		"side sley son stall stead stock stone ter thorpe tree wall ward ware way wick win wright " +
		"yard"
	givenStarts = "Ad Al An Be Bri Cal Ce Da De Ed El Em Fa Fi Ga Ge Ha He Il Is Ja Ka Ke La Le Lu Ma Mi Na " +
		"Ne No Or Pa Ra Ro Sa Se Ta Te Va Vi Wy Ya Ze"
	givenEnds = "belle da dan dra el ene ette fa gail ia ian ina is ka la leen len lia lie line lyn man " +
		"mina mond na nald nard ne nell neth nia non ra ran rence ric ris rold sa san sha son ta " +
		"than thea thera tine ton vin wen"
	rareNames = "Quennevault Zarnikow Ixtable"
)

// firstRare is the known patient from whom on the rare names are given.
const firstRare = 10

// newCrowd makes the names.
func newCrowd(h *house, size int) *crowd {
	c := &crowd{house: h, size: size}
	c.families, c.given = strings.Fields(frequentFamilies), strings.Fields(frequentGiven)
	for middle := range strings.FieldsSeq(familyMiddles) {
		for end := range strings.FieldsSeq(familyEnds) {
			for start := range strings.FieldsSeq(familyStarts) {
				c.families = append(c.families, start+strings.Trim(middle, "-")+end)
			}
		}
	}
	for end := range strings.FieldsSeq(givenEnds) {
		for start := range strings.FieldsSeq(givenStarts) {
			c.given = append(c.given, start+end)
		}
	}
	return c
}

// people makes the patients of a chunk.
func (c *crowd) people(n int) []patient.Patient {
	r := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // the same people in every run
	// The frequency falls with the rank k as 1/(v+k): 1.1 % have the first family name, 2.7 % the first given name.
	family := rand.NewZipf(r, 1.01, 11, uint64(len(c.families)-1)) //nolint:gosec // a length
	given := rand.NewZipf(r, 1.01, 6, uint64(len(c.given)-1))      //nolint:gosec // a length
	rare := strings.Fields(rareNames)
	var out []patient.Patient
	for i := n * chunk; i < min((n+1)*chunk, c.size); i++ {
		p := usual()
		p.ID = id.New("pat")
		p.Names[0].Family, p.Names[0].Given = c.families[family.Uint64()], []string{c.given[given.Uint64()]}
		if r.IntN(2) == 0 {
			p.Names[0].Given = append(p.Names[0].Given, c.given[given.Uint64()])
		}
		if at := (i - firstRare) / rareEach; i >= firstRare && at < len(rare) {
			p.Names[0].Family = rare[at]
		}
		const days = 33_000 // ninety years
		p.BirthDate = time.Date(1935, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(days)).Format(time.DateOnly)
		p.Number = numbered(i)
		out = append(out, p)
	}
	return out
}

// numbered gives the i-th number of the range that nobody has: of eleven patients, one has none.
func numbered(i int) *patient.Number {
	const first = 999_000_000
	sum, text := 0, strconv.Itoa(first+i%1_000_000)
	for place, digit := range text {
		sum += int(digit-'0') * (10 - place)
	}
	check := (11 - sum%11) % 11
	if value := text + strconv.Itoa(check); check < 10 && i < 1_000_000 {
		return &patient.Number{
			Value: value, Status: patient.StatusPresent, State: patient.NumberPresent, Source: patient.Local,
		}
	}
	return nil
}

// fill stores the patients. What is written is what the real code makes, but of a large crowd the look-up rows alone,
// and the records and keys of those only whom the measured searches can find.
func (c *crowd) fill(ctx context.Context, progress func(done int)) error {
	began := time.Now()
	if _, err := c.db.UpdateTable(ctx, &dynamodb.UpdateTableInput{ // nobody reads the stream, and it would be kept
		TableName: &c.name, StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)},
	}); err != nil {
		return fmt.Errorf("stop the table's stream: %w", err)
	}
	ring, err := c.seal().Ring(ctx, c.org)
	if err != nil {
		return err
	}
	c.known = c.people(0)
	c.known = c.known[:min(firstKnown, len(c.known))]
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range seeders {
		all.Go(func() {
			s := seeder{crowd: c, rec: newRecorder(c.db, c.name, c.keys), ring: ring, finds: findable(c.known)}
			for n := int(next.Add(1) - 1); n*chunk < c.size && ctx.Err() == nil; n = int(next.Add(1) - 1) {
				if err := s.chunk(ctx, n); err != nil {
					cancel(err)
				}
				if n*chunk%progressEvery == 0 {
					progress(n * chunk)
				}
			}
		})
	}
	all.Wait()
	c.seeding = time.Since(began)
	return context.Cause(ctx)
}

// seeder writes chunks of a crowd.
type seeder struct {
	*crowd
	rec   *recorder
	ring  *seal.Ring
	finds func(patient.Patient) bool
}

// chunk writes the n-th chunk. The real changes are kept back by the recorder, which then holds what they would have
// written; what no search reads is left out.
func (s *seeder) chunk(ctx context.Context, n int) error {
	clinic := s.rec.table.For(s.by())
	change := table.Change{
		Action: access.PatientCreate, Target: s.org, Event: event.Event{Name: event.PatientCreated, Version: 1},
	}
	whole := map[string]bool{}
	for i, p := range s.people(n) {
		whole[p.ID] = s.size <= wholeUpTo || n*chunk+i < firstKnown || s.finds(p)
		if !whole[p.ID] {
			p.Contacts = nil // no measured search looks for them
		}
		items, err := patient.Seeded(clinic, s.ring, p)
		if err != nil {
			return err
		}
		if len(change.Put)+len(items) > perWrite {
			if err := clinic.Write(ctx, change); err != nil {
				return err
			}
			change.Put = nil
		}
		change.Put = append(change.Put, items...)
	}
	if err := clinic.Write(ctx, change); err != nil {
		return err
	}
	s.rec.full = slices.DeleteFunc(s.rec.full, func(k kept) bool { return !searched(k.item, whole) })
	clear(s.rec.open) // diaries
	s.items.Add(int64(len(s.rec.full)))
	return s.rec.write(ctx)
}

// searched tells whether a search may read the item: a look-up row, or the record or the key of one of the patients.
func searched(item attributes, whole map[string]bool) bool {
	pk, sk := text(item["PK"]), text(item["SK"])
	if strings.Contains(pk, "#IDX#") || strings.Contains(pk, "#NHS#") {
		return true
	}
	return (sk == "PAT" || sk == "KEY") && whole[pk[strings.LastIndexByte(pk, '#')+1:]]
}
