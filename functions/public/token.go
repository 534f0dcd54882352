package main

import (
	"encoding/base64"

	"almanac/shared/id"
)

// tokenBytes is the length of a token: an organisation's id and 128 bits that cannot be guessed.
const tokenBytes = 32

// link is what was asked for, the token in it and the organisation that the token names.
type link struct{ asked, token, org string }

// linkOf reads a token. One that is none becomes that of an organisation that cannot be, which is then looked for like
// any other: what is malformed, what never was and what is another organisation's take the same work and time, and
// get the same answer.
func linkOf(asked string) link {
	token := asked
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		raw = make([]byte, tokenBytes)
		token = base64.RawURLEncoding.EncodeToString(raw)
	}
	return link{asked: asked, token: token, org: id.Format("org", [16]byte(raw[:16]))}
}

func (l link) page() string { return "/v/" + l.token }
