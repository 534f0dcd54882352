package upload_test

import (
	"strings"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/s3"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/upload"
)

func (o *office) patientsThere(t *testing.T) int {
	t.Helper()
	return strings.Count(o.everything(t), ":PAT")
}

// TestRefusedFiles: a file that cannot be taken is refused at its first look, as a whole, with the reason and the line;
// it is removed, and nobody is registered.
func TestRefusedFiles(t *testing.T) {
	o := newOffice(t)
	before := o.patientsThere(t)
	tooMany := header + strings.Repeat("A,B,1950-02-27,,,,,,,\n", upload.MaxLines+1)
	for name, c := range map[string]struct {
		file, why string
		line      int
	}{
		"a header alone":    {header, upload.NoLines, 0},
		"one column":        {"family\nMarker\n", upload.MissingColumns, 1},
		"an unknown column": {"family,given,birthDate,ward\n", upload.UnknownColumn, 1},
		"wrong encoding":    {lines(0, 3) + "M\xfcller,Ada,1950-02-27,,,,,,,\n", upload.NotUTF8, 5},
		"an open quote":     {lines(0, 3) + "\"Marker,Ada,1950-02-27,,,,,,,\n", upload.QuoteOpen, 5},
		"100,001 lines":     {tooMany, upload.TooManyLines, upload.MaxLines + 2},
	} {
		t.Run(name, func(t *testing.T) {
			u := o.run(t, o.send(t, c.file), true)
			if u.State != upload.Refused || u.Refusal == nil || u.Refusal.Reason != c.why || u.Refusal.Line != c.line || u.Refusal.Sentence == "" {
				t.Fatalf("%s %+v", u.State, u.Refusal)
			}
			if report := o.report(t, u); len(report) != 0 {
				t.Errorf("the report has %d lines", len(report))
			}
			if _, there := o.bucket.Read(t, "uploads/"+o.Org+"/"+u.ID); there {
				t.Error("the file is still there")
			}
			o.cannotStart(t, u, true, "upload_over")
			o.cannotStart(t, u, false, "upload_over")
		})
	}
	if after := o.patientsThere(t); after != before {
		t.Errorf("%d patients were registered", after-before)
	}
}

func (o *office) cannotStart(t *testing.T, u upload.Upload, dry bool, why string) {
	t.Helper()
	_, err := o.service.Start(t.Context(), o.By(t, clinictest.Manager), clinictest.Once(), u.ID, o.get(t, u.ID).Version, dry)
	if !fault.Is(err, fault.Conflict) || fault.Of(err).Code != why {
		t.Errorf("start (dry: %t) of an upload that is %s: %v, want %s", dry, u.State, err, why)
	}
}

func TestStart(t *testing.T) {
	o := newOffice(t)
	sum := strings.Repeat("0", 64)
	r, err := o.service.Create(t.Context(), o.By(t, clinictest.Manager), clinictest.Once(), upload.Wish{Format: upload.CSV, Bytes: 10, SHA256: sum})
	if err != nil {
		t.Fatal(err)
	}
	o.cannotStart(t, upload.Upload{ID: r.ID}, true, "file_missing")
	u := o.send(t, lines(0, 2))
	o.cannotStart(t, u, false, "dry_run_first")
	m := o.start(t, u, true)
	o.cannotStart(t, u, true, "upload_running")
	o.cannotStart(t, u, false, "upload_running")
	if _, err := o.service.Start(t.Context(), o.By(t, clinictest.Manager), clinictest.Once(), u.ID, 1, true); !fault.Is(err, fault.Stale) {
		t.Errorf("of an old copy: %v", err)
	}
	if _, err := o.service.Start(t.Context(), o.By(t, clinictest.Clinician), clinictest.Once(), u.ID, 2, true); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Conflict) {
		t.Errorf("by a clinician: %v", err)
	}
	if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
		t.Fatal(err)
	}
	if again := o.run(t, u, true); again.State != upload.Checked {
		t.Errorf("tried again: %s", again.State)
	}
	if done := o.run(t, u, false); done.State != upload.Done {
		t.Errorf("run: %s", done.State)
	}
	o.cannotStart(t, u, false, "upload_over")
	// Messages that come late, or twice, find nothing to do.
	version := o.get(t, u.ID).Version
	if err := o.runner.Carry(t.Context(), o.job(), m); err != nil || o.get(t, u.ID).Version != version {
		t.Errorf("an old message: %v", err)
	}
	if err := o.runner.Carry(t.Context(), o.job(), o.message(event.UploadStarted, id.New("upl"), 1)); !fault.Is(err, fault.NotFound) {
		t.Errorf("a message about nothing: %v", err)
	}
	theirs := o.Found(t)
	if err := o.runner.Carry(t.Context(), access.System(theirs.Org, string(access.PatientUpload)), m); !fault.Is(err, fault.NotFound) {
		t.Errorf("another organisation's upload: %v", err)
	}
}

// TestStalled: an upload at which nobody is any more can be started again, and goes on where it was.
func TestStalled(t *testing.T) {
	o := newOffice(t)
	u := o.send(t, lines(0, 2))
	o.start(t, u, true) // and the message is lost
	o.Clock.Pass(14 * time.Minute)
	o.cannotStart(t, u, true, "upload_running")
	o.Clock.Pass(2 * time.Minute)
	o.cannotStart(t, u, false, "upload_running")
	if got := o.run(t, u, true); got.State != upload.Checked || got.Counts.Created != 2 {
		t.Errorf("%+v", got)
	}
}

