package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/cfn"
	"almanac/infra/sandbox/kms"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// house is an organisation in a table of its own: five pairs of practitioners, each pair with two rooms and with a
// service of half an hour that needs one of the two. Everybody works from 9 to 17 on weekdays.
type house struct {
	db   *dynamodb.Client
	name string // of the table
	keys string // of the table of keys
	book *recorder
	zone *time.Location
	seal func() *seal.Keeper // opens what is sealed in it

	org, site     string
	services      []string // half an hour, one for each pair
	short         string   // ten minutes, of the first pair
	practitioners []string
	rooms         []string
}

const (
	region   = "eu-west-2"
	pairs    = 5
	dayStart = 9  // the hour at which the practitioners begin
	daySlots = 16 // of half an hour, until 17:00
	staff    = "bench-staff"
	mailbox  = "bench@example.org" // every patient's
	// localTime is a time at the site, as requests write it.
	localTime = "2006-01-02T15:04"
	// perPatient is how many appointments a patient has in a seeded diary.
	perPatient = 5
)

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
}

func dynamo(endpoint string, with ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: region, BaseEndpoint: aws.String(endpoint), Credentials: aws.CredentialsProviderFunc(credentials),
		HTTPClient: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 8}},
	}, with...)
}

// template reads template.yaml.
func template() (*cfn.Template, error) {
	return cfn.Load("template.yaml", cfn.Values{
		Region: region, Parameters: map[string]string{"MailFrom": "appointments@almanac.example"},
	})
}

// build makes a table as template.yaml declares it, and the organisation in it.
func (b *bench) build(ctx context.Context) (*house, error) {
	t, err := template()
	if err != nil {
		return nil, err
	}
	if len(t.Tables) == 0 {
		return nil, errors.New("template.yaml declares no table")
	}
	h := &house{org: id.New("org")}
	name := "bench-" + id.New("tab")
	h.use(dynamo(b.endpoint), name, name+"-keys")
	h.seal = sync.OnceValue(h.ownKeys)
	for _, declared := range t.Tables {
		in := declared.CreateInput()
		in.TableName = &h.name
		if in.StreamSpecification == nil { // the table of keys has none
			in.TableName = &h.keys
		}
		if _, err := h.db.CreateTable(ctx, in); err != nil {
			return nil, fmt.Errorf("create a table: %w", err)
		}
	}
	if err := h.found(ctx); err != nil {
		return nil, fmt.Errorf("found an organisation: %w", err)
	}
	return h, nil
}

// ownKeys starts a KMS of the house's own in this process. It ends with the run.
func (h *house) ownKeys() *seal.Keeper {
	server, err := kms.New(kms.Config{Aliases: []string{sealKey}})
	if err != nil {
		panic(err) // the configuration stands above
	}
	listener := httptest.NewServer(server)
	return seal.New(aws.Config{
		Region: region, BaseEndpoint: &listener.URL, Credentials: aws.CredentialsProviderFunc(credentials),
	}, sealKey, table.New(h.db, h.name, time.Now, id.New).WithKeys(h.keys), time.Now)
}

// use says in which tables the house stands.
func (h *house) use(db *dynamodb.Client, name, keys string) {
	h.db, h.name, h.keys, h.book = db, name, keys, newRecorder(db, name, keys)
}

// drop removes the table, also when the run was stopped.
func (h *house) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, name := range []string{h.name, h.keys} {
		_, _ = h.db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}) // the engine ends with the run
	}
}

// found writes the organisation through the real table, an hour ago: what was set up only just now is read anew with
// every request, and the figures are those of an organisation that changed nothing in the last seconds.
func (h *house) found(ctx context.Context) error {
	var err error
	if h.zone, err = time.LoadLocation("Europe/London"); err != nil {
		return err
	}
	h.site, h.short = id.New("sit"), id.New("svc")
	ago := func() time.Time { return time.Now().Add(-time.Hour) }
	c := table.New(h.db, h.name, ago, id.New).
		For(access.NewCaller(h.org, "operator", []access.Role{access.Operator}, 0))
	put := func(k table.Key, v any) table.Item { return table.Item{Key: k, Value: v, New: true} }
	items := []table.Item{
		put(c.Organisation(), clinic.Organisation{ID: h.org, Name: "Bench", Zone: h.zone.String()}),
		put(c.Site(h.site), clinic.Site{
			ID: h.site, Name: "Bench", Zone: h.zone.String(), Hours: week("08:00", "18:00"),
		}),
		put(c.Staff(staff), clinic.Staff{
			Subject: staff, Name: "Bench", Email: "bench@example.org", Roles: []access.Role{access.Manager},
		}),
	}
	for range 2 * pairs {
		p, r := clinic.Practitioner{ID: id.New("prc"), Name: "Dr Bench"}, id.New("roo")
		for _, o := range week("09:00", "17:00") {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: h.site, Opening: o})
		}
		h.practitioners, h.rooms = append(h.practitioners, p.ID), append(h.rooms, r)
		items = append(items, put(c.Practitioner(p.ID), p), put(c.Room(r), clinic.Room{
			ID: r, SiteID: h.site, Kind: clinic.KindRoom, Name: "Room", Capacity: 1,
		}))
	}
	for pair := range pairs {
		s := h.service(id.New("svc"), pair, 30)
		h.services, items = append(h.services, s.ID), append(items, put(c.Service(s.ID), s))
	}
	items = append(items, put(c.Service(h.short), h.service(h.short, 0, 10)))
	return c.Write(ctx, table.Change{
		Action: access.OrganisationCreate, Target: h.org, Put: items, Found: true,
		Event: event.Event{Name: event.OrganisationCreated},
	})
}

