package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"almanac/infra/sandbox/kms"
	"almanac/infra/sandbox/s3"
	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/file"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/table"
	"almanac/shared/upload"
)

// maxUploadMemory is what patient-upload may take of its 512 MB, in MB.
const maxUploadMemory = 256

// uploads measures what patient-upload makes of a file: its dry run, its run, and a dry run of the same file once more,
// of which every line is there by then. The worker is called again as Lambda does, only that it has less time.
func (b *bench) uploads(ctx context.Context) error {
	lines := b.lines
	o, err := b.openOffice(ctx)
	if err != nil {
		return err
	}
	defer o.close(ctx)
	text := people(lines)
	for _, file := range []string{"", "again-"} {
		u, err := o.send(ctx, text)
		if err != nil {
			return err
		}
		for _, dry := range []bool{true, false} {
			if file != "" && !dry {
				continue
			}
			name := "upload." + file + map[bool]string{true: "dry", false: "run"}[dry]
			if err := o.measure(ctx, name, u, dry, lines); err != nil {
				return err
			}
		}
	}
	peak, err := o.worker.peak()
	if err != nil {
		return err
	}
	b.atMost("upload.memory", peak, "MB", maxUploadMemory,
		fmt.Sprintf("peak of the process over all runs of %d lines", lines))
	return nil
}

// office is a house with a bucket, keys and the worker.
type office struct {
	b       *bench
	house   *house
	service *upload.Service
	worker  *function
	closers []func()
}

func (b *bench) openOffice(ctx context.Context) (*office, error) {
	h, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	o := &office{b: b, house: h}
	keys, err := kms.New(kms.Config{Aliases: []string{sealKey}})
	if err != nil {
		return nil, err
	}
	objects, err := s3.New(s3.Config{Engine: b.queues})
	if err != nil {
		return nil, err
	}
	keyServer, objectServer := httptest.NewServer(keys), httptest.NewServer(objects)
	o.closers = append(o.closers, keyServer.Close, objectServer.Close)
	const bucket = "bench-uploads"
	if _, err := o.put(ctx, b.queues+"/"+bucket, nil, nil); err != nil {
		return nil, fmt.Errorf("create a bucket: %w", err)
	}
	o.service = upload.New(table.New(h.db, h.name, time.Now, id.New).WithKeys(h.keys), file.New(aws.Config{
		Region: region, BaseEndpoint: &objectServer.URL, HTTPClient: awshttp.NewBuildableClient(),
		Credentials: aws.CredentialsProviderFunc(credentials),
	}, bucket, time.Now), time.Now, id.New)
	o.worker, err = launch(ctx, b.hostDir("patient-upload"), append(functionEnv(b.endpoint, h.name, map[string]string{
		"KEY_TABLE_NAME": h.keys, "SEAL_KEY_ID": sealKey, "UPLOAD_BUCKET": bucket,
	}), "AWS_ENDPOINT_URL_KMS="+keyServer.URL, "AWS_ENDPOINT_URL_S3="+objectServer.URL))
	return o, err
}

func (o *office) close(ctx context.Context) {
	o.worker.stop()
	for _, c := range o.closers {
		c()
	}
	o.house.drop(ctx)
}

