package main

import (
	"context"
	"time"

	"almanac/shared/patient"
	"almanac/shared/private"
	"almanac/shared/web"
)

const aboutReading = "Banner tells first what to know first: a record merged into another, a death, protected " +
	"whereabouts, an NHS number in doubt, alerts. Of somebody whose whereabouts are protected only addresses and " +
	"contacts that were entered here are shown, and caution says that there are some. With an objection standing the " +
	"NHS number is not shown. Each reading leaves an entry in the audit trail."

// patientView is a patient's record as staff are shown it.
type patientView struct {
	private.Hidden
	ID              string               `json:"id"`
	Version         int64                `json:"version"`
	Banner          []patient.Notice     `json:"banner"`
	Names           []nameBody           `json:"names"`
	BirthDate       string               `json:"birthDate,omitempty"`
	Sex             string               `json:"sex" enum:"male,female,other,unknown"`
	Addresses       []addressView        `json:"addresses"`
	Contacts        []contactView        `json:"contacts"`
	Practice        *practiceView        `json:"practice,omitempty"`
	Number          *numberView          `json:"nhsNumber,omitempty"`
	Restricted      bool                 `json:"restricted,omitempty" doc:"Where the person lives and can be reached is protected."`
	Caution         bool                 `json:"caution,omitempty" doc:"What is shown of protected whereabouts was entered here: tell nobody."`
	Death           *deathView           `json:"death,omitempty"`
	Alerts          []alertBody          `json:"alerts"`
	BookingNote     string               `json:"bookingNote,omitempty"`
	Representatives []representativeView `json:"representatives"`
	Objection       *objectionView       `json:"objection,omitempty" doc:"The patient does not want the NHS number used."`
	MergedInto      string               `json:"mergedInto,omitempty" doc:"The patient whose record goes on for this one."`
	Merged          []string             `json:"merged,omitempty" doc:"The patients whose records this one goes on for."`
}

// ETagVersion is the version that an ETag tells.
func (v patientView) ETagVersion() int64 { return v.Version }

// addressView is an address and where it is from.
type addressView struct {
	Use      string   `json:"use"`
	Lines    []string `json:"lines,omitempty"`
	Postcode string   `json:"postcode,omitempty"`
	Start    string   `json:"start,omitempty"`
	End      string   `json:"end,omitempty"`
	Source   string   `json:"source" enum:"local,pds,upload" doc:"Entered here, the NHS's register, or a file."`
}

type contactView struct {
	System string `json:"system"`
	Value  string `json:"value"`
	Use    string `json:"use,omitempty"`
	Start  string `json:"start,omitempty"`
	End    string `json:"end,omitempty"`
	Source string `json:"source" enum:"local,pds,upload"`
}

type practiceView struct {
	ODSCode string `json:"odsCode"`
	Start   string `json:"start,omitempty"`
	End     string `json:"end,omitempty"`
	Source  string `json:"source" enum:"local,pds,upload"`
}

type numberView struct {
	Value      string     `json:"value" example:"9990000018"`
	Shown      string     `json:"shown" example:"999 000 0018" doc:"As it is shown and printed, with its state beside it."`
	Status     string     `json:"status" enum:"01,02,03" doc:"NHS number status indicator: verified, present but not traced, trace required."`
	State      string     `json:"state" enum:"present,verified,superseded,invalidated,not-found"`
	VerifiedAt *time.Time `json:"verifiedAt,omitempty"`
	Source     string     `json:"source" enum:"local,pds,upload"`
}

type deathView struct {
	On     string `json:"on,omitempty"`
	Status string `json:"status" enum:"informal,formal"`
	Source string `json:"source" enum:"local,pds,upload"`
}

type representativeView struct {
	ID           string        `json:"id"`
	Relationship string        `json:"relationship"`
	Name         personBody    `json:"name"`
	Contacts     []contactView `json:"contacts"`
	May          []string      `json:"may"`
	Evidence     evidenceBody  `json:"evidence"`
	From         time.Time     `json:"from"`
	Until        *time.Time    `json:"until,omitempty" doc:"The instant from which it counts no longer."`
	Acts         bool          `json:"acts" doc:"Whether it counts now."`
}

type objectionView struct {
	Since time.Time `json:"since"`
}

type getIn struct {
	ID string `path:"id"`
}

// Subject is the patient whose record is read, for the event that the read leaves.
func (g *getIn) Subject() string { return g.ID }

func get(s *patient.Service) web.Func[getIn, patientView] {
	return func(ctx context.Context, r web.Request, in *getIn) (patientView, error) {
		p, at, err := s.Show(ctx, r.By, in.ID)
		if err != nil {
			return patientView{}, err
		}
		return newPatientView(p, at), nil
	}
}

func newPatientView(p patient.Patient, at patient.Moment) patientView {
	v := patientView{
		ID: p.ID, Version: p.Version, Banner: p.Banner(at.Day), BirthDate: p.BirthDate, Sex: p.Sex,
		Names: []nameBody{}, Addresses: []addressView{}, Contacts: contactViews(p.Contacts), Alerts: []alertBody{},
		Representatives: []representativeView{}, Restricted: p.Restricted, Caution: p.Caution(),
		BookingNote: p.BookingNote, MergedInto: p.MergedInto, Merged: p.Merged, Number: newNumberView(p.Number),
	}
	for _, n := range p.Names {
		v.Names = append(v.Names, nameBody{n.Use, n.Prefix, n.Given, n.Family, n.Suffix, n.Start, n.End})
	}
	for _, a := range p.Addresses {
		v.Addresses = append(v.Addresses, addressView{a.Use, a.Lines, a.Postcode, a.Start, a.End, a.Source})
	}
	for _, a := range p.Alerts {
		v.Alerts = append(v.Alerts, alertBody{a.Kind, a.Text, a.Start, a.End})
	}
	for _, r := range p.Representatives {
		v.Representatives = append(v.Representatives, newRepresentativeView(r, at.Now))
	}
	if g := p.Practice; g != nil {
		v.Practice = &practiceView{g.ODSCode, g.Start, g.End, g.Source}
	}
	if d := p.Death; d != nil {
		v.Death = &deathView{d.On, d.Status, d.Source}
	}
	if p.Objection != nil {
		v.Objection = &objectionView{p.Objection.At}
	}
	return v
}

func newNumberView(n *patient.Number) *numberView {
	if n == nil || n.Value == "" {
		return nil
	}
	return &numberView{n.Value, n.Display(), n.Status, n.State, n.VerifiedAt, n.Source}
}

func contactViews(contacts []patient.Contact) []contactView {
	out := make([]contactView, 0, len(contacts))
	for _, c := range contacts {
		out = append(out, contactView{c.System, c.Value, c.Use, c.Start, c.End, c.Source})
	}
	return out
}

func newRepresentativeView(r patient.Representative, now time.Time) representativeView {
	return representativeView{
		ID: r.ID, Relationship: r.Relationship, Contacts: contactViews(r.Contacts), May: r.May,
		Name:     personBody{r.Name.Prefix, r.Name.Given, r.Name.Family, r.Name.Suffix},
		Evidence: evidenceBody{r.Evidence.Kind, r.Evidence.SeenOn, r.Evidence.Reference},
		From:     r.From, Until: r.Until, Acts: r.Acts(now),
	}
}
