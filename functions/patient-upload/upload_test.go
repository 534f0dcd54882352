package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/s3"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/file/filetest"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/queue"
	"almanac/shared/upload"
)

// people is a file of one person.
const people = "family,given,birthDate,nhsNumber,postcode\nMarker,Ada,1950-02-27,9990000018,SW1A 2AA\n"

type works struct {
	*clinictest.Clinic
	bucket  *filetest.Bucket
	service *upload.Service
	handle  queue.Handler
}

func newWorks(t *testing.T) *works {
	t.Helper()
	h := clinictest.New(t)
	w := &works{Clinic: h.Found(t), bucket: filetest.New(t, h.Clock.Now)}
	w.service = upload.New(h.Table, w.bucket.Store, h.Clock.Now, clinictest.Known)
	r := upload.NewRunner(h.Table, w.bucket.Store, patient.New(h.Table, h.Keeper, h.Clock.Now, id.New), h.Clock.Now, id.New)
	w.handle = queue.Edge{Log: slog.New(slog.NewJSONHandler(h.Log, nil))}.Each(event.Upload, access.PatientUpload, r.Carry)
	return w
}

// started is an upload whose dry run was started; its version is then 2, as in the sample event.
func (w *works) started(t *testing.T) {
	t.Helper()
	by := w.By(t, clinictest.Manager)
	sum := sha256.Sum256([]byte(people))
	r, err := w.service.Create(t.Context(), by, clinictest.Once(), upload.Wish{
		Format: upload.CSV, Bytes: int64(len(people)), SHA256: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	u := w.get(t, r.ID)
	if status := filetest.Send(t, *u.Send, []byte(people)); status != http.StatusOK {
		t.Fatalf("send the file: status %d", status)
	}
	if _, err := w.service.Start(t.Context(), by, clinictest.Once(), r.ID, 1, true); err != nil {
		t.Fatal(err)
	}
}

func (w *works) get(t *testing.T, uploadID string) upload.Upload {
	t.Helper()
	u, err := w.service.Get(t.Context(), w.By(t, clinictest.Manager), uploadID)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (w *works) send(t *testing.T, name string) events.SQSEventResponse {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "events", "patient-upload."+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var batch events.SQSEvent
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(raw), clinictest.Known("org"), w.Org)), &batch); err != nil {
		t.Fatal(err)
	}
	res, err := w.handle(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestEvents: the sample message carries an upload to its end; it, and a later one, then find nothing to do. Nothing of
// the file is logged.
func TestEvents(t *testing.T) {
	w := newWorks(t)
	w.started(t)
	if res := w.send(t, "started"); len(res.BatchItemFailures) != 0 {
		t.Fatalf("not done: %s", w.Log)
	}
	u := w.get(t, clinictest.Known("upl"))
	if u.State != upload.Checked || u.Counts.Created != 1 {
		t.Errorf("%s %+v", u.State, u.Counts)
	}
	for _, name := range []string{"started", "continued"} {
		if res := w.send(t, name); len(res.BatchItemFailures) != 0 || w.get(t, u.ID).Version != u.Version {
			t.Errorf("%s, again, did something: %s", name, w.Log)
		}
	}
	w.clean(t)
}

// TestNotYet: while the file cannot be reached the message stays in the queue.
func TestNotYet(t *testing.T) {
	w := newWorks(t)
	w.started(t)
	if err := w.bucket.Server.Faults.Set([]sandbox.Fault{{Kind: s3.SlowDown, Count: sandbox.Forever}}); err != nil {
		t.Fatal(err)
	}
	if res := w.send(t, "started"); len(res.BatchItemFailures) != 1 {
		t.Errorf("the message was taken off the queue: %s", w.Log)
	}
	w.bucket.Server.Faults.Clear()
	if res := w.send(t, "started"); len(res.BatchItemFailures) != 1 {
		t.Errorf("the other worker may be alive yet: %s", w.Log)
	}
	w.Clock.Pass(3 * time.Minute)
	if res := w.send(t, "started"); len(res.BatchItemFailures) != 0 {
		t.Errorf("not done: %s", w.Log)
	}
	w.clean(t)
}

// TestNothing: a message about an upload that there is not is done with.
func TestNothing(t *testing.T) {
	w := newWorks(t)
	if res := w.send(t, "started"); len(res.BatchItemFailures) != 0 || !strings.Contains(w.Log.String(), `"outcome":"gone"`) {
		t.Errorf("%s", w.Log)
	}
}

func (w *works) clean(t *testing.T) {
	t.Helper()
	for _, marker := range []string{"Marker", "Ada", "1950", "9990000018", "SW1A"} {
		if strings.Contains(w.Log.String(), marker) {
			t.Errorf("the log shows %q: %s", marker, w.Log)
		}
	}
}
