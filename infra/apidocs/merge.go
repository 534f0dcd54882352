package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// object is a JSON object.
type object = map[string]any

// merge makes one document of the functions' parts. Two parts may share a schema or an answer only if it is the same
// in both: one name means one thing to whoever reads the page.
func merge(parts map[string][]byte) ([]byte, error) {
	components, paths := object{}, object{}
	from := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		var part struct {
			Components map[string]object `json:"components"`
			Paths      map[string]object `json:"paths"`
		}
		if err := json.Unmarshal(parts[name], &part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for kind, entries := range part.Components {
			if err := take(child(components, kind), entries, "component "+kind+"/", name, from); err != nil {
				return nil, err
			}
		}
		for path, methods := range part.Paths {
			if err := take(child(paths, path), methods, "path "+path+" ", name, from); err != nil {
				return nil, err
			}
		}
	}
	for path, item := range ownPaths() {
		maps.Copy(child(paths, path), item.(object))
	}
	if err := uniqueIDs(paths); err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Almanac", "version": "1",
			"description": "The clinic's diary, its people and its messages. Within /v1 changes only add.",
		},
		"tags": tags(paths), "paths": paths, "components": components,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("marshal the merged document: %w", err)
	}
	return append(out, '\n'), nil
}

// child gives the object of that name within o, made if it is not there.
func child(o object, name string) object {
	if inner, ok := o[name].(object); ok {
		return inner
	}
	inner := object{}
	o[name] = inner
	return inner
}

// take adds a part's entries to those of the parts before it.
func take(all, entries object, kind, part string, from map[string]string) error {
	for name, entry := range entries {
		if other, ok := all[name]; ok && !reflect.DeepEqual(other, entry) {
			return fmt.Errorf("%s%s is one thing in %s and another in %s", kind, name, from[kind+name], part)
		}
		all[name], from[kind+name] = entry, part
	}
	return nil
}

func uniqueIDs(paths object) error {
	seen := map[string]string{}
	for path, item := range paths {
		for method, op := range item.(object) {
			id, _ := op.(object)["operationId"].(string)
			if other, ok := seen[id]; ok {
				return fmt.Errorf("%s %s and %s have the same operationId %s: change a summary",
					method, path, other, id)
			}
			seen[id] = method + " " + path
		}
	}
	return nil
}

// tags lists the chapters, first those of the day's work.
func tags(paths object) []object {
	found := map[string]bool{}
	for _, item := range paths {
		for _, op := range item.(object) {
			for _, tag := range op.(object)["tags"].([]any) {
				found[tag.(string)] = true
			}
		}
	}
	var out []object
	add := func(name, text string) {
		if found[name] {
			out = append(out, object{"name": name, "description": text})
			delete(found, name)
		}
	}
	for _, c := range chapters() {
		add(c[0], c[1])
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		add(name, "")
	}
	return out
}

// chapters are the names and introductions of chapters in the order of the page; others follow by name.
func chapters() [][2]string {
	return [][2]string{
		{"Availability", "When practitioners and rooms are free, and why not. " +
			"What is offered here can be booked: listing and booking follow the same rule."},
		{"Holds", "A hold keeps a time while somebody types. " +
			"It ends by itself when its time is up, or becomes an appointment in one step."},
		{"Appointments", "One record from booking to completion. " +
			"A time is given once: two requests for the same time never both succeed."},
		{"Video visits", "An appointment by video has a room in the practitioner's own Zoom account. It is made when " +
			"the link is e-mailed or the call is started, and follows the diary from then on; what the host changes " +
			"at Zoom comes back into the diary where the diary can have it. The patient's link is Almanac's own and " +
			"is still right when the appointment is moved. Nothing that is sent to Zoom says who the patient is."},
		{"Tasks", "What nobody but a person can settle: a time that was changed in Zoom and is taken, an account " +
			"that must be connected again. The same matter is one task, shown to those who work at its site."},
		{"Patients", "The people whom appointments are for. Every read leaves a trace before its answer is sent."},
		{"Access to records", "Who may see a patient's record: whoever has a part in the care, by an appointment, a " +
			"referral or a care team, and in need by a claim or in an emergency. Those raise alerts, which a privacy " +
			"officer reviews, and everybody's use stands in the record's log."},
		{"NHS number reviews", "What tracing an NHS number could not settle without a person: who decides sees both " +
			"sides and says whether they are the same patient."},
		{"Consent texts", "The wordings that patients consent to, by purpose and version. A wording that was used " +
			"is never changed, so that it stays known what somebody agreed to."},
		{"Uploads", "Many patients from a file: it is checked line by line before anything is entered, and a report " +
			"says what became of each line."},
		{"Practitioners", "Those who see patients, with their opening hours."},
		{"Leave", "When a practitioner is away."},
		{"Services", "What can be booked: its length, buffers and what it needs."},
		{"Sites", "Where a clinic works, each with its time zone."},
		{"Rooms", "What is booked together with a practitioner."},
		{"Staff", "Who may use the organisation's records, and in which roles."},
		{"Connections", "Accounts elsewhere that people connect under My profile. Everybody connects and disconnects " +
			"their own; the clinic's account, by which staff get log-ins, is for managers."},
		{"Me", "Who you are, to this API."},
		{"Organisation", "Your organisation's own record."},
		{"Organisations", "For the operator of the installation only."},
		{"Pages for people", "What opens in a browser without a log-in: the page behind a patient's link, and the " +
			"one that Zoom sends somebody back to. A link that is wrong, replaced or another clinic's answers as if " +
			"there had never been one. Pages run no script and are never kept by a cache."},
		{"Webhooks", "What Zoom tells. Nobody but Zoom can use it."},
		{"This API", "Documentation and a sign of life. These need no log-in."},
	}
}
