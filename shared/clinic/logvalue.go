package clinic

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a record of a person prints as, so that no log or error can show it by accident.
const redacted = "[redacted]"

// LogValue hides the record from logs.
func (Staff) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the record from every verb of fmt.
func (Staff) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// String hides the record.
func (Staff) String() string { return redacted }

// GoString hides the record.
func (Staff) GoString() string { return redacted }
