package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// answer is what a function returned, read as API Gateway reads it.
type answer struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// parseAnswer reads the payload format 2.0. A result without a status code is itself the body of a 200.
func parseAnswer(payload []byte) (*answer, error) {
	if !json.Valid(payload) {
		return nil, errors.New("the function's answer is not JSON")
	}
	var raw struct {
		StatusCode      json.RawMessage            `json:"statusCode"`
		Headers         map[string]json.RawMessage `json:"headers"`
		Body            *string                    `json:"body"`
		IsBase64Encoded bool                       `json:"isBase64Encoded"`
		Cookies         []string                   `json:"cookies"`
	}
	if first := bytes.TrimSpace(payload); first[0] == '{' {
		if err := json.Unmarshal(payload, &raw); err != nil {
			return nil, fmt.Errorf("the function's answer: %w", err)
		}
	}
	if raw.StatusCode == nil {
		return bare(payload), nil
	}
	a := &answer{headers: map[string]string{}, cookies: raw.Cookies}
	status, err := strconv.Atoi(text(raw.StatusCode))
	if err != nil || status < 100 || status > 599 {
		return nil, fmt.Errorf("the function's answer: status code %s", raw.StatusCode)
	}
	a.status = status
	for k, v := range raw.Headers {
		a.headers[k] = text(v)
	}
	if raw.Body != nil {
		a.body = []byte(*raw.Body)
	}
	if raw.IsBase64Encoded {
		if a.body, err = base64.StdEncoding.DecodeString(string(a.body)); err != nil {
			return nil, fmt.Errorf("the function's answer: body: %w", err)
		}
	}
	return a, nil
}

func bare(payload []byte) *answer {
	a := &answer{status: http.StatusOK, headers: map[string]string{"Content-Type": "application/json"}, body: payload}
	var s string
	if json.Unmarshal(payload, &s) == nil && s != "" {
		a.body = []byte(s)
	}
	return a
}

// text is a JSON value as a header has it: a string without its quotes, anything else as written.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// write sends the answer. Where the API declares CORS, what the function says about other origins does not count.
func (a *answer) write(w http.ResponseWriter, method string, cors bool) {
	h := w.Header()
	for k, v := range a.headers {
		switch http.CanonicalHeaderKey(k) {
		// Connection matters are the gateway's.
		case "Connection", "Transfer-Encoding", "Content-Length", "Apigw-Requestid":
		case "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
			"Access-Control-Allow-Methods", "Access-Control-Expose-Headers", "Access-Control-Max-Age":
			if !cors {
				h.Set(k, v)
			}
		default:
			h.Set(k, v)
		}
	}
	for _, c := range a.cookies {
		h.Add("Set-Cookie", c)
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified && a.status >= 200 {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	} else {
		a.body = nil
	}
	w.WriteHeader(a.status)
	if method != http.MethodHead {
		_, _ = w.Write(a.body) // the client has gone
	}
}
