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
		"role taken away": with(staffObject(), "roles", []string{}),
		"left":            with(staffObject(), "left", true),
	} {
		t.Run(name, func(t *testing.T) {
			who := d.newStaff(access.Receptionist)
			enter := func() request { return d.ask(who, "POST", "/v1/leave", d.leaveBody()) }
			reads := []request{
				d.ask(who, "GET", "/v1/sites", nil), d.ask(who, "GET", "/v1/me", nil),
				d.ask(who, "GET", "/v1/leave", nil),
			}
			warm, warmToo, done := d.another(), d.another(), enter()
			for _, serve := range []web.Handler{warm, warmToo} {
				if res := send(t, serve, enter()); res.StatusCode != http.StatusCreated {
					t.Fatalf("before: %d %s", res.StatusCode, res.Body)
				}
			}
			if res := send(t, warm, done); res.StatusCode != http.StatusCreated {
				t.Fatalf("before: %d %s", res.StatusCode, res.Body)
			}
			d.must(200, d.ask(clinictest.Manager, "PUT", "/v1/staff/"+who, taken).match(`"1"`))
			for i, r := range []request{enter(), done} {
				if res := send(t, warm, r); res.StatusCode != http.StatusForbidden {
					t.Errorf("write %d after: %d %s", i, res.StatusCode, res.Body)
				}
			}
			for i, r := range reads {
				if res := send(t, warmToo, r); res.StatusCode != http.StatusForbidden {
					t.Errorf("read %d after: %d %s", i, res.StatusCode, res.Body)
				}
			}
			d.must(200, d.ask(clinictest.Manager, "PUT", "/v1/staff/"+who, staffObject()).match(`"2"`))
			if res := send(t, warm, enter()); res.StatusCode != http.StatusCreated {
				t.Errorf("after the role was given back: %d %s", res.StatusCode, res.Body)
			}
		})
	}
	t.Run("somebody new", func(t *testing.T) {
		warm := d.another()
		if res := send(t, warm, d.ask(clinictest.Receptionist, "POST", "/v1/leave", d.leaveBody())); res.StatusCode != http.StatusCreated {
			t.Fatal(res.Body)
		}
		who := d.newStaff(access.Receptionist)
		if res := send(t, warm, d.ask(who, "POST", "/v1/leave", d.leaveBody())); res.StatusCode != http.StatusCreated {
			t.Errorf("the first request: %d %s", res.StatusCode, res.Body)
		}
	})
}

func TestLastManager(t *testing.T) {
	d := newDesk(t)
	change := func(by, who string, body object, etag string) request {
		return d.ask(by, "PUT", "/v1/staff/"+who, body).match(etag)
	}
	manager := with(staffObject(), "roles", []string{"manager"})
	d.refused(409, "last_manager", change(clinictest.Manager, clinictest.Manager, staffObject(), `"1"`))
	d.refused(409, "last_manager", change(clinictest.Manager, clinictest.Manager, with(manager, "left", true), `"1"`))
	d.must(200, change(clinictest.Manager, clinictest.Manager, with(manager, "name", "Renamed"), `"1"`))
	second := d.newStaff(access.Manager)
	d.must(200, change(clinictest.Manager, clinictest.Manager, staffObject(), `"2"`))
	d.refused(409, "last_manager", change(second, second, with(manager, "left", true), `"1"`))
	d.refused(403, "denied", change(clinictest.Manager, second, staffObject(), `"1"`))
}

