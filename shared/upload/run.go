package upload

import (
	"context"
	"errors"
	"io"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/file"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// Runner carries uploads on. It is safe for concurrent use.
type Runner struct {
	table    *table.Table
	files    *file.Store
	patients *patient.Service
	now      func() time.Time
	newID    id.Source
}

// NewRunner makes the Runner.
func NewRunner(
	t *table.Table, files *file.Store, patients *patient.Service, now func() time.Time, newID id.Source,
) *Runner {
	return &Runner{table: t, files: files, patients: patients, now: now, newID: newID}
}

const (
	// lease is how long a worker is taken to be alive after its last checkpoint: longer than a batch ever takes, and
	// less than the queue's visibility, so that a message that comes back finds it over.
	lease = 2 * time.Minute
	// least is what must be left of the time to begin another batch, besides what the slowest one took.
	least = 6 * time.Second
)

// Carry carries an upload on for as long as there is time, from where it was left, whoever left it and however. When
// it is not at its end by then, an event calls the next worker. fault.Unavailable leaves the message in the queue:
// another worker is at it, or something that it needs is not there just now.
func (r *Runner) Carry(ctx context.Context, by access.Caller, m event.Message) error {
	c := r.table.For(by)
	u, err := find(ctx, c, m.Target)
	switch {
	case err != nil:
		return err
	case !u.State.running() || m.Version < u.Woken:
		return nil // this run is over, or another message carries it on
	case r.now().Before(u.Lease):
		return later("being_carried")
	}
	w := &worker{Runner: r, by: by, clinic: c, upload: u}
	w.upload.Token = r.newID("try")
	if err := w.write(ctx, event.UploadCheckpoint, "taken"); err != nil {
		return err
	}
	err = w.run(ctx)
	if no, refused := errors.AsType[*refusalError](err); refused {
		return w.finish(ctx, &no.Refusal)
	}
	return err
}

func later(why string) error {
	return &fault.Error{Kind: fault.Unavailable, Code: why, Message: "This message waits for its next turn."}
}

// worker is one turn at an upload.
type worker struct {
	*Runner
	by      access.Caller
	clinic  table.Clinic
	upload  Upload
	intake  *patient.Intake
	seen    *seen
	counted int           // lines read, those before the checkpoint included
	slowest time.Duration // batch
}

// write writes the upload as it is now, on the condition that nobody has since this worker read or wrote it. Losing to
// another worker is fault.Unavailable.
func (w *worker) write(ctx context.Context, name event.Name, why string) error {
	w.upload.Lease = w.now().Add(lease)
	if name != event.UploadCheckpoint {
		w.upload.Lease, w.upload.Token, w.upload.Woken = time.Time{}, "", w.upload.Version+1
	}
	err := w.clinic.Write(ctx, table.Change{
		Action: access.UploadCarry, Target: w.upload.ID, Put: []table.Item{item(w.clinic, w.upload)},
		Event: event.Event{Name: name, Version: w.upload.Version + 1, Before: w.upload.Version, Why: why},
	})
	if fault.Is(err, fault.Stale) {
		return later("being_carried")
	}
	if err == nil {
		w.upload.Version++
	}
	return err
}

// run reads the file from its beginning. The lines before the checkpoint are only remembered, to know later ones that
// are the same: that costs little beside what a line costs the first time, and needs nothing to be kept of them.
func (w *worker) run(ctx context.Context) error {
	if w.upload.Read {
		return w.finish(ctx, nil)
	}
	info, err := w.look(ctx)
	if err != nil {
		return err
	}
	if w.upload.State == Checking && w.upload.Line == 0 {
		if err := w.survey(ctx, info); err != nil {
			return changed(err)
		}
	}
	lines, err := w.open(ctx, info)
	if err != nil {
		return changed(err)
	}
	w.seen = newSeen(w.upload.ID)
	for !w.upload.Read {
		if w.out(ctx) {
			return w.write(ctx, event.UploadContinued, "")
		}
		if err := w.batch(ctx, lines); err != nil {
			return changed(err)
		}
	}
	return w.finish(ctx, nil)
}

func (w *worker) open(ctx context.Context, info file.Info) (*lineReader, error) {
	return open(w.files.Open(ctx, w.upload.object(w.by.Org()), info), w.upload.Format, w.upload.Dates)
}

// survey reads the whole file before anything is compared: a file that cannot be taken is refused within seconds, at
// whichever line it goes wrong, and its number of lines is known.
func (w *worker) survey(ctx context.Context, info file.Info) error {
	lines, err := w.open(ctx, info)
	if err != nil {
		return err
	}
	for total := 0; ; total++ {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			w.upload.Total = total
			return w.whole(lines, total)
		}
		if err != nil {
			return err
		}
		if total == MaxLines {
			return refuse(TooManyLines, l.number)
		}
	}
}

