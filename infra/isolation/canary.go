package main

import (
	"fmt"
	"time"
)

// A canary is an invented patient of whom every part is unmistakable: where one of these words or numbers turns up, it
// is known what leaked and whose it is. Names, street and notes begin like no word of any language that is written
// here, and end in the canary's number, written in letters.
type canary struct {
	number int    // from 0
	org    string // whose patient it is
	id     string // the patient's, once there is one
	at     string // the site whose patient it is first
}

// Beginnings of words, each for one part of a record.
const (
	familyWord = "zyqa"
	givenWord  = "qyxo"
	streetWord = "vywu"
	noteWord   = "xyke"
	friendWord = "jyqi"
	tail       = 5 // letters that spell the number
)

func beginnings() []string { return []string{familyWord, givenWord, streetWord, noteWord, friendWord} }

const (
	consonants = "bdfghklmnprstv"
	vowels     = "aeiou"
)

// spelt is a word of a canary: its beginning and the number.
func spelt(beginning string, n int) string {
	out := make([]byte, 0, len(beginning)+tail)
	out = append(out, beginning...)
	for i := range tail {
		of := consonants
		if i%2 == 1 {
			of = vowels
		}
		out = append(out, of[n%len(of)])
		n /= len(of)
	}
	return string(out)
}

func (c canary) word(beginning string) string { return spelt(beginning, c.number) }

// capital writes the word as a name is written.
func capital(word string) string { return string(word[0]-'a'+'A') + word[1:] }

// firstNumber is where the canaries' NHS numbers begin: all of the range 999, which belongs to nobody.
const firstNumber = 999_310_000

// nhsNumbers gives n numbers with good check digits.
func nhsNumbers(n int) []string {
	out := make([]string, 0, n)
	for nine := firstNumber; len(out) < n; nine++ {
		digits := fmt.Sprint(nine)
		sum := 0
		for i, d := range []byte(digits) {
			sum += int(d-'0') * (10 - i)
		}
		if check := (11 - sum%11) % 11; check < 10 {
			out = append(out, fmt.Sprint(digits, check))
		}
	}
	return out
}

// born gives each canary a birth date of its own, in years that nothing here is otherwise about.
func born(n int) string {
	return time.Date(1901, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n).Format(time.DateOnly)
}

// mobiles is how many numbers are kept for fiction.
const mobiles = 1000

// example is the number that the API's documentation shows.
const example = 123

// mobileOf tells whether the canary has a number that is nobody else's.
func mobileOf(n int) bool { return n < mobiles && n != example }

func mobile(n int) string { return fmt.Sprintf("07700 900%03d", n%mobiles) }

func (c canary) mail() string { return c.word(familyWord) + "@canary.example.org" }

type object = map[string]any

// family is the canary's family name. Names are not always plain.
func family(c canary) string {
	plain := capital(c.word(familyWord))
	switch c.number % 10 {
	case 3:
		return "O'" + plain
	case 5:
		return plain + "-Kociński"
	case 7:
		return "Ní " + plain
	}
	return plain
}

// record is what is entered of the canary.
func (c canary) record(nhsNumber string) object {
	out := object{
		"names":     []object{{"use": "usual", "given": []string{capital(c.word(givenWord))}, "family": family(c)}},
		"birthDate": born(c.number), "sex": "unknown",
		"addresses": []object{{
			"use": "home", "postcode": "ZZ99 3VZ",
			"lines": []string{fmt.Sprintf("%d %s Road", 1+c.number%90, capital(c.word(streetWord))), "Exampleton"},
		}},
		"contacts": []object{
			{"system": "email", "value": c.mail()}, {"system": "phone", "value": mobile(c.number)},
		},
		"alerts":      []object{{"kind": "other", "text": "About " + c.word(noteWord)}},
		"bookingNote": "Note " + c.word(noteWord),
	}
	if nhsNumber != "" {
		out["nhsNumber"] = nhsNumber
	}
	if !mobileOf(c.number) {
		out["contacts"] = []object{{"system": "email", "value": c.mail()}}
	}
	return out
}

// friend is somebody who acts for the canary.
func (c canary) friend() object {
	return object{
		"relationship": "friend", "may": []string{"book"},
		"name":     object{"given": []string{"Jo"}, "family": capital(c.word(friendWord))},
		"contacts": []object{{"system": "email", "value": c.word(friendWord) + "@canary.example.org"}},
		"evidence": object{"kind": "patients-word", "seenOn": "2026-11-02", "reference": c.word(noteWord)},
	}
}
