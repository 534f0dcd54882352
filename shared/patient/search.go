package patient

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/nhsnumber"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Query says whom to look for: at least one of the first six fields, and all that are given must agree.
type Query struct {
	private.Hidden
	// Name is the beginning of a family name, of a given name, or of both in any order: "smi jo", "Jo Smith",
	// "Smith, Jo". Former names count as well.
	Name      string
	BirthDate string // YYYY, YYYY-MM or YYYY-MM-DD
	NHSNumber string
	Phone     string
	Email     string
	Postcode  string
	After     string // what the page before gave as next
	Limit     int    // 1 to MaxFound
}

// MaxFound is the greatest number of patients on one page.
const MaxFound = 20

// Found is as much of a patient as it takes to know the right one from others. It says nothing of where anybody lives.
type Found struct {
	private.Hidden
	ID         string `json:"id"`
	Name       string `json:"name"`
	BirthDate  string `json:"birthDate,omitempty"`
	Restricted bool   `json:"restricted,omitempty"`
}

// The bounds of one request's work: how many records are opened, how many rows are read, and how many of each at once.
const (
	maxOpened   = 200
	maxScanned  = 2_000
	leastOpened = 10
	fewRows     = 50
	manyRows    = 500
)

// Search finds patients, those first whose names are exactly the ones asked for. A page may hold fewer than its limit,
// even none, and there may yet be more: next is empty at the end alone. Records that were merged into another one, or
// erased, are not found. Errors: fault.Invalid with all that is wrong, or "malformed_cursor"; fault.Unavailable.
func (s *Service) Search(ctx context.Context, by access.Caller, q Query) ([]Found, string, error) {
	w, err := understand(q)
	if err != nil {
		return nil, "", err
	}
	ring, err := s.keeper.Ring(ctx, by.Org())
	if err != nil {
		return nil, "", err
	}
	h := &hunt{Service: s, by: by, ring: ring, want: w, limit: min(max(q.Limit, 1), MaxFound), sources: w.sources(ring)}
	of := cursorOf(by, w)
	at := cursor{}
	if q.After != "" {
		if at, err = openCursor(ring, of, q.After, s.now(), len(h.sources)); err != nil {
			return nil, "", err
		}
	}
	next, err := h.run(ctx, at)
	if err != nil {
		return nil, "", err
	}
	slices.SortStableFunc(h.found, func(a, b Found) int {
		return cmp.Or(cmp.Compare(folded(a.Name), folded(b.Name)), cmp.Compare(a.BirthDate, b.BirthDate))
	})
	if next == nil {
		return h.found, "", nil
	}
	return h.found, sealCursor(ring, of, *next, s.now()), nil
}

// understand checks a query and folds it as the records are.
func understand(q Query) (wanted, error) {
	var c clinic.Check
	w := wanted{readings: readings(q.Name), Birth: strings.TrimSpace(q.BirthDate), Name: folded(q.Name)}
	if strings.TrimSpace(q.Name) != "" && len(w.readings) == 0 {
		c.Refuse("too_short", "/name", "Must hold letters.")
	}
	if w.Birth != "" && !partial(w.Birth) {
		c.Refuse("wrong_format", "/birthDate", "Must be a date that exists, such as 1975-11-21, 1975-11 or 1975.")
	}
	if strings.TrimSpace(q.NHSNumber) != "" {
		n, err := nhsnumber.Parse(q.NHSNumber)
		if err != nil {
			refuseNumber(&c, err)
		}
		w.Number = n.Digits()
	}
	if strings.TrimSpace(q.Postcode) != "" {
		code, ok := postcode(q.Postcode)
		if !ok {
			c.Refuse("wrong_format", "/postcode", "Must be a whole UK postcode, such as SW1A 2AA.")
		}
		w.Postcode = compact(code)
	}
	w.Phone = c.Phone("/phone", strings.TrimSpace(q.Phone))
	w.Email = strings.ToLower(c.Email("/email", strings.TrimSpace(q.Email)))
	if err := c.Err(); err != nil {
		return wanted{}, err
	}
	if w.Name+w.Birth+w.Number+w.Phone+w.Email+w.Postcode == "" {
		return wanted{}, fault.New(fault.Invalid, "invalid", "Say whom to look for.", fault.Detail{
			Code: "required", Pointer: "/name", Message: "Give a name, or one of the other fields.",
		})
	}
	return w, nil
}

// hunt is one search on its way through the rows.
type hunt struct {
	*Service
	by      access.Caller
	ring    *seal.Ring
	want    wanted
	limit   int
	sources []source

	found   []Found
	opened  int
	scanned int
}

