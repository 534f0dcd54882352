package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/web"
)

// Somebody whose role was taken away, or who left, is refused at the very next request, by a process too that has the
// roles in its memory; and somebody who was given a role may use it at the very next one.
func TestRolesCountFromTheNextRequest(t *testing.T) {
	d := newDesk(t)
	for name, taken := range map[string]object{
		"role taken away": staffObject().With("roles", []string{}),
		"left":            staffObject().With("left", true),
	} {
		t.Run(name, func(t *testing.T) {
			who := d.NewStaff(t, access.Receptionist)
			enter := func() clinictest.Request { return d.Ask(t, who, "POST", "/v1/leave", d.leaveBody()) }
			reads := []clinictest.Request{
				d.Ask(t, who, "GET", "/v1/sites", nil), d.Ask(t, who, "GET", "/v1/me", nil),
				d.Ask(t, who, "GET", "/v1/leave", nil),
			}
			warm, warmToo, done := d.another(), d.another(), enter()
			for _, serve := range []web.Handler{warm, warmToo} {
				if res := clinictest.Send(t, serve, enter()); res.StatusCode != http.StatusCreated {
					t.Fatalf("before: %d %s", res.StatusCode, res.Body)
				}
			}
			if res := clinictest.Send(t, warm, done); res.StatusCode != http.StatusCreated {
				t.Fatalf("before: %d %s", res.StatusCode, res.Body)
			}
			d.Must(t, 200, d.Ask(t, clinictest.Manager, "PUT", "/v1/staff/"+who, taken).Match(`"1"`))
			for i, r := range []clinictest.Request{enter(), done} {
				if res := clinictest.Send(t, warm, r); res.StatusCode != http.StatusForbidden {
					t.Errorf("write %d after: %d %s", i, res.StatusCode, res.Body)
				}
			}
			for i, r := range reads {
				if res := clinictest.Send(t, warmToo, r); res.StatusCode != http.StatusForbidden {
					t.Errorf("read %d after: %d %s", i, res.StatusCode, res.Body)
				}
			}
			d.Must(t, 200, d.Ask(t, clinictest.Manager, "PUT", "/v1/staff/"+who, staffObject()).Match(`"2"`))
			if res := clinictest.Send(t, warm, enter()); res.StatusCode != http.StatusCreated {
				t.Errorf("after the role was given back: %d %s", res.StatusCode, res.Body)
			}
		})
	}
	t.Run("somebody new", func(t *testing.T) {
		warm := d.another()
		if res := clinictest.Send(t, warm, d.Ask(t, clinictest.Receptionist, "POST", "/v1/leave", d.leaveBody())); res.StatusCode != http.StatusCreated {
			t.Fatal(res.Body)
		}
		who := d.NewStaff(t, access.Receptionist)
		if res := clinictest.Send(t, warm, d.Ask(t, who, "POST", "/v1/leave", d.leaveBody())); res.StatusCode != http.StatusCreated {
			t.Errorf("the first request: %d %s", res.StatusCode, res.Body)
		}
	})
}

func TestLastManager(t *testing.T) {
	d := newDesk(t)
	change := func(by, who string, body object, etag string) clinictest.Request {
		return d.Ask(t, by, "PUT", "/v1/staff/"+who, body).Match(etag)
	}
	manager := staffObject().With("roles", []string{"manager"})
	d.Refused(t, 409, "last_manager", change(clinictest.Manager, clinictest.Manager, staffObject(), `"1"`))
	d.Refused(t, 409, "last_manager", change(clinictest.Manager, clinictest.Manager, manager.With("left", true), `"1"`))
	d.Must(t, 200, change(clinictest.Manager, clinictest.Manager, manager.With("name", "Renamed"), `"1"`))
	second := d.NewStaff(t, access.Manager)
	d.Must(t, 200, change(clinictest.Manager, clinictest.Manager, staffObject(), `"2"`))
	d.Refused(t, 409, "last_manager", change(second, second, manager.With("left", true), `"1"`))
	d.Refused(t, 403, "denied", change(clinictest.Manager, second, staffObject(), `"1"`))
}

