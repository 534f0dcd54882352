package upload

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/file"
	"almanac/shared/id"
	"almanac/shared/table"
)

// Service makes, starts and shows uploads. It is safe for concurrent use.
type Service struct {
	table *table.Table
	files *file.Store
	now   func() time.Time
	newID id.Source
}

// New makes the Service over the table and the bucket.
func New(t *table.Table, files *file.Store, now func() time.Time, newID id.Source) *Service {
	return &Service{table: t, files: files, now: now, newID: newID}
}

const (
	prefix = "upl"
	// sending is how long a file may take to be sent, reading how long a report's address is good.
	sending = 15 * time.Minute
	reading = 5 * time.Minute
)

// Wish is the file that somebody wants to send.
type Wish struct {
	Format string
	Dates  string // of CSV; ISODates if empty
	Bytes  int64
	SHA256 string // in hex
}

// Create makes room for one file. Errors: fault Invalid with all that is wrong, and those of table.Clinic.Write.
func (s *Service) Create(ctx context.Context, by access.Caller, once access.Once, w Wish) (Receipt, error) {
	var c clinic.Check
	c.Choice("/format", w.Format, CSV, FHIR)
	switch {
	case w.Format == CSV && w.Dates == "":
		w.Dates = ISODates
	case w.Format == CSV:
		c.Choice("/dates", w.Dates, ISODates, BritishDates)
	case w.Dates != "":
		c.Refuse("wrong_value", "/dates", "FHIR writes dates in one way only: leave it out.")
	}
	if w.Bytes < MinSize {
		c.Refuse("too_small", "/bytes", "The file must not be empty.")
	}
	if w.Bytes > MaxSize {
		c.Refuse("too_large", "/bytes", "The file may have 100,000,000 bytes at the most.")
	}
	w.SHA256 = strings.ToLower(w.SHA256)
	if sum, err := hex.DecodeString(w.SHA256); err != nil || len(sum) != 32 {
		c.Refuse("wrong_format", "/sha256", "Must be the file's SHA-256, 64 hexadecimal digits.")
	}
	if err := c.Err(); err != nil {
		return Receipt{}, err
	}
	u := Upload{
		ID: s.newID(prefix), State: Awaiting, Format: w.Format, Dates: w.Dates, Bytes: w.Bytes, SHA256: w.SHA256,
		Created: s.now(), By: by.Person(),
	}
	r := Receipt{ID: u.ID, Version: 1}
	k := s.table.For(by)
	return r, k.Write(ctx, table.Change{
		Action: access.UploadCreate, Target: u.ID, Once: once, Answer: r, Put: []table.Item{item(k, u)},
		Event: event.Event{Name: event.UploadCreated, Version: 1},
	})
}

// item writes the upload at the version after the one it has.
func item(c table.Clinic, u Upload) table.Item {
	return table.Item{
		Key: c.Upload(u.ID), Value: u, New: u.Version == 0, Version: u.Version,
		Index: c.Listing(table.Uploads, "", u.Created, u.ID),
	}
}

func find(ctx context.Context, c table.Clinic, upload string) (Upload, error) {
	if !id.Valid(upload, prefix) {
		return Upload{}, fault.New(fault.NotFound, "not_found", "There is no such record.")
	}
	var u Upload
	err := c.Get(ctx, c.Upload(upload), &u)
	return u, err
}

// Get reads an upload; while its file is awaited, with the right to send it. Errors: fault NotFound, Unavailable.
func (s *Service) Get(ctx context.Context, by access.Caller, upload string) (Upload, error) {
	u, err := find(ctx, s.table.For(by), upload)
	if err != nil || u.State != Awaiting || s.late(u) {
		return u.shown(s.now()), err
	}
	sum, err := hex.DecodeString(u.SHA256)
	if err != nil || len(sum) != 32 {
		return u, fault.New(fault.Internal, "internal", "Something went wrong on our side. Nothing was changed.")
	}
	ticket, err := s.files.Take(ctx, file.Parcel{
		Key: u.object(by.Org()), Type: contentType(u.Format), Size: u.Bytes, SHA256: [32]byte(sum),
	}, sending)
	u.Send = &ticket
	return u.shown(s.now()), err
}

// kept is how long the bucket keeps a file: one that was not sent by then is not taken any more.
const kept = 7 * 24 * time.Hour

func (s *Service) late(u Upload) bool { return s.now().Sub(u.Created) > kept }

