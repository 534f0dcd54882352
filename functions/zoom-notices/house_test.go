package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/connection"
	"almanac/shared/id"
	"almanac/shared/queue"
	"almanac/shared/table"
	"almanac/shared/task"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// bench is the worker over the real engine and the stand-in for Zoom, and a clinic whose first practitioner has connected
// a Zoom account.
type bench struct {
	*clinictest.Clinic
	zoom  *zoomtest.Stand
	z     connection.Zoom
	diary *booking.Service
	video *video.Service
	tasks *task.Service
	each  queue.Handler
	host  string
	job   access.Caller
	taken int
	// hidden are the shortest and the longest time of each message that was hidden.
	hidden [][2]time.Duration
}

func newBench(t *testing.T, with ...func(*dynamodb.Options)) *bench {
	t.Helper()
	b := &bench{Clinic: clinictest.New(t, with...).Found(t)}
	b.job = access.System(b.Org, string(access.VideoRooms))
	b.Change(t, func(k table.Clinic) []table.Item {
		b.Service.Mode, b.Service.Needs = clinic.Video, nil
		return []table.Item{{Key: k.Service(b.Service.ID), Value: b.Service, Version: 1}}
	})
	b.diary, b.tasks = booking.New(b.Table, b.Directory, b.Clock.Now, id.New), task.New(b.Table, b.Clock.Now)
	b.zoom = zoomtest.New(t, func(z *zoomsim.Config) { z.Now, z.Manual = b.Clock.Now, true })
	b.zoom.Hook(t, "http://127.0.0.1:9/events")
	as := func(job access.Role) func(string) access.Caller {
		return func(org string) access.Caller { return access.System(org, string(job)) }
	}
	log := slog.New(slog.NewJSONHandler(b.Log, nil))
	var err error
	b.z, err = connection.NewZoom(connection.Settings{
		API: b.zoom.URL, OAuth: b.zoom.URL, ClientID: b.zoom.ClientID, Secret: b.zoom.ClientSecret,
		AdminID: b.zoom.AdminClientID, AdminSecret: b.zoom.AdminClientSecret,
		PublicURL: strings.TrimSuffix(zoomtest.Callback, connection.CallbackPath),
		Table:     b.Table, Keeper: b.Keeper, Directory: b.Directory, Log: log,
		Now: b.Clock.Now, Clock: time.Now, ID: id.New, Job: as(access.Renewer), Raise: b.tasks.OfAccount,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.video = video.New(video.Parts{
		Table: b.Table, Keeper: b.Keeper, Directory: b.Directory, Diary: b.diary, Provider: b.z.Rooms, Accounts: b.z.Accounts(),
		Job: as(access.VideoRooms), Now: b.Clock.Now, ID: id.New, Raise: b.tasks.OfVisit,
		Settle: video.Settle{Made: b.tasks.OfMade, Gone: b.tasks.OfGone, Visit: b.tasks.OfSettled},
	})
	hide := func(_ context.Context, _ events.SQSMessage, least, most time.Duration) error {
		b.hidden = append(b.hidden, [2]time.Duration{least, most})
		return nil
	}
	b.each = notices(queue.Edge{Log: log, Hide: hide}, apps{own: b.zoom.ClientID, admin: b.zoom.AdminClientID}, b.z.Store, b.video)
	b.host = b.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, PractitionerID: b.Practitioners[0].ID})
	b.connect(t)
	return b
}

// connect has the host connect a Zoom account, in the browser as it were.
func (b *bench) connect(t *testing.T) {
	t.Helper()
	begun, err := b.z.Begin(t.Context(), b.By(t, b.host), connection.Own)
	if err != nil {
		t.Fatal(err)
	}
	b.finish(t, begun, zoomsim.Login{User: zoomsim.Ada})
}

// finish has somebody allow at Zoom what was begun.
func (b *bench) finish(t *testing.T, begun connection.Begun, l zoomsim.Login) {
	t.Helper()
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	l.RedirectURI, l.Challenge = zoomtest.Callback, u.Query().Get("code_challenge")
	out, err := b.z.Complete(t.Context(), connection.Callback{
		State: u.Query().Get("state"), Cookie: begun.Cookie,
		Code: b.zoom.Login(t, l),
	})
	if err != nil || out.Code != connection.Connected {
		t.Fatal(out.Code, err)
	}
}

func (b *bench) connection(t *testing.T) (connection.Connection, error) {
	t.Helper()
	return b.z.Of(t.Context(), b.job, b.host, connection.Own)
}

// ready books an appointment with a room, and gives the room's number.
func (b *bench) ready(t *testing.T, start string) (booking.Appointment, int64) {
	t.Helper()
	apt, err := b.diary.Book(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: b.Service.ID, SiteID: b.Site.ID, PractitionerID: b.Practitioners[0].ID, PatientID: b.Patients[0], Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.video.Email(t.Context(), b.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := b.video.Sync(t.Context(), b.job, apt.ID); err != nil {
		t.Fatal(err)
	}
	all := b.zoom.Meetings(zoomsim.Ada)
	b.told(t)
	return apt, all[len(all)-1].ID
}

func (b *bench) now(t *testing.T, apt booking.Appointment) booking.Appointment {
	t.Helper()
	got, err := b.diary.Get(t.Context(), b.By(t, clinictest.Receptionist), apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// told is what Zoom told since it was last asked for, as its queue carries it.
func (b *bench) told(t *testing.T) []string {
	t.Helper()
	var out []string
	all := b.zoom.Deliveries()
	for _, d := range all[b.taken:] {
		some, err := zoom.Parse([]byte(d.Body))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range some {
			n.Received = b.Clock.Now()
			body, err := video.EncodeNotice(n)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, body)
		}
	}
	b.taken = len(all)
	return out
}

// work hands bodies to the worker as one batch, and counts those that come again.
func (b *bench) work(t *testing.T, bodies ...string) int {
	t.Helper()
	var e events.SQSEvent
	for i, body := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint("message-", i), Body: body})
	}
	return b.handle(t, e)
}

func (b *bench) handle(t *testing.T, e events.SQSEvent) int {
	t.Helper()
	res, err := b.each(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return len(res.BatchItemFailures)
}

// sample reads a sample event, about a room that is there.
func sample(t *testing.T, name string, room int64) events.SQSEvent {
	t.Helper()
	raw, err := os.ReadFile("../../events/zoom-notices." + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.SQSEvent
	err = json.Unmarshal([]byte(strings.ReplaceAll(string(raw), "85746065432", strconv.FormatInt(room, 10))), &e)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
