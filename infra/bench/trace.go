package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/nhs"
	sandpds "almanac/infra/sandbox/pds"
	"almanac/shared/fault"
	"almanac/shared/id"
	"almanac/shared/nhsnumber"
	"almanac/shared/pds"
	"almanac/shared/table"
)

const (
	tracers  = 20               // workers, each like a process of its own
	traceFor = 20 * time.Second // how long they ask
	// registerRate is the register's limit a second, of all of an application's calls together.
	registerRate = 5
	// leastRate is what must be reached of it: places are a little further apart than a fifth of a second, so that a
	// late waker does not make a sixth call within one.
	leastRate = 4
)

// trace measures how well the calls to the NHS's register keep to its limit: as many workers as can be ask without end,
// and one person now and then, against a stand-in that refuses whatever is above five calls in a second.
func (b *bench) trace(ctx context.Context) error {
	h, err := b.build(ctx)
	if err != nil {
		return err
	}
	defer h.drop(ctx)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	stand, err := nhs.New(nhs.Config{Apps: []apim.App{{Key: "bench", Keys: apim.Fixed("kid", &key.PublicKey)}}})
	if err != nil {
		return err
	}
	srv := httptest.NewServer(stand)
	defer srv.Close()
	r := tracing{url: srv.URL, key: key, house: h}
	if err := r.run(ctx); err != nil {
		return err
	}
	all := stand.Requests("pds")
	slices.SortFunc(all, func(a, b apim.Request) int { return a.At.Compare(b.At) })
	if len(all) == 0 {
		return errors.New("nothing was asked")
	}
	rate := float64(len(all)-1) / all[len(all)-1].At.Sub(all[0].At).Seconds()
	b.atMost("trace.calls", rate, "1/s", registerRate,
		fmt.Sprintf("%d workers for %s, %d calls", tracers, traceFor, len(all)))
	b.atLeast("trace.held", rate, "1/s", leastRate, "the same, from below: the limit is made use of")
	b.atMost("trace.fullest-second", float64(fullest(all)), "calls", registerRate, "as they arrived")
	b.atMost("trace.refused", float64(stand.Refused()), "calls", 0, "by the stand-in's limit of five in a second")
	b.atMost("trace.person", milliseconds(percentile(r.waited, 0.9)), "ms", 2000,
		fmt.Sprintf("p90 of %d people who waited while the others asked", len(r.waited)))
	return nil
}

// fullest is the greatest number of calls in any second, wherever it begins.
func fullest(all []apim.Request) int {
	most := 0
	for i := range all {
		n := 0
		for i+n < len(all) && all[i+n].At.Sub(all[i].At) < time.Second {
			n++
		}
		most = max(most, n)
	}
	return most
}

// tracing is the asking.
type tracing struct {
	url   string
	key   *rsa.PrivateKey
	house *house

	mu     sync.Mutex
	waited []time.Duration // by people
	failed error
}

// worker is one process's client.
func (r *tracing) worker() (*pds.Client, error) {
	pace := table.New(r.house.db, r.house.name, time.Now, id.New).Pace("pds", time.Now)
	return pds.New(pds.Settings{
		URL: r.url + sandpds.Base, TokenURL: r.url + nhs.TokenPath, APIKey: "bench", KID: "kid", Now: time.Now,
		Sign: func(_ context.Context, digest []byte) ([]byte, error) {
			return rsa.SignPKCS1v15(nil, r.key, crypto.SHA512, digest)
		},
		Pace: pace.Wait, Hold: pace.Hold,
	})
}

func (r *tracing) run(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, traceFor)
	defer stop()
	var all sync.WaitGroup
	for n := range tracers + 1 {
		c, err := r.worker()
		if err != nil {
			return err
		}
		all.Go(func() { r.ask(ctx, c, n == tracers) })
	}
	all.Wait()
	return r.failed
}

// ask asks for one number after the other; a person rests in between.
func (r *tracing) ask(ctx context.Context, c *pds.Client, person bool) {
	number, err := nhsnumber.Parse(sandpds.Ordinary.Number())
	for err == nil && ctx.Err() == nil {
		began := time.Now()
		_, _, err = c.Get(ctx, pds.Call{ODS: "Y90001", Event: id.New("evt"), Step: "read", Waiting: person}, number)
		switch {
		case ctx.Err() != nil:
			return
		case fault.Is(err, fault.Limited): // the row is full: a worker's message would come back later
			err = nil
			time.Sleep(100 * time.Millisecond)
		case err == nil && person:
			r.mu.Lock()
			r.waited = append(r.waited, time.Since(began))
			r.mu.Unlock()
			time.Sleep(time.Second)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = errors.Join(r.failed, err)
}
