package pds

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what everything about a person prints as, so that no log or error can show it by accident.
const redacted = "[redacted]"

// LogValue hides the person from logs.
func (Person) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the person from every verb of fmt.
func (Person) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the query from logs.
func (Query) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the query from every verb of fmt.
func (Query) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the relation from logs.
func (Relation) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the relation from every verb of fmt.
func (Relation) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
