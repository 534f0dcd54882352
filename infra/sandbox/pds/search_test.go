package pds_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"almanac/infra/sandbox/nhstest"
	"almanac/infra/sandbox/pds"
)

// bundle is a search's answer.
type bundle struct {
	ResourceType string
	Type         string
	Total        *int
	Entry        []struct {
		FullURL  string
		Search   struct{ Score float64 }
		Resource patient
	}
	Issue []struct {
		Severity, Code string
		Details        *struct{ Coding []struct{ Code string } }
	}
}

func search(t *testing.T, s *nhstest.Stand, query string) (bundle, nhstest.Reply) {
	t.Helper()
	r := s.Get(t, s.PDSURL+"/Patient?"+query)
	var b bundle
	r.Into(t, &b)
	return b, r
}

const many = "many"

// TestSearch asks and compares whom it finds: somebody, nobody (""), or too many.
func TestSearch(t *testing.T) {
	s := nhstest.New(t)
	for _, c := range []struct {
		query string
		found string
		exact bool // the score is 1
	}{
		{"family=Amberley&birthdate=eq1984-05-17", pds.Ordinary.Number(), true},
		{"family=AMBERLEY&birthdate=1984-05-17&_max-results=1", pds.Ordinary.Number(), true},
		{"family=Amberley&given=Rosalind&birthdate=1984-05-17", pds.Ordinary.Number(), true},
		{"family=Amberley&given=Rosalind&given=Wren&birthdate=1984-05-17", pds.Ordinary.Number(), true},
		{"family=Amberley&given=Wren&birthdate=1984-05-17", "", false}, // not the first given name
		{"family=Amberley&given=Ros&birthdate=1984-05-17", "", false},
		{"family=Amberley&given=Ros%2A&birthdate=1984-05-17", pds.Ordinary.Number(), false},
		{"family=Am%2A&birthdate=1984-05-17", pds.Ordinary.Number(), false},
		{"family=Amb%2Aley&birthdate=1984-05-17", pds.Ordinary.Number(), false},
		{"family=Amberley&birthdate=1984-05-18", "", false},
		{"family=Amberley&birthdate=ge1984-05-16&birthdate=le1984-05-18", pds.Ordinary.Number(), true},
		{"family=Amberley&birthdate=ge1984-05-18", "", false},
		{"family=Amberley&birthdate=1984-05-17&gender=female", pds.Ordinary.Number(), true},
		{"family=Amberley&birthdate=1984-05-17&gender=male", "", false},
		{"family=Amberley&birthdate=1984-05-17&address-postalcode=kb14aa", pds.Ordinary.Number(), true},
		{"family=Amberley&birthdate=1984-05-17&address-postcode=KB1+4AA", pds.Ordinary.Number(), true},
		{"family=Amberley&birthdate=1984-05-17&address-postalcode=KB%2A", pds.Ordinary.Number(), false},
		{"family=Amberley&birthdate=1984-05-17&address-postalcode=KB2%2A", "", false},
		{"family=Amberley&birthdate=1984-05-17&general-practitioner=Y90001", pds.Ordinary.Number(), true},
		{"family=Amberley&birthdate=1984-05-17&general-practitioner=Y9000", "", false},
		{"family=Amberley&birthdate=1984-05-17&phone=07700900101&email=rosalind.amberley%40example.com", pds.Ordinary.Number(), true},
		{"family=Amberley&birthdate=1984-05-17&phone=7700900101", "", false},
		{"family=Copperdale&birthdate=1988-12-01&general-practitioner=Y90004", "", false}, // was registered there

		{"family=Farthingale&birthdate=1939-08-14&death-date=eq2026-02-03", pds.DeadInformal.Number(), true},
		{"family=Farthingale&birthdate=1939-08-14&death-date=ge2026-01-01&death-date=le2026-12-31", pds.DeadInformal.Number(), true},
		{"family=Farthingale&birthdate=1939-08-14&death-date=le2025-12-31", "", false},
		{"family=Amberley&birthdate=1984-05-17&death-date=ge1900-01-01", "", false},
		{"family=Candlewick&birthdate=1932-01-01", "", false},
		{"family=Candlewick&birthdate=ge1932-01-01&birthdate=le1932-06-30", "", false},
		{"family=Candlewick&birthdate=ge1932-01-01&birthdate=le1932-12-31", pds.YearOnly.Number(), true},

		{"family=Merriweather&birthdate=2016-02-29&address-postalcode=KB2+1WL", many, false},
		{"family=Merriweather&given=Is%2A&birthdate=2016-02-29", many, false},
		{"family=Merriweather&given=Isla&birthdate=2016-02-29", pds.TwinOne.Number(), true},
		{"family=Smithfield&given=Adam&birthdate=1980-01-01", many, false},
		{"family=Smithfield&given=Adam&birthdate=1980-01-01&general-practitioner=Y90002", pds.ManyTwo.Number(), true},
		{"family=Smithfield&given=Adam&birthdate=1980-01-01&_exact-match=true", many, false},

		{"family=Tamarisk&birthdate=1992-06-18", "", false},
		{"family=Tamarisk&birthdate=1992-06-18&_history=true", pds.FormerName.Number(), false},
		{"family=Tamarisk&birthdate=1992-06-18&_history=true&_exact-match=true", "", false},
		{"family=Holloway-Finch&birthdate=1992-06-18&_history=true", pds.FormerName.Number(), true},
		{"family=Hartsong&birthdate=1994-02-14&_history=true", many, false},
		{"family=Hartsong&birthdate=1994-02-14&_history=true&_exact-match=true", pds.ExactOne.Number(), true},
		{"family=Marchbanks&birthdate=1977-02-28&address-postalcode=KB23LY", "", false},
		{"family=Marchbanks&birthdate=1977-02-28&address-postalcode=KB23LY&_history=true", pds.Letters.Number(), false},

		{"family=Greywillow&birthdate=1993-07-21", pds.Restricted.Number(), true},
		{"family=Greywillow&birthdate=1993-07-21&address-postalcode=KB2%2A", "", false},
		{"family=Greywillow&birthdate=1993-07-21&general-practitioner=Y90003", "", false},
		{"family=Greywillow&birthdate=1993-07-21&email=do.not.show%40example.com", "", false},
		{"family=Unseen&birthdate=1990-01-31", "", false},
		{"family=Vanishing&birthdate=1970-10-10", "", false},
		{"family=Underhay&birthdate=1966-01-22", pds.NewNumber.Number(), true},
		{"family=Brackenbury&birthdate=1981-04-04", pds.Survivor.Number(), true},
		{"family=Dovecote&birthdate=1963-03-13&_history=true", "", false},

		{"family=O%27Reilly&birthdate=1975-05-25", pds.Apostrophe.Number(), true},
		{"family=" + url.QueryEscape("Kociński") + "&birthdate=1983-09-13", pds.Accents.Number(), true},
		{"family=" + url.QueryEscape("attsön") + "&given=" + url.QueryEscape("pàuliné") + "&birthdate=1960-07-14", pds.Capitals.Number(), true},
		{"family=Silverthorne&given=John+Paul&given=James&birthdate=1987-07-07", pds.TwoWords.Number(), true},
		{"family=Silverthorne&given=John&birthdate=1987-07-07", pds.TwoWords.Number(), true},
		{"family=Silverthorne&given=Paul&birthdate=1987-07-07", "", false},
		{"family=Sukarnawati&birthdate=1996-10-30", pds.OneWord.Number(), true},
		{"family=Sukarnawati&given=Any&birthdate=1996-10-30", "", false},
		{"family=Li&given=Bo&birthdate=1998-03-23", pds.ShortName.Number(), true},
		{"family=Wayfarer&birthdate=1972-08-08&address-postalcode=ZZ99+3VZ", pds.NoAbode.Number(), true},

		{"family=Amberly&given=Rosalynd&birthdate=1984-05-17&_fuzzy-match=true", pds.Ordinary.Number(), false},
		{"family=Rosalind&given=Amberley&birthdate=1984-05-17&_fuzzy-match=true", pds.Ordinary.Number(), false},
		{"family=Tamarisk&given=Beatrix&birthdate=1992-06-18&_fuzzy-match=true", pds.FormerName.Number(), false},
		{"family=Kocinski&given=Lucja&birthdate=1983-09-13&_fuzzy-match=true", pds.Accents.Number(), false},
		{"family=Amberly&birthdate=1984-05-17&gender=female&address-postalcode=KB14AA&_fuzzy-match=true", pds.Ordinary.Number(), false},
		{"given=Rosalind&birthdate=1984-05-17&gender=female&address-postalcode=KB14AA&_fuzzy-match=true", pds.Ordinary.Number(), true},
		{"family=Amberly&given=Rosalynd&birthdate=1984-05-18&_fuzzy-match=true", "", false},
	} {
		b, r := search(t, s, c.query)
		found := ""
		switch {
		case r.Code() == "TOO_MANY_MATCHES":
			found = many
		case len(b.Entry) == 1:
			found = b.Entry[0].Resource.ID
		}
		if r.Status != http.StatusOK || found != c.found {
			t.Errorf("%s: found %q, want %q: %d %s", c.query, found, c.found, r.Status, r.Body)
			continue
		}
		if found == "" || found == many {
			continue
		}
		if score := b.Entry[0].Search.Score; (score == 1) != c.exact || score <= 0 || score > 1 {
			t.Errorf("%s: score %v", c.query, score)
		}
	}
}

