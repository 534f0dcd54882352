// Package nhs decides about patients' NHS numbers: whom to look for and how, whose number something is, what a record
// becomes when the NHS's register (PDS, the Personal Demographics Service) says that a number was replaced, withdrawn
// or its owner has died, and what a person must decide. It speaks to no service: a worker asks, and tells what was
// answered. Its rules: a number is taken only if one search found one person, the register was then read by that
// number, and birth date and name agree with ours; anything short of that waits for a person; nothing is stored of a
// patient who objects; and the same event again changes nothing.
package nhs

import (
	"context"
	"strings"
	"time"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
	"almanac/shared/wall"
)

// Service keeps the numbers of an organisation's patients in step with the register. It is safe for concurrent use.
type Service struct {
	table     *table.Table
	patients  *patient.Service
	keeper    *seal.Keeper
	directory *clinic.Directory
	now       func() time.Time
	newID     id.Source
}

// New makes the Service.
func New(
	t *table.Table, p *patient.Service, k *seal.Keeper, d *clinic.Directory, now func() time.Time, newID id.Source,
) *Service {
	return &Service{table: t, patients: p, keeper: k, directory: d, now: now, newID: newID}
}

// Finding is what the register holds about somebody, as far as it is read. It prints as "[redacted]".
type Finding struct {
	private.Hidden
	Number     string            `json:"number"` // ten digits
	VersionID  string            `json:"versionId,omitempty"`
	Restricted bool              `json:"restricted,omitempty"`
	Names      []patient.Name    `json:"names,omitempty"`
	BirthDate  string            `json:"birthDate,omitempty"`
	Sex        string            `json:"sex,omitempty"`
	Multiple   bool              `json:"multiple,omitempty"` // a twin or triplet
	Death      *patient.Death    `json:"death,omitempty"`
	Addresses  []patient.Address `json:"addresses,omitempty"`
	Contacts   []patient.Contact `json:"contacts,omitempty"`
	Practice   *patient.Practice `json:"practice,omitempty"` // that the person is registered with now
	ReadAt     time.Time         `json:"readAt"`
}

// without is the finding as it may be kept: addresses and the like only if the organisation may store them.
func (f Finding) without(set clinic.NHS) Finding {
	if !set.KeepDemographics || f.Restricted {
		f.Addresses, f.Contacts = nil, nil
	}
	return f
}

// home is the zone whose calendar says what day it is.
const home = "Europe/London"

func (s *Service) today() (string, error) {
	zone, err := wall.Zone(home)
	if err != nil {
		return "", err
	}
	return s.now().In(zone).Format(time.DateOnly), nil
}

// settings are the organisation's of its work with the NHS.
func (s *Service) settings(ctx context.Context, by access.Caller) (clinic.NHS, error) {
	snap, err := s.directory.Snapshot(ctx, by)
	if err != nil {
		return clinic.NHS{}, err
	}
	return snap.Organisation.NHS, nil
}

// digest is of several values, for this organisation alone.
func (s *Service) digest(ctx context.Context, org, kind string, values ...string) (string, error) {
	ring, err := s.keeper.Ring(ctx, org)
	if err != nil {
		return "", err
	}
	return ring.Digest(kind, strings.Join(values, "\x00")), nil
}

// identity lists what a search goes by, and what makes it worth searching again when it changes.
func identity(p patient.Patient, today string) []string {
	who := subjectOf(p, today)
	number, status := "", ""
	if p.Number != nil {
		number, status = p.Number.Value, p.Number.Status
	}
	return []string{
		patient.Fold(who.family), patient.Fold(strings.Join(who.given, " ")), who.birthDate, who.postcode,
		number, status,
	}
}

func conflict(code, message string) error { return fault.New(fault.Conflict, code, message) }
