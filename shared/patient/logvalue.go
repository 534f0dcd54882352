package patient

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what everything about a patient prints as, so that no log or error can show it by accident.
const redacted = "[redacted]"

// Private is embedded by every type that tells something of a person: whatever prints one prints "[redacted]".
type Private struct{}

// LogValue hides the value from logs.
func (Private) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the value from every verb of fmt.
func (Private) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// String hides the value.
func (Private) String() string { return redacted }

// GoString hides the value.
func (Private) GoString() string { return redacted }
