// Package demo founds an invented clinic around a day, through the product's own rules: two sites, six practitioners,
// rooms, services of several lengths with buffers, opening hours, leave, patients and about 200 appointments, so that
// somebody who starts Almanac for the first time sees a working diary. Nobody in it exists.
package demo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox/oidc"
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Subjects whom one can log in as.
const (
	Receptionist = "demo-receptionist"
	Clinician    = "demo-clinician"
	Manager      = "demo-manager"
	Operator     = "demo-operator"
	// Branch is a receptionist who works at Mill Lane only.
	Branch         = "demo-receptionist-mill"
	PrivacyOfficer = "demo-privacy-officer"
	// Neighbour is the manager of the other organisation, which shares nothing with the clinic.
	Neighbour = "demo-neighbour"
)

// Org is the demonstration clinic's id, and OtherOrg its neighbour's: the same at every start.
func Org() string { return fixed("clinic") }

// OtherOrg is the id of an organisation that shares nothing with the clinic.
func OtherOrg() string { return fixed("neighbour") }

func fixed(name string) string {
	sum := sha256.Sum256([]byte("almanac demonstration " + name))
	sum[6] = sum[6]&0x0f | 0x70 // a UUID's version and variant (RFC 9562)
	sum[8] = sum[8]&0x3f | 0x80
	return id.Format("org", [16]byte(sum[:16]))
}

// People are those whom one can log in as.
func People() []oidc.Person {
	return []oidc.Person{
		{Subject: Receptionist, Name: "Rosa Field", Groups: []string{Org()}, Note: "Reception, Willow Clinic"},
		{Subject: Clinician, Name: "Dr Amina Okafor", Groups: []string{Org()}, Note: "Clinician, Willow Clinic"},
		{Subject: Manager, Name: "Martin Hale", Groups: []string{Org()}, Note: "Manager, Willow Clinic"},
		{Subject: Branch, Name: "Ben Shore", Groups: []string{Org()}, Note: "Reception, Willow Clinic at Mill Lane"},
		{Subject: PrivacyOfficer, Name: "Pia Lund", Groups: []string{Org()}, Note: "Privacy officer, Willow Clinic"},
		{Subject: Neighbour, Name: "Nora Pike", Groups: []string{OtherOrg()}, Note: "Manager of another clinic"},
		{Subject: Operator, Name: "Oz Tanner", Operator: true, Note: "Operator: founds organisations"},
	}
}

// builder founds the clinic step by step.
type builder struct {
	table *table.Table
	dir   *clinic.Directory
	set   *clinic.Office
	pats  *patient.Service
	book  *booking.Service
	at    time.Time // what the builder's clock says
	rand  *rand.Rand

	sites         []clinic.Site
	rooms         map[string][]string // by site
	devices       []string
	practitioners []clinic.Practitioner
	services      []clinic.Service
	patients      []string
}

// daysBefore is how long before the day the diary begins, daysAfter how long after it ends.
const (
	daysBefore = 5
	daysAfter  = 14
)

// appointments is about how many are booked.
const appointments = 200

// Store is where the clinic is founded: the two tables behind a client, and who opens what is sealed in them.
type Store struct {
	DB          *dynamodb.Client
	Table, Keys string
	Keeper      *seal.Keeper
}

// Found founds both organisations around the day in the store. The same seed gives the same diary on the same day.
func Found(ctx context.Context, in Store, day time.Time, seed uint64) error {
	b := &builder{
		at: day.AddDate(0, 0, -daysBefore-1), rooms: map[string][]string{},
		rand: rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // the same diary at every start is wanted
	}
	now := func() time.Time { return b.at }
	b.table = table.New(in.DB, in.Table, now, id.New).WithKeys(in.Keys)
	b.dir = clinic.NewDirectory(b.table, now)
	b.set = clinic.New(b.table, b.dir, now, id.New)
	b.pats = patient.New(b.table, in.Keeper, now, id.New)
	b.book = booking.New(b.table, b.dir, now, id.New)
	for _, step := range []func(context.Context) error{
		b.organisations, b.setSites, b.setRooms, b.setPractitioners, b.setServices, b.addStaff, b.addPatients,
		func(ctx context.Context) error { return b.enterLeave(ctx, day) },
		func(ctx context.Context) error { return b.fill(ctx, day) },
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("demonstration clinic: %w", explain(err))
		}
	}
	return nil
}