// Two managers who take the role from each other at the same moment leave one.
func TestManagersDismissEachOther(t *testing.T) {
	h := clinictest.New(t)
	for round := range 5 {
		d := &desk{Clinic: h.Found(t), t: t}
		second := d.newStaff(access.Manager)
		var wg sync.WaitGroup
		codes := make([]int, 2)
		for i, r := range []request{
			d.ask(clinictest.Manager, "PUT", "/v1/staff/"+second, staffObject()).match(`"1"`),
			d.ask(second, "PUT", "/v1/staff/"+clinictest.Manager, staffObject()).match(`"1"`),
		} {
			serve := d.another()
			wg.Go(func() { codes[i] = send(t, serve, r).StatusCode })
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
	all := make([]request, n)
	for i := range all {
		all[i] = d.ask(clinictest.Manager, "POST", "/v1/sites", with(d.siteBody(), "name", fmt.Sprintf("Site %02d", i)))
	}
	done, waves := map[int]string{}, 0
	for ; len(done) < n && waves < 3*n; waves++ {
		for i, res := range d.atOnce(all, done) {
			switch res.StatusCode {
			case http.StatusCreated:
				done[i] = read[clinic.Site](t, res, nil).ID
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
	sites := read[web.Page[clinic.Site]](t, d.must(200, d.ask(clinictest.Clinician, "GET", "/v1/sites", nil)), nil).Items
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
		if res := d.must(201, r); res.Headers["idempotent-replayed"] != "true" || read[clinic.Site](t, res, nil).ID != done[i] {
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
func (d *desk) atOnce(all []request, done map[int]string) map[int]events.APIGatewayV2HTTPResponse {
	var wg sync.WaitGroup
	var mu sync.Mutex
	out := map[int]events.APIGatewayV2HTTPResponse{}
	for i, r := range all {
		if _, ok := done[i]; ok {
			continue
		}
		serve := d.another()
		wg.Go(func() {
			res := send(d.t, serve, r)
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
	all := make([]request, 20)
	for i := range all {
		body := with(d.siteBody(), "name", fmt.Sprintf("Site %02d", i))
		all[i] = d.ask(clinictest.Manager, "PUT", "/v1/sites/"+d.Site.ID, body).match(`"1"`)
	}
	won := map[int]string{}
	for range 20 {
		late := 0
		for i, res := range d.atOnce(all, won) {
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
	got := d.must(200, d.ask(clinictest.Clinician, "GET", "/v1/sites/"+d.Site.ID, nil))
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
			made := d.must(201, d.ask(clinictest.Manager, "POST", path, body))
			at := made.Headers["location"]
			if !strings.HasPrefix(at, path+"/") || made.Headers["etag"] != `"1"` {
				t.Fatalf("headers %v", made.Headers)
			}
			got := d.must(200, d.ask(clinictest.Clinician, "GET", at, nil))
			if got.Body != made.Body || got.Headers["etag"] != `"1"` {
				t.Errorf("got %s, answered was %s", got.Body, made.Body)
			}
			changed := d.must(200, d.ask(clinictest.Manager, "PUT", at, with(body, "closed", true)).match(`"1"`))
			if changed.Headers["etag"] != `"2"` || !strings.Contains(changed.Body, `"closed":true`) {
				t.Errorf("changed: %v %s", changed.Headers, changed.Body)
			}
			if got := d.must(200, d.ask(clinictest.Clinician, "GET", at, nil)); got.Body != changed.Body {
				t.Errorf("got %s, answered was %s", got.Body, changed.Body)
			}
			d.refused(412, "stale", d.ask(clinictest.Manager, "PUT", at, body).match(`"1"`))
			d.refused(412, "stale", d.ask(clinictest.Manager, "PUT", at, body).match(`"3"`))
			d.refused(400, "if_match_malformed", d.ask(clinictest.Manager, "PUT", at, body).match(`"0"`))
			list := d.must(200, d.ask(clinictest.Clinician, "GET", path, nil))
			if !strings.Contains(list.Body, changed.Body) {
				t.Errorf("the list lacks it: %s", list.Body)
			}
			theirs := claims(other.Org, clinictest.Manager)
			d.refused(404, "not_found", d.ask("", "GET", at, nil).as(theirs))
			d.refused(404, "not_found", d.ask("", "PUT", at, body).as(theirs).match(`"2"`))
			if res := d.must(200, d.ask("", "GET", path, nil).as(theirs)); strings.Contains(res.Body, at[len(path)+1:]) {
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
			return with(d.roomBody(), "siteId", site)
		}},
		"a room of a service": {"/v1/services", "/needs/0/anyOf/1", func(_, room, _ string) object {
			return with(d.serviceBody(), "needs", []object{{"anyOf": []string{d.Rooms[0].ID, room}}})
		}},
		"a practitioner of a service": {"/v1/services", "/practitionerIds/0", func(_, _, prc string) object {
			return with(d.serviceBody(), "practitionerIds", []string{prc})
		}},
		"the site of a session": {"/v1/practitioners", "/sessions/0/siteId", func(site, _, _ string) object {
			return with(d.practitionerBody(), "sessions", []object{{"siteId": site, "day": "monday", "opens": "09:00", "closes": "10:00"}})
		}},
		"whose leave": {"/v1/leave", "/of", func(_, _, prc string) object { return with(d.leaveBody(), "of", prc) }},
	} {
		t.Run(name, func(t *testing.T) {
			foreign := d.refused(422, "invalid", d.ask(clinictest.Manager, "POST", c.path,
				c.body(other.Site.ID, other.Rooms[0].ID, other.Practitioners[0].ID)))
			absent := d.refused(422, "invalid", d.ask(clinictest.Manager, "POST", c.path,
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
	found := d.ask("", "POST", "/v1/organisations", organisationObject()).as(operator)
	org := read[clinic.Organisation](t, d.must(201, found), nil)
	if !id.Valid(org.ID, "org") || org.Name != "New clinic" {
		t.Fatalf("founded %+v", org)
	}
	if again := d.must(201, found); again.Headers["idempotent-replayed"] != "true" {
		t.Error("the repeat founded another one")
	}
	first := claims(org.ID, "first-manager")
	self := read[struct {
		Subject            string
		Organisation       clinic.Organisation
		Roles, Permissions []string
	}](t, d.must(200, d.ask("", "GET", "/v1/me", nil).as(first)), nil)
	if self.Subject != "first-manager" || self.Organisation != org || !slices.Equal(self.Roles, []string{"manager"}) ||
		!slices.Contains(self.Permissions, "staff.change") || slices.Contains(self.Permissions, "organisation.create") {
		t.Errorf("me: %+v", self)
	}
	d.must(201, d.ask("", "POST", "/v1/sites", d.siteBody()).as(first))
	d.refused(403, "not_a_member", d.ask("", "GET", "/v1/organisation", nil).as(claims(org.ID, "operator")))
	d.refused(403, "denied", d.ask("", "POST", "/v1/organisations", organisationObject()).as(first))
	d.refused(412, "stale", d.ask("", "PUT", "/v1/organisation", object{"name": "X", "timeZone": "UTC"}).as(first).match(`"2"`))
	d.must(200, d.ask("", "PUT", "/v1/organisation", object{"name": "X", "timeZone": "UTC"}).as(first).match(`"1"`))
	got := read[clinic.Organisation](t, d.must(200, d.ask("", "GET", "/v1/organisation", nil).as(first)), nil)
	if want := (clinic.Organisation{ID: org.ID, Name: "X", Zone: "UTC", Version: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A person's data are where the record is read, and not in the answer of a write, which is kept for repeats.
func TestPersonsAreNotInAnswersThatAreKept(t *testing.T) {
	d := newDesk(t)
	member := d.must(201, d.ask(clinictest.Manager, "POST", "/v1/staff", with(staffObject(), "subject", "auth0|x y"[:7])))
	left := d.must(200, d.ask(clinictest.Manager, "PUT", member.Headers["location"], staffObject()).match(`"1"`))
	for _, res := range []events.APIGatewayV2HTTPResponse{member, left} {
		for _, m := range markers() {
			if strings.Contains(res.Body, m) {
				t.Errorf("%s shows %q", res.Body, m)
			}
		}
	}
	s := read[clinic.Staff](t, d.must(200, d.ask(clinictest.Manager, "GET", member.Headers["location"], nil)), nil)
	if s.Name != staffName || s.Email != staffEmail || s.Subject != "auth0|x" || s.Version != 2 {
		t.Error("the staff record is not what was sent")
	}
	d.refused(409, "exists", d.ask(clinictest.Manager, "POST", "/v1/staff", with(staffObject(), "subject", "auth0|x")))
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
		{"/v1/services", with(d.serviceBody(), "bufferBefore", 100), "minutes", 380, "too_large /minutes"},
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
		{"/v1/staff", with(staffObject(), "subject", "s1"), "roles", []string{"operator"}, "not_a_choice /roles/0"},
		{"/v1/staff", with(staffObject(), "subject", "s1"), "roles", []string{"manager", "manager"}, "not_unique /roles/1"},
		{"/v1/staff", with(staffObject(), "subject", "s1"), "email", "nobody", "wrong_format /email"},
		{"/v1/staff", staffObject(), "subject", "a#b", "wrong_format /subject"},
		{"/v1/staff", staffObject(), "subject", d.Patients[0], "wrong_format /subject"},
	} {
		t.Run(c.path+" "+c.want, func(t *testing.T) {
			p := d.refused(422, "invalid", d.ask(clinictest.Manager, "POST", c.path, with(c.body, c.field, c.value)))
			if len(p.Errors) != 1 || p.Errors[0].Code+" "+p.Errors[0].Pointer != c.want {
				t.Errorf("got %+v, want %s", p.Errors, c.want)
			}
		})
	}
}
