package pds

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"almanac/infra/sandbox/apim"
)

// query is a search as it was understood.
type query struct {
	family   string
	given    []string
	birth    []bound
	death    []bound
	postcode string
	gender   string
	practice string
	email    string
	phone    string

	history, fuzzy, exact bool
}

// bound is one side of a range of dates. Op is eq, ge or le.
type bound struct{ op, date string }

func parameters() []string {
	return []string{
		"_exact-match", "_fuzzy-match", "_history", "_max-results", "address-postalcode", "address-postcode",
		"birthdate", "death-date", "email", "family", "gender", "general-practitioner", "given", "phone",
	}
}

// search answers GET /Patient.
func (s *Server) search(r *http.Request) apim.Answer {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return apim.Unsupported("UNSUPPORTED_REQUEST")
	}
	if a, ok := checkParameters(values); !ok {
		return a
	}
	q, a, ok := parse(values)
	if !ok {
		return a
	}
	if a, ok := q.check(); !ok {
		return a
	}
	hits := s.match(q)
	switch {
	case len(hits) == 0:
		return apim.Answer{Status: http.StatusOK, Body: s.bundle(nil)}
	case len(hits) > 1:
		return apim.Outcome(http.StatusOK, apim.Issue{
			Severity: "information", Type: "multiple-matches",
			Code: "TOO_MANY_MATCHES", Display: "Too Many Matches",
		})
	case hits[0].person.Unclear:
		return apim.Outcome(http.StatusOK, apim.Issue{
			Severity: "warning", Type: "not-supported",
			Diagnostics: "There is no response for this combination of search parameters",
		})
	}
	return apim.Answer{Status: http.StatusOK, Body: s.found(&hits[0].person, hits[0].score)}
}

// checkParameters looks at which parameters there are.
func checkParameters(values url.Values) (apim.Answer, bool) {
	if len(values) == 0 {
		return apim.Unsupported("UNSUPPORTED_SERVICE"), false
	}
	if list, ok := values["_max-results"]; ok && !slices.Equal(list, []string{"1"}) {
		return apim.Forbidden("token", "INVALID_VALUE",
			"Cannot retrieve more than one result with Application Restricted access token",
			"Your app has insufficient permissions to perform this search. Please contact support."), false
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(parameters(), name) {
			unknown = append(unknown, "'"+name+"'")
		}
	}
	if len(unknown) > 0 {
		verb := " was"
		if len(unknown) > 1 {
			verb = " were"
		}
		return apim.Outcome(http.StatusBadRequest, apim.Issue{
			Type: "invariant", Code: "ADDITIONAL_PROPERTIES",
			Display: "Additional properties should not be included",
			Diagnostics: "Invalid request with error - Additional properties are not allowed (" +
				strings.Join(unknown, ", ") + verb + " unexpected)",
		}), false
	}
	if values.Has("address-postcode") && values.Has("address-postalcode") {
		return badSearch("the search can have 'address-postalcode' or 'address-postcode', not both"), false
	}
	for name, list := range values {
		most := map[string]int{"given": 5, "birthdate": 2, "death-date": 2}[name]
		if len(list) > max(most, 1) {
			return badSearch("'" + name + "' is there too often"), false
		}
	}
	return apim.Answer{}, true
}

func badSearch(what string) apim.Answer {
	return apim.Outcome(http.StatusBadRequest, apim.Issue{
		Type: "value", Code: "INVALID_SEARCH_DATA",
		Display: "Search data is invalid", Diagnostics: "Invalid search data provided - '" + what + "'",
	})
}

// minimum is the words of the real service for a search with too little in it.
const minimum = "No searches were performed as the search criteria did not meet the minimum requirements"

// parse reads the values, each as strictly as the documents describe it.
func parse(values url.Values) (query, apim.Answer, bool) {
	for name, list := range values {
		for _, v := range list {
			if !goodValue(name, v) {
				return query{}, apim.InvalidValue(v, "field '"+name+"'"), false
			}
		}
	}
	q := query{
		family: values.Get("family"), given: values["given"], gender: values.Get("gender"),
		postcode: squeeze(values.Get("address-postalcode") + values.Get("address-postcode")),
		practice: values.Get("general-practitioner"), email: values.Get("email"), phone: values.Get("phone"),
		history: values.Get("_history") == "true", fuzzy: values.Get("_fuzzy-match") == "true",
		exact: values.Get("_exact-match") == "true",
	}
	for _, v := range values["birthdate"] {
		b, _ := readBound(v) // goodValue has read it
		q.birth = append(q.birth, b)
	}
	for _, v := range values["death-date"] {
		b, _ := readBound(v)
		q.death = append(q.death, b)
	}
	return q, apim.Answer{}, true
}

