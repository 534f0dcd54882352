package main

import (
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/shared/access"
	"almanac/shared/alert"
	"almanac/shared/care"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/id"
	"almanac/shared/web"
)

// marked is written into every note; it may stand in no log, no event and no list.
const marked = "Zebedee Canary rang twice"

type object = clinictest.Body

// desk is a staffed clinic with this function in front of it, and its privacy officer.
type desk struct {
	*clinictest.Desk
	officer string
}

func newDesk(t *testing.T, with ...func(*dynamodb.Options)) *desk {
	t.Helper()
	h := clinictest.New(t, with...)
	d := &desk{Desk: clinictest.NewDesk(h.Found(t), process(h))}
	d.officer = d.NewStaff(t, access.PrivacyOfficer)
	return d
}

func process(h *clinictest.House) web.Handler {
	return h.Edge().Serve(routes(
		care.New(h.Table, h.Directory, h.Clock.Now, id.New), alert.New(h.Table, h.Keeper, h.Clock.Now, id.New)))
}

func (d *desk) clinician(t *testing.T) string {
	t.Helper()
	return d.NewStaff(t, access.Clinician)
}

// must sends a request as somebody and gives the answer.
func (d *desk) must(t *testing.T, status int, subject, method, path string, body any) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return d.Must(t, status, d.Ask(t, subject, method, path, body))
}

func of(patient, rest string) string { return "/v1/patients/" + patient + rest }

// glass breaks the glass for a clinician who has no part in the patient's care.
func (d *desk) glass(t *testing.T, patient, subject string) alert.Granted {
	t.Helper()
	return clinictest.Read[alert.Granted](t, d.must(t, http.StatusCreated, subject, "POST", of(patient, "/break-glass"),
		object{"reason": "life-at-risk", "note": marked}))
}

func (d *desk) last(t *testing.T, target string) event.Event {
	t.Helper()
	all := d.History(t, d.Org, target)
	if len(all) == 0 {
		t.Fatal("no event")
	}
	return all[len(all)-1]
}
