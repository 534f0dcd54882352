package clinictest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"almanac/infra/cfn"
	"almanac/infra/sandbox/kms"
	"almanac/infra/sandbox/sandboxtest"
	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/gate"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/web"
)

// House is an empty Almanac on the real engine: a table of the test's own, made as template.yaml declares it, and a
// clock that the test sets.
type House struct {
	DB        *dynamodb.Client
	Name      string // of the table
	KeyName   string // of the table of keys
	Table     *table.Table
	Directory *clinic.Directory
	Clock     *sandboxtest.Clock
	Log       *Buffer
	Keeper    *seal.Keeper
	KMS       *kms.Server // where the keys that wrap all others can be disabled
	canaries  *canaries
}

// Buffer keeps what was logged.
type Buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write adds to the buffer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String gives all that was logged so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Monday is the Monday morning at which a new House's clock stands, in winter.
func Monday() time.Time { return time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC) }

// New makes a House. The engine must run at DYNAMODB_ENDPOINT; infra/engine/cmd/with-engines sets it. Options change
// the DynamoDB client, to put faults between it and the engine.
//
// The table has no stream: with every stream that the engine ever had, all its writes become slower. Streamed has one.
func New(tb testing.TB, with ...func(*dynamodb.Options)) *House {
	tb.Helper()
	return build(tb, false, with...)
}

// Streamed makes a House whose table has the stream that template.yaml declares.
func Streamed(tb testing.TB) *House {
	tb.Helper()
	return build(tb, true)
}

func build(tb testing.TB, streamed bool, with ...func(*dynamodb.Options)) *House {
	tb.Helper()
	h := &House{Name: "almanac-" + id.New("tst"), Clock: sandboxtest.At(Monday()), Log: &Buffer{}, canaries: newCanaries()}
	h.KeyName = h.Name + "-keys"
	plain := client(tb)
	h.DB = client(tb, with...)
	for _, t := range declared(tb) {
		in := t.CreateInput()
		in.TableName = &h.Name
		if in.StreamSpecification == nil { // the table of keys has none
			in.TableName = &h.KeyName
		}
		if !streamed {
			in.StreamSpecification = nil
		}
		create(tb, plain, in)
	}
	h.Table = table.New(h.DB, h.Name, h.Clock.Now, id.New).WithKeys(h.KeyName)
	h.Directory = clinic.NewDirectory(h.Table, h.Clock.Now)
	h.keep(tb)
	return h
}

func create(tb testing.TB, db *dynamodb.Client, in *dynamodb.CreateTableInput) {
	tb.Helper()
	if _, err := db.CreateTable(tb.Context(), in); err != nil {
		tb.Fatalf("create the test's table: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		_, _ = db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: in.TableName})
	})
}

// SealKey is the alias of the KMS key of a House.
const SealKey = "alias/almanac"

// keep starts a KMS of the test's own and the Keeper over it.
func (h *House) keep(tb testing.TB) {
	tb.Helper()
	server, err := kms.New(kms.Config{Aliases: []string{SealKey}, Now: h.Clock.Now})
	if err != nil {
		tb.Fatalf("start a KMS: %v", err)
	}
	h.KMS = server
	listener := httptest.NewServer(server)
	tb.Cleanup(listener.Close)
	h.Keeper = seal.New(Config(listener.URL), SealKey, h.Table, h.Clock.Now)
	h.watch(tb, listener.URL)
}

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
}

func client(tb testing.TB, with ...func(*dynamodb.Options)) *dynamodb.Client {
	tb.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		tb.Fatal("DYNAMODB_ENDPOINT is not set: run tests with `make test`, or a package's with\n" +
			"go run ./infra/engine/cmd/with-engines -- go test ./shared/booking")
	}
	return dynamodb.New(dynamodb.Options{
		Region: "eu-west-2", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(credentials),
	}, with...)
}

// template is template.yaml, which is read once: some tests make hundreds of Houses.
var template = sync.OnceValues(func() (*cfn.Template, error) {
	return cfn.Load(fromRoot("template.yaml"), cfn.Values{Parameters: map[string]string{"MailFrom": "clinic@example.org"}})
})

// declared reads the tables from template.yaml at the repository's root.
func declared(tb testing.TB) []cfn.Table {
	tb.Helper()
	tpl, err := template()
	if err != nil {
		tb.Fatalf("read template.yaml: %v", err)
	}
	if len(tpl.Tables) != 2 {
		tb.Fatalf("template.yaml declares %d tables, want 2", len(tpl.Tables))
	}
	return tpl.Tables
}

// Intercept puts a function before every operation of a client: it may fail the operation before or after it is sent.
func Intercept(f func(ctx context.Context, op string, send func() error) error) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("intercept", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (middleware.FinalizeOutput, middleware.Metadata, error) {
				var out middleware.FinalizeOutput
				var meta middleware.Metadata
				err := f(ctx, middleware.GetOperationName(ctx), func() error {
					var err error
					out, meta, err = next.HandleFinalize(ctx, in)
					return err
				})
				return out, meta, err
			}), middleware.After)
		})
	}
}

// Edge is the HTTP edge over the house, logging into its Log.
func (h *House) Edge() web.Edge {
	return web.Edge{
		Log: slog.New(slog.NewJSONHandler(h.Log, nil)), Now: h.Clock.Now,
		OrganisationClaim: "cognito:groups", Gate: gate.New(h.Directory, h.Table),
	}
}

// Clinic is an organisation in a House, set up and staffed.
type Clinic struct {
	*House
	Org           string
	Site          clinic.Site
	Rooms         []clinic.Room
	Service       clinic.Service // 30 minutes, needs a room
	Practitioners []clinic.Practitioner
	Patients      []string
}

