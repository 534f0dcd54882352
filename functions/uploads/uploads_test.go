package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/file"
	"almanac/shared/file/filetest"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
	"almanac/shared/upload"
	"almanac/shared/web"
)

type object = map[string]any

// people is the file of the sample events.
const people = "family,given,birthDate,nhsNumber,postcode\nMarker,Ada,1950-02-27,9990000018,SW1A 2AA\n"

// office is a clinic with this function in front of it, and the worker behind it.
type office struct {
	*clinictest.Clinic
	bucket *filetest.Bucket
	serve  web.Handler
	runner *upload.Runner
}

func newOffice(t *testing.T, newID id.Source) *office {
	t.Helper()
	h := clinictest.New(t)
	o := &office{Clinic: h.Found(t), bucket: filetest.New(t, h.Clock.Now)}
	o.serve = h.Edge().Serve(routes(upload.New(h.Table, o.bucket.Store, h.Clock.Now, newID)))
	o.runner = upload.NewRunner(h.Table, o.bucket.Store, patient.New(h.Table, h.Keeper, h.Clock.Now, id.New), h.Clock.Now, id.New)
	return o
}

func wish() object {
	sum := sha256.Sum256([]byte(people))
	return object{"format": "csv", "bytes": len(people), "sha256": hex.EncodeToString(sum[:])}
}

func (o *office) ask(t *testing.T, method, path string, body any) events.APIGatewayV2HTTPRequest {
	t.Helper()
	return o.Ask(t, clinictest.Manager, method, path, body)
}

// announced is an upload whose file was sent.
func (o *office) announced(t *testing.T) upload.Receipt {
	t.Helper()
	r := clinictest.Read[upload.Receipt](t, clinictest.Must(t, o.serve, http.StatusCreated, o.ask(t, "POST", "/v1/uploads", wish())))
	u := clinictest.Read[upload.Upload](t, clinictest.Must(t, o.serve, http.StatusOK, o.ask(t, "GET", r.Path(), nil)))
	if status := filetest.Send(t, *u.Send, []byte(people)); status != http.StatusOK {
		t.Fatalf("send the file: status %d", status)
	}
	return r
}

// run starts a run and has the worker carry it.
func (o *office) run(t *testing.T, r upload.Receipt, dry bool) upload.Upload {
	t.Helper()
	now := clinictest.Read[upload.Upload](t, clinictest.Must(t, o.serve, http.StatusOK, o.ask(t, "GET", r.Path(), nil)))
	ev := clinictest.With(o.ask(t, "POST", r.Path()+"/start", object{"dryRun": dry}), "if-match", tag(now.Version))
	started := clinictest.Read[upload.Receipt](t, clinictest.Must(t, o.serve, http.StatusOK, ev))
	o.carry(t, started)
	return clinictest.Read[upload.Upload](t, clinictest.Must(t, o.serve, http.StatusOK, o.ask(t, "GET", r.Path(), nil)))
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
			var sent any
			if c.body != nil {
				sent = c.body
			}
			ev := o.ask(t, method, c.path, sent)
			if strings.Contains(c.row, "start") {
				ev = clinictest.With(ev, "if-match", `"1"`)
			}
			clinictest.Exercise(t, clinictest.Exercised{
				Serve: o.serve, Event: ev, Permission: c.permission,
				As: func(roles ...access.Role) clinictest.Claims {
					return clinictest.ClaimsOf(o.Org, o.newStaff(t, roles...))
				},
				Stranger: func() clinictest.Claims { return clinictest.ClaimsOf(other.Org, clinictest.Manager) },
				Log:      o.Log.String, Markers: []string{"Marker", "9990000018", "1950-02-27", "SW1A"},
			})
		})
	}
	for row := range routes(nil) {
		if !slices.Contains(rows, row) {
			t.Errorf("%s is not exercised", row)
		}
	}
}

// newStaff adds a member of staff with the roles straight to the table.
func (o *office) newStaff(t *testing.T, roles ...access.Role) string {
	t.Helper()
	s := clinic.Staff{Subject: id.New("sub"), Name: "Staff", Email: "staff@example.org", JobRole: "Staff", Roles: roles}
	o.Change(t, func(k table.Clinic) []table.Item {
		return []table.Item{{Key: k.Staff(s.Subject), Value: s, New: true}}
	})
	return s.Subject
}

// TestRefusedStarts: what cannot be started is refused with the code that says why.
func TestRefusedStarts(t *testing.T) {
	o := newOffice(t, id.New)
	r := o.announced(t)
	start := func(version int64, dry bool) events.APIGatewayV2HTTPRequest {
		return clinictest.With(o.ask(t, "POST", r.Path()+"/start", object{"dryRun": dry}), "if-match", tag(version))
	}
	code := func(ev events.APIGatewayV2HTTPRequest, want string) {
		t.Helper()
		if p := clinictest.Read[web.Problem](t, clinictest.Must(t, o.serve, http.StatusConflict, ev)); p.Code != want {
			t.Errorf("refused for %s, want %s", p.Code, want)
		}
	}
	code(start(1, false), "dry_run_first")
	code(o.ask(t, "GET", r.Path()+"/report", nil), "report_not_ready")
	u := o.run(t, r, true)
	if u.State != upload.Checked || u.Counts.Created != 1 {
		t.Fatalf("%+v", u)
	}
	o.bucket.Overwrite(t, "uploads/"+o.Org+"/"+r.ID, []byte(strings.Replace(people, "Ada", "Eve", 1)))
	code(start(u.Version, false), "dry_run_first")
}

// TestEvents carries out the sample events in order, as a manager does who sends in a file.
func TestEvents(t *testing.T) {
	o := newOffice(t, known)
	names := strings.NewReplacer(known("org"), o.Org)
	link := ""
	for _, c := range []struct {
		file, answer string
		status       int
	}{
		{"create", `"id":"` + known("upl") + `"`, http.StatusCreated},
		{"read", `"state":"awaiting-file"`, http.StatusOK},
		{"start", `"version":2`, http.StatusOK},
		{"list", `"state":"checked"`, http.StatusOK},
		{"report", `report-1.csv`, http.StatusOK},
	} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "events", "uploads."+c.file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var ev events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal([]byte(names.Replace(string(raw))), &ev); err != nil {
			t.Fatal(err)
		}
		res, err := o.serve(t.Context(), ev)
		if err != nil || res.StatusCode != c.status || !strings.Contains(res.Body, c.answer) {
			t.Fatalf("%s: status %d, %v: %s", c.file, res.StatusCode, err, res.Body)
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
	if got, want := fetch(t, link), "\"line\",\"outcome\",\"patient\",\"reasons\"\r\n\"2\",\"would_create\",\"\",\"\"\r\n"; got != want {
		t.Errorf("the report is %q, want %q", got, want)
	}
	files, err := filepath.Glob("../../events/uploads.*.json")
	if err != nil || len(files) != 5 {
		t.Errorf("%d sample events, 5 are tested (%v)", len(files), err)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// known makes the ids that the sample events name: one of each kind.
func known(prefix string) string {
	raw := [16]byte{0x01, 0x9a, 0xa5, 0xc0, 0xb1, 0x40, 0x70, 0x00, 0x80}
	copy(raw[13:], prefix)
	return id.Format(prefix, raw)
}

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Almanac: uploads of patients", routes(nil))
}
