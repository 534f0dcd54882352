package faultproxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/faultproxy"
)

func TestControl(t *testing.T) {
	tab := newTable(t)
	url := *tab.client.Options().BaseEndpoint + "/faults"
	type report struct {
		Seed   uint64
		Rules  []faultproxy.Status
		Counts map[string]int
	}
	call := func(method, body string, want int) report {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		must(t, err)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != want {
			t.Fatalf("%s %s: %d %s", method, body, resp.StatusCode, text)
		}
		var r report
		if want == http.StatusOK {
			must(t, json.Unmarshal(text, &r))
		}
		return r
	}
	get := func() error {
		_, err := tab.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")})
		return err
	}

	call(http.MethodPut, `{"seed":5,"rules":[{"op":"GetItem","fault":"internal-error","probability":1,"after":1},
		{"op":"GetItem","fault":"slow-reply","nth":1,"delay":"10ms","name":"slow"}]}`, http.StatusOK)
	must(t, get())
	if err := get(); status(err) != 500 {
		t.Error(err)
	}
	r := call(http.MethodGet, "", http.StatusOK)
	if r.Seed != 5 || len(r.Rules) != 2 || r.Counts["GetItem"] != 2 {
		t.Fatalf("%+v", r)
	}
	if one := r.Rules[0]; one.Name != "internal-error" || one.Seen != 2 || one.Fired != 1 || one.After != 1 {
		t.Errorf("%+v", one)
	}
	// The second request ended at the first rule.
	if two := r.Rules[1]; two.Name != "slow" || two.Seen != 1 || two.Fired != 1 || two.Delay == 0 {
		t.Errorf("%+v", two)
	}

	// A refused change changes nothing.
	for _, body := range []string{
		`{"rules":[{"fault":"internal-error"}]}`,
		`{"rules":[{"fault":"internal-error","probability":2}]}`,
		`{"rules":[{"fault":"internal-error","probability":1,"nth":1}]}`,
		`{"rules":[{"fault":"meteor","probability":1}]}`,
		`{"rules":[{"fault":"transaction-conflict","op":"GetItem","probability":1}]}`,
		`{"rules":[{"fault":"late","op":"GetRecords","probability":1}]}`,
		`{"rules":[{"fault":"duplicate","probability":1}]}`,
		`{"rules":[{"fault":"slow-reply","probability":1}]}`,
		`{"rules":[{"fault":"slow-reply","probability":1,"delay":"1h"}]}`,
		`{"rules":[{"fault":"error","probability":1}]}`,
		`{"rules":[{"fault":"throttled","probability":1,"error":{"code":"X"}}]}`,
		`{"rules":[{"fault":"throttled","probabilty":1}]}`,
		`{"rules":[{"fault":"throttled","probability":1,"times":-1}]}`,
		`nonsense`,
	} {
		call(http.MethodPut, body, http.StatusBadRequest)
	}
	if r := call(http.MethodGet, "", http.StatusOK); r.Seed != 5 || len(r.Rules) != 2 {
		t.Errorf("after refusals: %+v", r)
	}
	call(http.MethodPost, "", http.StatusMethodNotAllowed)
	if r := call(http.MethodDelete, "", http.StatusOK); len(r.Rules) != 0 || len(r.Counts) != 0 {
		t.Errorf("after DELETE: %+v", r)
	}
	must(t, get())
}

func TestNew(t *testing.T) {
	for _, target := range []string{"", "127.0.0.1:8000", "https://dynamodb.eu-west-2.amazonaws.com", "http://"} {
		if _, err := faultproxy.New(target); err == nil {
			t.Errorf("%q is taken", target)
		}
	}
}

// TestEngineGone: without an engine the connection is cut, as AWS out of reach would look.
func TestEngineGone(t *testing.T) {
	_, url := newProxy(t, "http://127.0.0.1:1")
	resp, err := http.Post(url, "application/json", strings.NewReader("{}"))
	if err == nil {
		resp.Body.Close()
		t.Errorf("an answer: %s", resp.Status)
	}
}