// run goes through the sources from where the cursor stands until the page is full or enough work is done, and gives
// where to go on; nil at the end.
func (h *hunt) run(ctx context.Context, at cursor) (*cursor, error) {
	if h.want.Number != "" {
		return nil, h.numbered(ctx)
	}
	for ; at.Source < len(h.sources); at = (cursor{Source: at.Source + 1}) {
		for more := true; more; {
			var err error
			if more, err = h.page(ctx, &at); err != nil {
				return nil, err
			}
			full := len(h.found) >= h.limit || h.opened >= maxOpened || h.scanned >= maxScanned
			if full && (more || at.Source+1 < len(h.sources)) {
				if !more {
					at = cursor{Source: at.Source + 1}
				}
				return &at, nil
			}
		}
	}
	return nil, nil //nolint:nilnil // there is nothing to go on from
}

// page looks at one page of a source's rows, and tells whether there are more behind where the cursor then stands.
func (h *hunt) page(ctx context.Context, at *cursor) (bool, error) {
	c, src := h.table.For(h.by), h.sources[at.Source]
	rows, next, err := c.UnderPage(ctx, c.Lookup(src.digest, "", ""), src.prefix, at.After, src.rows(), false)
	if err != nil {
		return false, err
	}
	for len(rows) > 0 {
		taken, err := h.open(ctx, at.Source, h.batch(src, rows))
		if err != nil {
			return false, err
		}
		at.After, rows = rows[taken-1].SK, rows[taken:]
		h.scanned += taken
		if len(h.found) >= h.limit || h.opened >= maxOpened {
			return next != "" || len(rows) > 0, nil
		}
	}
	return next != "", nil
}

// batch gives as many of the rows as hold the number of records that is worth opening at once.
func (h *hunt) batch(src source, rows []table.Row) []table.Row {
	room, n := min(max(h.limit-len(h.found), leastOpened), maxOpened-h.opened), 0
	for i, row := range rows {
		if src.takes(row.SK) {
			n++
		}
		if n == room {
			return rows[:i+1]
		}
	}
	return rows
}

// open opens the records behind rows and keeps those that are meant, until the page is full: what lies behind is the
// next page's. It gives how many rows it got through.
func (h *hunt) open(ctx context.Context, source int, rows []table.Row) (int, error) {
	var ids []string
	for _, row := range rows {
		if h.sources[source].takes(row.SK) {
			ids = append(ids, patientOf(row))
		}
	}
	if len(ids) == 0 {
		return len(rows), nil
	}
	h.opened += len(ids)
	files, err := h.load(ctx, h.by, slices.Compact(slices.Sorted(slices.Values(ids)))...)
	if err != nil {
		return 0, err
	}
	day, err := h.today()
	if err != nil {
		return 0, err
	}
	for i, row := range rows {
		f, ok := files[patientOf(row)]
		if ok && h.sources[source].takes(row.SK) && h.want.means(f.Patient) && h.once(source, f.Patient, row.SK) {
			h.found = append(h.found, f.found(day))
		}
		if len(h.found) >= h.limit {
			return i + 1, nil
		}
	}
	return len(rows), nil
}

// patientOf is the patient whom a row gives.
func patientOf(row table.Row) string { return row.SK[strings.LastIndexByte(row.SK, '#')+1:] }

// once tells whether this is the row by which the patient is shown: somebody with several names can be found by
// several rows and sources, and is shown once without anybody remembering who was shown.
func (h *hunt) once(at int, p Patient, sk string) bool {
	for i, src := range h.sources {
		fits := src.fitting(p)
		switch {
		case len(fits) == 0 && i < at:
			continue
		case i < at || len(fits) == 0:
			return false
		case len(fits) == 1:
			return true
		}
		speller, first := newSpeller(h.ring), ""
		for _, t := range fits {
			if path := speller.of(src.kind, t).Path + "#" + p.ID; first == "" || path < first {
				first = path
			}
		}
		return first == sk
	}
	return false
}

// numbered looks for the one patient who has the number.
func (h *hunt) numbered(ctx context.Context) error {
	c := h.table.For(h.by)
	var row holder
	err := c.Get(ctx, c.Number(h.ring.Digest(numberKind, h.want.Number)), &row)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	files, err := h.load(ctx, h.by, row.Patient)
	if err != nil {
		return err
	}
	day, err := h.today()
	if f, ok := files[row.Patient]; ok && h.want.means(f.Patient) {
		h.found = append(h.found, f.found(day))
	}
	return err
}

func (p Patient) found(day string) Found {
	return Found{ID: p.ID, Name: p.Usual(day).plain(), BirthDate: p.BirthDate, Restricted: p.Restricted}
}

// plain is the name without titles.
func (n Name) plain() string { return Name{Given: n.Given, Family: n.Family}.Full() }
