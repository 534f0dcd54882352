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

// keyParts check that every patient of whom the items say something has a data key. Erasing somebody destroys the key,
// and what was read before and is written after must not bring anything of that person back. A claim on a diary needs
// no such check: the diary goes with the key, and a claim takes one that is there.
func (c Clinic) keyParts(items []Item) []part {
	if c.t.keys == "" {
		return nil
	}
	about, keys := map[string]bool{}, map[Key]bool{}
	for _, it := range items {
		if it.Key.secret {
			keys[it.Key] = true
		} else if patient, ok := c.patientOf(it.Key); ok {
			about[patient] = true
		}
	}
	var parts []part
	for _, patient := range slices.Sorted(maps.Keys(about)) {
		k := c.PatientKey(patient)
		if keys[k] { // the change itself makes the key, or destroys it
			continue
		}
		check := &types.ConditionCheck{
			TableName: c.t.of(k), Key: k.attributes(), ConditionExpression: aws.String("attribute_exists(PK)"),
		}
		parts = append(parts, part{types.TransactWriteItem{ConditionCheck: check}, always(rankMissing, gone())})
	}
	return parts
}

// patientOf gives the patient of whom an item is, unless it is an event: what was done to a record stays known.
func (c Clinic) patientOf(k Key) (string, bool) {
	part, ours := strings.CutPrefix(k.pk, c.key("", "").pk)
	ok := ours && strings.HasPrefix(part, patients) && !strings.Contains(part, "#") && !strings.HasPrefix(k.sk, Events)
	return part, ok
}

func gone() error { return fault.New(fault.NotFound, "not_found", "There is no such record.") }