func contentType(format string) string {
	if format == FHIR {
		return "application/fhir+ndjson"
	}
	return "text/csv"
}

// List lists uploads, newest first, a page at a time. after is what the page before gave as next.
func (s *Service) List(ctx context.Context, by access.Caller, after string, limit int) ([]Upload, string, error) {
	if err := table.Position(after, prefix); err != nil {
		return nil, "", err
	}
	c := s.table.For(by)
	all, next, err := table.List[Upload](ctx, c, c.Listing(table.Uploads, "", time.Time{}, ""), after, limit, true)
	for i, u := range all {
		all[i] = u.shown(s.now())
	}
	return all, next, err
}

// stalled is after how long without a sign of life somebody may start an upload again that is under way.
const stalled = 15 * time.Minute

// Start starts a run: a dry one first, and then, of the very file that was tried, the one that registers patients.
// A run that stands still may be started again, and goes on where it was. Errors: fault NotFound; Stale; Conflict
// "upload_running", "upload_over", "file_missing", "dry_run_first"; and those of table.Clinic.Write.
func (s *Service) Start(
	ctx context.Context, by access.Caller, once access.Once, upload string, version int64, dry bool,
) (Receipt, error) {
	k := s.table.For(by)
	u, err := find(ctx, k, upload)
	switch {
	case err != nil:
		return Receipt{}, err
	case u.Version != version:
		return Receipt{}, fault.New(fault.Stale, "stale",
			"This was changed by somebody else in the meantime. Look again.")
	case u.State == Done || u.State == Refused:
		return Receipt{}, fault.New(fault.Conflict, "upload_over", "This upload is over. Make a new one.")
	case u.State.running() && (dry != (u.State == Checking) || s.now().Sub(u.sign()) < stalled):
		return Receipt{}, fault.New(fault.Conflict, "upload_running",
			"A run of this file is under way. Wait for its end.")
	case !u.State.running():
		if u, err = s.begin(ctx, by, u, dry); err != nil {
			return Receipt{}, err
		}
	}
	u.Woken, u.Lease, u.Token = u.Version+1, time.Time{}, ""
	r := Receipt{ID: u.ID, Version: u.Version + 1}
	return r, k.Write(ctx, table.Change{
		Action: access.UploadStart, Target: u.ID, Once: once, Answer: r, Put: []table.Item{item(k, u)},
		Event: event.Event{Name: event.UploadStarted, Version: r.Version, Before: u.Version, Why: string(u.State)},
	})
}

// sign is when the upload last showed that somebody is at it.
func (u Upload) sign() time.Time {
	if u.Lease.After(u.Started) {
		return u.Lease
	}
	return u.Started
}

// begin makes the upload one whose run is about to begin. The run reads the object that is there now, or nothing.
func (s *Service) begin(ctx context.Context, by access.Caller, u Upload, dry bool) (Upload, error) {
	info, err := s.files.Stat(ctx, u.object(by.Org()))
	switch {
	case fault.Is(err, fault.NotFound):
		return u, fault.New(fault.Conflict, "file_missing", "The file was not sent yet, or is not kept any more.")
	case err != nil:
		return u, err
	case info.Size != u.Bytes || info.SHA256 != "" && info.SHA256 != u.SHA256:
		return u, fault.New(fault.Conflict, "file_changed",
			"The file is not the one that was announced. Make a new upload.")
	case !dry && (u.State != Checked || u.Tried != info.Tag):
		return u, fault.New(fault.Conflict, "dry_run_first",
			"Start a dry run of the file first, and look at its report.")
	}
	u.State = Loading
	if dry {
		u.State = Checking
	}
	u.Run, u.Tag, u.Started, u.Ended = u.Run+1, info.Tag, s.now(), time.Time{}
	u.Counts, u.Line, u.Offset, u.Parts, u.Read = Counts{}, 0, 0, 0, false
	return u, nil
}

// Report lends the report of the last complete run. Errors: fault NotFound; Conflict "report_not_ready".
func (s *Service) Report(ctx context.Context, by access.Caller, upload string) (file.Link, error) {
	u, err := find(ctx, s.table.For(by), upload)
	if err != nil {
		return file.Link{}, err
	}
	if u.Reported == 0 {
		return file.Link{}, fault.New(fault.Conflict, "report_not_ready", "No run is complete yet.")
	}
	name := u.ID + ".csv"
	return s.files.Give(ctx, u.report(by.Org(), u.Reported), name, reportType, reading)
}
