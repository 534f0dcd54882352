package consent

import (
	"context"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
)

const (
	longestText  = 20_000
	longestScope = 40
	// textTries is how often a version is numbered anew because somebody else took the number at the same moment.
	textTries = 5
)

// CreateText adds a text: the first version of a new scope, or the next one of a scope that there is. Errors: fault
// Invalid with all that is wrong, Conflict "no_change" where the latest version says the same, and those of
// table.Clinic.Write.
func (s *Service) CreateText(
	ctx context.Context, by access.Caller, once access.Once, scope, text string,
) (Text, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if err := checkText(scope, text); err != nil {
		return Text{}, err
	}
	for try := 1; ; try++ {
		t, err := s.nextText(ctx, by, once, scope, text)
		if try == textTries || !fault.Is(err, fault.Conflict) || fault.Of(err).Code != "exists" {
			return t, err
		}
	}
}

func (s *Service) nextText(
	ctx context.Context, by access.Caller, once access.Once, scope, text string,
) (Text, error) {
	c := s.table.For(by)
	latest, err := s.latest(ctx, c, scope)
	switch {
	case err != nil:
		return Text{}, err
	case latest.Version > 0 && latest.Text == text:
		return Text{}, fault.New(fault.Conflict, "no_change", "The latest version says the same.")
	}
	t := Text{
		Scope: scope, Version: latest.Version + 1, Text: text, SHA256: Hash(text), At: s.now().UTC(), By: by.Person(),
	}
	return t, c.Write(ctx, table.Change{
		Action: access.ConsentTextCreate, Target: by.Org(), Once: once, Answer: t,
		Put:   []table.Item{{Key: c.ConsentText(scope, t.Version), Value: t, New: true}},
		Event: event.Event{Name: event.ConsentTextCreated, Version: int64(t.Version), Why: scope},
	})
}

// Texts lists all texts by scope, oldest version first.
func (s *Service) Texts(ctx context.Context, by access.Caller) ([]Text, error) {
	c := s.table.For(by)
	return textsUnder(ctx, c, table.ConsentTexts)
}

// latest is the last version of a scope's text; one of version 0 where there is none.
func (s *Service) latest(ctx context.Context, c table.Clinic, scope string) (Text, error) {
	rows, _, err := c.UnderPage(ctx, c.ConsentText(scope, 0), table.ConsentTexts+scope+"#", "", 1, true)
	if err != nil || len(rows) == 0 {
		return Text{}, err
	}
	var t Text
	return t, rows[0].Decode(&t)
}

func textsUnder(ctx context.Context, c table.Clinic, prefix string) ([]Text, error) {
	rows, err := c.Under(ctx, c.ConsentText("", 0), prefix)
	if err != nil {
		return nil, err
	}
	out := make([]Text, len(rows))
	for i, row := range rows {
		if err := row.Decode(&out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func checkText(scope, text string) error {
	var c clinic.Check
	if !scopeCode(scope) {
		c.Refuse("wrong_format", "/scope",
			"Must be a code of 2 to 40 small letters, digits and hyphens, a letter first.")
	}
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unreadable):
		c.Refuse("text_refused", "/text", "Must be readable text, without characters that steer the display.")
	case n == 0:
		c.Refuse("required", "/text", "Must be given.")
	case n > longestText:
		c.Refuse("too_long", "/text", "Too long: the greatest number of characters is "+strconv.Itoa(longestText)+".")
	}
	return c.Err()
}

// unreadable tells which characters a text may not hold. Lines and tabs are what a text is laid out with.
func unreadable(r rune) bool {
	return r != '\n' && r != '\t' &&
		(unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError)
}

// scopeCode tells whether a scope may be called so. It becomes part of keys, in which # separates.
func scopeCode(s string) bool {
	return len(s) >= 2 && len(s) <= longestScope && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
