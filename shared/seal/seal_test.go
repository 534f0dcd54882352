package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/seal"
	"almanac/shared/table"
)

type person struct{ Name string }

// made stores a new data key as a record's first transaction does.
func made(t *testing.T, c *clinictest.Clinic) (string, seal.Key) {
	t.Helper()
	patient := id.New("pat")
	ring, err := c.Keeper.Ring(t.Context(), c.Org)
	if err != nil {
		t.Fatal(err)
	}
	k := c.Table.For(c.By(t, clinictest.Receptionist))
	key, item, err := ring.Make(k, patient)
	if err != nil {
		t.Fatal(err)
	}
	err = k.Write(t.Context(), table.Change{
		Action: access.PatientCreate, Target: patient, Put: []table.Item{item}, Event: event.Event{Name: event.PatientCreated},
	})
	if err != nil {
		t.Fatal(err)
	}
	return patient, key
}

func TestSeal(t *testing.T) {
	c := clinictest.New(t).Found(t)
	patient, key := made(t, c)
	blob, err := key.Seal("record", person{"Ada Marker"})
	if err != nil || bytes.Contains(blob, []byte("Ada")) {
		t.Fatalf("sealed %q, %v", blob, err)
	}
	again, err := c.Keeper.Key(t.Context(), c.Table.For(c.By(t, clinictest.Receptionist)), c.Org, patient)
	if err != nil {
		t.Fatal(err)
	}
	var got person
	if err := again.Open("record", blob, &got); err != nil || got.Name != "Ada Marker" {
		t.Errorf("opened %q, %v", got.Name, err)
	}
	_, other := made(t, c)
	twice, _ := key.Seal("record", person{"Ada Marker"})
	if bytes.Equal(twice, blob) {
		t.Error("the same is sealed to the same bytes")
	}
	for name, err := range map[string]error{
		"another patient's key": other.Open("record", blob, &got),
		"another name":          again.Open("note", blob, &got),
		"cut short":             again.Open("record", blob[:20], &got),
		"another schema":        again.Open("record", append([]byte{9}, blob[1:]...), &got),
		"changed":               again.Open("record", append(bytes.Clone(blob[:len(blob)-1]), blob[len(blob)-1]^1), &got),
		"no key":                seal.Key{}.Open("record", blob, &got),
	} {
		if !errors.Is(err, seal.ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v", key, key, key); s != "[redacted] [redacted] [redacted]" {
		t.Errorf("a key prints as %s", s)
	}
}

// A digest is the same in every process and another one for every kind, value and organisation.
func TestDigest(t *testing.T) {
	h := clinictest.New(t)
	c, d := h.Found(t), h.Found(t)
	mine, err := c.Keeper.Ring(t.Context(), c.Org)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := d.Keeper.Ring(t.Context(), d.Org)
	if err != nil {
		t.Fatal(err)
	}
	c.Clock.Pass(6 * time.Minute) // the root is opened afresh
	fresh, err := c.Keeper.Ring(t.Context(), c.Org)
	if err != nil {
		t.Fatal(err)
	}
	one := mine.Digest("born", "1950-02-27")
	if one != fresh.Digest("born", "1950-02-27") || len(one) != 32 {
		t.Errorf("the digest is %s, then another", one)
	}
	for _, other := range []string{
		theirs.Digest("born", "1950-02-27"), mine.Digest("phone", "1950-02-27"), mine.Digest("born", "1950-02-28"),
	} {
		if other == one {
			t.Error("what differs has one digest")
		}
	}
	sealed := mine.SealCursor("a", []byte("x"))
	if _, err := mine.OpenCursor("b", sealed); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("a cursor opens for something else: %v", err)
	}
	if _, err := theirs.OpenCursor("a", sealed); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("a cursor opens for another organisation: %v", err)
	}
}

// While KMS does not open the root key nothing is read or written, from five minutes after it last did at the latest;
// when it does again, everything is as it was.
func TestKMSDown(t *testing.T) {
	c := clinictest.New(t).Found(t)
	patient, _ := made(t, c)
	k := c.Table.For(c.By(t, clinictest.Receptionist))
	for _, kind := range []string{kms.Throttle, kms.Fail, kms.Timeout, kms.Unavailable, kms.Denied} {
		c.Clock.Pass(6 * time.Minute)
		if err := c.KMS.Faults.Set([]sandbox.Fault{{Kind: kind, Count: 100}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Keeper.Key(t.Context(), k, c.Org, patient); !fault.Is(err, fault.Unavailable) || fault.Of(err).Code != "keys_unavailable" {
			t.Errorf("%s: %v", kind, err)
		}
		if err := c.KMS.Faults.Set(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Keeper.Key(t.Context(), k, c.Org, patient); err != nil {
			t.Errorf("after %s: %v", kind, err)
		}
	}
	if _, err := c.Keeper.Key(t.Context(), k, c.Org, id.New("pat")); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
}
