package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"sync"
)

var (
	//go:embed layout.html
	layout string
	//go:embed style.css
	style string
)

// Sheet is the template of a page's content. It is parsed when it is first needed, so that a function starts without
// parsing any.
type Sheet struct {
	parse func() (*template.Template, error)
}

// NewSheet makes a Sheet of a template's text, which becomes the content of the element main.
func NewSheet(text string) *Sheet {
	return &Sheet{parse: sync.OnceValues(func() (*template.Template, error) {
		t, err := template.New("layout").Parse(layout)
		if err != nil {
			return nil, fmt.Errorf("parse the layout: %w", err)
		}
		return t.New("content").Parse(text)
	})}
}

// render writes the whole page.
func (s *Sheet) render(a Answer) (string, error) {
	t, err := s.parse()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = t.ExecuteTemplate(&out, "layout", struct {
		Title, From string
		Style       template.CSS
		Content     any
	}{a.Title, a.From, template.CSS(style), a.Content}) //nolint:gosec // our own file
	if err != nil {
		return "", fmt.Errorf("render a page: %w", err)
	}
	return out.String(), nil
}

// policy lets the style of every page through, by its hash, and forms to where they lead; nothing else in the world.
func policy(formTo []string) string {
	sum := sha256.Sum256([]byte(style))
	to := "'none'"
	if formTo != nil {
		to = strings.Join(append([]string{"'self'"}, formTo...), " ")
	}
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action " + to + "; base-uri 'none'; frame-ancestors 'none'"
}