// Subjects of the staff of a Clinic.
const (
	Manager      = "staff-manager"
	Receptionist = "staff-receptionist"
	Clinician    = "staff-clinician"
)

// Found sets up an organisation in Europe/London: a site open on weekdays from 8:00 to 18:00, two rooms, two
// practitioners who work from 9:00 to 17:00, a service of half an hour that needs a room, and three patients.
func (h *House) Found(tb testing.TB) *Clinic {
	tb.Helper()
	c := &Clinic{House: h, Org: id.New("org")}
	open, work := week("08:00", "18:00"), week("09:00", "17:00")
	c.Site = clinic.Site{ID: id.New("sit"), Name: "Test site", Zone: "Europe/London", Hours: open}
	c.Service = clinic.Service{
		ID: id.New("svc"), Name: "Consultation", Minutes: 30, Step: 15, HorizonDays: 365, Mode: "in-person",
	}
	var need clinic.Need
	for _, name := range []string{"Room 1", "Room 2"} {
		r := clinic.Room{ID: id.New("roo"), SiteID: c.Site.ID, Kind: clinic.KindRoom, Name: name, Capacity: 1}
		c.Rooms, need.AnyOf = append(c.Rooms, r), append(need.AnyOf, r.ID)
	}
	c.Service.Needs = []clinic.Need{need}
	for _, name := range []string{"Dr A", "Dr B"} {
		p := clinic.Practitioner{ID: id.New("prc"), Name: name}
		for _, o := range work {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: c.Site.ID, Opening: o})
		}
		c.Practitioners = append(c.Practitioners, p)
		c.Service.PractitionerIDs = append(c.Service.PractitionerIDs, p.ID)
	}
	c.write(tb)
	for range 3 {
		c.Patients = append(c.Patients, c.NewPatient(tb))
	}
	return c
}

func week(opens, closes string) []clinic.Opening {
	var out []clinic.Opening
	for _, d := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
		out = append(out, clinic.Opening{Day: d, Opens: opens, Closes: closes})
	}
	return out
}

// write puts the whole set-up into the table in one change.
func (c *Clinic) write(tb testing.TB) {
	tb.Helper()
	k := c.Table.For(access.NewCaller(c.Org, "operator", []access.Role{access.Operator}, 0))
	org := clinic.Organisation{ID: c.Org, Name: "Test clinic", Zone: "Europe/London"}
	items := []table.Item{
		{Key: k.Organisation(), Value: org, New: true},
		{Key: k.Site(c.Site.ID), Value: c.Site, New: true},
		{Key: k.Service(c.Service.ID), Value: c.Service, New: true},
	}
	for _, r := range c.Rooms {
		items = append(items, table.Item{Key: k.Room(r.ID), Value: r, New: true})
	}
	for _, p := range c.Practitioners {
		items = append(items, table.Item{Key: k.Practitioner(p.ID), Value: p, New: true})
	}
	for subject, role := range map[string]access.Role{
		Manager: access.Manager, Receptionist: access.Receptionist, Clinician: access.Clinician,
	} {
		s := clinic.Staff{Subject: subject, Name: "Staff", Email: subject + "@example.org", Roles: []access.Role{role}}
		items = append(items, table.Item{Key: k.Staff(subject), Value: s, New: true})
	}
	err := k.Write(tb.Context(), table.Change{
		Action: access.OrganisationCreate, Target: c.Org, Put: items, Found: true,
		Event: event.Event{Name: event.OrganisationCreated},
	})
	if err != nil {
		tb.Fatalf("set up a clinic: %v", err)
	}
}

// Change alters the organisation's configuration as its manager: put gets the caller's slice and gives the items.
func (c *Clinic) Change(tb testing.TB, put func(table.Clinic) []table.Item) {
	tb.Helper()
	k := c.Table.For(c.By(tb, Manager))
	err := k.Write(tb.Context(), table.Change{
		Action: access.SiteChange, Target: c.Org, Put: put(k), Reconfigure: true,
		Event: event.Event{Name: event.SiteChanged},
	})
	if err != nil {
		tb.Fatalf("change the clinic: %v", err)
	}
}

// NewPatient adds a patient, whom the receptionist registers, with an empty diary.
func (c *Clinic) NewPatient(tb testing.TB) string {
	tb.Helper()
	return c.Register(tb, patient.Patient{})
}

// Register adds a patient of whom a name and a sex need not be given: there is nobody like that one yet.
func (c *Clinic) Register(tb testing.TB, p patient.Patient) string {
	tb.Helper()
	if len(p.Names) == 0 {
		p.Names = []patient.Name{{Use: patient.Usual, Given: []string{"Test"}, Family: letters(id.New("pat"))}}
	}
	c.canaries.plant(p)
	s := patient.New(c.Table, c.Keeper, c.Clock.Now, id.New)
	r, err := s.Create(tb.Context(), c.By(tb, Receptionist), access.Once{}, p)
	if err != nil {
		tb.Fatalf("add a patient: %v %+v", err, fault.Of(err).Details)
	}
	return r.ID
}

// letters makes a name of the random end of an id.
func letters(of string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return 'A' + r - '0'
		}
		return r
	}, of[len(of)-12:])
}

// By is the caller behind a subject, judged afresh.
func (c *Clinic) By(tb testing.TB, subject string) access.Caller {
	tb.Helper()
	by, err := c.Directory.Caller(tb.Context(), c.Org, subject, true)
	if err != nil {
		tb.Fatalf("caller: %v", err)
	}
	return by
}

// Once is a fresh idempotency key.
func Once() access.Once { return access.Once{Key: id.New("key"), Fingerprint: [32]byte{1}} }
