package patient

import "strings"

// The parts of a postcode.
const (
	inward      = 3 // characters of the second part
	minPostcode = 5 // without the space
	maxPostcode = 7
	maxTyped    = 12
)

// Postcode gives a UK postcode in the form in which it is kept, "AA9A 9AA", and tells whether it is one. The pseudo
// postcodes of the NHS, which begin with ZZ99, are among them.
func Postcode(typed string) (string, bool) {
	if code, ok := postcode(typed); ok {
		return code, true
	}
	return "", false
}

func postcode(typed string) (string, bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	code := strings.ToUpper(strings.ReplaceAll(typed, " ", ""))
	if len(code) < minPostcode || len(code) > maxPostcode {
		return "", false
	}
	out, in := code[:len(code)-inward], code[len(code)-inward:]
	if !fits(in, "9AA") {
		return "", false
	}
	place := outward(out) && !strings.ContainsAny(in, "CIKMOV")
	return out + " " + in, place || out == "ZZ99" || code == "GIR0AA"
}

// outward tells whether the text is of a form that first halves of postcodes have (BS 7666).
func outward(out string) bool {
	for _, form := range []string{"A9", "A99", "A9A", "AA9", "AA99", "AA9A"} {
		if fits(out, form) {
			second := out[1] >= 'A' && strings.ContainsRune("IJZ", rune(out[1]))
			return !strings.ContainsRune("QVX", rune(out[0])) && !second
		}
	}
	return false
}

// fits compares a text with a form in which A stands for a letter and 9 for a digit.
func fits(text, form string) bool {
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		letter, digit := text[i] >= 'A' && text[i] <= 'Z', text[i] >= '0' && text[i] <= '9'
		if form[i] == 'A' && !letter || form[i] == '9' && !digit {
			return false
		}
	}
	return true
}
