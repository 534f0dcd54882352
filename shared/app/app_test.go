package app

import (
	"strings"
	"testing"
)

func TestMissingVariablesStopTheStartByName(t *testing.T) {
	_, err := readEnvironment(func(name string) string {
		return map[string]string{"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "key"}[name]
	})
	if err == nil {
		t.Fatal("started without a table")
	}
	for _, name := range []string{"TABLE_NAME", "AWS_SECRET_ACCESS_KEY"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("%q names a variable that is set", err)
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
