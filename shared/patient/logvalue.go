package patient

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a patient's record prints as, so that no log or error can show it by accident.
const redacted = "[redacted]"

// LogValue hides the record from logs.
func (Patient) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the record from every verb of fmt.
func (Patient) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// String hides the record.
func (Patient) String() string { return redacted }

// GoString hides the record.
func (Patient) GoString() string { return redacted }
