package cause_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almanac/shared/cause"
	"almanac/shared/fault"
)

// Only what somebody should look at is loud, and only then its causes are told.
func TestRefusal(t *testing.T) {
	if level, attrs := cause.Refusal(nil, []string{"x"}); level != slog.LevelInfo || len(attrs) > 0 {
		t.Errorf("no fault is told as %s %v", level, attrs)
	}
	for kind, want := range map[fault.Kind]slog.Level{
		fault.Invalid: slog.LevelInfo, fault.Denied: slog.LevelInfo, fault.NotFound: slog.LevelInfo,
		fault.Conflict: slog.LevelInfo, fault.Stale: slog.LevelInfo, fault.Limited: slog.LevelInfo,
		fault.Unavailable: slog.LevelWarn, fault.Internal: slog.LevelError,
	} {
		level, attrs := cause.Refusal(fault.New(kind, "code", "Zebedee"), []string{"x"})
		told := map[string]any{}
		for _, a := range attrs {
			told[a.Key] = a.Value.Any()
		}
		all := map[string]any{"kind": kind.String(), "code": "code"}
		if want > slog.LevelInfo {
			all["cause"] = []string{"x"}
		}
		if level != want || !cmp.Equal(told, all) {
			t.Errorf("%s is told as %s %v", kind, level, told)
		}
	}
}
