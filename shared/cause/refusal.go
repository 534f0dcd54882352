package cause

import (
	"log/slog"

	"almanac/shared/fault"
)

// Refusal is what the log line of a request tells of a fault, and how loud the line is: kind and code, and the causes
// where somebody should look. nil is no fault.
func Refusal(f *fault.Error, causes []string) (slog.Level, []slog.Attr) {
	if f == nil {
		return slog.LevelInfo, nil
	}
	level := slog.LevelInfo
	switch f.Kind { //nolint:exhaustive // what somebody should look at
	case fault.Internal:
		level = slog.LevelError
	case fault.Unavailable:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("kind", f.Kind.String()), slog.String("code", f.Code)}
	if level > slog.LevelInfo {
		attrs = append(attrs, slog.Any("cause", causes))
	}
	return level, attrs
}
