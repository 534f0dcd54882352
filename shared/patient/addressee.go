package patient

import (
	"context"

	"almanac/shared/access"
	"almanac/shared/private"
)

// Addressee is whom a message is for. Without an Email there is nowhere to send it, and Why says so as a code.
type Addressee struct {
	private.Hidden
	Name  string
	Email string
	Why   Unreachable
}

// Unreachable says why nothing is sent to somebody.
type Unreachable string

// The reasons.
const (
	HasDied   Unreachable = "deceased"
	NoAddress Unreachable = "no_address"
)

// hops bounds how far the merges of a record are followed.
const hops = 5

// Addressee gives whom a message to a patient is for. A record that was merged stands for the one that it went into;
// nobody writes to the dead; and an address that the NHS's register gave of somebody whose whereabouts are protected is
// none. Errors: fault NotFound, Unavailable.
func (s *Service) Addressee(ctx context.Context, by access.Caller, patient string) (Addressee, error) {
	day, err := s.today()
	if err != nil {
		return Addressee{}, err
	}
	for range hops {
		p, err := s.Get(ctx, by, patient)
		if err != nil {
			return Addressee{}, err
		}
		if p.MergedInto != "" {
			patient = p.MergedInto
			continue
		}
		p = p.Shown()
		to := Addressee{Name: p.Usual(day).Full()}
		if !p.Living() {
			to.Why = HasDied
			return to, nil
		}
		if mail, ok := p.Reach(Email, day); ok {
			to.Email = mail.Value
			return to, nil
		}
		to.Why = NoAddress
		return to, nil
	}
	return Addressee{}, notFound()
}
