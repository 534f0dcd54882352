package clinic

import "strings"

// Phone checks a telephone number and gives it in E.164. A number without a country is a UK one. Empty is taken.
func (c *Check) Phone(pointer, value string) string {
	if value == "" {
		return ""
	}
	number, ok := e164(value)
	if !ok {
		c.Refuse("wrong_format", pointer,
			"Must be a telephone number: a UK one, or one that begins with + and the country's code.")
		return ""
	}
	return number
}

const (
	ukCode    = "44"
	maxPhone  = 30 // as typed, spaces included
	minDigits = 7  // without the plus; the shortest numbers that can be reached from abroad
	maxDigits = 15 // ITU-T E.164, 6.1
)

// e164 reads what people write: 020 7946 0123, (01632) 960123, +44 (0)20 7946 0123, 0044 20…, +353 1 …
func e164(typed string) (string, bool) {
	if len(typed) > maxPhone {
		return "", false
	}
	typed = strings.Trim(typed, " ")
	if rest, ok := strings.CutPrefix(typed, "00"); ok {
		typed = "+" + rest
	}
	number, abroad := strings.CutPrefix(typed, "+")
	if abroad {
		// The trunk prefix is not dialled from abroad; on letterheads it stands in brackets behind the country's code.
		number = strings.Replace(number, "(0)", "", 1)
	}
	number = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(number)
	if !abroad {
		rest, ok := strings.CutPrefix(number, "0")
		if !ok {
			return "", false
		}
		number = ukCode + rest
	}
	if !digits(number) || number[0] == '0' || len(number) < minDigits || len(number) > maxDigits {
		return "", false
	}
	rest, uk := strings.CutPrefix(number, ukCode)
	return "+" + number, !uk || ukNumber(rest)
}

// ukNumber tells whether a national number without its 0 is one of the UK's plan (Ofcom): ten digits, nine in some
// areas and of some freephone numbers, the first one saying what kind it is; 4 and 6 are not in use.
func ukNumber(n string) bool {
	switch len(n) {
	case 10:
		return strings.ContainsRune("1235789", rune(n[0]))
	case 9:
		return n[0] == '1' || n[0] == '8'
	}
	return false
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
