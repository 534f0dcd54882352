package app

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMissingVariablesStopTheStartByName(t *testing.T) {
	_, err := readEnvironment(func(name string) string {
		return map[string]string{"AWS_REGION": "eu-west-2"}[name]
	})
	if err == nil {
		t.Fatal("started without credentials")
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("%q names a variable that is set", err)
	}
}

// A function with a table does not start without its name; one that has none does.
func TestTableIsNamed(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "local")
	}
	t.Setenv("TABLE_NAME", "")
	if _, err := New(t.Context()); err == nil || !strings.Contains(err.Error(), "TABLE_NAME") {
		t.Errorf("New: %v", err)
	}
	if a, err := Bare(t.Context()); err != nil || a.Table != nil {
		t.Errorf("Bare: %v", err)
	}
}

func TestEndpointsAreUnsetOnAWS(t *testing.T) {
	e := environment{get: func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1"}[name]
	}}
	if e.endpoint("DYNAMODB") != nil || e.endpoint("SQS") == nil {
		t.Error("endpoints are not those of the environment")
	}
}

// What a main cannot do without stops the start, with a word why.
func TestMust(t *testing.T) {
	const variable = "APP_MUST"
	if os.Getenv(variable) != "" {
		Must("", errors.New("the queue is not set"))
		return
	}
	if got := Must("there", nil); got != "there" {
		t.Errorf("got %q", got)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMust$")
	cmd.Env = append(os.Environ(), variable+"=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "the queue is not set") {
		t.Errorf("it went on: %v, %s", err, out)
	}
}
