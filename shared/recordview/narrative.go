package recordview

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"slices"
	"strconv"
	"strings"
)

// safe gives a narrative as a fragment that can be put into a page. It is written afresh from an allow-list, not cut
// out of what was sent: only elements that lay out text are written, without attributes but the span of a cell, and
// text is escaped. What may carry something to run or to load is left out with all that is in it; of other elements the
// text stays. Narratives are XHTML (FHIR R4, Narrative), so they are read as XML, where <td/> and <style/> are whole
// elements: a sanitiser that reads HTML loses what follows them. One that is not well-formed is shown as the text that
// it is, tags and all, because a part of a record that is missing is worse than an ugly one.
func safe(xhtml string) string {
	d := xml.NewDecoder(strings.NewReader(xhtml))
	d.Entity = xml.HTMLEntity
	var w writer
	for {
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF) && len(w.open) == 0:
			return w.b.String()
		case err != nil || !w.take(token) || w.b.Len() > maxNarrative:
			return "<pre>" + html.EscapeString(printable(xhtml)) + "</pre>"
		}
	}
}

const (
	maxNesting   = 100
	maxNarrative = 4 << 20
	maxSpan      = 1000
)

// writer writes the safe fragment.
type writer struct {
	b    strings.Builder
	open []string // the elements that are open in what was sent
	mute int      // how many of them are left out with their content
}

// take writes one token of what was sent, and tells whether it was well-formed so far. The tokens are raw, so that
// nothing is closed or joined by guess.
func (w *writer) take(token xml.Token) bool {
	switch t := token.(type) {
	case xml.StartElement:
		return w.start(t)
	case xml.EndElement:
		return w.end(local(t.Name))
	case xml.CharData:
		if w.mute == 0 {
			w.b.WriteString(html.EscapeString(printable(string(t))))
		}
	}
	return true // comments, processing instructions and directives are nothing to read
}

func (w *writer) start(t xml.StartElement) bool {
	name := local(t.Name)
	w.open = append(w.open, name)
	if len(w.open) > maxNesting {
		return false
	}
	switch {
	case slices.Contains(removed(), name) || w.mute > 0:
		w.mute++
	case slices.Contains(void(), name):
		w.b.WriteString("<" + name + "/>")
	case slices.Contains(kept(), name):
		w.b.WriteString("<" + name + spans(name, t.Attr) + ">")
	}
	return true
}

func (w *writer) end(name string) bool {
	if len(w.open) == 0 || w.open[len(w.open)-1] != name {
		return false
	}
	w.open = w.open[:len(w.open)-1]
	switch {
	case w.mute > 0:
		w.mute--
	case slices.Contains(kept(), name):
		w.b.WriteString("</" + name + ">")
	}
	return true
}

// local is an element's name without its prefix. What is written for it is a constant of ours, so that a name that only
// looks like one of them cannot come through.
func local(n xml.Name) string { return strings.ToLower(n.Local) }

// spans gives the attributes that keep a table's cells where they belong.
func spans(name string, attrs []xml.Attr) string {
	if name != "td" && name != "th" {
		return ""
	}
	out := ""
	for _, a := range attrs {
		if a.Name.Space != "" || a.Name.Local != "colspan" && a.Name.Local != "rowspan" {
			continue
		}
		n, err := strconv.Atoi(a.Value)
		if err == nil && n > 1 && n <= maxSpan && !strings.Contains(out, a.Name.Local) {
			out += " " + a.Name.Local + `="` + strconv.Itoa(n) + `"`
		}
	}
	return out
}

// kept are the elements that are written.
func kept() []string {
	return []string{
		"div", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd",
		"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
		"b", "strong", "i", "em", "u", "sub", "sup", "span", "pre", "blockquote",
	}
}

// void are the elements that are written and hold nothing.
func void() []string { return []string{"br", "hr"} }

// removed are the elements that are left out with all that is in them: what they hold is not text to read.
func removed() []string {
	return []string{
		"script", "style", "iframe", "object", "embed", "applet", "noscript", "template", "svg", "math", "head",
		"title", "meta", "link", "base", "frame", "frameset", "noframes", "audio", "video", "canvas", "form",
		"input", "button", "select", "option", "textarea",
	}
}

// printable drops the characters that steer the display, by which text could be made to read otherwise than it is.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return r
		case r < ' ' || r >= 0x7f && r < 0xa0,
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
			return -1
		}
		return r
	}, s)
}

// show makes a record fit to be shown.
func (c Content) show() []Section {
	out := make([]Section, len(c.Sections))
	for i, s := range c.Sections {
		out[i] = Section{Title: printable(s.Title), HTML: safe(s.XHTML)}
	}
	return out
}