// goodValue tells whether a parameter can have this value.
func goodValue(name, v string) bool {
	switch name {
	case "family", "given":
		return v != "" && len([]rune(v)) <= 35
	case "_history", "_fuzzy-match", "_exact-match":
		return v == "true" || v == "false"
	case "birthdate", "death-date":
		_, ok := readBound(v)
		return ok
	case "gender":
		return slices.Contains([]string{"male", "female", "other", "unknown"}, v)
	}
	return v != ""
}

func readBound(v string) (bound, bool) {
	parts := regexp.MustCompile(`^(eq|ge|le)?([0-9]{4}-[0-9]{2}-[0-9]{2})$`).FindStringSubmatch(v)
	if parts == nil {
		return bound{}, false
	}
	if _, err := time.Parse(time.DateOnly, parts[2]); err != nil {
		return bound{}, false
	}
	if parts[1] == "" {
		parts[1] = "eq"
	}
	return bound{parts[1], parts[2]}, true
}

// check applies the rules about what a search needs and what goes together.
func (q query) check() (apim.Answer, bool) {
	wild, a, ok := q.wildcards()
	switch {
	case !ok:
		return a, false
	case len(q.birth) == 0:
		return apim.MissingValue("Missing value - 'birth_date/birth_date_range_start/birth_date_range_end'"), false
	case q.fuzzy && wild:
		return badSearch("a fuzzy search cannot have wildcards"), false
	case q.fuzzy && q.exact:
		return badSearch("a search is fuzzy or exact, not both"), false
	case !q.enough():
		return badSearch(minimum), false
	}
	return apim.Answer{}, true
}

// enough tells whether the search has the least it needs besides a date of birth.
func (q query) enough() bool {
	given := len(q.given) > 0
	if !q.fuzzy {
		return q.family != ""
	}
	return (given && q.family != "") || (q.gender != "" && q.postcode != "" && (given || q.family != ""))
}

// wildcards tells whether the search has any, and refuses those in the wrong place.
func (q query) wildcards() (bool, apim.Answer, bool) {
	wild := false
	for name, list := range map[string][]string{
		"family": {q.family}, "address-postalcode": {q.postcode}, "given": q.given,
		"general-practitioner": {q.practice}, "email": {q.email}, "phone": {q.phone},
	} {
		for _, v := range list {
			if !strings.Contains(v, "*") {
				continue
			}
			wild = true
			if !goodWildcard(name, v) {
				return wild, apim.InvalidValue(v, "field '"+name+"'"), false
			}
		}
	}
	return wild, apim.Answer{}, true
}

// goodWildcard tells whether a star stands where one may: in names and postcodes, behind two other characters.
func goodWildcard(name, v string) bool {
	before, _, _ := strings.Cut(v, "*")
	return len([]rune(before)) >= 2 && slices.Contains([]string{"family", "given", "address-postalcode"}, name)
}

// squeeze takes the spaces out of a postcode.
func squeeze(postcode string) string { return strings.ToUpper(strings.ReplaceAll(postcode, " ", "")) }

// holds tells whether a date of the record is within all bounds. A date without day or month is only within a range
// that has all of its days.
func holds(bounds []bound, date string) bool {
	date, _, _ = strings.Cut(date, "T")
	if date == "" {
		return false
	}
	first, last := date, date
	switch len(date) {
	case len("2006"):
		first, last = date+"-01-01", date+"-12-31"
	case len("2006-01"):
		first, last = date+"-01", date+"-31"
	}
	for _, b := range bounds {
		switch {
		case b.op == "eq" && (first != b.date || last != b.date),
			b.op == "ge" && first < b.date,
			b.op == "le" && last > b.date:
			return false
		}
	}
	return true
}

// like compares a value of the record with one of the search, in which a star stands for anything.
func like(pattern, value string) bool {
	var re strings.Builder
	for n, part := range strings.Split(strings.ToLower(pattern), "*") {
		if n > 0 {
			re.WriteString(".*")
		}
		re.WriteString(regexp.QuoteMeta(part))
	}
	ok, err := regexp.MatchString(fmt.Sprintf("(?s)^%s$", re.String()), strings.ToLower(value))
	return ok && err == nil
}
