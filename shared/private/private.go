// Package private keeps what nobody should see out of logs and errors. Its rule: a type that tells something of a
// person, or that lets somebody in, embeds Hidden.
package private

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Hidden is embedded by a type: whatever prints one of that type prints "[redacted]".
type Hidden struct{}

// LogValue hides the value from logs.
func (Hidden) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the value from every verb of fmt.
func (Hidden) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) } // fmt's own writer does not fail

// String hides the value.
func (Hidden) String() string { return redacted }

// GoString hides the value.
func (Hidden) GoString() string { return redacted }
