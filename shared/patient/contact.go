package patient

import "almanac/shared/private"

// Contact is a way to reach a person.
type Contact struct {
	private.Hidden
	System string `json:"system"` // one of Systems
	Value  string `json:"value"`  // a number in E.164, or an e-mail address
	Use    string `json:"use,omitempty"`
	Start  string `json:"start,omitempty"` // dates, YYYY-MM-DD
	End    string `json:"end,omitempty"`
	Source string `json:"source,omitempty"`
}

// The systems of contacts. SMS is a number that text messages may be sent to.
const (
	Phone = "phone"
	Email = "email"
	SMS   = "sms"
)

// Systems lists the values of Contact.System.
func Systems() []string { return []string{Phone, Email, SMS} }

// ContactUses lists the values of Contact.Use.
func ContactUses() []string { return []string{Home, "work", "mobile", "temp"} }

// Reach is the first way of that system to reach the person on the day.
func (p Patient) Reach(system, day string) (Contact, bool) {
	for _, c := range p.Contacts {
		if c.System == system && current(c.Start, c.End, day) {
			return c, true
		}
	}
	return Contact{}, false
}
