package faultproxy

import (
	"encoding/json"
	"time"
)

// held is a message or record that waits to be delivered.
type held struct {
	content json.RawMessage
	item    string    // the item that a record is about; records of one item keep their order
	free    bool      // a copy, which keeps no order
	polls   int       // polls to wait for
	until   time.Time // time to wait for
}

func newHeld(content json.RawMessage, item string, h *hit, now time.Time) held {
	w := held{content: content, item: item, polls: h.Polls}
	if h.Delay > 0 {
		w.until = now.Add(time.Duration(h.Delay))
	}
	return w
}

func (h held) due(now time.Time) bool { return h.polls <= 0 && !h.until.After(now) }

// shelf holds what waits for one reader, in the order in which it came.
type shelf []held

// poll counts one poll.
func (s shelf) poll() {
	for i := range s {
		s[i].polls--
	}
}

// take removes what is due, at most limit, and returns it. What is not due holds back what follows of the same item.
func (s *shelf) take(now time.Time, limit int) []json.RawMessage {
	var out []json.RawMessage
	var rest shelf
	blocked := make(map[string]bool)
	for _, h := range *s {
		if len(out) < limit && h.due(now) && (h.free || !blocked[h.item]) {
			out = append(out, h.content)
			continue
		}
		if !h.free && h.item != "" {
			blocked[h.item] = true
		}
		rest = append(rest, h)
	}
	*s = rest
	return out
}

// holds reports whether a record of the item must wait behind another.
func (s shelf) holds(item string) bool {
	for _, h := range s {
		if !h.free && item != "" && h.item == item {
			return true
		}
	}
	return false
}

// release makes everything due.
func (s shelf) release() {
	for i := range s {
		s[i].polls, s[i].until = 0, time.Time{}
	}
}