func (h *house) service(id string, pair, minutes int) clinic.Service {
	return clinic.Service{
		ID: id, Name: "Consultation", Minutes: minutes, Step: minutes, HorizonDays: 365, Mode: "in-person",
		PractitionerIDs: h.practitioners[2*pair : 2*pair+2],
		Needs:           []clinic.Need{{AnyOf: h.rooms[2*pair : 2*pair+2]}},
	}
}

func week(opens, closes string) []clinic.Opening {
	var out []clinic.Opening
	for _, d := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
		out = append(out, clinic.Opening{Day: d, Opens: opens, Closes: closes})
	}
	return out
}

// workday is the n-th working day after today, or before it.
func (h *house) workday(n int) time.Time {
	step, left := 1, n
	if n < 0 {
		step, left = -1, -n
	}
	y, m, d := time.Now().In(h.zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for left > 0 {
		day = day.AddDate(0, 0, step)
		if w := day.Weekday(); w != time.Saturday && w != time.Sunday {
			left--
		}
	}
	return day
}

// slot is the local start of the n-th half hour of a working day.
func (h *house) slot(day, n int) string {
	return h.workday(day).Add(time.Duration(dayStart*60+n*30) * time.Minute).Format(localTime)
}

// addPatients puts patients with empty diaries into the table.
func (h *house) addPatients(ctx context.Context, n int) ([]string, error) {
	out, err := h.newPatients(ctx, n)
	if err != nil {
		return nil, err
	}
	return out, h.book.flush(ctx)
}

// newPatients makes patients that the next flush writes.
func (h *house) newPatients(ctx context.Context, n int) ([]string, error) {
	in, err := patient.New(h.book.table, h.seal(), h.book.now, id.New).Intake(ctx, h.by())
	if err != nil {
		return nil, err
	}
	p, err := in.Check(patient.Patient{
		Names:    []patient.Name{{Use: patient.Usual, Family: "Bench"}},
		Contacts: []patient.Contact{{System: patient.Email, Value: mailbox}},
	})
	if err != nil {
		return nil, err
	}
	out := make([]string, n)
	for i := range out {
		out[i] = id.New("pat")
		if err := in.Register(ctx, out[i], p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// by is the caller that writes the seeded records; what it may is not judged by the seeding.
func (h *house) by() access.Caller {
	return access.NewCaller(h.org, staff, []access.Role{access.Manager}, 1)
}

// seed stores n appointments. The first hundred are one practitioner's within the month that is then searched, however
// many there are in all; the others fill everybody's working days before today, the latest first.
func (h *house) seed(ctx context.Context, n int, progress func(int)) error {
	s := booking.New(h.book.table, clinic.NewDirectory(h.book.table, time.Now), h.book.now, id.New)
	var patients []string
	for i := range n {
		if len(patients) == 0 {
			var err error
			if patients, err = h.newPatients(ctx, min(1000, (n-i)/perPatient+1)); err != nil {
				return err
			}
			progress(i)
		}
		who, day, slot := place(i)
		w := booking.Wish{
			ServiceID: h.services[who/2], SiteID: h.site, PractitionerID: h.practitioners[who],
			PatientID: patients[0], Start: h.slot(day, slot), RoomIDs: []string{h.rooms[who]},
		}
		h.book.at = h.workday(day).AddDate(0, 0, -7)
		if _, err := s.Book(ctx, h.by(), access.Once{}, w); err != nil {
			return fmt.Errorf("seed appointment %d: %w", i, err)
		}
		if i%perPatient == perPatient-1 {
			patients = patients[1:]
		}
	}
	return h.book.flush(ctx)
}

// inMonth is how many appointments the searched month holds, at five a day.
const inMonth = 100

// place says whose appointment the i-th is, and when: the working day and the half hour.
func place(i int) (int, int, int) {
	if i < inMonth {
		return 0, 1 + i/5, i % 5 * 3
	}
	i -= inMonth
	perDay := 2 * pairs * daySlots
	return i % (2 * pairs), -1 - i/perDay, i / (2 * pairs) % daySlots
}

// functionEnv is the environment of a function over the house.
func functionEnv(endpoint, tableName string, more map[string]string) []string {
	env := []string{
		"AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_LOG_GROUP_NAME=bench", "AWS_LAMBDA_LOG_STREAM_NAME=bench",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		"AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, "TZ=:UTC", "_HANDLER=bootstrap",
	}
	for k, v := range more {
		if k != "TABLE_NAME" {
			env = append(env, k+"="+v)
		}
	}
	return append(env, "TABLE_NAME="+tableName)
}

func (b *bench) hostDir(name string) string { return filepath.Join(b.host, "dist", name) }
