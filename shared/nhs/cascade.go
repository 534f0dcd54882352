package nhs

import (
	"slices"
	"strings"
	"time"

	"almanac/shared/patient"
	"almanac/shared/private"
)

// The steps in which the register is asked.
const (
	StepHistory  = "history"        // everything we know, among old names and addresses too
	StepCurrent  = "current"        // everything we know, as it is now
	StepPostcode = "postcode-start" // with the first two characters of the postcode only
	StepGiven    = "given-start"    // with the first three letters of the given name only
	StepFamily   = "family-start"   // with the first three letters of the family name only
	StepRead     = "read"           // by number
)

// What a step can have for an answer.
const (
	Found       = "found"
	None        = "none"
	Many        = "many"     // no unique match
	Unusable    = "unusable" // an answer that cannot be used, such as a number that cannot be one
	NotFound    = "not-found"
	Invalidated = "invalidated"
	Two         = "two" // of several steps: they found different people
)

// TraceStep is one step as it is remembered: what was done and what came of it, as codes.
type TraceStep struct {
	Name    string `json:"step" dynamodbav:"n"`
	Outcome string `json:"outcome" dynamodbav:"o"`
	Request string `json:"requestId" dynamodbav:"r"` // X-Request-ID
}

// Query is one search. A name or postcode may end in "*". It prints as "[redacted]".
type Query struct {
	private.Hidden
	Family    string
	Given     string
	BirthDate string
	Postcode  string
	History   bool
}

// subject is what is known of the patient to search by.
type subject struct {
	family    string
	given     []string
	birthDate string
	postcode  string // empty where there is none that stands for a place
}

func subjectOf(p patient.Patient, today string) subject {
	name := p.Usual(today)
	out := subject{family: searchable(name.Family), birthDate: p.BirthDate}
	for _, g := range name.Given {
		if g = searchable(g); g != "" {
			out.given = append(out.given, g)
		}
	}
	if out.family == "" && len(out.given) == 1 { // the register keeps a person's only name as the family name
		out.family, out.given = out.given[0], nil
	}
	if a, ok := p.Home(today); ok {
		if code, ok := patient.Postcode(a.Postcode); ok && !strings.HasPrefix(code, nowhere) {
			out.postcode = code
		}
	}
	return out
}

const (
	nowhere = "ZZ99" // begins the postcodes that stand for no place
	longest = 35     // characters of a name in a search
)

// searchable is a name as it goes into a search: without what would be a wildcard, and no longer than is taken.
func searchable(name string) string {
	letters := []rune(strings.TrimSpace(strings.ReplaceAll(name, "*", "")))
	if len(letters) > longest {
		return string(letters[:longest-1]) + "*"
	}
	return string(letters)
}

// Reasons for which a patient cannot be searched for.
const (
	NoName      = "no_name"
	NoBirthDate = "no_birth_date"
)

// Cascade is the search for one patient: which step comes next, and what all of them say together.
type Cascade struct {
	who     subject
	next    string
	steps   []TraceStep
	numbers []string
	bad     bool
}

// NewCascade begins a search. Without a family name and a whole birth date there is none: why is told as a code.
func NewCascade(p patient.Patient, today string) (*Cascade, string) {
	who := subjectOf(p, today)
	if who.family == "" {
		return nil, NoName
	}
	if _, err := time.Parse(time.DateOnly, who.birthDate); err != nil {
		return nil, NoBirthDate
	}
	return &Cascade{who: who, next: StepHistory}, ""
}

// Next gives the next step's search; false at the end.
func (c *Cascade) Next() (string, Query, bool) {
	if c.next == "" {
		return "", Query{}, false
	}
	q := Query{
		Family: c.who.family, BirthDate: c.who.birthDate, Postcode: c.who.postcode, History: c.next != StepCurrent,
	}
	if len(c.who.given) > 0 {
		q.Given = c.who.given[0]
	}
	switch c.next {
	case StepPostcode:
		q.Postcode = q.Postcode[:2] + "*"
	case StepGiven:
		q.Given = start(q.Given)
	case StepFamily:
		q.Family = start(q.Family)
	}
	return c.next, q, true
}

// few is how many letters of a name are searched by; a name that has no more is not searched by its start, which would
// be everybody's.
const few = 3

func start(name string) string { return string([]rune(name)[:few]) + "*" }

func long(name string) bool { return len([]rune(strings.TrimSuffix(name, "*"))) > few }

// Saw tells what the step found: Found with the number, None, Many or Unusable.
func (c *Cascade) Saw(s TraceStep, number string) {
	c.steps = append(c.steps, s)
	switch s.Outcome {
	case Found:
		if !slices.Contains(c.numbers, number) {
			c.numbers = append(c.numbers, number)
		}
	case Unusable:
		c.bad = true
	}
	c.next = c.after(s)
}

// after is the step that follows: a search for everything is enough if it finds one person; if it finds too many, past
// names and addresses are left out; if it finds nobody, one part after the other is cut down to its beginning, and all
// of these are tried, because one that finds somebody else says that the first was chance.
func (c *Cascade) after(s TraceStep) string {
	if c.bad || len(c.numbers) > 1 {
		return ""
	}
	switch s.Name {
	case StepHistory:
		if s.Outcome == Many {
			return StepCurrent
		}
		if s.Outcome == None && c.who.postcode != "" {
			return StepPostcode
		}
	case StepPostcode:
		if len(c.who.given) > 0 && long(c.who.given[0]) {
			return StepGiven
		}
		return c.byFamily()
	case StepGiven:
		return c.byFamily()
	}
	return ""
}

func (c *Cascade) byFamily() string {
	if long(c.who.family) {
		return StepFamily
	}
	return ""
}

// Result is what all steps say together: Found with the one number, or None, Many, Two or Unusable.
func (c *Cascade) Result() (string, string) {
	switch {
	case c.bad:
		return Unusable, ""
	case len(c.numbers) > 1:
		return Two, ""
	case len(c.numbers) == 1:
		return Found, c.numbers[0]
	case slices.ContainsFunc(c.steps, func(s TraceStep) bool { return s.Outcome == Many }):
		return Many, ""
	}
	return None, ""
}
