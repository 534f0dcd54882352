package patient

import (
	"almanac/shared/care"
	"almanac/shared/seal"
	"almanac/shared/table"
)

// Seeded gives all items of a new patient, whose id is set: the key, the sealed record, the diary, the circle and the
// rows by which the patient is found. What writes very many patients at once puts several into one change; it asks
// nobody about duplicates.
func Seeded(c table.Clinic, ring *seal.Ring, p Patient) ([]table.Item, error) {
	key, keyItem, err := ring.Make(c, p.ID)
	if err != nil {
		return nil, err
	}
	f := &file{Patient: Patient{ID: p.ID}, ring: ring, key: key}
	items, err := f.put(c, p)
	if err != nil {
		return nil, err
	}
	return append(items, keyItem,
		table.Item{Key: c.Diary(p.ID), Value: diary{Closed: closed(p)}, New: true},
		table.Item{Key: c.Circle(p.ID), Value: care.Circle{}, New: true},
	), nil
}
