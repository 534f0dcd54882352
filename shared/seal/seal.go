// Package seal keeps what identifies a person unreadable to whoever has the table but not the keys. Its rules: every
// patient has a data key, every data key is wrapped by the organisation's root key, and every root key by KMS, which
// alone can open it; a root key is in memory for five minutes at the most, so a key that is disabled at KMS stops all
// reading by then; and a data key that is destroyed makes every copy of the record, in backups too, unreadable.
//
//	KMS key ─► root key of an organisation ─┬─► wrapping key ─► data key of a patient ─► sealed fields
//	                                        └─► look-up key ─► digests by which patients are found
package seal

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/kms"
	"almanac/shared/table"
)

// Keeper opens the organisations' root keys. It is safe for concurrent use.
type Keeper struct {
	kms   *kms.Client
	key   string
	table *table.Table
	now   func() time.Time

	mu    sync.Mutex
	rings map[string]opened
}

type opened struct {
	ring  *Ring
	until time.Time
}

const (
	// life is how long a root key stays in memory.
	life = 5 * time.Minute
	// most bounds the memory of a process that serves very many organisations.
	most = 200
)

// New makes the Keeper. kmsKey is the id, ARN or alias of the KMS key that wraps the root keys.
func New(cfg aws.Config, kmsKey string, t *table.Table, now func() time.Time) *Keeper {
	return &Keeper{kms: kms.New(cfg, now), key: kmsKey, table: t, now: now, rings: map[string]opened{}}
}

// root is an organisation's root key as it is stored, wrapped by KMS.
type root struct {
	ID      string `dynamodbav:"id"`
	Wrapped []byte `dynamodbav:"k"`
}

// Ring opens an organisation's root key, and makes it where there is none yet. Errors: fault Unavailable
// "keys_unavailable" while KMS does not open it, and those of the table.
func (k *Keeper) Ring(ctx context.Context, org string) (*Ring, error) {
	if r := k.kept(org); r != nil {
		return r, nil
	}
	c := k.table.For(access.System(org, string(access.Keeper)))
	var stored root
	err := c.Get(ctx, c.OrganisationKey(), &stored)
	if fault.Is(err, fault.NotFound) {
		stored, err = k.found(ctx, c, org)
	}
	if err != nil {
		return nil, err
	}
	plain, err := k.kms.Decrypt(ctx, k.key, stored.Wrapped, about(org))
	if err != nil {
		return nil, closed(err)
	}
	ring, err := newRing(org, plain)
	clear(plain)
	if err != nil {
		return nil, err
	}
	k.keep(org, ring)
	return ring, nil
}

// found makes an organisation's root key. Of two that are made at once the first counts.
func (k *Keeper) found(ctx context.Context, c table.Clinic, org string) (root, error) {
	blob, err := k.kms.Generate(ctx, k.key, about(org))
	if err != nil {
		return root{}, closed(err)
	}
	made := root{ID: org, Wrapped: blob}
	err = c.Write(ctx, table.Change{
		Action: access.KeyMake, Target: org, Event: event.Event{Name: event.KeyMade, Version: 1},
		Put: []table.Item{{Key: c.OrganisationKey(), Value: made, New: true}},
	})
	if fault.Is(err, fault.Conflict) {
		err = c.Get(ctx, c.OrganisationKey(), &made)
	}
	return made, err
}

// about binds a wrapped root key to its organisation: KMS opens it for no other, and says in its own trail for which
// it did.
func about(org string) map[string]string { return map[string]string{"organisation": org} }

func closed(err error) error {
	if e, refused := errors.AsType[*kms.Error](err); refused && e.Code == kms.InvalidCiphertext {
		return fmt.Errorf("open a root key: %w", err)
	}
	return fault.Wrap(err, fault.Unavailable, "keys_unavailable", "The patients' records cannot be opened just now.")
}

func (k *Keeper) kept(org string) *Ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o, ok := k.rings[org]; ok && k.now().Before(o.until) {
		return o.ring
	}
	delete(k.rings, org)
	return nil
}

func (k *Keeper) keep(org string, r *Ring) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.rings) >= most {
		clear(k.rings)
	}
	k.rings[org] = opened{ring: r, until: k.now().Add(life)}
}

// Key reads and opens a patient's data key. A patient without one, unknown or erased, is fault NotFound.
func (k *Keeper) Key(ctx context.Context, c table.Clinic, org, patient string) (Key, error) {
	ring, err := k.Ring(ctx, org)
	if err != nil {
		return Key{}, err
	}
	rows, err := table.Together(ctx, c, c.PatientKey(patient))
	if err != nil {
		return Key{}, err
	}
	return ring.Open(patient, rows[c.PatientKey(patient)])
}

// Keys reads and opens several patients' data keys; those without one, unknown or erased, are left out.
func (k *Keeper) Keys(ctx context.Context, c table.Clinic, org string, patients ...string) (map[string]Key, error) {
	out := make(map[string]Key, len(patients))
	if len(patients) == 0 {
		return out, nil
	}
	ring, err := k.Ring(ctx, org)
	if err != nil {
		return nil, err
	}
	of := make([]table.Key, len(patients))
	for i, patient := range patients {
		of[i] = c.PatientKey(patient)
	}
	rows, err := table.Together(ctx, c, of...)
	if err != nil {
		return nil, err
	}
	for i, patient := range patients {
		key, err := ring.Open(patient, rows[of[i]])
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[patient] = key
	}
	return out, nil
}

// derive makes a key for one use out of a root key (RFC 5869).
func derive(root []byte, use string) ([]byte, error) {
	out, err := hkdf.Key(sha256.New, root, nil, "almanac/1/"+use, keyLength)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return out, nil
}
