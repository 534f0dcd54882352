package table

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/fault"
)

// patients begins the id of a patient, which is the part of a patient's items' keys behind the organisation.
const patients = "pat_"

// livingParts check that nobody whom the change concerns was erased. Erasing somebody destroys the data key, and the
// diary with it, and what was read before and is written after must not bring anything of that person back, nor go on
// about it. For those of whom an item is, the key is checked. For those whom the change concerns otherwise, by its
// target or by name, the diary is, which takes no access to keys; a claim on it takes one that is there anyway.
func (c Clinic) livingParts(ch Change) []part {
	within, keys := map[string]bool{}, map[Key]bool{}
	for _, it := range ch.Put {
		if it.Key.secret {
			keys[it.Key] = true
		} else if patient, ok := c.patientOf(it.Key); ok {
			within[patient] = true
		}
	}
	var parts []part
	for _, patient := range slices.Sorted(maps.Keys(within)) {
		k := c.PatientKey(patient)
		if c.t.keys != "" && !keys[k] { // else the change itself makes the key, or destroys it
			parts = append(parts, c.there(k))
		}
	}
	for _, patient := range slices.Compact([]string{ch.Target, ch.Patient}) {
		claimed := slices.ContainsFunc(ch.Claims, func(cl Claim) bool { return cl.Patient == patient })
		if strings.HasPrefix(patient, patients) && !within[patient] && !keys[c.PatientKey(patient)] && !claimed {
			parts = append(parts, c.there(c.Diary(patient)))
		}
	}
	return parts
}

// there is the condition that an item exists.
func (c Clinic) there(k Key) part {
	check := &types.ConditionCheck{
		TableName: c.t.of(k), Key: k.attributes(), ConditionExpression: aws.String("attribute_exists(PK)"),
	}
	return part{types.TransactWriteItem{ConditionCheck: check}, always(rankMissing, gone())}
}

// patientOf gives the patient of whom an item is, unless it is an event: what was done to a record stays known.
func (c Clinic) patientOf(k Key) (string, bool) {
	part, ours := strings.CutPrefix(k.pk, c.key("", "").pk)
	ok := ours && strings.HasPrefix(part, patients) && !strings.Contains(part, "#") && !strings.HasPrefix(k.sk, Events)
	return part, ok
}

func gone() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }
