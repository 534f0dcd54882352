package pds

// Who names one of the invented people that are there from the start, by what he or she is there to show.
type Who int

// The people. Who.Number gives a person's NHS number.
const (
	Ordinary        Who = iota + 1 // everything there is; two related people
	Plain                          // name, date of birth, home address, practice; one related person
	DeadInformal                   // death status 1
	DeadFormal                     // death status 2
	DeadUndone                     // death status U: not dead after all
	DeadYearOnly                   // deceasedDateTime is a year: old, bad data
	Restricted                     // confidentiality R
	VeryRestricted                 // confidentiality V
	NoLabel                        // meta without security
	Bare                           // id, identifier and meta only
	NoPractice                     // neither practice nor address
	EndedPractice                  // the practice's period has ended
	RemovedPractice                // RemovalFromRegistration SCT: moved to Scotland
	TwinOne                        // same surname, date of birth and postcode as TwinTwo
	TwinTwo                        //
	OldNumber                      // GET gives NewNumber
	NewNumber                      // the same person under the new number
	ChainStart                     // GET gives ChainEnd, through ChainMiddle
	ChainMiddle                    //
	ChainEnd                       //
	StrangeOld                     // GET gives StrangeNew, whose name and date of birth are others
	StrangeNew                     //
	Invalid                        // the number was withdrawn
	MergedAway                     // GET gives Survivor; a search that fits both finds only Survivor
	Survivor                       //
	WrongID                        // a search finds an id with a wrong check digit
	Unclear                        // a search answers a warning without a code
	ManyOne                        // three people with the same name and date of birth
	ManyTwo                        //
	ManyThree                      //
	FormerName                     // found by the name before marriage with _history only
	ExactOne                       // with _history one of two; with _exact-match the only one
	ExactTwo                       // was called like ExactOne
	LongNames                      // 35 characters, five given names
	Apostrophe                     // O'Reilly
	Accents                        // Kociński
	NoAbode                        // ZZ99 3VZ, no fixed abode
	TwoWords                       // "John Paul" and James as given names
	OneWord                        // a family name only
	Capitals                       // ATTSÖN, PÀULINÉ
	ShortName                      // Li: too short for a wildcard
	YearOnly                       // birthDate 1932
	Letters                        // billing, temporary and home address, e-mail and telephone
	Redacted                       // there, but never given: 404

	lastWho = Redacted
)

// Number is the person's NHS number.
func (w Who) Number() string { return Number(int(w)) }

// People is the population a stand-in starts with, in the order of Who. All are invented and live in the made-up towns
// of Kestrel Bay and Otterford; their telephone numbers are of the range kept for drama, their e-mail addresses at
// example.com.
func People() []Person {
	list := make([]Person, lastWho)
	for _, group := range []map[Who]Person{
		complete(), dead(), guarded(), partial(), twins(), renumbered(), oddlyFound(), many(), named(),
	} {
		for who, p := range group {
			p.Number = who.Number()
			if p.Names == nil && who != Bare {
				p.Names = []Name{{Use: "usual", Given: []string{"Nobody"}, Family: "Unnamed"}}
			}
			list[who-1] = p
		}
	}
	return list
}

// called is one usual name.
func called(given, family string) []Name {
	return []Name{{Use: "usual", Given: []string{given}, Family: family, Start: "2001-01-01"}}
}

// home is one home address without an end.
func home(line, town, postcode string) []Address {
	return []Address{{Use: "home", Lines: []string{line, town}, Postcode: postcode, Start: "2015-03-01"}}
}

// at is a practice where somebody is registered now.
func at(ods string) Practice { return Practice{ODS: ods, Start: "2016-01-01"} }
