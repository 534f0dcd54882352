package video_test

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox"
	zoomsim "almanac/infra/sandbox/zoom"
	"almanac/infra/sandbox/zoomtest"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// house is a clinic whose service is by video, the Zoom of its practitioners beside it, and what brings both together.
type house struct {
	*clinictest.Clinic
	zoom  *zoomtest.Stand
	diary *booking.Service
	video *video.Service
	accounts
	subjects []string // of the practitioners, in their order
	job      access.Caller
}

// accounts stands for who keeps people's connections: which there are, and what was asked of them.
type accounts struct {
	t     *testing.T
	stand *zoomtest.Stand

	mu      sync.Mutex
	all     map[string]video.Account // by connection
	users   map[string]string        // Zoom users by connection
	tokens  map[string]string
	dead    map[string]bool
	lapsed  []string
	due     []time.Time
	raised  []video.Trouble
	revoked []string
	refuse  error // what Raise and Due answer
}

func newHouse(t *testing.T, with ...func(*dynamodb.Options)) *house {
	t.Helper()
	c := clinictest.New(t, with...).Found(t)
	c.Change(t, func(k table.Clinic) []table.Item {
		c.Service.Mode, c.Service.Needs, c.Service.Version = clinic.Video, nil, 1
		return []table.Item{{Key: k.Service(c.Service.ID), Value: c.Service, Version: 1}}
	})
	h := &house{Clinic: c, job: access.System(c.Org, string(access.VideoRooms))}
	h.zoom = zoomtest.New(t, func(z *zoomsim.Config) { z.Now, z.Manual = c.Clock.Now, true })
	h.t, h.stand = t, h.zoom
	h.all, h.tokens, h.dead, h.users = map[string]video.Account{}, map[string]string{}, map[string]bool{}, map[string]string{}
	for _, p := range c.Practitioners {
		h.subjects = append(h.subjects, c.Employ(t, clinic.Staff{Roles: []access.Role{access.Clinician}, PractitionerID: p.ID}))
	}
	h.diary = booking.New(c.Table, c.Directory, c.Clock.Now, id.New)
	h.video = h.service(t, h.rooms(t))
	return h
}

// rooms is the real client of Zoom.
func (h *house) rooms(t *testing.T) zoom.Rooms {
	t.Helper()
	api, err := zoom.New(zoom.Settings{
		URL: h.zoom.URL, HTTP: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}, Now: h.Clock.Now,
		Pace: func(context.Context, string) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return zoom.NewRooms(api, h.token)
}

func (h *house) service(t *testing.T, p video.Provider) *video.Service {
	t.Helper()
	return video.New(video.Parts{
		Table: h.Table, Keeper: h.Keeper, Directory: h.Directory, Diary: h.diary, Provider: p,
		Accounts: video.Accounts{Of: h.of, Read: h.read, Lapse: h.lapse, Due: h.look},
		Raise:    h.raise, Job: func(org string) access.Caller { return access.System(org, string(access.VideoRooms)) },
		Now: h.Clock.Now, ID: id.New,
	})
}

// connect gives a practitioner's Zoom account, and its connection.
func (h *house) connect(t *testing.T, subject, user string) string {
	t.Helper()
	con := id.New("con")
	tokens := h.zoom.Authorise(t, user)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all[con] = video.Account{Connection: con, Subject: subject, Account: zoomsim.AccountOne, User: user, Usable: true}
	h.tokens[con], h.users[con] = tokens.Access, user
	return con
}

// reconnect makes an account usable again.
func (h *house) reconnect(t *testing.T, con string) {
	t.Helper()
	tokens := h.zoom.Authorise(t, h.users[con])
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.all[con]
	a.Usable, a.Why = true, ""
	h.all[con], h.tokens[con], h.dead[con] = a, tokens.Access, false
}

func none() error { return fault.New(fault.NotFound, "not_found", "") }

// of gives the account that a person connected last.
func (a *accounts) of(_ context.Context, _ access.Caller, subject string) (video.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := ""
	for con, x := range a.all {
		if x.Subject == subject && con > last {
			last = con
		}
	}
	if last == "" {
		return video.Account{}, none()
	}
	return a.all[last], nil
}

func (a *accounts) read(_ context.Context, _ access.Caller, con string) (video.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if x, ok := a.all[con]; ok {
		return x, nil
	}
	return video.Account{}, none()
}

func (a *accounts) lapse(_ context.Context, _ access.Caller, con, why string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	x := a.all[con]
	x.Usable, x.Why = false, why
	a.all[con] = x
	a.lapsed = append(a.lapsed, why)
	return nil
}

func (a *accounts) look(_ context.Context, _ access.Caller, _ string, at time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse == nil {
		a.due = append(a.due, at)
	}
	return a.refuse
}

func (a *accounts) raise(_ context.Context, _ access.Caller, t video.Trouble) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse == nil && !slices.ContainsFunc(a.raised, func(x video.Trouble) bool { return reflect.DeepEqual(x, t) }) {
		a.raised = append(a.raised, t)
	}
	return a.refuse
}

// token gives the access token of a host's account, and another one for one that Zoom rejected.
func (a *accounts) token(_ context.Context, h video.Host, rejected string) (zoom.Access, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dead[h.Connection] {
		return zoom.Access{}, fault.New(fault.Denied, video.NeedsReauth, "")
	}
	if rejected != "" && rejected == a.tokens[h.Connection] {
		a.tokens[h.Connection] = a.stand.Authorise(a.t, a.users[h.Connection]).Access
	}
	return zoom.Access{Token: a.tokens[h.Connection], APIURL: a.stand.URL}, nil
}

