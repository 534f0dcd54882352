package connection

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what everything that lets somebody in prints as.
const redacted = "[redacted]"

// LogValue hides the way to Zoom, with its state, and the cookie from logs.
func (Begun) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the way to Zoom and the cookie from every verb of fmt.
func (Begun) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides code and state from logs.
func (Callback) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides code and state from every verb of fmt.
func (Callback) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// Format hides the tokens from every verb of fmt.
func (tokens) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
