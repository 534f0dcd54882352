package clinictest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
)

// fromRoot is the path of something at the repository's root.
func fromRoot(path ...string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(append([]string{filepath.Dir(file), "..", ".."}, path...)...)
}

// Known makes the ids that the sample events name: the same for every record of a kind.
func Known(prefix string) string {
	raw := [16]byte{0x01, 0x9a, 0xa5, 0xc0, 0xb1, 0x40, 0x70, 0x00, 0x80}
	copy(raw[13:], prefix)
	return id.Format(prefix, raw)
}

// Sample reads a sample event of a function's API, as booking.hold. Of each pair the first text is replaced by the second.
func Sample(tb testing.TB, name string, pairs ...string) Request {
	tb.Helper()
	raw, err := os.ReadFile(fromRoot("events", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	var r Request
	err = json.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(string(raw))), &r.APIGatewayV2HTTPRequest)
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return r
}

// Sampled checks that a function has so many sample events: a test that carries them out leaves none out.
func Sampled(tb testing.TB, function string, tested int) {
	tb.Helper()
	files, err := filepath.Glob(fromRoot("events", function+".*.json"))
	if err != nil || len(files) != tested {
		tb.Errorf("%d sample events, %d are tested (%v)", len(files), tested, err)
	}
}

// History lists the events of a record, the oldest first.
func (h *House) History(tb testing.TB, org, target string) []event.Event {
	tb.Helper()
	k := h.Table.For(access.System(org, "test"))
	rows, err := k.Under(tb.Context(), k.Patient(target), table.Events) // any key of the target's partition will do
	if err != nil {
		tb.Fatalf("read the events: %v", err)
	}
	out := make([]event.Event, len(rows))
	for i, r := range rows {
		if err := r.Decode(&out[i]); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// Waiting lists what stands in the outbox.
func (h *House) Waiting(tb testing.TB) []event.Event {
	tb.Helper()
	var out []event.Event
	for shard := range table.OutboxShards {
		all, err := h.Table.Outbox().Waiting(tb.Context(), shard, time.Now().Add(time.Hour), 1000)
		if err != nil {
			tb.Fatalf("read the outbox: %v", err)
		}
		out = append(out, all...)
	}
	return out
}