func (o *office) put(ctx context.Context, url string, headers map[string]string, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

// send announces a file and puts it into the bucket.
func (o *office) send(ctx context.Context, text []byte) (upload.Receipt, error) {
	sum := sha256.Sum256(text)
	r, err := o.service.Create(ctx, o.house.by(), access.Once{}, upload.Wish{
		Format: upload.CSV, Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		return r, err
	}
	u, err := o.service.Get(ctx, o.house.by(), r.ID)
	if err != nil {
		return r, err
	}
	status, err := o.put(ctx, u.Send.URL, u.Send.Headers, text)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("send the file: status %d", status)
	}
	return r, err
}

// measure carries one run to its end.
func (o *office) measure(ctx context.Context, name string, r upload.Receipt, dry bool, lines int) error {
	u, err := o.service.Get(ctx, o.house.by(), r.ID)
	if err != nil {
		return err
	}
	began := time.Now()
	before, err := o.worker.cpu()
	if err != nil {
		return err
	}
	started, err := o.service.Start(ctx, o.house.by(), access.Once{}, r.ID, u.Version, dry)
	if err != nil {
		return err
	}
	u, turns, err := o.carry(ctx, started)
	if err != nil {
		return err
	}
	after, err := o.worker.cpu()
	if err != nil {
		return err
	}
	if u.Counts.Lines != lines || u.Counts.Refused > 0 {
		return fmt.Errorf("%s: of %d lines: %+v, %+v", name, lines, u.Counts, u.Refusal)
	}
	o.b.info(name, float64(lines)/time.Since(began).Seconds(), "lines/s", fmt.Sprintf(
		"%d lines in %d turns; %s ms of processor time each; the engine on the same computer",
		lines, turns, number(milliseconds(after-before)/float64(lines))))
	return nil
}

// carry calls the worker until the run is at its end, and tells how often that was.
func (o *office) carry(ctx context.Context, r upload.Receipt) (upload.Upload, int, error) {
	called := event.Event{Name: event.UploadStarted, Org: o.house.org, Target: r.ID, Version: r.Version}
	for turns := 1; ; turns++ {
		called.ID = id.New("evt")
		if err := o.call(ctx, called); err != nil {
			return upload.Upload{}, turns, err
		}
		u, err := o.service.Get(ctx, o.house.by(), r.ID)
		if err != nil || u.State != upload.Checking && u.State != upload.Loading {
			return u, turns, err
		}
		called.Name, called.Version = event.UploadContinued, u.Version
	}
}

// receives is how often the queue hands a message over (template.yaml, UploadQueue).
const receives = 5

// call gives the worker a message, again if it leaves it, as the queue would.
func (o *office) call(ctx context.Context, e event.Event) error {
	body, err := queue.Encode(e.Message())
	if err != nil {
		return err
	}
	payload, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: e.ID, Body: body}}})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		answer, err := o.worker.invoke(ctx, payload)
		if err != nil || !bytes.Contains(answer, []byte(e.ID)) {
			return err
		}
		if n == receives {
			return fmt.Errorf("the worker left the message %d times: %s", n, lastLine(o.worker.stderr.String()))
		}
	}
}

// people makes a file of so many people who are all different.
func people(lines int) []byte {
	var b bytes.Buffer
	_, _ = b.WriteString("nhsNumber,family,given,birthDate,sex," +
		"addressLine1,addressLine2,postcode,phone,email,practiceOdsCode\n")
	for i := range lines {
		name := strings.Map(func(r rune) rune { return r - '0' + 'a' }, strconv.Itoa(i))
		born := time.Date(1930, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i*7%33000)
		_, _ = fmt.Fprintf(&b, "%s,Bench%s,Ada Maria,%s,female,", testNumber(i), name, born.Format(time.DateOnly))
		_, _ = fmt.Fprintf(&b, "%d High Street,Exampleton,SW1A 2AA,", i)
		_, _ = fmt.Fprintf(&b, "07700 900%03d,ada%d@example.org,A81001\n", i%1000, i)
	}
	return b.Bytes()
}

// testNumber makes the i-th NHS number of the range that nobody has. Of two in a row, one has a check digit.
func testNumber(i int) string {
	for n := 999_000_000 + 2*i; ; n++ {
		sum, text := 0, strconv.Itoa(n)
		for place, digit := range text {
			sum += int(digit-'0') * (10 - place)
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return text + strconv.Itoa(check)
		}
	}
}

// peak is the greatest memory that the process had, in MB.
func (f *function) peak() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(size), " kB"), 64)
			return kB * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("this system does not tell the memory of process %d", f.cmd.Process.Pid)
}
