package patient

import "almanac/shared/private"

// Address is where a person lives, or can be written to, for a time.
type Address struct {
	private.Hidden
	Use      string   `json:"use"`             // one of AddressUses
	Lines    []string `json:"lines,omitempty"` // at most five
	Postcode string   `json:"postcode,omitempty"`
	Start    string   `json:"start,omitempty"` // dates, YYYY-MM-DD
	End      string   `json:"end,omitempty"`
	Source   string   `json:"source,omitempty"`
}

// Home is where somebody lives, and the use of a telephone there.
const Home = "home"

// AddressUses lists the values of Address.Use.
func AddressUses() []string { return []string{Home, "temp", "billing", "work"} }

// Postcodes that stand for no place (NHS Data Dictionary, pseudo postcodes).
const (
	NoFixedAbode     = "ZZ99 3VZ"
	UnknownAddress   = "ZZ99 3WZ"
	SomewhereEngland = "ZZ99 3CZ"
)

// Home is the address where the person lives on the day, if one is known.
func (p Patient) Home(day string) (Address, bool) {
	for _, use := range []string{Home, "temp"} {
		for _, a := range p.Addresses {
			if a.Use == use && current(a.Start, a.End, day) {
				return a, true
			}
		}
	}
	return Address{}, false
}
