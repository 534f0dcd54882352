package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/id"
)

// maxBody is far above the longest message there is.
const maxBody = 4 << 10

// The codes of what other code than this wrote, and of what no code did.
const (
	unknownVersion = "unknown_version"
	unknownName    = "unknown_name"
	unreadable     = "malformed_message"
)

// Encode writes a message as queues carry it. It refuses what Decode would, so that nothing is sent that no worker
// could read: fault.Invalid.
func Encode(m event.Message) (string, error) {
	if err := check(m); err != nil {
		return "", err
	}
	body, err := json.Marshal(m)
	return string(body), err
}

// Decode reads a message as strictly as it is written: one JSON value, no field that is not known, ids that are ids.
// Anything else is fault.Invalid, "unknown_version" when other code than this wrote it.
func Decode(body string) (event.Message, error) {
	var m event.Message
	if len(body) > maxBody {
		return m, malformed()
	}
	var version struct {
		V int `json:"v"`
	}
	// The version comes first: a later one may have fields that are not known here.
	if json.Unmarshal([]byte(body), &version) == nil && version.V > event.MessageVersion {
		return m, fault.New(fault.Invalid, unknownVersion, "This message was written for another version.")
	}
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return event.Message{}, malformed() // the decoder's text would quote the body
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return event.Message{}, malformed()
	}
	if err := check(m); err != nil {
		return event.Message{}, err // what is no id may be anything, and the caller logs what it gets
	}
	return m, nil
}

func check(m event.Message) error {
	_, err := id.Raw(m.Target)
	if m.V != event.MessageVersion || err != nil || !id.Valid(m.Event, "evt") || !id.Valid(m.Org, "org") ||
		m.Version < 0 || m.Sequence < 0 {
		return malformed()
	}
	if len(event.Queues(m.Name)) == 0 {
		return fault.New(fault.Invalid, unknownName, "No queue is told of events of this name.")
	}
	return nil
}

func malformed() error {
	return fault.New(fault.Invalid, unreadable, "This message cannot be read.")
}