// Two managers who take the role from each other at the same moment leave one.
func TestManagersDismissEachOther(t *testing.T) {
	h := clinictest.New(t)
	for round := range 5 {
		d := &desk{clinictest.NewDesk(h.Found(t), nil)}
		second := d.NewStaff(t, access.Manager)
		var wg sync.WaitGroup
		codes := make([]int, 2)
		for i, r := range []clinictest.Request{
			d.Ask(t, clinictest.Manager, "PUT", "/v1/staff/"+second, staffObject()).Match(`"1"`),
			d.Ask(t, second, "PUT", "/v1/staff/"+clinictest.Manager, staffObject()).Match(`"1"`),
		} {
			serve := d.another()
			wg.Go(func() { codes[i] = clinictest.Send(t, serve, r).StatusCode })
		}
		wg.Wait()
		slices.Sort(codes)
		if !slices.Equal(codes, []int{200, 403}) {
			t.Errorf("round %d: %v, want one 200 and one 403", round, codes)
		}
	}
}

// Twenty managers' changes at once lose nothing: each is carried out or says that it was not, and one that was
// refused can be sent again.
func TestParallelChanges(t *testing.T) {
	d := newDesk(t)
	const n = 20
	all := make([]clinictest.Request, n)
	for i := range all {
		all[i] = d.Ask(t, clinictest.Manager, "POST", "/v1/sites", d.siteBody().With("name", fmt.Sprintf("Site %02d", i)))
	}
	done, waves := map[int]string{}, 0
	for ; len(done) < n && waves < 3*n; waves++ {
		for i, res := range d.atOnce(t, all, done) {
			switch res.StatusCode {
			case http.StatusCreated:
				done[i] = clinictest.Read[clinic.Site](t, res).ID
			case http.StatusServiceUnavailable:
				if res.Headers["retry-after"] == "" {
					t.Error("503 without Retry-After")
				}
			default:
				t.Fatalf("%d: %d %s", i, res.StatusCode, res.Body)
			}
		}
	}
	t.Logf("%d changes took %d waves", n, waves)
	sites := clinictest.Read[web.Page[clinic.Site]](t, d.Must(t, 200, d.Ask(t, clinictest.Clinician, "GET", "/v1/sites", nil))).Items
	var names []string
	for _, s := range sites {
		names = append(names, s.Name)
		if s.Name != "Test site" && done[number(t, s.Name)] != s.ID {
			t.Errorf("%s is %s, answered was %s", s.Name, s.ID, done[number(t, s.Name)])
		}
	}
	if len(sites) != n+1 || !slices.IsSorted(names) {
		t.Errorf("the sites are %v", names)
	}
	for i, r := range all { // once more: each is a replay
		if res := d.Must(t, 201, r); res.Headers["idempotent-replayed"] != "true" || clinictest.Read[clinic.Site](t, res).ID != done[i] {
			t.Errorf("the repeat of %d: %v %s", i, res.Headers, res.Body)
		}
	}
}

