package main

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"almanac/shared/access"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/consent"
	"almanac/shared/disclosure"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/table"
	"almanac/shared/web"
)

func (d *desk) text(t *testing.T, scope, text string) consent.Text {
	t.Helper()
	return clinictest.Read[consent.Text](t, d.Must(t, http.StatusCreated,
		d.Ask(t, clinictest.Manager, "POST", "/v1/consent-texts", object{"scope": scope, "text": text})))
}

func (d *desk) give(t *testing.T, body object) string {
	t.Helper()
	return clinictest.Read[consent.Recorded](t, d.must(t, http.StatusCreated, "POST", d.at(d.patient, "/consents"), body)).ID
}

// states tells how everything stood at an instant, as "scope status vN".
func (d *desk) states(t *testing.T, at string) (string, []consent.Consent) {
	t.Helper()
	if at != "" {
		at = "?at=" + at
	}
	v := clinictest.Read[consentsView](t, d.must(t, http.StatusOK, "GET", d.at(d.patient, "/consents")+at, nil))
	var all []string
	for _, s := range v.States {
		all = append(all, s.Scope+" "+s.Status+" v"+string(rune('0'+s.TextVersion)))
	}
	return strings.Join(all, ", "), v.Consents
}

func TestTexts(t *testing.T) {
	d := newDesk(t)
	one, other := d.text(t, "newsletter", "I agree.\r\n\tTo all of it."), d.text(t, "research", "I agree.")
	two := d.text(t, "newsletter", "I agree to more.")
	if one.Version != 1 || two.Version != 2 || other.Version != 1 || one.SHA256 != consent.Hash("I agree.\n\tTo all of it.") {
		t.Errorf("versions %d, %d, %d, hash %s", one.Version, two.Version, other.Version, one.SHA256)
	}
	p := clinictest.Read[web.Problem](t, d.Must(t, http.StatusConflict, d.Ask(t, clinictest.Manager,
		"POST", "/v1/consent-texts", object{"scope": "newsletter", "text": "I agree to more."})))
	if p.Code != "no_change" {
		t.Errorf("the same text again: %s", p.Code)
	}
	for _, scope := range []string{"Newsletter", "a", "news letter", "news#letter", "1st", "näws"} {
		d.Must(t, http.StatusUnprocessableEntity, d.Ask(t, clinictest.Manager, "POST", "/v1/consent-texts",
			object{"scope": scope, "text": "I agree."}))
	}
	for _, text := range []string{" ", "a\u202eb", "a\u0007b"} {
		d.Must(t, http.StatusUnprocessableEntity, d.Ask(t, clinictest.Manager, "POST", "/v1/consent-texts",
			object{"scope": "newsletter", "text": text}))
	}
	list := clinictest.Read[web.Page[consent.Text]](t, d.must(t, http.StatusOK, "GET", "/v1/consent-texts", nil)).Items
	if len(list) != 3 || list[0] != one || list[1] != two || list[2] != other {
		t.Errorf("the list is %+v", list)
	}
}

// Two who add the next version at once add two versions.
func TestTextsAtOnce(t *testing.T) {
	d := newDesk(t)
	done := make(chan int, 6)
	for i := range cap(done) {
		ev := d.Ask(t, clinictest.Manager, "POST", "/v1/consent-texts", object{"scope": "newsletter", "text": strings.Repeat("I agree. ", i+1)})
		serve := d.process()
		go func() {
			res, err := serve(t.Context(), ev.APIGatewayV2HTTPRequest)
			if err != nil {
				t.Error(err)
			}
			done <- res.StatusCode
		}()
	}
	made := 0
	for range cap(done) {
		if <-done == http.StatusCreated {
			made++
		}
	}
	list := clinictest.Read[web.Page[consent.Text]](t, d.must(t, http.StatusOK, "GET", "/v1/consent-texts", nil)).Items
	if len(list) != made || made == 0 {
		t.Errorf("%d made, %d there", made, len(list))
	}
	for i, text := range list {
		if text.Version != i+1 {
			t.Errorf("version %d is called %d", i+1, text.Version)
		}
	}
}

