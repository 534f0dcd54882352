package ses

import (
	_ "embed" // for the pages
	"html"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"almanac/infra/sandbox"
)

//go:embed pages.html
var pages string

// perPage is how many mails the list shows.
const perPage = 100

// htmlPolicy lets a mail's HTML bring its own styles and embedded pictures, and nothing else: no script, no request to
// anywhere, no form, no way out of its frame.
const htmlPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; " +
	"base-uri 'none'; frame-ancestors 'self'"

// list is the mailbox page.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	mails, lost, _ := s.look(to)
	all := len(mails)
	again := url.Values{}
	if to != "" {
		again.Set("to", to)
	}
	still := "/mailbox?" + again.Encode()
	again.Set("refresh", "5")
	s.page(w, http.StatusOK, "list", map[string]any{
		"Title": "Mailbox", "To": to, "Mails": mails[:min(all, perPage)], "All": all, "Lost": lost, "PerPage": perPage,
		"Faults": s.Faults.List(), "Refresh": r.URL.Query().Get("refresh") == "5", "Still": still,
		"Moving": "/mailbox?" + again.Encode(),
	})
}

// show is the page of one mail.
func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	m, ok := s.find(r.PathValue("id"))
	if !ok {
		s.page(w, http.StatusNotFound, "gone", map[string]any{"Title": "No such mail"})
		return
	}
	w.Header().Set("Content-Security-Policy", sandbox.PagePolicy+"; frame-src 'self'")
	title := m.Subject
	if title == "" {
		title = "(no subject)"
	}
	s.page(w, http.StatusOK, "show", map[string]any{"Title": title, "Mail": m, "Links": links(m)})
}

// html serves a mail's HTML part alone, for the frame on its page.
func (s *Server) html(w http.ResponseWriter, r *http.Request) {
	m, ok := s.find(r.PathValue("id"))
	if !ok || m.HTML == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", htmlPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, m.HTML)
}

// raw serves the whole message as text.
func (s *Server) raw(w http.ResponseWriter, r *http.Request) {
	m, ok := s.find(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(m.source)
}

// part serves one attachment as a file to save, never to show: what is in it came from outside.
func (s *Server) part(w http.ResponseWriter, r *http.Request) {
	m, ok := s.find(r.PathValue("id"))
	n, err := strconv.Atoi(r.PathValue("n"))
	if !ok || err != nil || n < 0 || n >= len(m.Attachments) {
		http.NotFound(w, r)
		return
	}
	a := m.Attachments[n]
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": safeName(a.Name)})
	if disposition == "" {
		disposition = "attachment"
	}
	w.Header().Set("Content-Disposition", disposition)
	w.Header().Set("Content-Type", a.Type)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_, _ = w.Write(a.Content)
}

// safeName keeps path separators and control characters out of the name a browser saves under.
func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:"<>|?*`, r) {
			return '_'
		}
		return r
	}, name)
}

// links lists the web addresses in a mail, because its HTML cannot be clicked in the frame.
func links(m Mail) []string {
	found := regexp.MustCompile(`https?://[^\s<>"']+`).FindAllString(m.Text, -1)
	targets := regexp.MustCompile(`(?i)href\s*=\s*["'](https?://[^"']+)["']`)
	for _, href := range targets.FindAllStringSubmatch(m.HTML, -1) {
		found = append(found, html.UnescapeString(href[1]))
	}
	var list []string
	for _, l := range found {
		l = strings.TrimRight(l, ".,;:!?)")
		if !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// page renders one of the templates in pages.html.
func (s *Server) page(w http.ResponseWriter, status int, name string, data map[string]any) {
	sandbox.Page(w, status, pages, name, template.FuncMap{
		"when":    func(t time.Time) string { t = inLondon(t.UTC()); return t.Format("2 January 2006, ") + clock(t) },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"kind":    kindOf, "bytes": bytesOf, "preview": preview, "kinds": kindsOf,
		"method": methodOf, "join": strings.Join, "count": func(n int) string { return strconv.Itoa(n) },
	}, data)
}

// kindOf says in words what an attachment is.
func kindOf(a Attachment) string {
	switch {
	case a.Type == "text/calendar" || a.Type == "application/ics":
		return "Calendar"
	case a.Type == "application/pdf":
		return "PDF"
	case strings.HasPrefix(a.Type, "image/"):
		return "Picture"
	case strings.HasPrefix(a.Type, "text/"):
		return "Text file"
	}
	return "File"
}

// kindsOf are the kinds of a mail's attachments, each once.
func kindsOf(m Mail) []string {
	var kinds []string
	for _, a := range m.Attachments {
		if k := kindOf(a); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// methodOf says what a calendar attachment does.
func methodOf(c Calendar) string {
	switch strings.ToUpper(c.Method) {
	case "REQUEST":
		return "Invitation or change"
	case "CANCEL":
		return "Cancellation"
	case "PUBLISH", "":
		return "Entry to add"
	}
	return c.Method
}

func bytesOf(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n) + " bytes"
	case n < 1_000_000:
		return strconv.Itoa((n+500)/1000) + " kB"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
}

// preview is the beginning of a mail's text, on one line.
func preview(m Mail) string {
	text := m.Text
	if text == "" {
		markup := regexp.MustCompile(`(?is)<(style|script|head).*?</(style|script|head)>|<[^>]*>`)
		text = html.UnescapeString(markup.ReplaceAllString(m.HTML, " "))
	}
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return string(runes[:min(len(runes), 160)])
}
