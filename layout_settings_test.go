package almanac_test

import (
	"slices"
	"strings"
	"testing"

	"almanac/infra/cfn"
)

// How old a webhook may be is the deployment's to say, within what shared/app takes at a start: a value that the
// template lets through and the function refuses would stop all webhooks.
func TestWebhookMaxAge(t *testing.T) {
	template := text(t, "template.yaml")
	_, rest, _ := strings.Cut(template, "\n  ZoomWebhookMaxAge:\n")
	about, _, _ := strings.Cut(rest, "\n  Zoom")
	for _, line := range []string{"Type: Number", "Default: 7200", "MinValue: 5400", "MaxValue: 86400"} {
		if !slices.Contains(strings.Split(about, "\n"), "    "+line) {
			t.Errorf("ZoomWebhookMaxAge has no %s", line)
		}
	}
	for given, want := range map[string]string{"": "7200", "5400": "5400"} {
		values := cfn.Values{Parameters: map[string]string{"MailFrom": "bookings@mail.example.org"}}
		if given != "" {
			values.Parameters["ZoomWebhookMaxAge"] = given
		}
		parsed, err := cfn.Parse([]byte(template), values)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range parsed.Functions {
			if got := f.Env["ZOOM_WEBHOOK_MAX_AGE"]; (f.ID == "ZoomWebhook") != (got == want) {
				t.Errorf("%s is given %q, not %q", f.ID, got, want)
			}
		}
	}
}
