package consent

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// LogValue hides the consent from logs: its evidence may name people.
func (Consent) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the consent from every verb of fmt.
func (Consent) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides what is said from logs.
func (Agreement) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides what is said from every verb of fmt.
func (Agreement) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
