package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almanac/shared/id"
)

// request is a request before it is sent.
type request struct {
	who          *person
	method, path string // the path with its query
	body         any
	raw          []byte // the body, where it is not JSON of ours
	header       map[string]string
}

// answer is what came of it.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

func (a answer) ok() bool { return a.status >= http.StatusOK && a.status < http.StatusMultipleChoices }

// code is the problem's code, or nothing.
func (a answer) code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &p) // no problem has no code
	return p.Code
}

// told is the answer in short.
func (a answer) told() string { return fmt.Sprintf("%d %s", a.status, a.code()) }

// codes is the problem's code with those of its details, and where they are.
func (a answer) codes() string {
	var p struct {
		Errors []struct {
			Code    string `json:"code"`
			Pointer string `json:"pointer"`
		} `json:"errors"`
	}
	_ = json.Unmarshal(a.body, &p) // as for code
	out := []string{a.code()}
	for _, e := range p.Errors {
		out = append(out, e.Code+e.Pointer)
	}
	return strings.Join(out, " ")
}

// stable is the answer without what differs between two requests that are answered alike: the times, and the request's
// id, which the body repeats.
func (a answer) stable() string {
	body := a.body
	if own := a.header.Get("X-Request-Id"); own != "" {
		body = bytes.ReplaceAll(body, []byte(own), []byte("…"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.status)
	kept := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Apigw-Requestid"} {
		kept.Del(name)
	}
	_ = kept.Write(&b) // into memory
	b.Write(body)
	return b.String()
}

// maxAnswer is more than any answer holds.
const maxAnswer = 16 << 20

// send sends a request as the person. It is an error only if no answer came.
func (h *house) send(ctx context.Context, q request) (answer, error) {
	text := q.raw
	if q.body != nil {
		var err error
		if text, err = json.Marshal(q.body); err != nil {
			return answer{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, q.method, h.stack.API+q.path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	if text != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.who != nil && q.who.token != "" {
		req.Header.Set("Authorization", "Bearer "+q.who.token)
	}
	for name, value := range q.header {
		req.Header.Set(name, value)
	}
	began := time.Now()
	res, err := h.http.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s: no answer: %w", q.method, bare(err))
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{status: res.StatusCode, header: res.Header, body: body, took: time.Since(began)}, err
}

// bare takes the address out of an error of the client, which repeats it.
func bare(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		return of.Err
	}
	return err
}

// does sends a write that must succeed, and gives what it made.
func (h *house) does(ctx context.Context, who *person, method, path string, body any, match string) (object, error) {
	q := request{who: who, method: method, path: path, body: body, header: map[string]string{}}
	if method != http.MethodGet {
		q.header["Idempotency-Key"] = id.New("key")
	}
	if match != "" {
		q.header["If-Match"] = match
	}
	for try := 0; ; try++ {
		a, err := h.send(ctx, q)
		if err != nil {
			return nil, err
		}
		if a.status == http.StatusServiceUnavailable && try < patience {
			time.Sleep(time.Duration(50*(try+1)) * time.Millisecond)
			continue
		}
		if !a.ok() {
			return nil, fmt.Errorf("%s %s answers %d %s", method, pattern(path), a.status, a.codes())
		}
		out := object{}
		if len(a.body) > 0 {
			err = json.Unmarshal(a.body, &out)
		}
		out[etag] = a.header.Get("ETag")
		return out, err
	}
}

// etag is where does leaves an answer's ETag.
const etag = "etag"

// patience is how often the world is asked again while it is busy.
const patience = 5

// pattern is a path without ids, as a report may show it.
func pattern(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if _, err := id.Raw(part); err == nil {
			parts[i] = part[:3] + "_…"
		}
	}
	return strings.Join(parts, "/")
}

// text gives a text of an answer, or nothing.
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}
