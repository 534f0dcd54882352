package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/file"
	"almanac/shared/file/filetest"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/upload"
)

type object = clinictest.Body

// people is the file of the sample events.
const people = "family,given,birthDate,nhsNumber,postcode\nMarker,Ada,1950-02-27,9990000018,SW1A 2AA\n"

// office is a clinic with this function in front of it, and the worker behind it.
type office struct {
	*clinictest.Desk
	bucket *filetest.Bucket
	runner *upload.Runner
}

func newOffice(t *testing.T, newID id.Source) *office {
	t.Helper()
	h := clinictest.New(t)
	bucket := filetest.New(t, h.Clock.Now)
	serve := h.Edge().Serve(routes(upload.New(h.Table, bucket.Store, h.Clock.Now, newID)))
	o := &office{Desk: clinictest.NewDesk(h.Found(t), serve), bucket: bucket}
	o.runner = upload.NewRunner(h.Table, o.bucket.Store, patient.New(h.Table, h.Keeper, h.Clock.Now, id.New), h.Clock.Now, id.New)
	return o
}

func wish() object {
	sum := sha256.Sum256([]byte(people))
	return object{"format": "csv", "bytes": len(people), "sha256": hex.EncodeToString(sum[:])}
}

func (o *office) ask(t *testing.T, method, path string, body any) clinictest.Request {
	t.Helper()
	return o.Ask(t, clinictest.Manager, method, path, body)
}

// announced is an upload whose file was sent.
func (o *office) announced(t *testing.T) upload.Receipt {
	t.Helper()
	r := clinictest.Read[upload.Receipt](t, o.Must(t, http.StatusCreated, o.ask(t, "POST", "/v1/uploads", wish())))
	u := clinictest.Read[upload.Upload](t, o.Must(t, http.StatusOK, o.ask(t, "GET", r.Path(), nil)))
	if status := filetest.Send(t, *u.Send, []byte(people)); status != http.StatusOK {
		t.Fatalf("send the file: status %d", status)
	}
	return r
}

// run starts a run and has the worker carry it.
func (o *office) run(t *testing.T, r upload.Receipt, dry bool) upload.Upload {
	t.Helper()
	now := clinictest.Read[upload.Upload](t, o.Must(t, http.StatusOK, o.ask(t, "GET", r.Path(), nil)))
	ev := o.ask(t, "POST", r.Path()+"/start", object{"dryRun": dry}).Match(tag(now.Version))
	started := clinictest.Read[upload.Receipt](t, o.Must(t, http.StatusOK, ev))
	o.carry(t, started)
	return clinictest.Read[upload.Upload](t, o.Must(t, http.StatusOK, o.ask(t, "GET", r.Path(), nil)))
}

func (o *office) carry(t *testing.T, r upload.Receipt) {
	t.Helper()
	m := event.Event{ID: id.New("evt"), Name: event.UploadStarted, Org: o.Org, Target: r.ID, Version: r.Version}.Message()
	if err := o.runner.Carry(t.Context(), access.System(o.Org, string(access.PatientUpload)), m); err != nil {
		t.Fatal(err)
	}
}

func tag(version int64) string {
	text, _ := json.Marshal(version)
	return `"` + string(text) + `"`
}

// TestRoutes sends every route every request that all routes must refuse alike, one that succeeds, and its repeat.
func TestRoutes(t *testing.T) {
	o := newOffice(t, id.New)
	other := o.Found(t)
	read, started, reported := o.announced(t), o.announced(t), o.announced(t)
	o.run(t, reported, true)
	cases := []struct {
		row, path  string
		body       object
		permission access.Permission
	}{
		{"POST /v1/uploads", "/v1/uploads", wish(), access.UploadCreate},
		{"GET /v1/uploads", "/v1/uploads?limit=2", nil, access.UploadRead},
		{"GET /v1/uploads/{id}", read.Path(), nil, access.UploadRead},
		{"POST /v1/uploads/{id}/start", started.Path() + "/start", object{"dryRun": true}, access.UploadStart},
		{"GET /v1/uploads/{id}/report", reported.Path() + "/report", nil, access.UploadRead},
	}
	rows := make([]string, 0, len(cases))
	for _, c := range cases {
		rows = append(rows, c.row)
		t.Run(c.row, func(t *testing.T) {
			method, _, _ := strings.Cut(c.row, " ")
			ev := o.ask(t, method, c.path, c.body)
			if strings.Contains(c.row, "start") {
				ev = ev.Match(`"1"`)
			}
			clinictest.Exercise(t, o.Exercised(t, other, c.permission, ev, "Marker", "9990000018", "1950-02-27", "SW1A"))
		})
	}
	for row := range routes(nil) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// TestRefusedStarts: what cannot be started is refused with the code that says why.
func TestRefusedStarts(t *testing.T) {
	o := newOffice(t, id.New)
	r := o.announced(t)
	start := func(version int64, dry bool) clinictest.Request {
		return o.ask(t, "POST", r.Path()+"/start", object{"dryRun": dry}).Match(tag(version))
	}
	o.Refused(t, http.StatusConflict, "dry_run_first", start(1, false))
	o.Refused(t, http.StatusConflict, "report_not_ready", o.ask(t, "GET", r.Path()+"/report", nil))
	u := o.run(t, r, true)
	if u.State != upload.Checked || u.Counts.Created != 1 {
		t.Fatalf("%+v", u)
	}
	o.bucket.Overwrite(t, "uploads/"+o.Org+"/"+r.ID, []byte(strings.Replace(people, "Ada", "Eve", 1)))
	o.Refused(t, http.StatusConflict, "dry_run_first", start(u.Version, false))
}

// TestEvents carries out the sample events in order, as a manager does who sends in a file.
func TestEvents(t *testing.T) {
	o := newOffice(t, clinictest.Known)
	link := ""
	for _, c := range []struct {
		file, answer string
		status       int
	}{
		{"create", `"id":"` + clinictest.Known("upl") + `"`, http.StatusCreated},
		{"read", `"state":"awaiting-file"`, http.StatusOK},
		{"start", `"version":2`, http.StatusOK},
		{"list", `"state":"checked"`, http.StatusOK},
		{"report", `report-1.csv`, http.StatusOK},
	} {
		res := o.Must(t, c.status, clinictest.Sample(t, "uploads."+c.file, clinictest.Known("org"), o.Org))
		if !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: %s", c.file, res.Body)
		}
		switch c.file {
		case "read":
			filetest.Send(t, *clinictest.Read[upload.Upload](t, res).Send, []byte(people))
		case "start":
			o.carry(t, clinictest.Read[upload.Receipt](t, res))
		case "report":
			link = clinictest.Read[file.Link](t, res).URL
		}
	}
	want := "\"line\",\"outcome\",\"patient\",\"reasons\"\r\n\"2\",\"would_create\",\"\",\"\"\r\n"
	if _, _, got := filetest.Fetch(t, link); got != want {
		t.Errorf("the report is %q, want %q", got, want)
	}
	clinictest.Sampled(t, "uploads", 5)
}

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Almanac: uploads of patients", routes(nil))
}
