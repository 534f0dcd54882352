package table

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/fault"
	"almanac/shared/id"
)

// Meeting is one of those whom a patient meets, a site or a practitioner, and the month in which the last appointment
// with them, of that month, ends.
type Meeting struct {
	ID    string
	Month time.Time // its first instant, in UTC
}

// A patient's diary remembers meetings in one set of ids for each month: adding to a set cannot be refused, needs no
// reading and costs no item of its own, so booking makes the relationship between patient and clinic for nothing. A
// member is the first letter of the id's prefix and its 16 bytes.
const (
	memberLength = 1 + 16
	monthsKept   = 12
)

// prefixes of what a patient can meet, by the letter that stands for them.
func prefixOf(letter byte) (string, bool) {
	switch letter {
	case 's':
		return "sit", true
	case 'p':
		return "prc", true
	}
	return "", false
}

func monthNumber(at time.Time) int {
	at = at.UTC()
	return at.Year()*12 + int(at.Month()) - 1
}

func monthName(n int) string { return attrMet + strconv.Itoa(n) }

func parseMonth(name string) (time.Time, bool) {
	digits, ok := strings.CutPrefix(name, attrMet)
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return time.Time{}, false
	}
	return time.Date(n/12, time.Month(n%12+1), 1, 0, 0, 0, 0, time.UTC), true
}

// meet reads a month's set.
func (o *Occupancy) meet(name string, members [][]byte) {
	month, ok := parseMonth(name)
	if !ok {
		return
	}
	for _, m := range members {
		if len(m) != memberLength {
			continue
		}
		if prefix, ok := prefixOf(m[0]); ok {
			o.Met = append(o.Met, Meeting{ID: id.Format(prefix, [16]byte(m[1:])), Month: month})
		}
	}
}

// diary adds what a claim says to a patient's diary besides its ticks.
func (e *expression) diary(cl Claim, now time.Time) error {
	switch {
	case cl.Close != "":
		e.set = append(e.set, e.name(attrClosed)+" = :closed")
		e.values[":closed"] = &types.AttributeValueMemberS{Value: cl.Close}
	case cl.Reopen:
		e.remove = append(e.remove, e.name(attrClosed))
	case cl.Take.Len() > 0 && !slices.Contains(e.remove, e.name(attrClosed)): // an earlier claim may reopen it
		e.cond = append(e.cond, "attribute_not_exists("+e.name(attrClosed)+")")
	}
	if len(cl.Meets) == 0 || cl.Take.Len() == 0 {
		return nil
	}
	members, err := membersOf(cl.Meets)
	if err != nil {
		return err
	}
	month := monthNumber((cl.Take.To - 1).Time())
	e.meet(monthName(month), members)
	// One month is forgotten at each booking: those of patients who come rarely stay longer, and are few.
	if old := monthNumber(now) - monthsKept; old != month && e.tag == "" {
		e.remove = append(e.remove, e.name(monthName(old)))
	}
	return nil
}

// meet adds members to a month's set; one expression may add to a set only once, and a set holds nothing twice.
func (e *expression) meet(month string, members [][]byte) {
	value := ":" + month
	set, ok := e.values[value].(*types.AttributeValueMemberBS)
	if !ok {
		set = &types.AttributeValueMemberBS{}
		e.values[value] = set
		e.add = append(e.add, e.name(month)+" "+value)
	}
	for _, m := range members {
		if !slices.ContainsFunc(set.Value, func(have []byte) bool { return bytes.Equal(have, m) }) {
			set.Value = append(set.Value, m)
		}
	}
}

func membersOf(ids []string) ([][]byte, error) {
	var members [][]byte
	for _, met := range ids {
		raw, err := id.Raw(met)
		if err != nil {
			return nil, fmt.Errorf("whom the patient meets: %w", err)
		}
		if _, ok := prefixOf(met[0]); !ok {
			return nil, fmt.Errorf("a patient does not meet a %.3s", met)
		}
		members = append(members, append([]byte{met[0]}, raw[:]...))
	}
	return members, nil
}

// The reasons for which a patient's diary is closed. After Merged and a colon stands the patient whose diary goes on.
const (
	Merged   = "merged"
	Deceased = "deceased"
)

// Shut is the refusal to book the patient whose diary it is into it; nil while one can. Other than the refusal of a
// claim it does not tell into which record this one was merged: who only looks for a time has no part in that
// patient's care.
func (o Occupancy) Shut(patient string) error {
	if o.Closed == "" {
		return nil
	}
	why, _, _ := strings.Cut(o.Closed, ":")
	return closed(why, patient)
}

// closed is the refusal to book somebody into a closed diary.
func closed(why, patient string) *fault.Error {
	d := fault.Detail{
		Code: "patient_closed", Message: "Nobody can be booked into this patient's diary.", Resource: patient,
	}
	why, into, _ := strings.Cut(why, ":")
	switch why {
	case Merged:
		d.Code, d.Message = "patient_merged", "This record was merged into another one: book for that one."
		if into != "" {
			d.Resource = into
		}
	case Deceased:
		d.Code, d.Message = "patient_deceased",
			"The patient is recorded as having died. If that is wrong, correct the record first."
	}
	return fault.New(fault.Conflict, "patient_closed", "Nothing can be booked for this patient.", d)
}
