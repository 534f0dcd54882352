package pds

// The postcodes of the made-up towns: their area KB does not exist.
const (
	bay   = "Kestrel Bay"
	otter = "Otterford"
)

func complete() map[Who]Person {
	return map[Who]Person{
		Ordinary: {
			Version: 4, Gender: "female", BirthDate: "1984-05-17", Practice: at("Y90001"), Pharmacy: "FZZ01",
			Names: []Name{
				{
					Use: "usual", Prefix: []string{"Mrs"}, Given: []string{"Rosalind", "Wren"}, Family: "Amberley",
					Start: "2010-06-05",
				},
				{Use: "nickname", Given: []string{"Roz"}, Family: "Amberley"},
			},
			Addresses: home("1 Lantern Row", bay, "KB1 4AA"), Emergency: "01632960011", BirthPlace: bay,
			Telecoms: []Telecom{
				{System: "phone", Value: "07700900101", Use: "mobile", Start: "2018-01-01"},
				{System: "email", Value: "rosalind.amberley@example.com", Use: "home", Start: "2018-01-01"},
			},
			Related: []Related{
				{Role: "Guardian", Name: Name{Given: []string{"Hector"}, Family: "Amberley"}, Phone: "01632960012"},
				{Role: "Guardian"},
			},
			About: "Everything there is. Two related people.",
		},
		Plain: {
			Gender: "male", BirthDate: "1991-11-02", Practice: at("Y90001"), Names: called("Barnaby", "Quillfeather"),
			Addresses: home("7 Signal Street", bay, "KB1 7QF"),
			Related:   []Related{{Role: "Guardian", Name: Name{Given: []string{"Prudence"}, Family: "Quillfeather"}}},
			About:     "Name, date of birth, home address, practice. One related person.",
		},
		Letters: {
			Gender: "female", BirthDate: "1977-02-28", Practice: at("Y90002"), Names: called("Ottoline", "Marchbanks"),
			Addresses: []Address{
				{Use: "home", Lines: []string{"12 Weir Lane", otter}, Postcode: "KB2 1WL", Start: "2012-01-01"},
				{Use: "temp", Lines: []string{"Room 4, Harbour Hostel", bay}, Postcode: "KB1 9HH", Start: "2026-01-01"},
				{Use: "billing", Lines: []string{"PO Box 9", bay}, Postcode: "KB1 1PB", Start: "2020-01-01"},
				{
					Use: "home", Lines: []string{"3 Mill Yard", otter}, Postcode: "KB2 3LY",
					Start: "2004-01-01", End: "2011-12-31",
				},
			},
			Telecoms: []Telecom{
				{System: "email", Value: "ottoline.marchbanks@example.com", Use: "home", Start: "2019-01-01"},
				{System: "phone", Value: "07700900143", Use: "mobile", Start: "2019-01-01"},
				{System: "phone", Value: "01632960143", Use: "home", Start: "2005-01-01", End: "2011-12-31"},
			},
			About: "Billing, temporary, home and former address; e-mail and telephone.",
		},
	}
}

func dead() map[Who]Person {
	return map[Who]Person{
		DeadInformal: {
			Gender: "male", BirthDate: "1939-08-14", Practice: at("Y90001"), Names: called("Cuthbert", "Farthingale"),
			Addresses: home("2 Chapel Steps", bay, "KB1 2HS"),
			Death:     Death{At: "2026-02-03T00:00:00+00:00", Status: "1"},
			About:     "Dead, by a notice of a local organisation (1).",
		},
		DeadFormal: {
			Gender: "female", BirthDate: "1931-03-30", Practice: at("Y90001"), Names: called("Eugenia", "Thistlewood"),
			Addresses: home("9 Chapel Steps", bay, "KB1 2HS"),
			Death:     Death{At: "2025-12-24T00:00:00+00:00", Status: "2"},
			About:     "Dead, by the registrar's notice (2).",
		},
		DeadUndone: {
			Version: 7, Gender: "female", BirthDate: "1948-10-09", Practice: at("Y90001"),
			Names:     called("Winifred", "Larkspur"),
			Addresses: home("4 Beacon Hill", bay, "KB1 3BH"), Death: Death{Status: "U"},
			About: "Not dead after all: the death was removed (U).",
		},
		DeadYearOnly: {
			Gender: "male", BirthDate: "1925-01-19", Names: called("Ambrose", "Pettigrew"),
			Addresses: home("1 Old Quay", bay, "KB1 1QQ"), Death: Death{At: "2010", Status: "2"},
			About: "Dead in a year; no more is known.",
		},
	}
}

