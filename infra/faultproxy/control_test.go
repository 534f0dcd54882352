package faultproxy_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"almanac/infra/faultproxy"
)

// report is what the control handler answers.
type report struct {
	Seed   uint64
	Rules  []faultproxy.Status
	Counts map[string]int
}

// control calls the control handler of the table's proxy.
func (tab *table) control(t *testing.T, method, body string, want int) report {
	t.Helper()
	url := *tab.client.Options().BaseEndpoint + "/faults"
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	text, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %d %s", method, body, resp.StatusCode, text)
	}
	var r report
	if want == http.StatusOK {
		must(t, json.Unmarshal(text, &r))
	}
	return r
}

func (tab *table) get(t *testing.T) error {
	t.Helper()
	_, err := tab.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &tab.name, Key: key("a")})
	return err
}

func TestControl(t *testing.T) {
	tab := newTable(t)
	tab.control(t, http.MethodPut, `{"seed":5,"rules":[
		{"op":"GetItem","fault":"internal-error","probability":1,"after":1},
		{"op":"GetItem","fault":"slow-reply","nth":1,"delay":"10ms","name":"slow"}]}`, http.StatusOK)
	must(t, tab.get(t))
	if err := tab.get(t); status(err) != 500 {
		t.Error(err)
	}
	r := tab.control(t, http.MethodGet, "", http.StatusOK)
	if r.Seed != 5 || len(r.Rules) != 2 || r.Counts["GetItem"] != 2 {
		t.Fatalf("%+v", r)
	}
	one := faultproxy.Rule{Name: "internal-error", Op: "GetItem", Fault: faultproxy.InternalError, Probability: 1, After: 1}
	two := faultproxy.Rule{
		Name: "slow", Op: "GetItem", Fault: faultproxy.SlowReply, Nth: 1, Delay: faultproxy.Duration(10 * time.Millisecond),
	}
	// The second request ended at the first rule.
	want := []faultproxy.Status{{Rule: one, Seen: 2, Fired: 1}, {Rule: two, Seen: 1, Fired: 1}}
	if diff := cmp.Diff(want, r.Rules); diff != "" {
		t.Error(diff)
	}
	tab.control(t, http.MethodPost, "", http.StatusMethodNotAllowed)
	if r := tab.control(t, http.MethodDelete, "", http.StatusOK); len(r.Rules) != 0 || len(r.Counts) != 0 {
		t.Errorf("after DELETE: %+v", r)
	}
	must(t, tab.get(t))
}

// TestRefusedRules: a refused change says so and changes nothing.
func TestRefusedRules(t *testing.T) {
	tab := newTable(t)
	must(t, tab.proxy.Set(5, faultproxy.Rule{Fault: faultproxy.Throttled, Nth: 100}))
	for _, rule := range []string{
		`"fault":"internal-error"`,
		`"fault":"internal-error","probability":2`,
		`"fault":"internal-error","probability":1,"nth":1`,
		`"fault":"meteor","probability":1`,
		`"fault":"transaction-conflict","op":"GetItem","probability":1`,
		`"fault":"late","op":"GetRecords","probability":1`,
		`"fault":"late","op":"SendMessage","probability":1,"polls":1`,
		`"fault":"duplicate","probability":1`,
		`"fault":"slow-reply","probability":1`,
		`"fault":"slow-reply","probability":1,"delay":"1h"`,
		`"fault":"slow-reply","probability":1,"delay":5`,
		`"fault":"error","probability":1`,
		`"fault":"throttled","probability":1,"error":{"code":"X"}`,
		`"fault":"throttled","probability":1,"tmies":1`,
		`"fault":"throttled","probability":1,"times":-1`,
		`nonsense`,
	} {
		tab.control(t, http.MethodPut, `{"rules":[{`+rule+`}]}`, http.StatusBadRequest)
	}
	if r := tab.control(t, http.MethodGet, "", http.StatusOK); r.Seed != 5 || len(r.Rules) != 1 {
		t.Errorf("after refusals: %+v", r)
	}
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
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		t.Errorf("an answer: %s", resp.Status)
		must(t, resp.Body.Close())
	}
}
