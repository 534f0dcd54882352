package video

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"almanac/shared/fault"
)

// maxNotice is far above the longest notice there is.
const maxNotice = 4 << 10

// EncodeNotice writes a notice as its queue carries it. It refuses what DecodeNotice would: fault.Invalid.
func EncodeNotice(n Notice) (string, error) {
	n.V = NoticeVersion
	if err := n.check(); err != nil {
		return "", err
	}
	body, err := json.Marshal(n)
	return string(body), err
}

// DecodeNotice reads a notice as strictly as it is written: one JSON value, no field that is not known. Anything else
// is fault.Invalid, "unknown_version" or "unknown_name" when later code than this wrote it.
func DecodeNotice(body string) (Notice, error) {
	if len(body) > maxNotice {
		return Notice{}, malformed()
	}
	var version struct {
		V int `json:"v"`
	}
	// The version comes first: a later one may have fields that are not known here.
	if json.Unmarshal([]byte(body), &version) == nil && version.V > NoticeVersion {
		return Notice{}, fault.New(fault.Invalid, "unknown_version", "This notice was written for another version.")
	}
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.DisallowUnknownFields()
	var n Notice
	if err := d.Decode(&n); err != nil {
		return Notice{}, malformed() // the decoder's text would quote the body
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Notice{}, malformed()
	}
	if known, _ := n.Kind.known(); !known && name(string(n.Kind)) {
		return Notice{}, fault.New(fault.Invalid, "unknown_name", "Nothing is known of notices of this kind.")
	}
	if err := n.check(); err != nil {
		return Notice{}, err
	}
	return n, nil
}

// known tells whether there is such a kind, and whether it is of a room.
func (k Kind) known() (bool, bool) {
	switch k {
	case Uninstalled, UserGone:
		return true, false
	case RoomCreated, RoomUpdated, RoomDeleted, RoomRecovered, MeetingBegan, MeetingEnded, Joined, Left, Waiting,
		Admitted:
		return true, true
	}
	return false, false
}

// check refuses what is no notice: what comes from outside stands in its fields, and some of them become keys.
func (n Notice) check() error {
	known, ofRoom := n.Kind.known()
	whole := known && n.V == NoticeVersion && !n.Received.IsZero() && ofRoom == (n.Room != "")
	named := name(n.Provider) && name(n.Account) && (ofRoom || n.User != "")
	optional := []string{n.User, n.App, n.Session, n.Participant, n.Room}
	strange := slices.ContainsFunc(optional, func(s string) bool { return s != "" && !name(s) })
	if !whole || !named || strange {
		return malformed()
	}
	return nil
}

// name tells whether a text is what ids are made of: printable ASCII without spaces.
func name(s string) bool {
	const longest = 128
	return s != "" && len(s) <= longest && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func malformed() error {
	return fault.New(fault.Invalid, "malformed_message", "This message cannot be read.")
}