// A consent goes from being given to being withdrawn, and how it stood at any time can be told ever after.
func TestConsentThroughItsLife(t *testing.T) {
	d := newDesk(t)
	d.text(t, "newsletter", "I agree.")
	d.text(t, "newsletter", "I agree to more.")
	d.text(t, "research", "I agree to research.")
	old := d.give(t, object{
		"scope": "newsletter", "textVersion": 1, "by": "patient", "channel": "paper", "at": "2026-03-01T10:00:00Z",
		"evidence": "Form signed by Zoe-Canary",
	})
	d.give(t, object{"scope": "research", "by": "patient", "channel": "video", "at": "2026-05-01T10:00:00Z", "until": "2026-06-01T10:00:00Z"})
	d.give(t, object{"scope": "newsletter", "by": "patient", "channel": "online"})
	withdraw := d.at(d.patient, "/consents/"+old+"/withdraw")
	d.Clock.Pass(time.Hour)
	d.must(t, http.StatusOK, "POST", withdraw, object{"by": "patient", "channel": "telephone"})
	d.refused(t, http.StatusConflict, "withdrawn_already", "POST", withdraw, object{"by": "patient", "channel": "telephone"})
	for at, want := range map[string]string{
		"2026-02-28T10:00:00Z": "",
		"2026-03-01T09:59:59Z": "",
		"2026-03-01T10:00:00Z": "newsletter given v1",
		"2026-05-31T10:00:00Z": "newsletter given v1, research given v1",
		"2026-06-01T10:00:00Z": "newsletter given v1, research expired v1",
		"2027-01-04T07:30:00Z": "newsletter given v2, research expired v1",
		"":                     "newsletter withdrawn v1, research expired v1",
	} {
		if got, _ := d.states(t, at); got != want {
			t.Errorf("at %s: %s, want %s", at, got, want)
		}
	}
	_, all := d.states(t, "")
	if len(all) != 3 || all[0].Evidence != "Form signed by Zoe-Canary" || all[0].Withdrawn == nil ||
		all[0].Withdrawn.EnteredBy != clinictest.Clinician || all[0].TextSHA256 != consent.Hash("I agree.") {
		t.Errorf("%d consents", len(all))
	}
	if strings.Contains(d.stored(t), "Zoe-Canary") || strings.Contains(d.Log.String(), "Zoe-Canary") {
		t.Error("the evidence stands somewhere in clear")
	}
	d.Clock.Pass(time.Second)
	d.give(t, object{"scope": "newsletter", "by": "patient", "channel": "email"})
	if got, _ := d.states(t, ""); got != "newsletter given v2, research expired v1" {
		t.Errorf("given anew: %s", got)
	}
}

func TestConsentIsChecked(t *testing.T) {
	d := newDesk(t)
	d.text(t, "newsletter", "I agree.")
	base := func(change object) object {
		b := object{"scope": "newsletter", "by": "patient", "channel": "paper", "at": "2026-12-01T10:00:00Z"}
		maps.Copy(b, change)
		return b
	}
	for name, body := range map[string]object{
		"no such scope":      base(object{"scope": "other"}),
		"no such version":    base(object{"textVersion": 2}),
		"in the future":      base(object{"at": "2027-01-04T07:00:01Z"}),
		"before the NHS":     base(object{"at": "1900-01-01T00:00:00Z"}),
		"until before at":    base(object{"until": "2026-12-01T10:00:00Z"}),
		"until for ever":     base(object{"until": "2326-12-01T10:00:00Z"}),
		"by nobody":          base(object{"by": "somebody"}),
		"by a stranger":      base(object{"by": id.New("rep")}),
		"evidence with line": base(object{"evidence": "a\nb"}),
	} {
		if got := d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", d.at(d.patient, "/consents"), body); len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
	given := d.give(t, base(nil))
	withdraw := d.at(d.patient, "/consents/"+given+"/withdraw")
	for name, at := range map[string]string{"in the future": "2027-01-04T07:00:01Z", "before": "2026-12-01T09:59:59Z"} {
		if got := d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", withdraw,
			object{"by": "patient", "channel": "paper", "at": at}); len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
	d.must(t, http.StatusUnprocessableEntity, "GET", d.at(d.patient, "/consents?at=2027-01-04T07:00:01Z"), nil)
	d.must(t, http.StatusNotFound, "POST", d.at(d.patient, "/consents/"+id.New("cns")+"/withdraw"), object{"by": "patient", "channel": "paper"})
}

// Withdrawing takes no field that giving did not take, and none of the text.
func TestWithdrawalIsAsEasy(t *testing.T) {
	doc := clinictest.Read[struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
				Required   []string       `json:"required"`
			} `json:"schemas"`
		} `json:"components"`
	}](t, document(t))
	give, withdraw := doc.Components.Schemas["GiveBody"], doc.Components.Schemas["WithdrawBody"]
	if len(withdraw.Properties) == 0 || len(withdraw.Properties) > len(give.Properties) || len(withdraw.Required) > len(give.Required) {
		t.Errorf("withdrawing takes %d fields, %d of them always; giving %d and %d", len(withdraw.Properties),
			len(withdraw.Required), len(give.Properties), len(give.Required))
	}
	for name := range withdraw.Properties {
		if _, ok := give.Properties[name]; !ok || strings.Contains(name, "text") {
			t.Errorf("withdrawing asks for %s", name)
		}
	}
}

