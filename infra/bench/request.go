package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"almanac/shared/id"
)

// request is a request to the API, as the gateway hands it to a function.
type request struct {
	method, path string
	query        url.Values
	body         any
	version      int64 // for If-Match; 0 for none
	want         int   // status
}

// event is the request as a payload: from a member of the staff, under a fresh idempotency key.
func (h *house) event(r request) ([]byte, error) {
	ev := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: r.method + " " + r.path, RawPath: r.path, RawQueryString: r.query.Encode(),
		Headers: map[string]string{"host": "api.example.org", "accept": "application/json"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: id.New("req"), TimeEpoch: time.Now().UnixMilli(), Stage: "$default",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.method, Path: r.path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1",
			},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
					Claims: map[string]string{
						"sub": staff, "cognito:groups": "[" + h.org + "]", "scope": "almanac/use",
						"client_id": "bench", "token_use": "access",
					},
					Scopes: []string{"almanac/use"},
				},
			},
		},
	}
	if r.method != http.MethodGet {
		ev.Headers["idempotency-key"] = id.New("key")
	}
	if r.version > 0 {
		ev.Headers["if-match"] = strconv.Quote(strconv.FormatInt(r.version, 10))
	}
	if r.body != nil {
		body, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		ev.Headers["content-type"], ev.Body = "application/json", string(body)
	}
	return json.Marshal(ev)
}

// record is what every answer tells of the record it is about.
type record struct {
	ID      string   `json:"id"`
	Version int64    `json:"version"`
	RoomIDs []string `json:"roomIds"`
}

// do sends a request to a function and checks the answer's status.
func (h *house) do(ctx context.Context, f *function, r request) (record, error) {
	payload, err := h.event(r)
	if err != nil {
		return record{}, err
	}
	return h.send(ctx, f, r, payload)
}

func (h *house) send(ctx context.Context, f *function, r request, payload []byte) (record, error) {
	body, err := f.invoke(ctx, payload)
	if err != nil {
		return record{}, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(body, &res); err != nil {
		return record{}, err
	}
	if res.StatusCode != r.want {
		return record{}, fmt.Errorf("%s %s answers %d, not %d: %s", r.method, r.path, res.StatusCode, r.want, res.Body)
	}
	var got record
	if err := json.Unmarshal([]byte(res.Body), &got); err != nil && res.StatusCode != http.StatusNoContent {
		return record{}, errors.Join(errors.New("the answer is not JSON"), err)
	}
	return got, nil
}

// search asks for a practitioner's free times over 31 days from tomorrow.
func (h *house) search(service, practitioner string) request {
	from := time.Now().In(h.zone).AddDate(0, 0, 1)
	return request{
		method: http.MethodGet, path: "/v1/availability", want: http.StatusOK,
		query: url.Values{
			"serviceId": {service}, "siteId": {h.site}, "practitionerId": {practitioner},
			"from": {from.Format(time.DateOnly)}, "to": {from.AddDate(0, 0, 30).Format(time.DateOnly)},
		},
	}
}

// booking asks for an appointment; without rooms, the diary chooses.
func (h *house) booking(service, practitioner, patient, start string, rooms ...string) request {
	body := map[string]any{
		"serviceId": service, "siteId": h.site, "practitionerId": practitioner, "patientId": patient, "start": start,
	}
	if len(rooms) > 0 {
		body["roomIds"] = rooms
	}
	return request{method: http.MethodPost, path: "/v1/appointments", want: http.StatusCreated, body: body}
}

func bookingHeld(hold, patient string) request {
	return request{
		method: http.MethodPost, path: "/v1/appointments", want: http.StatusCreated,
		body: map[string]string{"holdId": hold, "patientId": patient},
	}
}

func moving(apt record, start string) request {
	return request{
		method: http.MethodPost, path: "/v1/appointments/" + apt.ID + "/move", want: http.StatusOK,
		body: map[string]string{"start": start}, version: apt.Version,
	}
}

func cancelling(apt record) request {
	return request{
		method: http.MethodPost, path: "/v1/appointments/" + apt.ID + "/cancel", want: http.StatusOK,
		body: map[string]string{"reason": "patient_request"}, version: apt.Version,
	}
}