// TestSearchAnswers looks at the forms of the answers.
func TestSearchAnswers(t *testing.T) {
	s := nhstest.New(t)
	none, r := search(t, s, "family=Nobody&birthdate=2001-01-01")
	if none.ResourceType != "Bundle" || none.Type != "searchset" || *none.Total != 0 || strings.Contains(string(r.Body), "entry") {
		t.Errorf("none: %s", r.Body)
	}
	one, r := search(t, s, "family=Marchbanks&birthdate=1977-02-28")
	if *one.Total != 1 || len(one.Entry[0].Resource.Address) != 1 || one.Entry[0].Resource.Address[0].PostalCode != "KB2 1WL" ||
		!strings.HasSuffix(one.Entry[0].FullURL, "/Patient/"+pds.Letters.Number()) || r.Header.Get("ETag") != "" {
		t.Errorf("one: %s", r.Body)
	}
	ordinary, _ := search(t, s, "family=Amberley&birthdate=1984-05-17")
	if p := ordinary.Entry[0].Resource; p.ext("NominatedPharmacy") != "" || len(p.Contact) != 0 {
		t.Errorf("a search gives too much: %+v", p)
	}
	several, r := search(t, s, "family=Smithfield&birthdate=1980-01-01")
	if several.ResourceType != "OperationOutcome" || several.Issue[0].Severity != "information" || several.Total != nil || r.Status != 200 {
		t.Errorf("several: %s", r.Body)
	}
	wrong, r := search(t, s, "family=Oddfellow&birthdate=1985-08-25")
	if id := wrong.Entry[0].Resource.ID; *wrong.Total != 1 || pds.GoodNumber(id) || id[:9] != pds.WrongID.Number()[:9] {
		t.Errorf("wrong id: %s", r.Body)
	}
	if r := s.Get(t, s.PDSURL+"/Patient/"+wrong.Entry[0].Resource.ID); r.Code() != "INVALID_RESOURCE_ID" {
		t.Errorf("wrong id: %s", r.Body)
	}
	unclear, r := search(t, s, "family=Murkwater&birthdate=1986-08-26")
	if r.Status != 200 || unclear.Issue[0].Severity != "warning" || unclear.Issue[0].Code != "not-supported" || unclear.Issue[0].Details != nil {
		t.Errorf("unclear: %s", r.Body)
	}
}

