package clinictest_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/clinic"
	"almanac/shared/clinictest"
	"almanac/shared/id"
	"almanac/shared/patient"
	"almanac/shared/table"
)

// told is a way in which a test's patient becomes known, with what the end of the test must say of it.
type told struct {
	says   string
	log    string
	email  string // of staff, whose addresses are stored as they are
	erased bool
	answer events.APIGatewayV2HTTPResponse
}

const (
	toldFamily  = "Quillfeather"
	toldNumber  = "9990000018"
	toldAddress = "quill@canary.example"
)

func ways() map[string]told {
	return map[string]told{
		"a name in the log": {
			says: `"quillfeather", which is a patient's, stands in the log lines`, log: `{"msg":"hello QUILLFEATHER"}`,
		},
		"a number in the log": {
			says: `"9990000018", which is a patient's, stands in the log lines`, log: `{"path":"/Patient/9990000018"}`,
		},
		"the name of somebody who is erased by now": {
			says: `"quillfeather", which is a patient's, stands in the log lines`, log: toldFamily, erased: true,
		},
		"an address in an item": {
			says: `"quill@canary.example", which is a patient's, stands in the items`, email: toldAddress,
		},
		"a name in a refusal": {
			says:   "stands in the refusals",
			answer: events.APIGatewayV2HTTPResponse{StatusCode: http.StatusConflict, Body: "There is a Quillfeather."},
		},
		"a number in an address": {
			says: "stands in the refusals and addresses",
			answer: events.APIGatewayV2HTTPResponse{
				StatusCode: http.StatusCreated, Headers: map[string]string{"location": "/v1/patients/" + toldNumber},
			},
		},
	}
}

// tell registers the patient and makes the patient known.
func (w told) tell(t *testing.T) {
	t.Helper()
	c := clinictest.New(t).Found(t)
	p := patient.Patient{
		Names:    []patient.Name{{Use: patient.Usual, Given: []string{"Amabel"}, Family: toldFamily}},
		Contacts: []patient.Contact{{System: patient.Email, Value: toldAddress}},
		Number:   &patient.Number{Value: toldNumber},
	}
	if w.erased {
		c.Erase(t, c.Register(t, p))
	} else { // as a function does, which the house hears nothing of
		s := patient.New(c.Table, c.Keeper, c.Clock.Now, id.New)
		if _, err := s.Create(t.Context(), c.By(t, clinictest.Receptionist), clinictest.Once(), p); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = fmt.Fprintln(c.Log, w.log) // into memory
	c.Change(t, func(k table.Clinic) []table.Item {
		one := clinic.Staff{Subject: "staff-x", Name: "Staff", Email: w.email}
		return []table.Item{{Key: k.Staff(one.Subject), Value: one, New: true}}
	})
	ask := c.Ask(t, clinictest.Receptionist, http.MethodPost, "/v1/patients", nil)
	clinictest.Send(t, func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return w.answer, nil
	}, ask)
}

// TestCanariesFound: a test whose patient becomes known fails at its end.
func TestCanariesFound(t *testing.T) {
	const variable = "CLINICTEST_TOLD"
	if which := os.Getenv(variable); which != "" {
		ways()[which].tell(t)
		return
	}
	for which, w := range ways() {
		t.Run(which, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCanariesFound$")
			cmd.Env = append(os.Environ(), variable+"="+which)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), w.says) {
				t.Errorf("want a failure that says %q, got %v:\n%s", w.says, err, out)
			}
		})
	}
}

// TestCanariesSilent: what is no patient's, or stands in another word, is no find.
func TestCanariesSilent(t *testing.T) {
	c := clinictest.New(t).Found(t)
	c.Register(t, patient.Patient{
		Names: []patient.Name{{Use: patient.Usual, Given: []string{"Ann"}, Family: "Booking"}},
	})
	_, _ = fmt.Fprintln(c.Log, `{"name":"appointment.bookings","given":"ann","number":"19990000018"}`)
}
