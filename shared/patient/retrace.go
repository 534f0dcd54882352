package patient

import (
	"slices"
	"strings"
)

// retraced is the number after a change of the record: what the NHS confirmed, it confirmed of the name and birth date
// that there were. With others the number waits for the NHS to be asked again, and goes out to nobody until then.
func (n *Number) retraced(was, is Patient) *Number {
	same := was.BirthDate == is.BirthDate && slices.Equal(was.called(), is.called())
	if n == nil || n.Status != StatusVerified || same {
		return n
	}
	out := *n
	out.Status, out.State, out.VerifiedAt = StatusTraceNeeded, NumberPresent, nil
	return &out
}

// called lists the person's names as they are compared.
func (p Patient) called() []string {
	out := make([]string, 0, len(p.Names))
	for _, n := range p.Names {
		out = append(out, n.Use+" "+folded(n.Family)+" "+folded(strings.Join(n.Given, " ")))
	}
	slices.Sort(out)
	return out
}
