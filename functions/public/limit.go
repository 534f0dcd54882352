package main

import (
	"context"
	"net/netip"
	"time"

	"almanac/shared/table"
)

// How often in a minute a link may be asked for: from one address, behind which a whole hospital or mobile network can
// be, and one link; and how many wrong links of one organisation are answered. Those alone are counted by organisation:
// were the right ones, anybody who has one link, or knows an organisation's id, could lock out all patients.
const (
	mostOfAddress      = 120
	mostOfLink         = 30
	mostOfOrganisation = 3000
)

// admit counts the request. An address that is over its limit does not use up that of the link.
func (v visits) admit(ctx context.Context, address string, l link) error {
	if err := v.count(ctx, "visit-address", mostOfAddress, network(address)); err != nil {
		return err
	}
	return v.count(ctx, "visit-link", mostOfLink, l.asked)
}

// wrong counts a link that leads to nothing.
func (v visits) wrong(ctx context.Context, l link) error {
	return v.count(ctx, "visit-organisation", mostOfOrganisation, l.org)
}

func (v visits) count(ctx context.Context, bucket string, most int, who string) error {
	return v.take(ctx, table.Bucket{Name: bucket, Most: most, Window: time.Minute}, who)
}

// network is what an address counts as: of IPv6 the 64 bits that one household or phone has for itself.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
