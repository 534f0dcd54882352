package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Slow is the one kind of fault that every stand-in knows: the request waits for Delay, then goes on as usual.
const Slow = "slow"

// Forever as a Fault's Count keeps the fault until it is cleared.
const Forever = -1

// maxFaults bounds what one control request may set.
const maxFaults = 100

// ErrFault is wrapped by the errors about a fault that cannot be set.
var ErrFault = errors.New("fault refused")

// A Fault makes the next requests go wrong.
type Fault struct {
	Kind  string `json:"kind"`            // what goes wrong; each stand-in lists its own
	Count int    `json:"count"`           // how many requests, or Forever; 0 is refused
	On    string `json:"on,omitempty"`    // only requests about this; each stand-in says what it compares with
	Delay Delay  `json:"delay,omitempty"` // for Slow: how long
}

// Delay is a duration that JSON writes as "1.5s".
type Delay time.Duration

// MarshalText writes the delay as time.Duration does.
func (d Delay) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration understands.
func (d *Delay) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%w: delay: %w", ErrFault, err)
	}
	*d = Delay(v)
	return nil
}

// Faults are the faults waiting to happen in one stand-in. As an http.Handler it is their control: GET lists them,
// PUT replaces them (a JSON list of Fault), POST adds one, DELETE clears them.
type Faults struct {
	mu    sync.Mutex
	kinds []string
	list  []Fault
}

// NewFaults returns an empty list that takes faults of these kinds and Slow.
func NewFaults(kinds ...string) *Faults {
	return &Faults{kinds: append(kinds, Slow)}
}

// Set replaces all faults.
func (f *Faults) Set(list []Fault) error {
	if len(list) > maxFaults {
		return fmt.Errorf("%w: more than %d", ErrFault, maxFaults)
	}
	for _, one := range list {
		if err := f.check(one); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.Clone(list)
	return nil
}

// Add puts one more fault behind those that wait.
func (f *Faults) Add(one Fault) error { return f.Set(append(f.List(), one)) }

// List returns the faults that have not happened yet.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

// Clear removes all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

func (f *Faults) check(one Fault) error {
	switch {
	case !slices.Contains(f.kinds, one.Kind):
		return fmt.Errorf("%w: kind %q is none of %q", ErrFault, one.Kind, f.kinds)
	case one.Count == 0 || one.Count < Forever:
		return fmt.Errorf("%w: %s needs a count above 0, or %d for until cleared", ErrFault, one.Kind, Forever)
	case one.Kind == Slow && (one.Delay <= 0 || one.Delay > Delay(time.Hour)):
		return fmt.Errorf("%w: %s needs a delay above 0 and up to 1h", ErrFault, Slow)
	case one.Kind != Slow && one.Delay != 0:
		return fmt.Errorf("%w: only %s takes a delay", ErrFault, Slow)
	}
	return nil
}

// Take uses up the faults that fit one request: it waits out those of kind Slow and returns the kind of the first
// other one, or "". The error is that of a context that ended while waiting.
func (f *Faults) Take(ctx context.Context, fits func(on string) bool) (string, error) {
	kind, delay := f.next(fits)
	if delay == 0 {
		return kind, nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return kind, nil
	case <-ctx.Done():
		return kind, fmt.Errorf("slow request: %w", ctx.Err())
	}
}

func (f *Faults) next(fits func(on string) bool) (string, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind, delay := "", time.Duration(0)
	for i := range f.list {
		one := &f.list[i]
		if one.On != "" && !fits(one.On) {
			continue
		}
		switch {
		case one.Kind == Slow:
			delay += time.Duration(one.Delay)
		case kind == "":
			kind = one.Kind
		default:
			continue
		}
		if one.Count > 0 {
			one.Count--
		}
	}
	f.list = slices.DeleteFunc(f.list, func(one Fault) bool { return one.Count == 0 })
	return kind, delay
}

// ServeHTTP is the control described at Faults.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPut:
		var list []Fault
		if err = ReadJSON(w, r, &list); err == nil {
			err = f.Set(list)
		}
	case http.MethodPost:
		var one Fault
		if err = ReadJSON(w, r, &one); err == nil {
			err = f.Add(one)
		}
	case http.MethodDelete:
		f.Clear()
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT, POST, DELETE")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	WriteJSON(w, http.StatusOK, slices.Concat([]Fault{}, f.List()))
}

// maxControl bounds the body of a control request.
const maxControl = 1 << 20

// ReadJSON decodes the one JSON value of a control request; an unknown field is an error, so that a typing mistake
// does not pass for a fault that never fires.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControl))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read JSON body: %w", err)
	}
	if d.More() {
		return errors.New("read JSON body: more than one value")
	}
	return nil
}

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "write JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that left is no concern of ours
}
