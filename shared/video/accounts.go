package video

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/table"
)

// Account is a person's connected account at the provider, as far as rooms need to know it.
type Account struct {
	Provider   string // as the provider's notices name it
	Connection string
	Subject    string
	Account    string // the provider's names of the account and of the user
	User       string
	Usable     bool   // rooms can be made with it
	Ending     bool   // its owner asked to disconnect it
	History    bool   // its owner lets us read what took place in its rooms
	Why        string // why it is not usable, as a code
	// Granted is when its owner connected it last; Due when it is to be looked after, zero if that is now.
	Granted, Due time.Time
	// Died is since when what was granted is dead, by the provider's own word; zero where it is not.
	Died time.Time
	// Grant counts what was granted: another pair of tokens is another number.
	Grant int64
	// halfErased is at which version an erasing of it stands that was given up when it was connected again; zero where
	// none does.
	halfErased int64
}

// open are the conditions on which a visit comes into the account: that it is not gone by now, and that it is not being
// erased. Once its erasing has begun there is none that could come later.
func (a Account) open(c table.Clinic) []table.Item {
	return []table.Item{
		{Key: c.Tombstone(a.Connection), Check: true, New: true},
		{Key: c.Erasure(a.Connection), Check: true, New: a.halfErased == 0, Version: a.halfErased},
	}
}

// Accounts is how rooms reach the accounts they are made in.
type Accounts struct {
	// Of gives a person's account; fault.NotFound where none is connected.
	Of func(ctx context.Context, by access.Caller, subject string) (Account, error)
	// Read gives an account by its connection's id; fault.NotFound where it is gone.
	Read func(ctx context.Context, by access.Caller, connection string) (Account, error)
	// Lapse marks an account as one that its owner must connect again, and has the owner told, once.
	Lapse func(ctx context.Context, by access.Caller, connection, why string) error
	// Due has the account looked after at an instant, or earlier if that is planned already.
	Due func(ctx context.Context, by access.Caller, connection string, at time.Time) error
	// Revoke takes back at the provider what the account's owner granted. A grant that is dead already is no error.
	Revoke func(ctx context.Context, by access.Caller, connection string) error
	// Fresh keeps the account's grant alive where it was not used for long.
	Fresh func(ctx context.Context, by access.Caller, connection string) error
	// Removal gives the items that take the connection away and leave its tombstone, which counts what went with it.
	Removal func(
		ctx context.Context, by access.Caller, connection, why string, counts map[string]int,
	) ([]table.Item, error)
}
