package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almanac/infra/demo"
	"almanac/infra/stack"
)

// welcome is what a person needs to use the running stack. Its curl lines name records that exist and a time that is
// free, asked for through the API itself, so that it cannot be printed while the API does not work.
func welcome(ctx context.Context, s *stack.Stack, logs string) (string, error) {
	c := caller{stack: s, client: &http.Client{Timeout: 15 * time.Second}}
	if err := c.login(ctx, demo.Receptionist); err != nil {
		return "", err
	}
	w, err := c.free(ctx)
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
  clock, faults   %s/clock  %s/table/faults
  function logs   %s

Log in as one of these; there are no passwords on this computer:
`, s.API, s.API, s.Login, s.Mailbox, s.Control, s.Control, logs)
	for _, p := range demo.People() {
		fmt.Fprintf(&b, "  %-18s %s (%s)\n", p.Subject, p.Name, p.Note)
	}
	fmt.Fprintf(&b, `
Try it: log in, list free times, book one.

TOKEN=$(curl -s %s/dev/token -H 'Content-Type: application/json' -d '{"subject":"%s"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

curl -s -H "Authorization: Bearer $TOKEN" '%s'

curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-booking' %s/v1/appointments -d '%s'

`, s.Login, demo.Receptionist, s.API+w.search, s.API, w.booking)
	return b.String(), nil
}

type caller struct {
	stack  *stack.Stack
	client *http.Client
	token  string
}

func (c *caller) login(ctx context.Context, subject string) error {
	var got struct {
		Token string `json:"access_token"`
	}
	err := c.do(ctx, http.MethodPost, c.stack.Login+"/dev/token", map[string]string{"subject": subject}, &got)
	c.token = got.Token
	return err
}

func (c *caller) do(ctx context.Context, method, address string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		req.Header.Set("Idempotency-Key", "welcome")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s answers %s", method, req.URL.Path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// register adds a patient to book for. The same key at every start finds the same one again, for three days.
func (c *caller) register(ctx context.Context) (string, error) {
	var got named
	err := c.do(ctx, http.MethodPost, c.stack.API+"/v1/patients", map[string]string{
		"name": "Newcomer Example", "email": "newcomer@example.org", "birthDate": "1990-01-31",
	}, &got)
	return got.ID, err
}

// wish is a search and a booking that work.
type wish struct{ search, booking string }

type named struct {
	ID     string   `json:"id"`
	SiteID string   `json:"siteId"`
	Name   string   `json:"name"`
	PrcIDs []string `json:"practitionerIds"`
}

type page struct {
	Items []named `json:"items"`
}

func (c *caller) free(ctx context.Context) (wish, error) {
	var services, sites page
	if err := c.do(ctx, http.MethodGet, c.stack.API+"/v1/services", nil, &services); err != nil {
		return wish{}, err
	}
	if err := c.do(ctx, http.MethodGet, c.stack.API+"/v1/sites", nil, &sites); err != nil {
		return wish{}, err
	}
	if len(services.Items) == 0 || len(sites.Items) == 0 {
		return wish{}, fmt.Errorf("the diary in this folder has no service or site")
	}
	service, site := services.Items[0], sites.Items[0]
	today := c.stack.Now()
	query := url.Values{
		"serviceId": {service.ID}, "siteId": {site.ID},
		"from": {today.AddDate(0, 0, 1).Format(time.DateOnly)}, "to": {today.AddDate(0, 0, 7).Format(time.DateOnly)},
	}
	search := "/v1/availability?" + query.Encode()
	var found struct {
		Days []struct {
			PractitionerID string `json:"practitionerId"`
			Slots          []struct {
				LocalStart string `json:"localStart"`
			} `json:"slots"`
		} `json:"days"`
	}
	if err := c.do(ctx, http.MethodGet, c.stack.API+search, nil, &found); err != nil {
		return wish{}, err
	}
	patient, err := c.register(ctx)
	if err != nil {
		return wish{}, err
	}
	for _, d := range found.Days {
		if len(d.Slots) > 0 {
			body, err := json.Marshal(map[string]string{
				"serviceId": service.ID, "siteId": site.ID, "practitionerId": d.PractitionerID,
				"patientId": patient, "start": d.Slots[0].LocalStart,
			})
			return wish{search, string(body)}, err
		}
	}
	return wish{}, fmt.Errorf("the demonstration diary has no free time in the next week")
}