func number(t *testing.T, name string) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(name, "Site %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// atOnce sends those requests that are not done, each through a process of its own.
func (d *desk) atOnce(t *testing.T, all []clinictest.Request, done map[int]string) map[int]events.APIGatewayV2HTTPResponse {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	out := map[int]events.APIGatewayV2HTTPResponse{}
	for i, r := range all {
		if _, ok := done[i]; ok {
			continue
		}
		serve := d.another()
		wg.Go(func() {
			res := clinictest.Send(t, serve, r)
			mu.Lock()
			defer mu.Unlock()
			out[i] = res
		})
	}
	wg.Wait()
	return out
}

// Of twenty changes of one record that start from the same copy, one wins and the others are told that they are late.
func TestParallelChangesOfOneRecord(t *testing.T) {
	d := newDesk(t)
	all := make([]clinictest.Request, 20)
	for i := range all {
		body := d.siteBody().With("name", fmt.Sprintf("Site %02d", i))
		all[i] = d.Ask(t, clinictest.Manager, "PUT", "/v1/sites/"+d.Site.ID, body).Match(`"1"`)
	}
	won := map[int]string{}
	for range 20 {
		late := 0
		for i, res := range d.atOnce(t, all, won) {
			switch res.StatusCode {
			case http.StatusOK:
				won[i] = res.Body
			case http.StatusPreconditionFailed:
				late++
			case http.StatusServiceUnavailable:
			default:
				t.Fatalf("%d %s", res.StatusCode, res.Body)
			}
		}
		if late == len(all)-1 {
			break
		}
	}
	got := d.Must(t, 200, d.Ask(t, clinictest.Clinician, "GET", "/v1/sites/"+d.Site.ID, nil))
	if len(won) != 1 || got.Headers["etag"] != `"2"` {
		t.Fatalf("%d won, the record is at %s", len(won), got.Headers["etag"])
	}
	for _, body := range won {
		if body != got.Body {
			t.Errorf("the record is %s, the winner was answered %s", got.Body, body)
		}
	}
}

// A record goes out as it was answered, its ETag is what a change needs, and another organisation does not see it.
func TestRecordsThroughTheirLife(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	for path, body := range map[string]object{
		"/v1/sites": d.siteBody(), "/v1/rooms": d.roomBody(), "/v1/services": d.serviceBody(),
		"/v1/practitioners": d.practitionerBody(),
	} {
		t.Run(path, func(t *testing.T) {
			made := d.Must(t, 201, d.Ask(t, clinictest.Manager, "POST", path, body))
			at := made.Headers["location"]
			if !strings.HasPrefix(at, path+"/") || made.Headers["etag"] != `"1"` {
				t.Fatalf("headers %v", made.Headers)
			}
			got := d.Must(t, 200, d.Ask(t, clinictest.Clinician, "GET", at, nil))
			if got.Body != made.Body || got.Headers["etag"] != `"1"` {
				t.Errorf("got %s, answered was %s", got.Body, made.Body)
			}
			changed := d.Must(t, 200, d.Ask(t, clinictest.Manager, "PUT", at, body.With("closed", true)).Match(`"1"`))
			if changed.Headers["etag"] != `"2"` || !strings.Contains(changed.Body, `"closed":true`) {
				t.Errorf("changed: %v %s", changed.Headers, changed.Body)
			}
			if got := d.Must(t, 200, d.Ask(t, clinictest.Clinician, "GET", at, nil)); got.Body != changed.Body {
				t.Errorf("got %s, answered was %s", got.Body, changed.Body)
			}
			d.Refused(t, 412, "stale", d.Ask(t, clinictest.Manager, "PUT", at, body).Match(`"1"`))
			d.Refused(t, 412, "stale", d.Ask(t, clinictest.Manager, "PUT", at, body).Match(`"3"`))
			d.Refused(t, 400, "if_match_malformed", d.Ask(t, clinictest.Manager, "PUT", at, body).Match(`"0"`))
			list := d.Must(t, 200, d.Ask(t, clinictest.Clinician, "GET", path, nil))
			if !strings.Contains(list.Body, changed.Body) {
				t.Errorf("the list lacks it: %s", list.Body)
			}
			theirs := clinictest.ClaimsOf(other.Org, clinictest.Manager)
			d.Refused(t, 404, "not_found", d.Ask(t, "", "GET", at, nil).As(theirs))
			d.Refused(t, 404, "not_found", d.Ask(t, "", "PUT", at, body).As(theirs).Match(`"2"`))
			if res := d.Must(t, 200, d.Ask(t, "", "GET", path, nil).As(theirs)); strings.Contains(res.Body, at[len(path)+1:]) {
				t.Errorf("another organisation's list shows it: %s", res.Body)
			}
		})
	}
}

// An id in a body counts only if it is one of the caller's organisation; a foreign one is as unknown as none.
func TestForeignIDsInBodies(t *testing.T) {
	d := newDesk(t)
	other := d.Found(t)
	for name, c := range map[string]struct {
		path, at string
		body     func(site, room, practitioner string) object
	}{
		"the site of a room": {"/v1/rooms", "/siteId", func(site, _, _ string) object {
			return d.roomBody().With("siteId", site)
		}},
		"a room of a service": {"/v1/services", "/needs/0/anyOf/1", func(_, room, _ string) object {
			return d.serviceBody().With("needs", []object{{"anyOf": []string{d.Rooms[0].ID, room}}})
		}},
		"a practitioner of a service": {"/v1/services", "/practitionerIds/0", func(_, _, prc string) object {
			return d.serviceBody().With("practitionerIds", []string{prc})
		}},
		"the site of a session": {"/v1/practitioners", "/sessions/0/siteId", func(site, _, _ string) object {
			return d.practitionerBody().With("sessions", []object{{"siteId": site, "day": "monday", "opens": "09:00", "closes": "10:00"}})
		}},
		"whose leave": {"/v1/leave", "/of", func(_, _, prc string) object { return d.leaveBody().With("of", prc) }},
	} {
		t.Run(name, func(t *testing.T) {
			foreign := d.Refused(t, 422, "invalid", d.Ask(t, clinictest.Manager, "POST", c.path,
				c.body(other.Site.ID, other.Rooms[0].ID, other.Practitioners[0].ID)))
			absent := d.Refused(t, 422, "invalid", d.Ask(t, clinictest.Manager, "POST", c.path,
				c.body(id.New("sit"), id.New("roo"), id.New("prc"))))
			if len(foreign.Errors) != 1 || foreign.Errors[0].Pointer != c.at || foreign.Errors[0].Code != "unknown_id" {
				t.Errorf("got %+v", foreign.Errors)
			}
			if fmt.Sprint(foreign.Errors) != fmt.Sprint(absent.Errors) {
				t.Errorf("a foreign id can be told from none: %+v, %+v", foreign.Errors, absent.Errors)
			}
		})
	}
}

func TestOrganisation(t *testing.T) {
	d := newDesk(t)
	operator := clinictest.Claims{"sub": "operator", "scope": "almanac/operate"}
	found := d.Ask(t, "", "POST", "/v1/organisations", organisationObject()).As(operator)
	org := clinictest.Read[clinic.Organisation](t, d.Must(t, 201, found))
	if !id.Valid(org.ID, "org") || org.Name != "New clinic" {
		t.Fatalf("founded %+v", org)
	}
	if again := d.Must(t, 201, found); again.Headers["idempotent-replayed"] != "true" {
		t.Error("the repeat founded another one")
	}
	first := clinictest.ClaimsOf(org.ID, "first-manager")
	self := clinictest.Read[struct {
		Subject            string
		Organisation       clinic.Organisation
		Roles, Permissions []string
	}](t, d.Must(t, 200, d.Ask(t, "", "GET", "/v1/me", nil).As(first)))
	if self.Subject != "first-manager" || self.Organisation != org || !slices.Equal(self.Roles, []string{"manager"}) ||
		!slices.Contains(self.Permissions, "staff.change") || slices.Contains(self.Permissions, "organisation.create") {
		t.Errorf("me: %+v", self)
	}
	d.Must(t, 201, d.Ask(t, "", "POST", "/v1/sites", d.siteBody()).As(first))
	d.Refused(t, 403, "not_a_member", d.Ask(t, "", "GET", "/v1/organisation", nil).As(clinictest.ClaimsOf(org.ID, "operator")))
	d.Refused(t, 403, "denied", d.Ask(t, "", "POST", "/v1/organisations", organisationObject()).As(first))
	d.Refused(t, 412, "stale", d.Ask(t, "", "PUT", "/v1/organisation", object{"name": "X", "timeZone": "UTC"}).As(first).Match(`"2"`))
	d.Must(t, 200, d.Ask(t, "", "PUT", "/v1/organisation", object{"name": "X", "timeZone": "UTC"}).As(first).Match(`"1"`))
	got := clinictest.Read[clinic.Organisation](t, d.Must(t, 200, d.Ask(t, "", "GET", "/v1/organisation", nil).As(first)))
	if want := (clinic.Organisation{ID: org.ID, Name: "X", Zone: "UTC", Version: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A person's data are where the record is read, and not in the answer of a write, which is kept for repeats.
func TestPersonsAreNotInAnswersThatAreKept(t *testing.T) {
	d := newDesk(t)
	member := d.Must(t, 201, d.Ask(t, clinictest.Manager, "POST", "/v1/staff", staffObject().With("subject", "auth0|x y"[:7])))
	left := d.Must(t, 200, d.Ask(t, clinictest.Manager, "PUT", member.Headers["location"], staffObject()).Match(`"1"`))
	for _, res := range []events.APIGatewayV2HTTPResponse{member, left} {
		for _, m := range markers() {
			if strings.Contains(res.Body, m) {
				t.Errorf("%s shows %q", res.Body, m)
			}
		}
	}
	s := clinictest.Read[clinic.Staff](t, d.Must(t, 200, d.Ask(t, clinictest.Manager, "GET", member.Headers["location"], nil)))
	if s.Name != staffName || s.Email != staffEmail || s.Subject != "auth0|x" || s.Version != 2 {
		t.Error("the staff record is not what was sent")
	}
	d.Refused(t, 409, "exists", d.Ask(t, clinictest.Manager, "POST", "/v1/staff", staffObject().With("subject", "auth0|x")))
}

func TestRefusedFields(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		path  string
		body  object
		field string
		value any
		want  string
	}{
		{"/v1/sites", d.siteBody(), "name", "Harbour\u202eteertS", "text_refused /name"},
		{"/v1/sites", d.siteBody(), "name", "  ", "required /name"},
		{"/v1/sites", d.siteBody(), "address", "1 Street\nTown", "text_refused /address"},
		{"/v1/sites", d.siteBody(), "email", "a@example.org, b@example.org", "wrong_format /email"},
		{"/v1/sites", d.siteBody(), "email", "a@example.org\r\nBcc: b@example.org", "wrong_format /email"},
		{"/v1/sites", d.siteBody(), "phone", "12", "wrong_format /phone"},
		{"/v1/sites", d.siteBody(), "timeZone", "Europe/Atlantis", "unknown_time_zone /timeZone"},
		{"/v1/sites", d.siteBody(), "openingHours", []object{{"day": "monday", "opens": "09:00", "closes": "08:00"}}, "ends_too_early /openingHours/0/closes"},
		{"/v1/sites", d.siteBody(), "openingHours", []object{{"day": "funday", "opens": "09:00", "closes": "10:00"}}, "not_a_choice /openingHours/0/day"},
		{"/v1/rooms", d.roomBody(), "capacity", 21, "too_large /capacity"},
		{"/v1/rooms", d.roomBody(), "capacity", -1, "too_small /capacity"},
		{"/v1/rooms", d.roomBody(), "kind", "cupboard", "not_a_choice /kind"},
		{"/v1/services", d.serviceBody(), "minutes", 7, "not_a_multiple /minutes"},
		{"/v1/services", d.serviceBody(), "minutes", 485, "too_large /minutes"},
		{"/v1/services", d.serviceBody().With("bufferBefore", 100), "minutes", 380, "too_large /minutes"},
		{"/v1/services", d.serviceBody(), "bufferAfter", -5, "too_small /bufferAfter"},
		{"/v1/services", d.serviceBody(), "step", 0, "too_small /step"},
		{"/v1/services", d.serviceBody(), "leadMinutes", 90*24*60 + 5, "too_large /leadMinutes"},
		{"/v1/services", d.serviceBody(), "horizonDays", 401, "too_large /horizonDays"},
		{"/v1/services", d.serviceBody(), "mode", "letter", "not_a_choice /mode"},
		{"/v1/services", d.serviceBody(), "needs", []object{{"anyOf": []string{}}}, "too_few /needs/0/anyOf"},
		{"/v1/services", d.serviceBody(), "needs", []object{{"anyOf": []string{d.Rooms[0].ID, d.Rooms[0].ID}}}, "not_unique /needs/0/anyOf/1"},
		{"/v1/practitioners", d.practitionerBody(), "sessions", []object{
			{"siteId": d.Site.ID, "day": "friday", "opens": "09:00", "closes": "12:00"},
			{"siteId": d.Site.ID, "day": "friday", "opens": "11:00", "closes": "13:00"},
		}, "overlaps /sessions/1"},
		{"/v1/staff", staffObject().With("subject", "s1"), "roles", []string{"operator"}, "not_a_choice /roles/0"},
		{"/v1/staff", staffObject().With("subject", "s1"), "roles", []string{"manager", "manager"}, "not_unique /roles/1"},
		{"/v1/staff", staffObject().With("subject", "s1"), "email", "nobody", "wrong_format /email"},
		{"/v1/staff", staffObject(), "subject", "a#b", "wrong_format /subject"},
		{"/v1/staff", staffObject(), "subject", d.Patients[0], "wrong_format /subject"},
	} {
		t.Run(c.path+" "+c.want, func(t *testing.T) {
			p := d.Refused(t, 422, "invalid", d.Ask(t, clinictest.Manager, "POST", c.path, c.body.With(c.field, c.value)))
			if len(p.Errors) != 1 || p.Errors[0].Code+" "+p.Errors[0].Pointer != c.want {
				t.Errorf("got %+v, want %s", p.Errors, c.want)
			}
		})
	}
}
