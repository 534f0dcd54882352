package upload_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/file/filetest"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/upload"
)

// office is a clinic with a bucket, and both ends of an upload.
type office struct {
	*clinictest.Clinic
	bucket   *filetest.Bucket
	patients *patient.Service
	service  *upload.Service
	runner   *upload.Runner
}

func newOffice(tb testing.TB, with ...func(*dynamodb.Options)) *office {
	tb.Helper()
	return newOfficeWith(tb, clinictest.New(tb, with...))
}

func newOfficeWith(tb testing.TB, h *clinictest.House, wrap ...func(aws.HTTPClient) aws.HTTPClient) *office {
	tb.Helper()
	o := &office{Clinic: h.Found(tb), bucket: filetest.New(tb, h.Clock.Now, wrap...)}
	o.patients = patient.New(h.Table, h.Keeper, h.Clock.Now, id.New)
	o.service = upload.New(h.Table, o.bucket.Store, h.Clock.Now, id.New)
	o.runner = upload.NewRunner(h.Table, o.bucket.Store, o.patients, h.Clock.Now, id.New)
	return o
}

func (o *office) job() access.Caller { return access.System(o.Org, string(access.PatientUpload)) }

// send makes an upload and sends its file.
func (o *office) send(t *testing.T, body string, of ...upload.Wish) upload.Upload {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	w := upload.Wish{Format: upload.CSV}
	if len(of) > 0 {
		w = of[0]
	}
	w.Bytes, w.SHA256 = int64(len(body)), hex.EncodeToString(sum[:])
	by := o.By(t, clinictest.Manager)
	r, err := o.service.Create(t.Context(), by, clinictest.Once(), w)
	if err != nil {
		t.Fatalf("create: %v %+v", err, fault.Of(err).Details)
	}
	u := o.get(t, r.ID)
	if u.Send == nil {
		t.Fatalf("no way to send the file: %+v", u)
	}
	if status := filetest.Send(t, *u.Send, []byte(body)); status != http.StatusOK {
		t.Fatalf("send: status %d", status)
	}
	return u
}

func (o *office) get(t *testing.T, uploadID string) upload.Upload {
	t.Helper()
	u, err := o.service.Get(t.Context(), o.By(t, clinictest.Manager), uploadID)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// start starts a run and gives the message that tells the worker.
func (o *office) start(t *testing.T, u upload.Upload, dry bool) event.Message {
	t.Helper()
	r, err := o.service.Start(t.Context(), o.By(t, clinictest.Manager), clinictest.Once(), u.ID, o.get(t, u.ID).Version, dry)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	return o.message(event.UploadStarted, r.ID, r.Version)
}

func (o *office) message(name event.Name, uploadID string, version int64) event.Message {
	return event.Event{ID: id.New("evt"), Name: name, Org: o.Org, Target: uploadID, Version: version}.Message()
}

// run starts a run and carries it to its end.
func (o *office) run(t *testing.T, u upload.Upload, dry bool) upload.Upload {
	t.Helper()
	m := o.start(t, u, dry)
	if err := o.runner.Carry(t.Context(), o.job(), m); err != nil {
		t.Fatalf("carry: %v", err)
	}
	return o.get(t, u.ID)
}

// both sends a file, tries it and runs it.
func (o *office) both(t *testing.T, body string, of ...upload.Wish) (upload.Upload, [][]string) {
	t.Helper()
	u := o.send(t, body, of...)
	tried := o.run(t, u, true)
	if tried.State != upload.Checked {
		t.Fatalf("the dry run ended as %s: %+v", tried.State, tried.Refusal)
	}
	before := o.report(t, u)
	done := o.run(t, u, false)
	if done.State != upload.Done || done.Counts != tried.Counts {
		t.Fatalf("the run ended as %s with %+v, the dry run with %+v", done.State, done.Counts, tried.Counts)
	}
	after := o.report(t, u)
	for i := range before {
		if before[i][1] == "would_create" {
			before[i][1], before[i][2] = "created", after[i][2]
		}
		if got, want := strings.Join(after[i], "|"), strings.Join(before[i], "|"); got != want {
			t.Errorf("the run says %s, the dry run %s", got, want)
		}
	}
	return done, after
}

// report reads the report: line, outcome, patient, reasons.
func (o *office) report(t *testing.T, u upload.Upload) [][]string {
	t.Helper()
	link, err := o.service.Report(t.Context(), o.By(t, clinictest.Manager), u.ID)
	if err != nil {
		t.Fatalf("report: %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	all, err := csv.NewReader(res.Body).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("the report is no CSV: %v", err)
	}
	return all[1:]
}

// says compares a report with lines "2 created codes".
func says(t *testing.T, report [][]string, want ...string) {
	t.Helper()
	var got []string
	for _, r := range report {
		reasons := regexp.MustCompile(`similar_exists:pat_[0-9a-z]{26}`).ReplaceAllString(r[3], "similar_exists:somebody")
		got = append(got, strings.TrimSpace(r[0]+" "+r[1]+" "+reasons))
		if has, should := r[2] != "", r[1] == "created" || r[1] == "matched"; has != should && (should || r[1] != "refused") {
			t.Errorf("line %s is %s with patient %q", r[0], r[1], r[2])
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the report says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const header = "family,given,birthDate,sex,nhsNumber,addressLine1,postcode,phone,email,practiceOdsCode\n"

// lines makes a file of so many people who are all different.
func lines(from, count int) string {
	var b bytes.Buffer
	_, _ = b.WriteString(header)
	for i := from; i < from+count; i++ {
		born := time.Date(1940, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i%20000)
		fmt.Fprintf(&b, "Marker%s,Ada,%s,female,%s,%d High Street,SW1A 2AA,07700 900%03d,ada%d@example.org,A81001\n",
			letters(i), born.Format(time.DateOnly), number(i), i, i%1000, i)
	}
	return b.String()
}

func letters(i int) string {
	out := ""
	for ; i > 0 || out == ""; i /= 26 {
		out += string(rune('a' + i%26))
	}
	return out
}

// number makes the i-th test NHS number, in the range that nobody has. Of two numbers in a row, one has a check digit.
func number(i int) string {
	for n := 999_000_000 + 2*i; ; n++ {
		sum, text := 0, fmt.Sprintf("%09d", n)
		for j := range text {
			sum += int(text[j]-'0') * (10 - j)
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return text + string(rune('0'+check))
		}
	}
}