// TestAnotherFile: what is run is what was announced and tried, or nothing.
func TestAnotherFile(t *testing.T) {
	o := newOffice(t)
	file := lines(0, 3)
	other := []byte(strings.Replace(file, "Ada", "Eve", 1))
	key := func(u upload.Upload) string { return "uploads/" + o.Org + "/" + u.ID }
	cut := o.send(t, file)
	o.bucket.Overwrite(t, key(cut), other[:100])
	o.cannotStart(t, cut, true, "file_changed")
	before := o.send(t, file)
	o.bucket.Overwrite(t, key(before), other)
	if got := o.run(t, before, true); got.State != upload.Refused || got.Refusal.Reason != upload.FileChanged {
		t.Errorf("replaced before the dry run: %s %+v", got.State, got.Refusal)
	}
	between := o.send(t, file)
	o.run(t, between, true)
	o.bucket.Overwrite(t, key(between), other)
	o.cannotStart(t, between, false, "dry_run_first")
	for name, change := range map[string]func(upload.Upload){
		upload.FileChanged: func(u upload.Upload) { o.bucket.Overwrite(t, key(u), other) },
		upload.FileMissing: func(u upload.Upload) {
			if err := o.bucket.Remove(t.Context(), key(u)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		u := o.send(t, file)
		o.run(t, u, true)
		m := o.start(t, u, false)
		change(u)
		if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
			t.Fatal(err)
		}
		if got := o.get(t, u.ID); got.State != upload.Refused || got.Refusal.Reason != name || got.Counts.Created != 0 {
			t.Errorf("%s after the start: %s %+v", name, got.State, got.Refusal)
		}
	}
}

// TestStoreDown: while files or keys cannot be reached the message stays in the queue, and nothing is decided.
func TestStoreDown(t *testing.T) {
	o := newOffice(t)
	u := o.send(t, lines(0, 3))
	m := o.start(t, u, true)
	for _, on := range []string{"HEAD", "GET", "PUT"} {
		if err := o.bucket.Server.Faults.Set([]sandbox.Fault{{Kind: s3.SlowDown, Count: sandbox.Forever, On: on}}); err != nil {
			t.Fatal(err)
		}
		if err := o.runner.Carry(t.Context(), o.job(), m); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", on, err)
		}
		if got := o.get(t, u.ID); got.State != upload.Checking {
			t.Errorf("%s: %s", on, got.State)
		}
		o.Clock.Pass(3 * time.Minute)
	}
	o.bucket.Server.Faults.Clear()
	o.Clock.Pass(6 * time.Minute)
	if err := o.KMS.Faults.Set([]sandbox.Fault{{Kind: "denied", Count: 100}}); err != nil {
		t.Fatal(err)
	}
	if err := o.runner.Carry(t.Context(), o.job(), m); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without keys: %v", err)
	}
	o.KMS.Faults.Clear()
	o.Clock.Pass(3 * time.Minute)
	if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
		t.Fatal(err)
	}
	if got := o.get(t, u.ID); got.State != upload.Checked || got.Counts.Created != 3 {
		t.Errorf("afterwards: %+v", got)
	}
}

func TestCreateRefusals(t *testing.T) {
	o := newOffice(t)
	sum := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		w       upload.Wish
		pointer string
	}{
		"format":        {upload.Wish{Format: "xls", Bytes: 1, SHA256: sum}, "/format"},
		"dates":         {upload.Wish{Format: upload.CSV, Dates: "MM/DD/YYYY", Bytes: 1, SHA256: sum}, "/dates"},
		"dates of FHIR": {upload.Wish{Format: upload.FHIR, Dates: upload.ISODates, Bytes: 1, SHA256: sum}, "/dates"},
		"empty":         {upload.Wish{Format: upload.CSV, SHA256: sum}, "/bytes"},
		"too large":     {upload.Wish{Format: upload.CSV, Bytes: upload.MaxSize + 1, SHA256: sum}, "/bytes"},
		"digest":        {upload.Wish{Format: upload.CSV, Bytes: 1, SHA256: sum[1:] + "x"}, "/sha256"},
	} {
		_, err := o.service.Create(t.Context(), o.By(t, clinictest.Manager), clinictest.Once(), c.w)
		if d := fault.Of(err); err == nil || d.Kind != fault.Invalid || len(d.Details) != 1 || d.Details[0].Pointer != c.pointer {
			t.Errorf("%s: %v %+v", name, err, d)
		}
	}
}

func TestListUploads(t *testing.T) {
	o := newOffice(t)
	by := o.By(t, clinictest.Manager)
	var ids []string
	for range 5 {
		r, err := o.service.Create(t.Context(), by, clinictest.Once(), upload.Wish{Format: upload.CSV, Bytes: 10, SHA256: strings.Repeat("a", 64)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append([]string{r.ID}, ids...)
		o.Clock.Pass(time.Second)
	}
	var got []string
	for after := ""; ; {
		page, next, err := o.service.List(t.Context(), by, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page {
			got = append(got, u.ID)
		}
		if after = next; next == "" {
			break
		}
	}
	if strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Errorf("listed %v, want %v", got, ids)
	}
	if _, _, err := o.service.List(t.Context(), by, "yesterday", 2); !fault.Is(err, fault.Invalid) {
		t.Errorf("a cursor that is none: %v", err)
	}
	theirs := o.Found(t)
	if page, _, err := o.service.List(t.Context(), theirs.By(t, clinictest.Manager), "", 200); err != nil || len(page) != 0 {
		t.Errorf("another organisation sees %d: %v", len(page), err)
	}
}
