package nhsnumber

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a number prints as, so that no log or error can show it by accident.
const redacted = "[redacted]"

// LogValue hides the number from logs.
func (Number) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the number from every verb of fmt.
func (Number) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// String hides the number; Digits gives it.
func (Number) String() string { return redacted }

// GoString hides the number.
func (Number) GoString() string { return redacted }

// MarshalText hides the number from encoders: what is stored or sent says so by Digits.
func (Number) MarshalText() ([]byte, error) { return []byte(redacted), nil }
