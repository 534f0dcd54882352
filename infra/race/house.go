package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/cfn"
	"almanac/infra/faultproxy"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// house is one clinic in a table of its own: open day and night, so that only what others have stands in the way.
type house struct {
	name   string
	direct *dynamodb.Client // to the engine itself, for making and deleting the table
	proxy  *faultproxy.Proxy
	server *faultproxy.Server
	fired  int

	table *table.Table
	dir   *clinic.Directory
	clock *clock
	by    access.Caller

	site          string
	services      []clinic.Service
	practitioners []string
	rooms         []string
	patients      []string
}

// clock stands still until it is told otherwise.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0).UTC() }

// monday is where the clock begins, in winter, when London keeps UTC.
func monday() time.Time { return time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC) }

func newHouse(ctx context.Context, o options) (*house, error) {
	h := &house{name: "race-" + id.New("tst"), clock: &clock{}}
	h.clock.seconds.Store(monday().Unix())
	var err error
	if h.proxy, err = faultproxy.New(o.endpoint); err != nil {
		return nil, err
	}
	if h.server, err = h.proxy.Listen(0); err != nil {
		return nil, err
	}
	h.direct = client(o.endpoint, o)
	if err := h.createTable(ctx); err != nil {
		h.close(ctx)
		return nil, err
	}
	h.table = h.open(client(h.server.URL(), o))
	h.dir = clinic.NewDirectory(h.table, h.clock.now)
	if err := h.found(ctx, o); err != nil {
		h.close(ctx)
		return nil, err
	}
	return h, h.faults(o.seed, o.conflicts)
}

func (h *house) open(db *dynamodb.Client) *table.Table {
	return table.New(db, h.name, h.clock.now, id.New)
}

// service is the diary with an id source of its own.
func (h *house) service(newID id.Source) *booking.Service {
	return booking.New(h.table, h.dir, h.clock.now, newID)
}

// client is set up as the functions' own (shared/app), with room for all that race.
func client(endpoint string, o options, with ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-west-2", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "race", SecretAccessKey: "race"}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*(o.clients+o.workers), 2*(o.clients+o.workers)
		}),
		Retryer: retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff = 3, 200*time.Millisecond
			r.RateLimiter = ratelimit.None // many clients are one process here; each has its own on Lambda
		}),
	}, with...)
}

// faults sets what goes wrong from now on.
func (h *house) faults(seed uint64, conflicts float64) error {
	for _, s := range h.proxy.Status() {
		h.fired += s.Fired
	}
	const transact = "TransactWriteItems"
	rules := []faultproxy.Rule{
		{Op: transact, Fault: faultproxy.LostReply, Probability: 0.003},
		{Op: transact, Fault: faultproxy.InternalErrorAfter, Probability: 0.002},
		{Op: transact, Fault: faultproxy.TransactionThrottled, Probability: 0.002},
		{Fault: faultproxy.ThroughputExceeded, Probability: 0.001},
	}
	if conflicts > 0 {
		conflict := faultproxy.Rule{Op: transact, Fault: faultproxy.TransactionConflict, Probability: conflicts}
		rules = append(rules, conflict)
	}
	return h.proxy.Set(seed, rules...)
}

// injected counts the faults that were injected so far.
func (h *house) injected() int {
	n := h.fired
	for _, s := range h.proxy.Status() {
		n += s.Fired
	}
	return n
}

func (h *house) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if h.direct != nil {
		_, _ = h.direct.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &h.name}) // the engine forgets it anyway
	}
	if h.server != nil {
		_ = h.server.Close() // it served only us
	}
}

// createTable makes the table as template.yaml declares it, less its stream, which nobody reads here.
func (h *house) createTable(ctx context.Context) error {
	file, err := template()
	if err != nil {
		return err
	}
	t, err := cfn.Load(file, cfn.Values{Parameters: map[string]string{"MailFrom": "clinic@example.org"}})
	if err != nil {
		return err
	}
	if len(t.Tables) == 0 {
		return errors.New("template.yaml declares no table")
	}
	in := t.Tables[0].CreateInput()
	in.TableName, in.StreamSpecification = &h.name, nil
	_, err = h.direct.CreateTable(ctx, in)
	return err
}

// template finds template.yaml from the working directory upwards.
func template() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		file := filepath.Join(dir, "template.yaml")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("there is no template.yaml here or above: %w", os.ErrNotExist)
		}
		dir = up
	}
}

