package disclosure

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// LogValue hides the entry from logs.
func (Entry) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the entry from every verb of fmt.
func (Entry) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the recipient from logs.
func (Recipient) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the recipient from every verb of fmt.
func (Recipient) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
