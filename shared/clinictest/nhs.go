package clinictest

import (
	"context"
	"testing"
	"time"

	"almanac/infra/sandbox/nhs"
	"almanac/infra/sandbox/nhstest"
	"almanac/shared/pds"
)

// NHS runs the stand-ins for NHS services, on the house's clock.
func (h *House) NHS(tb testing.TB) *nhstest.Stand {
	tb.Helper()
	return nhstest.New(tb, func(c *nhs.Config) { c.Now = h.Clock.Now })
}

// PDS is how the stand-in for PDS is reached: without ever waiting.
func (h *House) PDS(s *nhstest.Stand) pds.Settings {
	return pds.Settings{
		URL: s.PDSURL, TokenURL: s.TokenURL, APIKey: nhstest.APIKey, KID: nhstest.KID, Sign: s.Sign, Now: h.Clock.Now,
		Pace: AtOnce, Hold: func(context.Context, time.Duration) error { return nil },
	}
}

// AtOnce is a pace at which nobody waits.
func AtOnce(context.Context, bool) error { return nil }
