package ses

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/infra/sandbox"
)

// maxWait bounds how long /mailbox.json waits for mail.
const maxWait = time.Minute

// keep puts a mail in the box and wakes those who wait for it.
func (s *Server) keep(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	if over := len(s.mails) - s.config.Keep; over > 0 {
		s.mails = slices.Delete(s.mails, 0, over)
		s.lost += over
	}
	close(s.news)
	s.news = make(chan struct{})
}

// Mails returns the mails to one recipient, or all for "", newest first.
func (s *Server) Mails(to string) []Mail {
	list, _, _ := s.look(to)
	return list
}

// look also returns how many mails were dropped, and a channel that closes at the next mail.
func (s *Server) look(to string) ([]Mail, int, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Mail
	for _, m := range slices.Backward(s.mails) {
		if to == "" || slices.ContainsFunc(m.Recipients, func(a string) bool { return strings.EqualFold(a, to) }) {
			list = append(list, m)
		}
	}
	return list, s.lost, s.news
}

// WaitFor returns the mails to one recipient as soon as there are count of them, or what there is when the context
// ends.
func (s *Server) WaitFor(ctx context.Context, to string, count int) []Mail {
	for {
		list, _, news := s.look(to)
		if len(list) >= count {
			return list
		}
		select {
		case <-news:
		case <-ctx.Done():
			return list
		}
	}
}

// Empty throws all mails away.
func (s *Server) Empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails, s.lost = nil, 0
}

func (s *Server) find(id string) (Mail, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := slices.IndexFunc(s.mails, func(m Mail) bool { return m.ID == id })
	if n < 0 {
		return Mail{}, false
	}
	return s.mails[n], true
}

// listJSON answers with mails for tests: ?to= one recipient, ?wait=5s with ?count=2 waits until there are that many.
func (s *Server) listJSON(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wait, count := time.Duration(0), 1
	var err error
	if text := q.Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > maxWait {
			http.Error(w, "wait must be a duration up to "+maxWait.String(), http.StatusBadRequest)
			return
		}
	}
	if text := q.Get("count"); text != "" {
		if count, err = strconv.Atoi(text); err != nil {
			http.Error(w, "count must be a number", http.StatusBadRequest)
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	sandbox.WriteJSON(w, http.StatusOK, slices.Concat([]Mail{}, s.WaitFor(ctx, q.Get("to"), count)))
}

func (s *Server) empty(w http.ResponseWriter, _ *http.Request) {
	s.Empty()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) emptyForm(w http.ResponseWriter, r *http.Request) {
	s.Empty()
	http.Redirect(w, r, "/mailbox", http.StatusSeeOther)
}
