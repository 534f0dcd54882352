package consent_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"almanac/shared/consent"
)

// Evidence may name people: however a consent is printed or logged, it does not show.
func TestRedacted(t *testing.T) {
	said, kept := consent.Agreement{Evidence: "Marker"}, consent.Consent{Evidence: "Marker"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x",
		slog.Any("said", said), slog.Any("kept", &kept))
	out := fmt.Sprintf("%v %+v %#v %s", said, &said, kept, &kept) + log.String()
	if strings.Contains(out, "Marker") || !strings.Contains(out, "[redacted]") {
		t.Errorf("printed %s", out)
	}
}
