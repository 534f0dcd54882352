package patient

import (
	"testing"
	"time"
)

// The record that goes on keeps its number, unless it has none or only the other's is confirmed; the one that gives
// way goes into the history.
func TestOneNumber(t *testing.T) {
	now := time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC)
	with := func(value, status string) *Number { return &Number{Value: value, Status: status} }
	for _, c := range []struct {
		name       string
		own, other *Number
		want       string
		status     string
		past       string
	}{
		{"neither", nil, nil, "", "", ""},
		{"own alone", with("1", StatusPresent), nil, "1", StatusPresent, ""},
		{"the other alone", nil, with("2", StatusPresent), "2", StatusPresent, ""},
		{"both, unconfirmed", with("1", StatusPresent), with("2", StatusPresent), "1", StatusPresent, "2"},
		{"both, confirmed", with("1", StatusVerified), with("2", StatusVerified), "1", StatusVerified, "2"},
		{"own confirmed", with("1", StatusVerified), with("2", StatusPresent), "1", StatusVerified, "2"},
		{"the other confirmed", with("1", StatusPresent), with("2", StatusVerified), "2", StatusVerified, "1"},
		{"the same", with("1", StatusPresent), with("1", StatusPresent), "1", StatusPresent, ""},
		{"the same, the other confirmed", with("1", StatusPresent), with("1", StatusVerified), "1", StatusVerified, ""},
		{"a past one alone", &Number{History: []PastNumber{{Value: "3"}}}, with("2", StatusPresent), "2", StatusPresent, "3"},
	} {
		got := oneNumber(c.own, c.other, now)
		value, status, past := "", "", ""
		if got != nil {
			value, status = got.Value, got.Status
			for _, h := range got.History {
				past += h.Value
			}
		}
		if value != c.want || status != c.status || past != c.past {
			t.Errorf("%s: number %q %q, past %q", c.name, value, status, past)
		}
	}
}
