package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/zoom"
)

// secret notes what somebody was given who had better not lose it: links, states, codes and the ways into calls. None
// of it may be kept, or told in a log.
func (h *house) secret(all ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range all {
		for part := range strings.FieldsFuncSeq(one, separates) {
			if len(part) >= leastSecret {
				h.secrets[part] = true
			}
		}
	}
}

// leastSecret is how long what is looked for is: anything shorter can turn up by chance.
const leastSecret = 16

// separates tells whether a character is in none of what is secret here.
func separates(r rune) bool {
	return r != '-' && r != '_' && (!alphabetic(r) || strings.ContainsRune("+/=", r))
}

// given finds what is secret in a text.
func (h *house) given(text []byte) []found {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []found
	for i := 0; i < len(text); {
		if separates(rune(text[i])) {
			i++
			continue
		}
		end := i
		for end < len(text) && !separates(rune(text[end])) {
			end++
		}
		if end-i >= leastSecret && h.secrets[string(text[i:end])] {
			out = append(out, found{i, "a link, a code, a state or a way into a call"})
		}
		i = end
	}
	return out
}

// zoom looks through what Zoom was asked, and what the meetings are called. The log-ins that the clinic has made for
// its staff have their names and addresses; patients have none. It gives how many webhooks told of a patient, as
// Zoom does of whoever comes to a call: nothing of that may be left.
func (s *searched) zoom() int {
	for _, r := range s.h.stack.Video.Requests() {
		s.text("requests to Zoom", fmt.Appendf(nil, "%s %s %s", r.Method, r.Path, r.Body))
	}
	for _, m := range s.h.stack.Video.Meetings("") {
		settings, _ := json.Marshal(m.Settings) // of what came as JSON
		s.text("meetings at Zoom", fmt.Appendf(nil, "%s\n%s\n%s", m.Topic, m.Agenda, settings))
	}
	told := 0
	for _, d := range s.h.stack.Video.Deliveries(zoom.Delivered) {
		if len(s.h.needles.find([]byte(d.Body))) > 0 {
			told++
		}
	}
	return told
}

// zoomFails asks for rooms and has hosts change theirs while Zoom does not answer, with queues that give up at once, so
// that there are logs and dead letters of it.
func (h *house) zoomFails(ctx context.Context, patience time.Duration) error {
	if patience == 0 {
		return nil
	}
	c, err := h.register(ctx, h.own)
	if err != nil {
		return err
	}
	_, m, err := h.visit(ctx, h.own, c.id)
	if err != nil {
		return err
	}
	apt, err := h.book(ctx, h.own, c.id)
	err = errors.Join(err, h.impatient(ctx, "VideoQueue"), h.impatient(ctx, "NoticeQueue"))
	if err != nil {
		return err
	}
	down := []sandbox.Fault{{Kind: zoom.Unavailable, Count: sandbox.Forever}}
	if err := h.stack.Video.Faults.Set(down); err != nil {
		return err
	}
	defer h.stack.Video.Faults.Clear()
	path := "/v1/appointments/" + apt + "/video/email"
	if _, err := h.does(ctx, h.own.org.boss, http.MethodPost, path, nil, ""); err != nil {
		return err
	}
	later := m.Start.Add(time.Hour)
	if err := h.stack.Video.Edit(m.ID, zoom.Change{Start: &later}); err != nil {
		return err
	}
	return errors.Join(h.givenUp(ctx, "VideoDeadLetters", patience), h.givenUp(ctx, "NoticeDeadLetters", patience))
}

// givenUp waits until there is a dead letter.
func (h *house) givenUp(ctx context.Context, queue string, patience time.Duration) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(250 * time.Millisecond) {
		if n, err := h.waiting(ctx, queue); err != nil || n > 0 {
			return err
		}
	}
	return fmt.Errorf("nothing is in %s after %s", queue, patience)
}
