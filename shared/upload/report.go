package upload

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"almanac/shared/event"
	"almanac/shared/fault"
)

const (
	reportType   = "text/csv; charset=utf-8"
	reportHeader = `"line","outcome","patient","reasons"` + "\r\n"
	// longestPart is above what a batch's piece can be: lines of numbers, ids and at most ten codes.
	longestPart = 1 << 20
)

// rows writes entries as the report has them.
func rows(entries []entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		for i, value := range []string{
			strconv.Itoa(e.number), string(e.outcome), e.patient, strings.Join(e.reasons, " "),
		} {
			if i > 0 {
				_ = b.WriteByte(',') // never fails
			}
			_, _ = b.WriteString(cell(value))
		}
		_, _ = b.WriteString("\r\n")
	}
	return b.Bytes()
}

// cell writes one value, quoted, so that no spreadsheet takes it for a formula. All values are codes and ids of ours,
// which cannot be one; that is no reason to rely on it.
func cell(value string) string {
	if strings.ContainsAny(value[:min(len(value), 1)], "=+-@\t\r\n") {
		value = "'" + value
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}

// finish joins the report and ends the run: as complete, or as refused. Every step can be done again. The file goes
// once its patients are registered, for good: it is the one place where they stand unsealed.
func (w *worker) finish(ctx context.Context, no *Refusal) error {
	org, u := w.by.Org(), &w.upload
	if err := w.join(ctx); err != nil {
		return err
	}
	if u.State == Loading || no != nil {
		if err := w.files.Remove(ctx, u.object(org)); err != nil {
			return err
		}
	}
	u.Reported, u.Ended, u.Refusal = u.Run, w.now(), no
	why := ""
	switch {
	case no != nil:
		u.State, why = Refused, no.Reason
	case u.State == Checking:
		u.State, u.Tried = Checked, u.Tag
	default:
		u.State = Done
	}
	if err := w.write(ctx, event.UploadFinished, why); err != nil {
		return err
	}
	for n := range u.Parts {
		_ = w.files.Remove(ctx, u.part(org, n)) // the bucket removes what is left
	}
	return nil
}

// join makes the report of its pieces.
func (w *worker) join(ctx context.Context) error {
	var b bytes.Buffer
	_, _ = b.WriteString(reportHeader) // never fails
	for n := range w.upload.Parts {
		part, err := w.files.Get(ctx, w.upload.part(w.by.Org(), n), longestPart)
		if fault.Is(err, fault.NotFound) {
			// Another worker ended this run and tidied up; writing over its report would leave half of one.
			return later("being_carried")
		}
		if err != nil {
			return err
		}
		_, _ = b.Write(part)
	}
	return w.files.Put(ctx, w.upload.report(w.by.Org(), w.upload.Run), reportType, b.Bytes())
}
