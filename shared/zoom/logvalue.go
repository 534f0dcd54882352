package zoom

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what everything that lets somebody in, or is about a person, prints as.
const redacted = "[redacted]"

// LogValue hides the grant from logs.
func (Grant) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the grant from every verb of fmt.
func (Grant) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the access from logs.
func (Access) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the access from every verb of fmt.
func (Access) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the app, which holds its secret, from logs.
func (App) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the app from every verb of fmt.
func (App) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the user from logs.
func (User) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the user from every verb of fmt.
func (User) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the user to be made from logs.
func (NewUser) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the user to be made from every verb of fmt.
func (NewUser) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// LogValue hides the answer, which is signed with the secret, from logs.
func (Answer) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the answer from every verb of fmt.
func (Answer) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail
