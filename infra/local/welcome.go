package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
	"almanac/infra/sandbox/zoom"
	"almanac/infra/stack"
)

// welcome is what a person needs to use the running stack. Its curl lines name records that exist and a time that is
// free, asked for through the API itself, so that it cannot be printed while the API does not work.
func welcome(ctx context.Context, s *stack.Stack, logs string) (string, error) {
	c := client.New(s.API)
	if err := c.LogIn(ctx, s.Login, demo.Receptionist); err != nil {
		return "", err
	}
	w, err := free(ctx, c, s.Now())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `
Almanac is running. Stop it with Ctrl-C.

  API             %s/v1
  documentation   %s/docs
  log-in          %s/.well-known/openid-configuration
  mailbox         %s/mailbox
  NHS services    %s/nhs/
  Zoom            %s/
  clock, faults   %s/clock  %s/table/faults
  function logs   %s

Log in as one of these; there are no passwords on this computer:
`, s.API, s.API, s.Login, s.Mailbox, s.Control, s.Zoom, s.Control, s.Control, logs)
	for _, p := range demo.People() {
		fmt.Fprintf(&b, "  %-24s %s (%s)\n", p.Subject, p.Name, p.Note)
	}
	fmt.Fprintf(&b, `
Try it: log in, list free times, book one.

TOKEN=$(curl -s -H 'Content-Type: application/json' -d '{"subject":"%[2]s"}' %[1]s/dev/token |
  sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')

curl -s -H "Authorization: Bearer $TOKEN" '%[3]s'

curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
  -H 'Idempotency-Key: booking-%[6]s' %[4]s/v1/appointments \
  -d '%[5]s'

`, s.Login, demo.Receptionist, s.API+w.search, s.API, w.booking, w.start)
	fmt.Fprintf(&b, `# Connect a doctor's Zoom for video visits, as a browser would: at most five times in ten minutes.
# Act as Zoom's users on its page.

DOCTOR=$(curl -s -H 'Content-Type: application/json' -d '{"subject":"%[2]s"}' %[1]s/dev/token |
  sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p'); JAR=$(mktemp)

curl -s -c $JAR -X POST -H "Authorization: Bearer $DOCTOR" %[3]s/v1/connections/zoom |
  sed -n 's/\\u0026/\&/g; s/.*"authoriseUrl": *"\([^"]*\)".*/\1/p' |
  xargs curl -s -L -b $JAR -c $JAR -d 'user=%[4]s' -d allow=1 | grep '<h1>'

`, s.Login, demo.Clinician, s.Public(), zoom.Ada)
	return b.String(), nil
}

type named struct {
	ID string `json:"id"`
}

type page struct {
	Items []named `json:"items"`
}

// wish is a search and a booking that work.
type wish struct{ search, booking, start string }

type slot struct{ practitioner, start string }

// free finds a search that gives free times, and a booking of the first of them for a patient of its own.
func free(ctx context.Context, c *client.Client, today time.Time) (wish, error) {
	var services, sites page
	if err := errors.Join(c.Get(ctx, "/v1/services", &services), c.Get(ctx, "/v1/sites", &sites)); err != nil {
		return wish{}, err
	}
	patient, err := register(ctx, c)
	if err != nil {
		return wish{}, err
	}
	for _, service := range services.Items {
		for _, site := range sites.Items {
			query := url.Values{
				"serviceId": {service.ID}, "siteId": {site.ID},
				"from": {today.AddDate(0, 0, 1).Format(time.DateOnly)},
				"to":   {today.AddDate(0, 0, 7).Format(time.DateOnly)},
			}
			search := "/v1/availability?" + query.Encode()
			slot, err := first(ctx, c, search)
			if err != nil {
				return wish{}, err
			}
			if slot.start == "" {
				continue
			}
			body, err := json.Marshal(map[string]string{
				"serviceId": service.ID, "siteId": site.ID, "practitionerId": slot.practitioner,
				"patientId": patient, "start": slot.start,
			})
			return wish{search, string(body), slot.start}, err
		}
	}
	return wish{}, errors.New("the diary has no free time in the next week")
}

// first is the first free time that a search gives, or none.
func first(ctx context.Context, c *client.Client, search string) (slot, error) {
	var found struct {
		Days []struct {
			PractitionerID string `json:"practitionerId"`
			Slots          []struct {
				LocalStart string `json:"localStart"`
			} `json:"slots"`
		} `json:"days"`
	}
	if err := c.Get(ctx, search, &found); err != nil {
		return slot{}, err
	}
	for _, d := range found.Days {
		if len(d.Slots) > 0 {
			return slot{d.PractitionerID, d.Slots[0].LocalStart}, nil
		}
	}
	return slot{}, nil
}

// register adds a patient to book for. The same key at every start finds the same one again, for three days; after that
// the refusal of a second one like that names the first.
func register(ctx context.Context, c *client.Client) (string, error) {
	a, err := c.Do(ctx, http.MethodPost, "/v1/patients", map[string]any{
		"names":     []any{map[string]any{"use": "usual", "given": []string{"Newcomer"}, "family": "Example"}},
		"birthDate": "1990-01-31",
		"contacts":  []any{map[string]string{"system": "email", "value": "newcomer@example.org"}},
	}, client.Key("welcome"))
	if err != nil {
		return "", err
	}
	var problem struct {
		Code   string
		Errors []struct{ Resource string }
	}
	if a.Status == http.StatusConflict && a.Into(&problem) == nil && problem.Code == "possible_duplicate" &&
		len(problem.Errors) > 0 {
		return problem.Errors[0].Resource, nil
	}
	if a.Status != http.StatusCreated {
		return "", fmt.Errorf("registering a patient answers %d: %s", a.Status, a.Body)
	}
	var got named
	err = a.Into(&got)
	return got.ID, err
}
