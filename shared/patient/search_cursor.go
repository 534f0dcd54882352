package patient

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/seal"
)

// cursor is where a search goes on. It is handed out sealed: it tells of rows that were passed over, and it must not
// be changed, lent to somebody else, or kept.
type cursor struct {
	Source  int    `json:"s"`
	After   string `json:"a,omitempty"`
	Expires int64  `json:"e"`
}

// cursorLife is how long a search can be gone on with.
const cursorLife = time.Hour

// plan names how the sources of a question follow each other, which cursors count by: one of another order is refused.
const plan = "both"

// cursorOf is what a cursor belongs to, besides the organisation: the person, the route, the plan and the question.
func cursorOf(by access.Caller, w wanted) string {
	asked, err := json.Marshal(w)
	if err != nil {
		return "" // unreachable: strings always marshal
	}
	sum := sha256.Sum256(asked)
	return by.Person() + "|patient.search|" + plan + "|" + hex.EncodeToString(sum[:])
}

func sealCursor(ring *seal.Ring, of string, at cursor, now time.Time) string {
	at.Expires = now.Add(cursorLife).Unix()
	plain, err := json.Marshal(at)
	if err != nil {
		return "" // unreachable: numbers and strings always marshal
	}
	return base64.RawURLEncoding.EncodeToString(ring.SealCursor(of, plain))
}

func openCursor(ring *seal.Ring, of, sealed string, now time.Time, sources int) (cursor, error) {
	var at cursor
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err == nil {
		raw, err = ring.OpenCursor(of, raw)
	}
	if err == nil {
		err = json.Unmarshal(raw, &at)
	}
	if err != nil || now.Unix() > at.Expires || at.Source < 0 || at.Source >= sources {
		return cursor{}, fault.New(fault.Invalid, "malformed_cursor",
			"Begin without after, and then send the next of each answer, within an hour and with the same search.")
	}
	return at, nil
}
