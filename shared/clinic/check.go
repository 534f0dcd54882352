package clinic

import (
	"cmp"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"almanac/shared/fault"
)

// Check gathers everything that is wrong with what was sent, so that one refusal tells all of it. Its methods give
// the value back as it is stored. What they let through is safe to print, to store and to put into a mail's header.
type Check struct{ details []fault.Detail }

// maxFindings bounds one refusal; whoever made more mistakes hears of the rest next time.
const maxFindings = 20

// Refuse notes that the field at the JSON pointer is wrong.
func (c *Check) Refuse(code, pointer, message string, choices ...string) {
	if len(c.details) < maxFindings {
		c.details = append(c.details, fault.Detail{Code: code, Pointer: pointer, Message: message, Choices: choices})
	}
}

// Err is fault.Invalid with all that was noted, or nil.
func (c *Check) Err() error {
	if len(c.details) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "invalid", "Something in this cannot be taken as it stands.", c.details...)
}

// The greatest lengths of texts, in characters.
const (
	maxName    = 200
	maxAddress = 500
)

// Name checks the name of a person or a thing: one line of 1 to 200 characters.
func (c *Check) Name(pointer, value string) string { return c.Line(pointer, value, 1, maxName) }

// Line checks a text that must stand on one line, of at least and at most so many characters. It is stored trimmed and
// in Unicode's form NFC, so that what looks alike is alike.
func (c *Check) Line(pointer, value string, least, most int) string {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unprintable) {
		c.Refuse("text_refused", pointer,
			"Must be one line of readable text, without characters that steer the display.")
		return ""
	}
	value = norm.NFC.String(strings.TrimSpace(value))
	switch n := utf8.RuneCountInString(value); {
	case n < least:
		c.Refuse("required", pointer, "Must be given.")
	case n > most:
		c.Refuse("too_long", pointer, "Too long: the greatest number of characters is "+strconv.Itoa(most)+".")
	}
	return value
}

// unprintable tells which characters a line may not hold: all that control, format or separate lines, such as those
// that turn the direction of writing round and make a name look like another; those without a meaning of their
// own; and U+FFFD, which stands where something was lost. The joiners are part of Indic and Persian spelling.
func unprintable(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return r == utf8.RuneError || !unicode.IsGraphic(r) && r != nonJoiner && r != joiner
}

// WithoutBidi drops the characters that only steer the direction of writing. They come along unseen when a name is
// copied from a document.
func WithoutBidi(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
}

const (
	maxEmail  = 254 // RFC 5321, 4.5.3.1.3, less the angle brackets
	maxLocal  = 64  // RFC 5321, 4.5.3.1.1
	maxDomain = 63  // of one label (RFC 1035, 2.3.4)
)

// Email checks one plain e-mail address in ASCII: no display name, quotes, comments or second address, which is what
// would let somebody write into a mail's header. Empty is taken; the domain is stored in lower case.
func (c *Check) Email(pointer, value string) string {
	if value == "" {
		return ""
	}
	local, domain, _ := strings.Cut(value, "@")
	parsed, err := mail.ParseAddress(value)
	if err != nil || parsed.Name != "" || parsed.Address != value || len(value) > maxEmail || len(local) > maxLocal ||
		strings.ContainsFunc(value, notAddress) || !plainDomain(domain) {
		c.Refuse("wrong_format", pointer, "Must be one e-mail address, such as name@example.org.")
		return ""
	}
	return local + "@" + strings.ToLower(domain)
}

func notAddress(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]`, r) }

// plainDomain takes names of the public kind: at least two labels of letters, digits and inner hyphens.
func plainDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" || len(l) > maxDomain || strings.Trim(l, "-") != l || strings.ContainsFunc(l, notLabel) {
			return false
		}
	}
	return len(labels) > 1 && !digits(labels[len(labels)-1])
}

func notLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// number checks bounds, and that the value is a multiple of step where that is more than 1.
func (c *Check) number(pointer string, value, least, most, step int) {
	switch {
	case value < least:
		c.Refuse("too_small", pointer, "Too small: the least is "+strconv.Itoa(least)+".")
	case value > most:
		c.Refuse("too_large", pointer, "Too large: the greatest is "+strconv.Itoa(most)+".")
	case value%cmp.Or(step, 1) != 0:
		c.Refuse("not_a_multiple", pointer, "Must be a multiple of "+strconv.Itoa(step)+".")
	}
}

// Choice checks that the value is one of those there are.
func (c *Check) Choice(pointer, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		c.Refuse("not_a_choice", pointer, "Must be one of "+strings.Join(choices, ", ")+".", choices...)
	}
}

// known checks that a record with the id exists in the organisation.
func known[T any](c *Check, pointer, id string, in map[string]T) {
	if _, ok := in[id]; !ok {
		c.Refuse("unknown_id", pointer, "There is no such record.")
	}
}

// allKnown checks a list of ids: at least and at most so many, each once, each there.
func allKnown[T any](c *Check, pointer string, ids []string, least, most int, in map[string]T) {
	if !c.Count(pointer, len(ids), least, most) {
		return
	}
	seen := map[string]bool{}
	for i, id := range ids {
		at := pointer + "/" + strconv.Itoa(i)
		if seen[id] {
			c.Refuse("not_unique", at, "Stands there twice.")
			continue
		}
		seen[id] = true
		known(c, at, id, in)
	}
}

// Count checks how many entries a list has, and tells whether it may be looked at.
func (c *Check) Count(pointer string, n, least, most int) bool {
	switch {
	case n < least:
		c.Refuse("too_few", pointer, "Too few: the least number of entries is "+strconv.Itoa(least)+".")
	case n > most:
		c.Refuse("too_many", pointer, "Too many: the greatest number of entries is "+strconv.Itoa(most)+".")
	default:
		return true
	}
	return false
}
