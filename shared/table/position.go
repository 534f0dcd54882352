package table

import (
	"strings"
	"time"

	"almanac/shared/fault"
	"almanac/shared/id"
)

// Position checks where a list that List gives goes on: with an item whose id has the prefix, or from the beginning if
// after is empty. Errors: those of Astray.
func Position(after, prefix string) error {
	at, item, _ := strings.Cut(after, "#")
	if _, err := time.Parse(time.RFC3339, at); after != "" && (err != nil || !id.Valid(item, prefix)) {
		return Astray()
	}
	return nil
}

// Astray is the refusal of an after that no page gave as next: fault.Invalid with the detail "malformed_cursor".
func Astray() error {
	return fault.New(fault.Invalid, "invalid", "The request cannot be carried out as it stands.", fault.Detail{
		Code: "malformed_cursor", Pointer: "/after", Message: "Must be the next of an answer, as it was given.",
	})
}
