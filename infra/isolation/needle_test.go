package main

import (
	"fmt"
	"testing"
)

func TestFind(t *testing.T) {
	numbers := nhsNumbers(50)
	n := newNeedles(50, numbers)
	c := canary{number: 37}
	number := numbers[37]
	for name, text := range map[string]string{
		"family name":  "Dear " + capital(c.word(familyWord)) + ", hello",
		"capitals":     `{"family":"` + "O'ZYQA" + "ba" + `"}` + c.word(givenWord),
		"mail":         "to:" + c.mail(),
		"number":       "GET /Patient/" + number,
		"number apart": "NHS " + number[:3] + " " + number[3:6] + " " + number[6:] + ".",
		"hyphens":      number[:3] + "-" + number[3:6] + "-" + number[6:],
		"mobile":       "+447700900037",
		"mobile apart": "call 07700 900037",
		"birth date":   `"birthDate":"` + born(37) + `T00:00"`,
		"street":       c.word(streetWord),
	} {
		hits := n.find([]byte(text))
		if len(hits) != 1 || hits[0].canary != 37 {
			t.Errorf("%s: %v in %q", name, hits, text)
		}
	}
	for _, text := range []string{
		"", "zyqa", "zyqab", "pat_01kc4z7v8wfj7rw4q3hxe6m2ta", "1795316400", "2026-11-22T03:10:28.999Z", "999 000 0018",
		number + "0", "1" + number, "077009000371", fmt.Sprint(firstNumber), "1900-12-31",
	} {
		if hits := n.find([]byte(text)); len(hits) != 0 {
			t.Errorf("%v in %q", hits, text)
		}
	}
}
