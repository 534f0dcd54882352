package recordview

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what everything about a patient prints as.
const redacted = "[redacted]"

// LogValue hides the query from logs.
func (Query) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the query from every verb of fmt.
func (Query) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the alert from logs.
func (PrivacyAlert) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the alert from every verb of fmt.
func (PrivacyAlert) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the content from logs.
func (Content) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the content from every verb of fmt.
func (Content) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the part from logs.
func (Part) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the part from every verb of fmt.
func (Part) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the record from logs.
func (Shown) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the record from every verb of fmt.
func (Shown) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the section from logs.
func (Section) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the section from every verb of fmt.
func (Section) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the emergency from logs.
func (Emergency) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the emergency from every verb of fmt.
func (Emergency) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the facts from logs.
func (facts) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the facts from every verb of fmt.
func (facts) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
