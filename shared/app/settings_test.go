package app

import (
	"slices"
	"strings"
	"testing"

	"almanac/shared/event"
)

// What a function needs and was not given is named, at its start.
func TestSettings(t *testing.T) {
	given := map[string]string{
		"AWS_REGION": "eu-west-2", "TABLE_NAME": "t", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
		"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
	}
	env, err := readEnvironment(func(name string) string { return given[name] })
	if err != nil {
		t.Fatal(err)
	}
	a := &App{env: env}
	if _, err := a.Queues(); err == nil || !strings.Contains(err.Error(), "EMAIL_QUEUE_URL") {
		t.Errorf("Queues: %v", err)
	}
	if _, err := a.Mail(); err == nil || !strings.Contains(err.Error(), "MAIL_FROM") {
		t.Errorf("Mail: %v", err)
	}
	given["EMAIL_QUEUE_URL"], given["MAIL_FROM"], given["MAIL_CONFIGURATION_SET"] = "http://127.0.0.1:1/q", "a@b.example", "set"
	for _, name := range []string{"PDS_QUEUE_URL", "ASKED_QUEUE_URL", "UPLOAD_QUEUE_URL", "VIDEO_QUEUE_URL"} {
		if _, err := a.Queues(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Queues: %v", err)
		}
		given[name] = "http://127.0.0.1:1/" + name
	}
	if urls, err := a.Queues(); err != nil || urls[event.Email] != "http://127.0.0.1:1/q" {
		t.Errorf("Queues: %v, %v", urls, err)
	}
	if m, err := a.Mail(); err != nil || m != (Mail{From: "a@b.example", ConfigurationSet: "set"}) {
		t.Errorf("Mail: %+v, %v", m, err)
	}
	if cfg := a.Config("SQS"); cfg.BaseEndpoint == nil || *cfg.BaseEndpoint != "http://127.0.0.1:1" || cfg.Region != "eu-west-2" {
		t.Errorf("Config: %+v", cfg)
	}
	if cfg := a.Config("SESV2"); cfg.BaseEndpoint != nil {
		t.Errorf("an endpoint that was not given: %s", *cfg.BaseEndpoint)
	}
}

// A worker knows the queues that it was given, and does not start without any.
func TestWorkQueues(t *testing.T) {
	given := map[string]string{}
	a := &App{env: environment{get: func(name string) string { return given[name] }}}
	if urls, err := a.WorkQueues(); err == nil {
		t.Errorf("without a queue: %v", urls)
	}
	var want []string
	for _, name := range []string{"EMAIL", "PDS", "ASKED", "UPLOAD", "VIDEO", "NOTICE"} {
		given[name+"_QUEUE_URL"] = "http://127.0.0.1:1/" + name
		want = append(want, "http://127.0.0.1:1/"+name)
	}
	if urls, err := a.WorkQueues(); err != nil || !slices.Equal(urls, want) {
		t.Errorf("WorkQueues: %v, %v", urls, err)
	}
}