func guarded() map[Who]Person {
	hidden := Person{
		Gender: "female", Practice: at("Y90003"), Addresses: home("88 Hollow Way", otter, "KB2 8HW"), Pharmacy: "FZZ02",
		Telecoms: []Telecom{{System: "email", Value: "do.not.show@example.com", Use: "home", Start: "2019-01-01"}},
		Related:  []Related{{Role: "Guardian", Name: Name{Family: "Nevershown"}}}, Emergency: "01632960099",
		BirthPlace: otter,
	}
	restricted, very, redacted := hidden, hidden, hidden
	restricted.Security, restricted.BirthDate, restricted.Names = "R", "1993-07-21", called("Philippa", "Greywillow")
	restricted.About = "Restricted (R): what tells where to find her is left out, and no search by place finds her."
	very.Security, very.BirthDate, very.Names = "V", "1995-04-12", called("Seraphina", "Duskwater")
	very.About = "Very restricted (V), a code the documents list without a word about it."
	redacted.Hidden, redacted.BirthDate, redacted.Names = true, "1990-01-31", called("Nerys", "Unseen")
	redacted.About = "There, and never given: 404."
	return map[Who]Person{
		Restricted: restricted, VeryRestricted: very, Redacted: redacted,
		NoLabel: {
			NoSecurity: true, Gender: "male", BirthDate: "1969-06-06", Practice: at("Y90001"),
			Names:     called("Leopold", "Fenwickshire"),
			Addresses: home("6 Signal Street", bay, "KB1 7QF"), About: "The record has no confidentiality label.",
		},
	}
}

func partial() map[Who]Person {
	return map[Who]Person{
		Bare: {About: "Number and version only: no name, date of birth or gender. No search finds it."},
		NoPractice: {
			Gender: "other", BirthDate: "2000-09-09", Names: called("Marlowe", "Siskin"),
			About: "Neither practice nor address.",
		},
		EndedPractice: {
			Gender: "female", BirthDate: "1988-12-01", Names: called("Henrietta", "Copperdale"),
			Practice:  Practice{ODS: "Y90004", Start: "2009-01-01", End: "2024-06-30"},
			Addresses: home("5 Ropewalk", bay, "KB1 5RW"),
			About:     "Was registered; the period has ended.",
		},
		RemovedPractice: {
			Gender: "male", BirthDate: "1979-03-03", Names: called("Fergus", "Stonechat"), Removed: "SCT",
			Practice: at("Y90004"), Addresses: home("15 Ropewalk", bay, "KB1 5RW"),
			About: "Removed from registration (SCT), though the period has no end.",
		},
		YearOnly: {
			Gender: "female", BirthDate: "1932", Names: called("Dorothea", "Candlewick"), Practice: at("Y90001"),
			Addresses: home("2 Beacon Hill", bay, "KB1 3BH"), About: "Of the date of birth only the year is known.",
		},
		NoAbode: {
			Gender: "male", BirthDate: "1972-08-08", Names: called("Silas", "Wayfarer"), Practice: at("Y90005"),
			Addresses: []Address{{Use: "home", Lines: []string{"No fixed abode"}, Postcode: "ZZ99 3VZ"}},
			About:     "No fixed abode: the postcode is ZZ99 3VZ.",
		},
	}
}
