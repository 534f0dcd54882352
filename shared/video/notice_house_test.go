package video_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// heard is a house that Zoom tells what happens, and whose connections stand in the table as far as whoever reads what
// Zoom tells needs to find them.
type heard struct {
	*house
	con   string // the first practitioner's connection
	taken int    // how many of Zoom's deliveries were read
	freed []string
	stood []video.Standing // what the staff's tasks were held against
}

func newHeard(t *testing.T, with ...func(*dynamodb.Options)) *heard {
	t.Helper()
	h := &heard{house: newHouse(t, with...)}
	h.zoom.Hook(t, "http://127.0.0.1:9/events")
	h.con = h.join(t, h.subjects[0], zoomsim.Ada)
	h.video = h.whole(t, h.rooms(t))
	return h
}

// join connects an account as connect does, and has it found by what Zoom calls it.
func (h *heard) join(t *testing.T, subject, user string) string {
	t.Helper()
	con := h.connect(t, subject, user)
	a := h.all[con]
	a.Provider = zoom.Provider
	h.all[con] = a
	k := h.Table.For(access.System(h.Org, string(access.Renewer)))
	err := k.Write(t.Context(), table.Change{
		Action: access.ConnectionMake, Target: con, Event: event.Event{Name: event.ConnectionMade},
		Put: []table.Item{
			{Key: k.Pointer(zoom.Provider, zoomsim.AccountOne+"#"+user), New: true, Value: table.Pointer{Org: h.Org, Ref: con}},
			{Key: k.Connection(con), New: true, Value: map[string]string{"id": con}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return con
}

// whole is the service with all that it can need of accounts.
func (h *heard) whole(t *testing.T, p video.Provider) *video.Service {
	t.Helper()
	return video.New(video.Parts{
		Table: h.Table, Keeper: h.Keeper, Directory: h.Directory, Diary: h.diary, Provider: p,
		Accounts: video.Accounts{
			Of: h.of, Read: h.read, Lapse: h.lapse, Due: h.look, Revoke: h.revoke, Fresh: h.fresh, Removal: h.removal,
		},
		Raise: h.raise, Job: func(org string) access.Caller { return access.System(org, string(access.VideoRooms)) },
		Now: h.Clock.Now, ID: id.New, Settle: video.Settle{Visit: h.standing},
	})
}

func (h *heard) standing(_ context.Context, _ access.Caller, now video.Standing) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stood = append(h.stood, now)
	return nil
}

func (h *heard) revoke(_ context.Context, _ access.Caller, con string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revoked = append(h.revoked, con)
	return nil
}

func (h *heard) fresh(_ context.Context, _ access.Caller, con string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead[con] {
		return fault.New(fault.Denied, video.NeedsReauth, "")
	}
	h.freed = append(h.freed, con)
	return nil
}

// removal takes a connection away in the change that it is part of, and out of this house's memory when that is through.
func (h *heard) removal(
	ctx context.Context, by access.Caller, con, why string, counts map[string]int,
) ([]table.Item, error) {
	k := h.Table.For(by)
	p, err := h.Table.WhoseIs(ctx, zoom.Provider, zoomsim.AccountOne+"#"+h.user(con))
	if err != nil {
		return nil, err
	}
	return []table.Item{
		{Key: k.Pointer(zoom.Provider, zoomsim.AccountOne+"#"+h.user(con)), Delete: true, Version: p.Version},
		{Key: k.Connection(con), Delete: true, Version: 1},
		{Key: k.Tombstone(con), New: true, Value: map[string]any{"why": why, "n": counts}},
	}, nil
}

func (h *heard) user(con string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.users[con]
}

// tombstone reads what is left of a connection.
func (h *heard) tombstone(t *testing.T, con string) (string, map[string]int, bool) {
	t.Helper()
	var row struct {
		Why    string         `dynamodbav:"why"`
		Counts map[string]int `dynamodbav:"n"`
	}
	k := h.Table.For(h.job)
	err := k.Get(t.Context(), k.Tombstone(con), &row)
	if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	return row.Why, row.Counts, err == nil
}

// notices are what Zoom told since they were last asked for, in its order.
func (h *heard) notices(t *testing.T) []video.Notice {
	t.Helper()
	var out []video.Notice
	all := h.zoom.Deliveries()
	for _, d := range all[h.taken:] {
		some, err := zoom.Parse([]byte(d.Body))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range some {
			n.Received = h.Clock.Now()
			text, err := video.EncodeNotice(n)
			if err != nil {
				t.Fatalf("%+v: %v", n, err)
			}
			if n, err = video.DecodeNotice(text); err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	h.taken = len(all)
	return out
}

// tell hands notices on, each as often as its queue would until it is dealt with.
func (h *heard) tell(t *testing.T, notices ...video.Notice) {
	t.Helper()
	for _, n := range notices {
		var err error
		for range 5 {
			if err = h.video.Observe(t.Context(), n); err == nil || fault.Is(err, fault.NotFound) {
				err = nil
				break
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", n.Kind, err)
		}
	}
}

// hear hands on all that Zoom told, until it tells nothing more.
func (h *heard) hear(t *testing.T) {
	t.Helper()
	for {
		some := h.notices(t)
		if len(some) == 0 {
			return
		}
		h.tell(t, some...)
	}
}

// ready books an appointment with the first practitioner and has its room made.
func (h *heard) ready(t *testing.T, start string) (booking.Appointment, zoomsim.Meeting) {
	t.Helper()
	apt := h.book(t, 0, start)
	h.email(t, apt)
	h.sync(t, apt)
	ref, err := strconv.ParseInt(h.visit(t, apt).Ref, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := h.zoom.Meeting(ref)
	if !ok {
		t.Fatal("there is no meeting")
	}
	h.hear(t)
	return apt, m
}

// now reads the appointment.
func (h *heard) now(t *testing.T, apt booking.Appointment) booking.Appointment {
	t.Helper()
	got, err := h.diary.Get(t.Context(), h.By(t, clinictest.Receptionist), apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// log is the visit's, as texts.
func (h *heard) log(t *testing.T, apt booking.Appointment) []string {
	t.Helper()
	all, err := h.video.Log(t.Context(), h.job, apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		text := string(e.Kind)
		if e.Source == video.Almanac {
			text = "we " + text
		}
		if e.As != "" {
			text += " " + e.As
		}
		out = append(out, text)
	}
	return out
}

// changes counts the changes of a kind in the appointment's history.
func (h *heard) changes(t *testing.T, apt booking.Appointment, name event.Name) int {
	t.Helper()
	n := 0
	for _, e := range h.History(t, h.Org, apt.ID) {
		if e.Name == name {
			n++
		}
	}
	return n
}

// tasks are the codes of what the staff were told.
func (h *heard) tasks() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, t := range h.raised {
		out = append(out, t.Why)
	}
	return out
}

func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func at(t *testing.T, text string) *time.Time {
	t.Helper()
	x, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return &x
}