func TestSearchRefuses(t *testing.T) {
	s := nhstest.New(t)
	const good = "family=Amberley&birthdate=1984-05-17"
	for query, want := range map[string]string{
		"":                                      "400 UNSUPPORTED_SERVICE",
		good + "&_max-results=2":                "403 INVALID_VALUE",
		good + "&_max-results=50":               "403 INVALID_VALUE",
		good + "&_max-results=x":                "403 INVALID_VALUE",
		good + "&_max-results=":                 "403 INVALID_VALUE",
		good + "&_max-results=1&_max-results=1": "403 INVALID_VALUE",
		good + "&surname=x":                     "400 ADDITIONAL_PROPERTIES",
		good + "&a=1&b=2":                       "400 ADDITIONAL_PROPERTIES",
		good + "&Family=x":                      "400 ADDITIONAL_PROPERTIES",
		good + "&address-postcode=KB1&address-postalcode=KB1":         "400 INVALID_SEARCH_DATA",
		"family=Amberley&birthdate=19840517":                          "400 INVALID_VALUE",
		"family=Amberley&birthdate=1984":                              "400 INVALID_VALUE",
		"family=Amberley&birthdate=1984-02-30":                        "400 INVALID_VALUE",
		"family=Amberley&birthdate=gt1984-05-17":                      "400 INVALID_VALUE",
		"family=Amberley&birthdate=EQ1984-05-17":                      "400 INVALID_VALUE",
		good + "&death-date=2020-1-1":                                 "400 INVALID_VALUE",
		good + "&gender=F":                                            "400 INVALID_VALUE",
		good + "&_history=yes":                                        "400 INVALID_VALUE",
		good + "&_fuzzy-match=1":                                      "400 INVALID_VALUE",
		good + "&given=":                                              "400 INVALID_VALUE",
		"family=Amberley":                                             "400 MISSING_VALUE",
		"birthdate=1984-05-17":                                        "400 INVALID_SEARCH_DATA",
		"given=Rosalind&birthdate=1984-05-17":                         "400 INVALID_SEARCH_DATA",
		"family=" + strings.Repeat("a", 36) + "&birthdate=1984-05-17": "400 INVALID_VALUE",
		"family=A%2A&birthdate=1984-05-17":                            "400 INVALID_VALUE",
		"family=%2Aley&birthdate=1984-05-17":                          "400 INVALID_VALUE",
		good + "&given=R%2A":                                          "400 INVALID_VALUE",
		good + "&address-postalcode=K%2A":                             "400 INVALID_VALUE",
		good + "&general-practitioner=Y9%2A":                          "400 INVALID_VALUE",
		good + "&email=ro%2A":                                         "400 INVALID_VALUE",
		good + "&_fuzzy-match=true":                                   "400 INVALID_SEARCH_DATA",
		good + "&given=Ro%2A&_fuzzy-match=true":                       "400 INVALID_SEARCH_DATA",
		good + "&given=Ro&_fuzzy-match=true&_exact-match=true":        "400 INVALID_SEARCH_DATA",
		good + "&family=Other":                                        "400 INVALID_SEARCH_DATA",
		good + "&birthdate=1984-05-17&birthdate=1984-05-17":           "400 INVALID_SEARCH_DATA",
		good + "&given=%zz":                                           "400 UNSUPPORTED_REQUEST",
		good + "&given=a;b":                                           "400 UNSUPPORTED_REQUEST",
	} {
		_, r := search(t, s, query)
		if got := r.Header.Get("Content-Type"); !strings.HasSuffix(got, "json") {
			t.Errorf("%s: %s", query, got)
		}
		if got := strings.TrimSpace(http.StatusText(r.Status)); got == "" || want != strings.Join([]string{status(r.Status), r.Code()}, " ") {
			t.Errorf("%s: %d %s, want %s", query, r.Status, r.Body, want)
		}
	}
}

func status(n int) string { return map[int]string{200: "200", 400: "400", 403: "403"}[n] }

// FuzzSearch sends any query: the answer is a good one or a 400 or 403, and a restricted patient's place is never in it.
func FuzzSearch(f *testing.F) {
	s := nhstest.New(f)
	token := s.Token(f)
	for _, query := range []string{
		"family=Greywillow&birthdate=1993-07-21", "family=Gr%2A&birthdate=ge1900-01-01&_history=true&address-postalcode=KB2%2A",
		"given=x&given=y&family=%5B%28&birthdate=eq2000-01-01&_fuzzy-match=true", "_max-results=1&family=*&birthdate=",
		"family=" + url.QueryEscape("Łucja") + "&given=a&birthdate=1983-09-13&_fuzzy-match=true",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+pds.Base+"/Patient", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-Request-ID", uuid.NewString())
		r.Header.Set("NHSD-End-User-Organisation-ODS", nhstest.ODS)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 403 {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
		for _, place := range []string{"Hollow Way", "do.not.show", "Y90003"} {
			if w.Code == 200 && strings.Contains(w.Body.String(), place) {
				t.Errorf("%q shows %s: %s", query, place, w.Body)
			}
		}
	})
}