const (
	// manyPractitioners race, the first two of them also make the histories.
	manyPractitioners = 4
	receptionist      = "front-desk"
)

// found sets the clinic up: the services differ in length, buffers and rooms, and each practitioner offers all.
func (h *house) found(ctx context.Context, o options) error {
	org := id.New("org")
	k := h.table.For(access.NewCaller(org, "operator", []access.Role{access.Operator}, 0))
	h.site = id.New("sit")
	site := clinic.Site{ID: h.site, Name: "Site", Zone: "Europe/London"}
	for _, d := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		site.Hours = append(site.Hours, clinic.Opening{Day: d, Opens: "00:00", Closes: "24:00"})
	}
	items := append(h.setUp(k, site), []table.Item{
		{Key: k.Organisation(), Value: clinic.Organisation{ID: org, Name: "Race", Zone: site.Zone}, New: true},
		{Key: k.Site(h.site), Value: site, New: true},
		{Key: k.Staff(receptionist), New: true, Value: clinic.Staff{
			Subject: receptionist, Name: "Desk", Email: "desk@example.org", Roles: []access.Role{access.Receptionist},
		}},
	}...)
	err := k.Write(ctx, table.Change{
		Action: access.OrganisationCreate, Target: org, Put: items, Found: true,
		Event: event.Event{Name: event.OrganisationCreated},
	})
	if err != nil {
		return err
	}
	if h.by, err = h.dir.Caller(ctx, org, receptionist, true); err != nil {
		return err
	}
	return h.admit(ctx, max(o.clients, manyPatients))
}

// setUp gives the items of practitioners, rooms and services.
func (h *house) setUp(k table.Clinic, site clinic.Site) []table.Item {
	var items []table.Item
	for i := range manyPractitioners {
		p := clinic.Practitioner{ID: id.New("prc"), Name: "Dr " + strconv.Itoa(i)}
		for _, open := range site.Hours {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: h.site, Opening: open})
		}
		h.practitioners = append(h.practitioners, p.ID)
		items = append(items, table.Item{Key: k.Practitioner(p.ID), Value: p, New: true})
	}
	for i := range 2 {
		r := clinic.Room{
			ID: id.New("roo"), SiteID: h.site, Kind: clinic.KindRoom, Name: "Room " + strconv.Itoa(i), Capacity: 1,
		}
		h.rooms = append(h.rooms, r.ID)
		items = append(items, table.Item{Key: k.Room(r.ID), Value: r, New: true})
	}
	h.services = h.offered()
	for _, s := range h.services {
		items = append(items, table.Item{Key: k.Service(s.ID), Value: s, New: true})
	}
	return items
}

// offered are the services. The first three take what they take and no choice, so that what a client asks for says
// all that it will claim; the fourth takes whichever room is free.
func (h *house) offered() []clinic.Service {
	room := func(of ...int) clinic.Need {
		var n clinic.Need
		for _, i := range of {
			n.AnyOf = append(n.AnyOf, h.rooms[i])
		}
		return n
	}
	out := []clinic.Service{
		{Name: "Call", Minutes: 30},
		{Name: "Consultation", Minutes: 30, BufferBefore: 5, BufferAfter: 5, Needs: []clinic.Need{room(0)}},
		{Name: "Treatment", Minutes: 45, BufferAfter: 15, Needs: []clinic.Need{room(0), room(1)}},
		{Name: "Check", Minutes: 60, BufferBefore: 10, Needs: []clinic.Need{room(0, 1)}},
	}
	for i := range out {
		s := &out[i]
		s.ID, s.Step, s.HorizonDays, s.Mode, s.PractitionerIDs = id.New("svc"), 5, 365, "in-person", h.practitioners
	}
	return out
}

// admit adds patients, each with an empty diary.
func (h *house) admit(ctx context.Context, n int) error {
	k := h.table.For(h.by)
	for range n {
		pat := id.New("pat")
		err := k.Write(ctx, table.Change{
			Action: access.PatientCreate, Target: pat, Event: event.Event{Name: event.PatientCreated},
			Put: []table.Item{
				{Key: k.Patient(pat), Value: map[string]string{"id": pat}, New: true},
				{Key: k.Diary(pat), Value: struct{}{}, New: true},
			},
		})
		if err != nil {
			return err
		}
		h.patients = append(h.patients, pat)
	}
	return nil
}
