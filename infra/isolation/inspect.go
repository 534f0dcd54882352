package main

import (
	"bytes"
	"slices"
	"strings"

	"almanac/shared/id"
)

// inspect lists what an answer tells that it should not: records of another organisation, parts of records of patients
// with whom the caller has no relationship, and, in a refusal, anything of a patient at all.
func (h *house) inspect(a asked, got answer) []string {
	org := h.concerned(a)
	var head bytes.Buffer
	_ = got.header.Write(&head) // into memory
	all := append(head.Bytes(), got.body...)
	var out []string
	for _, one := range ids(all) {
		if !h.oracle.shows(a, org, one) {
			f, _ := h.oracle.fact(one)
			out = append(out, "names a "+f.kind+" of "+h.whose(f.org, org))
		}
	}
	for _, hit := range h.needles.find(all) {
		c, ok := h.owner(hit.canary)
		switch {
		case !ok:
			continue
		case c.org != org:
			out = append(out, "tells a "+hit.part+" of "+h.whose(c.org, org))
		case hit.part == numberPart && h.silent(c.id):
			out = append(out, "tells the NHS number of somebody who objects to its use")
		case !got.ok():
			out = append(out, "tells a "+hit.part+" in a refusal")
		case !h.policy(a.row).wide && h.oracle.related(a.who, org, c.id) == noTie:
			out = append(out, "tells a "+hit.part+" of a patient without relationship")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// concerned is the organisation that an answer may be about; none for a refusal, and for a page that needs no log-in.
func (h *house) concerned(a asked) string {
	org, v := h.oracle.organisation(a)
	if v != allow || h.policy(a.row).public() {
		return ""
	}
	return org
}

func (h *house) whose(org, mine string) string {
	if org == mine {
		return "a patient without relationship"
	}
	return "another organisation"
}

// unlisted tells whether a kind has no ids: nobody without it has anything to do with it.
func unlisted(kind string) bool { return kind == kindLink || kind == kindState }

// absent makes an id that nobody has, of the organisation where it has the organisation's name in it.
func absent(org, kind string) string {
	if unlisted(kind) {
		return guessed(org)
	}
	return newID(kind)
}

// newID makes an id that nobody has. Subjects may not look like the ids of records.
func newID(kind string) string {
	if unlisted(kind) {
		return guessed("")
	}
	one := id.New(kind)
	if kind == kindStaff {
		one = strings.Replace(one, "_", "-", 1)
	}
	return one
}

// ids lists the ids in a text, and the subjects.
func ids(text []byte) []string {
	const before, after = 3, 26
	var out []string
	for i := before; i+after < len(text); i++ {
		if text[i] != '_' && (text[i] != '-' || string(text[i-before:i]) != kindStaff) {
			continue
		}
		one := string(text[i-before : i+1+after])
		_, err := id.Raw(strings.Replace(one, kindStaff+"-", kindStaff+"_", 1))
		if err == nil && !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// follow keeps the oracle up with what requests change.
func (h *house) follow(a asked, got answer) {
	if !got.ok() {
		return
	}
	patient := patientOf(a.slots)
	method, path, _ := strings.Cut(a.row, " ")
	switch {
	case patient == "" || method == "GET":
	case path == "/v1/appointments" || strings.HasSuffix(path, "/relationships"):
		for _, s := range a.slots {
			if s.kind == kindSite || s.kind == kindPractitioner {
				h.oracle.relate(patient, s.id, sureTie)
			}
		}
	case strings.HasSuffix(path, "/claim") || strings.HasSuffix(path, "/break-glass"):
		h.oracle.claims(patient, a.who.subject, sureTie)
	}
}
