package clinic

import (
	"slices"
	"strconv"
	"strings"
)

// questions checks what is asked before a service is booked: every id and every answer once, and each answer that
// excludes among those there are, but not all of them.
func (c *Check) questions(pointer string, all []Question) []Question {
	if !c.Count(pointer, len(all), 0, maxQuestions) {
		return nil
	}
	out := slices.Clone(all)
	seen := map[string]bool{}
	for i, q := range out {
		at := pointer + "/" + strconv.Itoa(i)
		if seen[q.ID] {
			c.Refuse("not_unique", at+"/id", "Stands there twice.")
		}
		seen[q.ID] = true
		c.code(at+"/id", q.ID)
		out[i].Text = c.Line(at+"/text", q.Text, 1, maxQuestion)
		if len(q.Options) > 0 && c.Count(at+"/options", len(q.Options), 2, maxOptions) {
			c.codes(at+"/options", q.Options)
		}
		c.codes(at+"/excluding", q.Excluding)
		for j, e := range q.Excluding {
			c.Choice(at+"/excluding/"+strconv.Itoa(j), e, q.Answers()...)
		}
		if len(q.Excluding) >= len(q.Answers()) {
			c.Refuse("too_many", at+"/excluding", "Every answer excludes: nothing could be booked.")
		}
	}
	return out
}

// codes checks a list of codes, each once.
func (c *Check) codes(pointer string, all []string) {
	seen := map[string]bool{}
	for i, code := range all {
		at := pointer + "/" + strconv.Itoa(i)
		if seen[code] {
			c.Refuse("not_unique", at, "Stands there twice.")
		}
		seen[code] = true
		c.code(at, code)
	}
}

// code checks a word that stands for something: it is kept where nobody's words may be.
func (c *Check) code(pointer, value string) {
	if value == "" || len(value) > maxCode || strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		c.Refuse("wrong_format", pointer, "Must be a code of 1 to 40 small letters, digits and hyphens.")
	}
}