// book books the first patient with a practitioner.
func (h *house) book(t *testing.T, practitioner int, start string) booking.Appointment {
	t.Helper()
	apt, err := h.diary.Book(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), booking.Wish{
		ServiceID: h.Service.ID, SiteID: h.Site.ID, PractitionerID: h.Practitioners[practitioner].ID, PatientID: h.Patients[0],
		Start: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	return apt
}

func (h *house) move(t *testing.T, apt booking.Appointment, w booking.Wish) booking.Appointment {
	t.Helper()
	now, err := h.diary.Get(t.Context(), h.By(t, clinictest.Receptionist), apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	now, err = h.diary.Move(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, now.Version, w)
	if err != nil {
		t.Fatal(err, fault.Of(err).Details)
	}
	return now
}

func (h *house) cancel(t *testing.T, apt booking.Appointment) {
	t.Helper()
	now, err := h.diary.Get(t.Context(), h.By(t, clinictest.Receptionist), apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.diary.Cancel(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, now.Version, booking.ByClinic)
	if err != nil {
		t.Fatal(err)
	}
}

// email asks for the link.
func (h *house) email(t *testing.T, apt booking.Appointment) video.AskedLink {
	t.Helper()
	r, err := h.video.Email(t.Context(), h.By(t, clinictest.Receptionist), clinictest.Once(), apt.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (h *house) sync(t *testing.T, apt booking.Appointment) {
	t.Helper()
	if err := h.video.Sync(t.Context(), h.job, apt.ID); err != nil {
		t.Fatal(err)
	}
}

// until syncs as a queue would, with time going by, until there is no error or it was tried so often.
func (h *house) until(t *testing.T, apt booking.Appointment, tries int) error {
	t.Helper()
	var err error
	for range tries {
		// With so little time left the client itself does not try again.
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		err = h.video.Sync(ctx, h.job, apt.ID)
		cancel()
		if err == nil || fault.Is(err, fault.NotFound) {
			return err
		}
		h.Clock.Pass(time.Minute)
	}
	return err
}

func (h *house) visit(t *testing.T, apt booking.Appointment) video.Visit {
	t.Helper()
	var v video.Visit
	k := h.Table.For(h.job)
	if err := k.Get(t.Context(), k.Visit(apt.ID), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// stands checks how the visit stands.
func (h *house) stands(t *testing.T, apt booking.Appointment, state video.State, why string) video.Visit {
	t.Helper()
	v := h.visit(t, apt)
	if v.State != state || v.Why != why {
		t.Errorf("the visit is %s %q, want %s %q", v.State, v.Why, state, why)
	}
	if v.LeaseBy != "" && h.Clock.Now().Before(v.LeaseUntil) {
		t.Error("the lease was not given back")
	}
	return v
}

// there lists the meetings that Zoom has.
func (h *house) there(user string) []zoomsim.Meeting {
	return slices.DeleteFunc(h.zoom.Meetings(user), func(m zoomsim.Meeting) bool { return m.Trashed || m.Erased })
}

// only checks that there is one meeting, the visit's, at the appointment's time.
func (h *house) only(t *testing.T, apt booking.Appointment, user string) zoomsim.Meeting {
	t.Helper()
	all := h.there("")
	if len(all) != 1 {
		t.Fatalf("there are %d meetings", len(all))
	}
	m := all[0]
	if v := h.visit(t, apt); v.Ref != strconv.FormatInt(m.ID, 10) || m.Host != user {
		t.Errorf("the meeting is %d of %s, the visit's %s", m.ID, m.Host, v.Ref)
	}
	if !m.Start.Equal(apt.Start) || m.Minutes != int(apt.End.Sub(apt.Start)/time.Minute) {
		t.Errorf("the meeting is at %s for %d, the appointment at %s", m.Start, m.Minutes, apt.Start)
	}
	return m
}

// fails makes the next requests to Zoom go wrong.
func (h *house) fails(t *testing.T, kind string, count int, on string) {
	t.Helper()
	if err := h.zoom.Faults.Add(sandbox.Fault{Kind: kind, Count: count, On: on}); err != nil {
		t.Fatal(err)
	}
}

// asked counts the requests of an operation that Zoom got.
func (h *house) asked(op string) int {
	n := 0
	for _, r := range h.zoom.Requests() {
		if r.Op == op {
			n++
		}
	}
	return n
}

// refused checks an error's kind and code.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", want)
		return
	}
	if got := fault.Of(err).Error(); got != want {
		t.Errorf("the error is %q, want %q", got, want)
	}
}

// rows counts what stands under a connection.
func (h *house) rows(t *testing.T, con, prefix string) int {
	t.Helper()
	k := h.Table.For(h.job)
	rows, err := k.Under(t.Context(), k.Tombstone(con), prefix)
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

func has(text, part string) bool { return strings.Contains(text, part) }

// link is the token of the link that the patient was mailed.
func (h *house) link(t *testing.T, apt booking.Appointment) string {
	t.Helper()
	token, err := video.Links{Table: h.Table, Keeper: h.Keeper}.Of(t.Context(), h.job, apt.ID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
