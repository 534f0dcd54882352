package zoom

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"almanac/shared/wall"
)

// object is a JSON object as it was sent. encoding/json would take keys that differ in capitals for one another, and
// the last of two that are the same, so that two readers could see two different events in one body.
type object map[string]any

const (
	maxDepth = 32
	// exact is up to where every reader of JSON sees the same whole number.
	exact = 1 << 53
)

var errTree = errors.New("not one JSON object, too deep, or a key twice")

// readObject reads the one object that a text is. Its error says nothing of the text.
func readObject(text []byte) (object, error) {
	if !json.Valid(text) {
		return nil, errTree
	}
	r := treeReader{dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	v, err := r.value(0)
	o, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, errTree
	}
	return o, nil
}

type treeReader struct{ dec *json.Decoder }

// value reads the next value, which stands inside depth others.
func (r treeReader) value(depth int) (any, error) {
	token, err := r.dec.Token()
	_, inside := token.(json.Delim)
	switch {
	case err != nil, inside && depth == maxDepth:
		return nil, errTree
	case token == json.Delim('{'):
		return r.members(depth)
	case token == json.Delim('['):
		return r.elements(depth)
	}
	return token, nil
}

func (r treeReader) members(depth int) (any, error) {
	members := map[string]any{}
	for r.dec.More() {
		key, err := r.dec.Token()
		name, ok := key.(string)
		if _, twice := members[name]; err != nil || !ok || twice {
			return nil, errTree
		}
		if members[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := r.dec.Token()
	return members, err
}

func (r treeReader) elements(depth int) (any, error) {
	list := []any{}
	for r.dec.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.dec.Token()
	return list, err
}

// sub is the object of a key, or nil, of which everything is absent.
func (o object) sub(key string) object {
	m, _ := o[key].(map[string]any)
	return m
}

// text is the text of a key; empty where it is absent, null or no text.
func (o object) text(key string) string {
	s, _ := o[key].(string)
	return s
}

// told says whether a key has a value: null and the empty text are none.
func (o object) told(key string) bool {
	v, there := o[key]
	return there && v != nil && v != ""
}

// whole reads a whole number of at least zero, or a text that is one and nothing else. What JavaScript could not hold
// exactly is refused, and so is every other way of writing a number than the plain one.
func (o object) whole(key string) (int64, bool) {
	s := ""
	switch v := o[key].(type) {
	case json.Number:
		s = v.String()
	case string:
		s = v
	}
	if s == "" || len(s) > 16 || strings.Trim(s, "0123456789") != "" || s[0] == '0' && s != "0" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n <= exact
}

// ref is the id of a meeting, as decimal text; empty where it is none.
func (o object) ref() string {
	n, ok := o.whole("id")
	if !ok || n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// name is Zoom's name of an account, a user or an app; empty where it is none. The names are base64url, of 22
// characters when this was written.
func (o object) name(key string) string {
	const most = 64
	s := o.text(key)
	if len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return !wordly(r) }) {
		return ""
	}
	return s
}

// wordly tells the characters of base64url.
func wordly(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
}

// session is the uuid of one meeting, 16 bytes in base64; empty where it is none.
func (o object) session(key string) string {
	const most = 64
	s := o.text(key)
	if len(s) > most || strings.ContainsFunc(s, func(r rune) bool {
		return !wordly(r) && r != '+' && r != '/' && r != '='
	}) {
		return ""
	}
	return s
}

// stamp reads an instant in milliseconds since 1970, as number or text; zero where it is none.
func (o object) stamp(key string) time.Time {
	const from, until = 1_000_000_000_000, 5_000_000_000_000 // 2001 and 2128: seconds are none
	ms, ok := o.whole(key)
	if !ok || ms < from || ms > until {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// instant reads an RFC 3339 instant, or a time by the clocks of the zone whose name stands under zoneKey. A local time
// without a zone, or one that the clocks skip or show twice, is none: guessing would shift an appointment.
func (o object) instant(key, zoneKey string) (time.Time, bool) {
	s := strings.TrimSpace(o.text(key))
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		zone, bad := wall.Zone(o.text(zoneKey))
		if bad != nil {
			return time.Time{}, false
		}
		if t, err = wall.Parse(s, zone); err != nil {
			return time.Time{}, false
		}
	}
	const first, last = 2000, 2100
	if t = t.UTC(); t.Year() < first || t.Year() > last {
		return time.Time{}, false
	}
	return t, true
}

// longest is the longest meeting that is taken, in minutes: a day.
const longest = 24 * 60

// minutes reads how long a meeting is planned for.
func (o object) minutes(key string) (int, bool) {
	n, ok := o.whole(key)
	if !ok || n < 1 || n > longest {
		return 0, false
	}
	return int(n), true
}
