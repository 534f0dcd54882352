package ses

import (
	"net/mail"
	"strings"
	"unicode"
)

// parseOne reads exactly one address, with or without a display name, and returns it bare.
func parseOne(text string) (string, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", bad("Illegal address: control characters are not allowed")
	}
	a, err := mail.ParseAddress(text)
	if err != nil {
		if !strings.Contains(text, "@") {
			return "", bad("Missing final '@domain'")
		}
		return "", bad("Illegal address")
	}
	if err := checkAddress(a.Address); err != nil {
		return "", err
	}
	return a.Address, nil
}

// checkAddress refuses a bare address SES cannot send to: it does not speak SMTPUTF8, so the local part is ASCII and a
// domain beyond ASCII comes as punycode.
func checkAddress(address string) error {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return bad("Missing final '@domain'")
	}
	local := address[:at]
	switch {
	case len(address) > 320 || len(local) > 64:
		return bad("Illegal address: too long")
	case strings.ContainsFunc(local, func(r rune) bool { return r > unicode.MaxASCII }):
		return bad("Local address contains non-ASCII characters")
	case strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return bad("Local address contains control or whitespace")
	}
	return checkDomain(address[at+1:])
}

func checkDomain(domain string) error {
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || len(domain) > 253 {
		return bad("Domain is not a full domain name")
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") ||
			strings.ContainsFunc(l, func(r rune) bool { return r == '_' || notTag(r) }) {
			return bad("Domain contains illegal character or label")
		}
	}
	return nil
}