// explain adds the details of a refusal, which are about the demonstration's own data.
func explain(err error) error {
	f := fault.Of(err)
	if f == nil || len(f.Details) == 0 {
		return err
	}
	return fmt.Errorf("%w: %+v", err, f.Details)
}

func once() access.Once { return access.Once{Key: id.New("key")} }

// by judges a subject afresh, because every change of the set-up raises the version that standing rests on.
func (b *builder) by(ctx context.Context, subject string) (access.Caller, error) {
	return b.dir.Caller(ctx, Org(), subject, true)
}

func (b *builder) organisations(ctx context.Context) error {
	for _, o := range []struct{ id, name, subject, person string }{
		{Org(), "Willow Clinic", Manager, "Martin Hale"},
		{OtherOrg(), "Harbour Practice", Neighbour, "Nora Pike"},
	} {
		operator := access.NewCaller(o.id, Operator, []access.Role{access.Operator}, 0)
		_, err := b.set.Found(ctx, operator, once(), clinic.Organisation{Name: o.name, Zone: "Europe/London"},
			clinic.Staff{
				Subject: o.subject, Name: o.person, Email: o.subject + "@almanac.example", JobRole: "Practice manager",
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// change calls do as the manager, judged afresh.
func (b *builder) change(ctx context.Context, do func(by access.Caller) error) error {
	by, err := b.by(ctx, Manager)
	if err != nil {
		return err
	}
	return do(by)
}

func week(opens, closes string) []clinic.Opening {
	var out []clinic.Opening
	for _, d := range []string{"monday", "tuesday", "wednesday", "thursday", "friday"} {
		out = append(out, clinic.Opening{Day: d, Opens: opens, Closes: closes})
	}
	return out
}

func (b *builder) setSites(ctx context.Context) error {
	saturday := clinic.Opening{Day: "saturday", Opens: "09:00", Closes: "13:00"}
	for _, s := range []clinic.Site{
		{
			Name: "Willow Clinic, Elm Road", Address: "12 Elm Road, Exampleton, ZZ99 3WZ",
			Email: "elm@almanac.example",
			Phone: "020 7946 0101", Zone: "Europe/London", Hours: append(week("08:00", "18:30"), saturday),
		},
		{
			Name: "Willow Clinic, Mill Lane", Address: "3 Mill Lane, Exampleton, ZZ99 3VZ",
			Email: "mill@almanac.example",
			Phone: "020 7946 0102", Zone: "Europe/London", Hours: week("09:00", "17:00"),
		},
	} {
		err := b.change(ctx, func(by access.Caller) error {
			made, err := b.set.CreateSite(ctx, by, once(), s)
			b.sites = append(b.sites, made)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) setRooms(ctx context.Context) error {
	for _, r := range []struct {
		site     int
		kind     string
		name     string
		capacity int
	}{
		{0, clinic.KindRoom, "Room 1", 1},
		{0, clinic.KindRoom, "Room 2", 1},
		{0, clinic.KindRoom, "Room 3", 1},
		{0, clinic.KindRoom, "Treatment bay", 2},
		{0, clinic.KindDevice, "Ultrasound scanner", 1},
		{1, clinic.KindRoom, "Room A", 1},
		{1, clinic.KindRoom, "Room B", 1},
	} {
		err := b.change(ctx, func(by access.Caller) error {
			made, err := b.set.CreateRoom(ctx, by, once(), clinic.Room{
				SiteID: b.sites[r.site].ID, Kind: r.kind, Name: r.name, Capacity: r.capacity,
			})
			if r.kind == clinic.KindDevice {
				b.devices = append(b.devices, made.ID)
			} else {
				b.rooms[made.SiteID] = append(b.rooms[made.SiteID], made.ID)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) setPractitioners(ctx context.Context) error {
	for i, name := range []string{
		"Dr Amina Okafor", "Dr Dina Patel", "Dr Owen Price", "Nurse Grace Lowe", "Nurse Tom Birch",
		"Sam Reed, physiotherapist",
	} {
		site := b.sites[0]
		hours := week("09:00", "17:00")
		if i >= 4 {
			site = b.sites[1]
			hours = week("09:30", "16:30")
		}
		p := clinic.Practitioner{Name: name}
		for _, h := range hours {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: site.ID, Opening: h})
		}
		if i == 0 {
			p.Sessions = append(p.Sessions, clinic.Session{SiteID: site.ID, Opening: clinic.Opening{
				Day: "saturday", Opens: "09:00", Closes: "13:00",
			}})
		}
		err := b.change(ctx, func(by access.Caller) error {
			made, err := b.set.CreatePractitioner(ctx, by, once(), p)
			b.practitioners = append(b.practitioners, made)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) setServices(ctx context.Context) error {
	elm, mill := b.rooms[b.sites[0].ID], b.rooms[b.sites[1].ID]
	anyRoom := clinic.Need{AnyOf: slices.Concat(elm, mill)}
	doctors, nurses := ids(b.practitioners[:3]), ids(b.practitioners[3:5])
	for _, s := range []clinic.Service{
		{
			Name: "Consultation", Minutes: 30, Step: 15, HorizonDays: 90, Mode: "in-person",
			Needs: []clinic.Need{anyRoom}, PractitionerIDs: doctors,
		},
		{
			Name: "Short review", Minutes: 10, Step: 10, HorizonDays: 60, Mode: "telephone",
			PractitionerIDs: slices.Concat(doctors, nurses),
		},
		{
			Name: "Scan", Minutes: 45, BufferBefore: 5, BufferAfter: 10, Step: 15, LeadMinutes: 120, HorizonDays: 60,
			Mode: "in-person", Needs: []clinic.Need{{AnyOf: elm}, {AnyOf: b.devices}}, PractitionerIDs: doctors,
		},
		{
			Name: "Vaccination", Minutes: 15, BufferAfter: 5, Step: 5, HorizonDays: 120, Mode: "in-person",
			Needs: []clinic.Need{anyRoom}, PractitionerIDs: nurses,
		},
		{
			Name: "Physiotherapy", Minutes: 40, BufferAfter: 5, Step: 15, HorizonDays: 90, Mode: "in-person",
			Needs: []clinic.Need{{AnyOf: mill}}, PractitionerIDs: ids(b.practitioners[5:]),
		},
		{
			Name: "Video visit", Minutes: 20, Step: 10, HorizonDays: 90, Mode: clinic.Video, PractitionerIDs: doctors,
		},
	} {
		err := b.change(ctx, func(by access.Caller) error {
			made, err := b.set.CreateService(ctx, by, once(), s)
			b.services = append(b.services, made)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func ids(all []clinic.Practitioner) []string {
	var out []string
	for _, p := range all {
		out = append(out, p.ID)
	}
	return out
}

func (b *builder) addStaff(ctx context.Context) error {
	for _, s := range []clinic.Staff{
		{Subject: Receptionist, Name: "Rosa Field", JobRole: "Receptionist", Roles: []access.Role{access.Receptionist}},
		{
			Subject: Clinician, Name: "Dr Amina Okafor", JobRole: "Doctor", Roles: []access.Role{access.Clinician},
			PractitionerID: b.practitioners[0].ID, SDSUserID: "999000000001",
		},
		{
			Subject: Branch, Name: "Ben Shore", JobRole: "Receptionist", Roles: []access.Role{access.Receptionist},
			SiteIDs: []string{b.sites[1].ID},
		},
		{
			Subject: PrivacyOfficer, Name: "Pia Lund", JobRole: "Privacy officer",
			Roles: []access.Role{access.PrivacyOfficer},
		},
	} {
		s.Email = s.Subject + "@almanac.example"
		err := b.change(ctx, func(by access.Caller) error {
			_, err := b.set.CreateStaff(ctx, by, once(), s)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// enterLeave gives the third doctor two days off and closes Mill Lane on the last afternoon.
func (b *builder) enterLeave(ctx context.Context, day time.Time) error {
	at := func(days int, clock string) string {
		return day.AddDate(0, 0, days).Format(time.DateOnly) + "T" + clock
	}
	for _, w := range []clinic.Wanted{
		{Of: b.practitioners[2].ID, Start: at(2, "00:00"), End: at(4, "00:00"), Kind: clinic.LeaveHoliday},
		{Of: b.sites[1].ID, Start: at(daysAfter, "13:00"), End: at(daysAfter, "17:00"), Kind: clinic.LeaveClosure},
	} {
		err := b.change(ctx, func(by access.Caller) error {
			_, err := b.set.EnterLeave(ctx, by, once(), w)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// errFull says that a random time was taken; another one is tried.
var errFull = errors.New("taken")