// look finds the file as the run's start found it.
func (w *worker) look(ctx context.Context) (file.Info, error) {
	info, err := w.files.Stat(ctx, w.upload.object(w.by.Org()))
	if err == nil && info.Tag != w.upload.Tag {
		return info, refuse(FileChanged, 0)
	}
	return info, changed(err)
}

// changed turns the loss of the file into its refusal.
func changed(err error) error {
	switch {
	case fault.Is(err, fault.NotFound) && fault.Of(err).Code == file.NotFound:
		return refuse(FileMissing, 0)
	case fault.Is(err, fault.Stale) && fault.Of(err).Code == file.Changed:
		return refuse(FileChanged, 0)
	}
	return err
}

// out tells whether there is no time for another batch.
func (w *worker) out(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return bounded && time.Until(deadline) < least+2*w.slowest
}

// batch deals with some lines, writes their piece of the report, and then the checkpoint behind them. Where a batch
// ends depends on the file alone, so that two workers who deal with the same one write the same piece.
func (w *worker) batch(ctx context.Context, lines *lineReader) error {
	var err error
	if w.intake, err = w.patients.Intake(ctx, w.by.Because("upload:"+w.upload.ID)); err != nil {
		return err
	}
	tasks, err := w.fill(lines)
	if err != nil {
		return err
	}
	began := w.now()
	entries, err := w.process(ctx, tasks)
	if err != nil {
		return err
	}
	w.slowest = max(w.slowest, w.now().Sub(began))
	if len(entries) > 0 {
		if err := w.files.Put(ctx, w.upload.part(w.by.Org(), w.upload.Parts), reportType, rows(entries)); err != nil {
			return err
		}
		w.upload.Parts++
	}
	for _, e := range entries {
		w.upload.Counts.add(e.outcome)
		w.upload.Line = e.number
	}
	w.upload.Offset = lines.offset
	return w.write(ctx, event.UploadCheckpoint, "")
}

// The bounds of a batch: so many lines that a checkpoint costs little beside them, and so few that a worker who is
// stopped has not done much in vain.
const (
	batchLines = 250
	batchBytes = 4 << 20
)

// fill reads the lines of a batch.
func (w *worker) fill(lines *lineReader) ([]task, error) {
	var tasks []task
	for began := int64(-1); len(tasks) < batchLines && (began < 0 || lines.offset-began < batchBytes); {
		before := lines.offset
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			w.upload.Read = true
			return tasks, w.whole(lines, w.counted)
		}
		if err != nil {
			return nil, err
		}
		w.counted++
		t := task{line: l}
		if err := t.check(w.intake); err != nil {
			return nil, err
		}
		if len(t.reasons) == 0 {
			t.likeness = likenessOf(t.patient)
			t.finding = w.seen.add(t.number, t.likeness)
		}
		if l.number <= w.upload.Line {
			continue
		}
		if began < 0 {
			began = before
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// whole checks, at the end of a file, that it was the one announced and that there was anything in it.
func (w *worker) whole(lines *lineReader, count int) error {
	switch {
	case lines.digest() != w.upload.SHA256:
		return refuse(FileChanged, 0)
	case count == 0:
		return refuse(NoLines, 0)
	}
	return nil
}

func (c *Counts) add(o outcome) {
	c.Lines++
	switch o {
	case created, wouldCreate:
		c.Created++
	case matched:
		c.Matched++
	case duplicate:
		c.Duplicates++
	case refusedLine:
		c.Refused++
	}
}
