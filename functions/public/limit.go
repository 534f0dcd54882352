package main

import (
	"context"
	"net/netip"
	"time"

	"almanac/shared/table"
)

// How often in a minute a link may be asked for: from one address, behind which a whole hospital or mobile network can
// be, one link, and all links of one organisation. The last protects the others and is far above what patients need:
// a lower one would let anybody who has one link lock out all.
const (
	mostOfAddress      = 120
	mostOfLink         = 30
	mostOfOrganisation = 3000
)

// admit counts the request. An address that is over its limit does not use up those of the link and the organisation.
func (v visits) admit(ctx context.Context, address string, l link) error {
	for _, one := range []struct {
		bucket string
		most   int
		who    string
	}{
		{"visit-address", mostOfAddress, network(address)},
		{"visit-link", mostOfLink, l.asked},
		{"visit-organisation", mostOfOrganisation, l.org},
	} {
		b := table.Bucket{Name: one.bucket, Most: one.most, Window: time.Minute}
		if err := v.take(ctx, b, one.who); err != nil {
			return err
		}
	}
	return nil
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