// A representative speaks for the patient while that counts.
func TestRepresentativesConsent(t *testing.T) {
	d := newDesk(t)
	d.text(t, "newsletter", "I agree.")
	now := d.Clock.Now()
	asks, books, ended := id.New("rep"), id.New("rep"), id.New("rep")
	d.circle(t, func(c *care.Circle) {
		c.Representatives = []care.Representative{
			{ID: asks, May: []string{care.MayAsk}, From: now, Until: now.Add(time.Hour)},
			{ID: books, May: []string{care.MayBook}, From: now},
			{ID: ended, May: []string{care.MayAsk}, From: now.AddDate(-1, 0, 0), Until: now.AddDate(0, -1, 0)},
		}
	})
	by := func(who, at string) object {
		return object{"scope": "newsletter", "by": who, "channel": "paper", "at": at}
	}
	past := now.AddDate(0, 0, -2).Format(time.RFC3339) // the form was signed before the authority was entered here
	given := d.give(t, by(asks, past))
	for _, who := range []string{books, ended} {
		d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", d.at(d.patient, "/consents"), by(who, past))
	}
	d.give(t, by(ended, now.AddDate(0, -2, 0).Format(time.RFC3339)))
	d.Clock.Pass(2 * time.Hour)
	withdraw := d.at(d.patient, "/consents/"+given+"/withdraw")
	d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", withdraw, object{"by": asks, "channel": "paper"})
	d.must(t, http.StatusOK, "POST", withdraw, object{"by": "patient", "channel": "paper"})
}

func (d *desk) circle(t *testing.T, change func(*care.Circle)) {
	t.Helper()
	k := d.Table.For(d.By(t, clinictest.Receptionist))
	c, err := care.Of(t.Context(), k, d.patient)
	if err != nil {
		t.Fatal(err)
	}
	change(&c)
	err = k.Write(t.Context(), table.Change{
		Action: access.RepresentativeAdd, Target: d.patient, Event: event.Event{Name: event.RepresentativeAdded},
		Put: []table.Item{c.Item(k, d.patient)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDisclosures(t *testing.T) {
	d := newDesk(t)
	body := func(change object) object {
		b := object{
			"at": "2026-12-20T10:00:00Z", "recipient": object{"name": " Zoe-Canary & Partners ", "odsCode": "a81001"},
			"categories": []string{"identity", "health-record", "identity"}, "purpose": "legal-claim",
			"authority": "legal-claims", "channel": "post",
		}
		maps.Copy(b, change)
		return b
	}
	path := d.at(d.patient, "/disclosures")
	first := clinictest.Read[disclosure.Registered](t, d.must(t, http.StatusCreated, "POST", path, body(nil)))
	for range 4 {
		d.must(t, http.StatusCreated, "POST", path, body(object{"at": "2026-12-01T10:00:00Z", "recipient": object{"name": "Dr B"}}))
	}
	for name, wrong := range map[string]object{
		"in the future": {"at": "2027-01-04T07:00:01Z"},
		"long ago":      {"at": "1900-01-01T00:00:00Z"},
		"no name":       {"recipient": object{"name": "  "}},
		"no ODS code":   {"recipient": object{"name": "A", "odsCode": "A-8"}},
	} {
		if got := d.refused(t, http.StatusUnprocessableEntity, "invalid", "POST", path, body(wrong)); len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
	var all []disclosure.Entry
	for after := ""; ; {
		page := clinictest.Read[web.Page[disclosure.Entry]](t, d.must(t, http.StatusOK, "GET", path+"?limit=2&after="+after, nil))
		all = append(all, page.Items...)
		if after = page.Next; after == "" {
			break
		}
	}
	if len(all) != 5 {
		t.Fatalf("%d entries", len(all))
	}
	got := all[4]
	if got.ID != first.ID || got.Recipient != (disclosure.Recipient{Name: "Zoe-Canary & Partners", ODSCode: "A81001"}) ||
		len(got.Categories) != 2 || got.Source != disclosure.Hand || got.By != clinictest.Clinician {
		t.Errorf("the first entry is of %d categories, by %s, %s", len(got.Categories), got.By, got.Source)
	}
	if strings.Contains(d.stored(t), "Canary") || strings.Contains(d.Log.String(), "Canary") {
		t.Error("the recipient stands somewhere in clear")
	}
	d.must(t, http.StatusBadRequest, "GET", path+"?after=dsc_x", nil)
}
