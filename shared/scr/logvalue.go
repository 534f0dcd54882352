package scr

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what everything about a patient prints as.
const redacted = "[redacted]"

// LogValue hides the record from logs.
func (Record) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the record from every verb of fmt.
func (Record) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the section from logs.
func (Section) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the section from every verb of fmt.
func (Section) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the alert from logs.
func (Alert) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the alert from every verb of fmt.
func (Alert) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the reference from logs.
func (Reference) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the reference from every verb of fmt.
func (Reference) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
