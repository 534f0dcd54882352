package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"almanac/infra/sandbox/kms"
	"almanac/shared/access"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// sealed is how often each step of sealing is measured.
const sealed = 20_000

// seal measures what it costs that a record is sealed: processor time of one read and of one write of a usual record
// beyond the JSON that both need anyway, and bytes stored on top of it.
func (b *bench) seal(ctx context.Context) error {
	h, err := b.build(ctx)
	if err != nil {
		return err
	}
	defer h.drop(ctx)
	server, err := kms.New(kms.Config{Aliases: []string{sealKey}})
	if err != nil {
		return err
	}
	listener := httptest.NewServer(server)
	defer listener.Close()
	store := table.New(h.db, h.name, time.Now, id.New).WithKeys(h.keys)
	keeper := seal.New(aws.Config{
		Region: region, BaseEndpoint: &listener.URL, Credentials: aws.CredentialsProviderFunc(credentials),
	}, sealKey, store, time.Now)
	ring, err := keeper.Ring(ctx, h.org)
	if err != nil {
		return err
	}
	return b.sealing(ring, store.For(access.System(h.org, string(access.PatientUpload))))
}

func (b *bench) sealing(ring *seal.Ring, c table.Clinic) error {
	p := usual()
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	key, _, err := ring.Make(c, p.ID)
	if err != nil {
		return err
	}
	blob, err := key.Seal("record", p)
	if err != nil {
		return err
	}
	b.info("seal.bytes", float64(len(blob)-len(plain)), "B",
		fmt.Sprintf("on top of a usual record's %d B; a wrapped key of its own besides", len(plain)))
	var costs [6]float64
	for i, do := range []func() error{
		func() error { _, err := json.Marshal(p); return err },
		func() error { _, err := key.Seal("record", p); return err },
		func() error { var out patient.Patient; return json.Unmarshal(plain, &out) },
		func() error { var out patient.Patient; return key.Open("record", blob, &out) },
		func() error { _ = ring.Digest("born", "1950-02-27"); return nil },
		func() error { _, _, err := ring.Make(c, p.ID); return err },
	} {
		if costs[i], err = each(do); err != nil {
			return err
		}
	}
	const beside = "processor time; the JSON itself %s µs"
	b.info("seal.write", costs[1]-costs[0], "µs", fmt.Sprintf(beside, number(costs[0])))
	b.info("seal.read", costs[3]-costs[2], "µs", fmt.Sprintf(beside, number(costs[2])))
	b.info("seal.digest", costs[4], "µs", "a keyed digest, of which a patient's rows take about seventeen")
	b.info("seal.key", costs[5], "µs", "a new patient's key, made and wrapped")
	return nil
}

const sealKey = "alias/almanac"

// usual is a record as a clinic has it.
func usual() patient.Patient {
	return patient.Patient{
		ID: id.New("pat"), Version: 1, BirthDate: "1950-02-27", Sex: "female",
		Names: []patient.Name{{Use: "usual", Given: []string{"Florence", "Ada"}, Family: "Testcase"}},
		Addresses: []patient.Address{
			{Use: "home", Lines: []string{"1 Example Street", "Exampleton"}, Postcode: "ZZ99 3VZ"},
		},
		Contacts: []patient.Contact{
			{System: "phone", Value: "+447700900123", Use: "mobile"}, {System: "email", Value: "florence@example.org"},
		},
		Practice: &patient.Practice{ODSCode: "Y99999"},
	}
}

// each gives the processor time in microseconds of doing something once, from doing it very often.
func each(do func() error) (float64, error) {
	before, err := processor()
	if err != nil {
		return 0, err
	}
	for range sealed {
		if err := do(); err != nil {
			return 0, err
		}
	}
	after, err := processor()
	return float64(after-before) / float64(time.Microsecond) / sealed, err
}

// processor is the time that this process has had a processor for.
func processor() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
