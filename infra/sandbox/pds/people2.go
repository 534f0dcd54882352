package pds

func twins() map[Who]Person {
	one := Person{
		Gender: "female", BirthDate: "2016-02-29", Birth: 1, Practice: at("Y90002"),
		Names: called("Isla", "Merriweather"), Addresses: home("20 Weir Lane", otter, "KB2 1WL"),
		About: "Twin: only the given name and the order of birth differ.",
	}
	two := one
	two.Birth, two.Names = 2, called("Isobel", "Merriweather")
	return map[Who]Person{TwinOne: one, TwinTwo: two}
}

func renumbered() map[Who]Person {
	person := func(given, family, born, about string) Person {
		return Person{
			Gender: "male", BirthDate: born, Practice: at("Y90001"), Names: called(given, family),
			Addresses: home("30 Tollgate", bay, "KB1 6TG"), About: about,
		}
	}
	leads := func(p Person, to Who, about string) Person {
		p.SupersededBy, p.About = to.Number(), about
		return p
	}
	first := person("Jasper", "Underhay", "1966-01-22", "Has this number now.")
	chain := person("Tobias", "Wetherby-Lunn", "1958-05-05", "The end of a chain of numbers.")
	other := person("Ivo", "Nightjar", "1999-09-19", "Is somebody else than the old number's record said.")
	kept := person("Magnus", "Brackenbury", "1981-04-04", "Kept of two records that were merged.")
	invalid := person("Edwin", "Vanishing", "1970-10-10", "The number was withdrawn and leads nowhere.")
	invalid.Invalidated = true
	return map[Who]Person{
		OldNumber:   leads(first, NewNumber, "Superseded: GET gives the new number."),
		NewNumber:   first,
		ChainStart:  leads(chain, ChainMiddle, "Superseded twice."),
		ChainMiddle: leads(chain, ChainEnd, "Superseded once more."),
		ChainEnd:    chain,
		StrangeOld: leads(person("Alaric", "Dovecote", "1963-03-13", ""), StrangeNew,
			"Superseded by somebody whose name and date of birth are others."),
		StrangeNew: other,
		Invalid:    invalid,
		MergedAway: leads(kept, Survivor, "Merged away: GET gives the one that was kept; no search finds this one."),
		Survivor:   kept,
	}
}

func oddlyFound() map[Who]Person {
	wrong := Number(int(WrongID))
	last := (wrong[9]-'0'+1)%10 + '0'
	return map[Who]Person{
		WrongID: {
			Gender: "female", BirthDate: "1985-08-25", Names: called("Clementine", "Oddfellow"), Practice: at("Y90001"),
			Addresses: home("13 Ropewalk", bay, "KB1 5RW"), FoundAs: wrong[:9] + string(last),
			About: "A search gives an id whose check digit is wrong.",
		},
		Unclear: {
			Unclear: true,
			Gender:  "male", BirthDate: "1986-08-26", Names: called("Percival", "Murkwater"), Practice: at("Y90001"),
			Addresses: home("14 Ropewalk", bay, "KB1 5RW"), About: "A search answers 200 with a warning and no code.",
		},
		FormerName: {
			Gender: "female", BirthDate: "1992-06-18", Practice: at("Y90001"),
			Addresses: home("21 Tollgate", bay, "KB1 6TG"),
			Names: []Name{
				{Use: "usual", Given: []string{"Beatrix"}, Family: "Holloway-Finch", Start: "2020-09-12"},
				{Use: "maiden", Given: []string{"Beatrix"}, Family: "Tamarisk", End: "2020-09-11"},
			},
			About: "By the former name Tamarisk she is found with _history only.",
		},
		ExactOne: {
			Gender: "female", BirthDate: "1994-02-14", Practice: at("Y90001"), Names: called("Cordelia", "Hartsong"),
			Addresses: home("2 Signal Street", bay, "KB1 7QF"),
			About:     "One of two with _history; the only one with _exact-match.",
		},
		ExactTwo: {
			Gender: "female", BirthDate: "1994-02-14", Practice: at("Y90002"),
			Addresses: home("22 Weir Lane", otter, "KB2 1WL"),
			Names: []Name{
				{Use: "usual", Given: []string{"Cordelia"}, Family: "Vane", Start: "2021-01-01"},
				{Use: "old", Given: []string{"Cordelia"}, Family: "Hartsong", End: "2020-12-31"},
			},
			About: "Was called like somebody else born the same day.",
		},
	}
}

func many() map[Who]Person {
	one := Person{
		Gender: "male", BirthDate: "1980-01-01", Practice: at("Y90001"), Names: called("Adam", "Smithfield"),
		Addresses: home("1 Market Place", bay, "KB1 1NP"), About: "One of three with the same name and date of birth.",
	}
	two, three := one, one
	two.Addresses, two.Practice = home("2 Weir Lane", otter, "KB2 1WL"), at("Y90002")
	three.Addresses = home("3 Market Place", bay, "KB1 1NP")
	return map[Who]Person{ManyOne: one, ManyTwo: two, ManyThree: three}
}

func named() map[Who]Person {
	person := func(born, about string, n Name) Person {
		n.Use, n.Start = "usual", "2001-01-01"
		return Person{
			Gender: "female", BirthDate: born, Practice: at("Y90001"), Names: []Name{n},
			Addresses: home("40 Tollgate", bay, "KB1 6TG"), About: about,
		}
	}
	return map[Who]Person{
		LongNames: person("1961-11-11", "Names of 35 characters, five given ones.", Name{
			Given:  []string{"Wilhelmina", "Maximiliana", "Constantia", "Bartholomea", "Theodosia Anne"},
			Family: "Featherstonehaugh-Cholmondeley-Wrio", Suffix: "OBE",
		}),
		Apostrophe: person("1975-05-25", "An apostrophe in the name.",
			Name{Given: []string{"Niamh"}, Family: "O'Reilly"}),
		Accents: person("1983-09-13", "Letters that are not of the English alphabet.",
			Name{Given: []string{"Łucja"}, Family: "Kociński"}),
		TwoWords: person("1987-07-07", "A first given name of two words.",
			Name{Given: []string{"John Paul", "James"}, Family: "Silverthorne"}),
		OneWord:   person("1996-10-30", "One name only, as the family name.", Name{Family: "Sukarnawati"}),
		Capitals:  person("1960-07-14", "Capitals with accents.", Name{Given: []string{"PÀULINÉ"}, Family: "ATTSÖN"}),
		ShortName: person("1998-03-23", "Names too short for a wildcard.", Name{Given: []string{"Bo"}, Family: "Li"}),
	}
}
