package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// file makes a file of canaries who are not registered yet, as the organisation's own.
func (h *house) file(g *ground, n int) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out bytes.Buffer
	out.WriteString("family,given,birthDate,nhsNumber,addressLine1,postcode,email\n")
	for range n {
		if len(h.canaries) >= len(h.numbers) {
			break
		}
		c := canary{number: len(h.canaries), org: g.org.id, at: g.id}
		h.canaries = append(h.canaries, c)
		fmt.Fprintf(&out, "%s,%s,%s,%s,1 %s Road,ZZ99 3VZ,%s\n", family(c), capital(c.word(givenWord)), born(c.number),
			h.numbers[c.number], capital(c.word(streetWord)), c.mail())
	}
	return out.Bytes()
}

// sent announces a file and sends it.
func (h *house) sent(ctx context.Context, g *ground, file []byte) (string, error) {
	one, err := h.create(ctx, g, kindUpload, "/v1/uploads", uploadBody(file))
	if err != nil {
		return "", err
	}
	got, err := h.does(ctx, g.org.boss, http.MethodGet, "/v1/uploads/"+one, nil, "")
	if err != nil {
		return "", err
	}
	var ticket struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	text, err := json.Marshal(got["send"])
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(text, &ticket); err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, ticket.Method, ticket.URL, bytes.NewReader(file))
	if err != nil {
		return "", err
	}
	for name, value := range ticket.Headers {
		req.Header.Set(name, value)
	}
	res, err := h.http.Do(req)
	if err != nil {
		return "", bare(err)
	}
	_ = res.Body.Close() // nothing is read
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the file is answered with %d", res.StatusCode)
	}
	return one, nil
}

// checked sends a file of canaries and has it tried, so that there is a report.
func (h *house) checked(ctx context.Context, g *ground) (string, error) {
	one, err := h.sent(ctx, g, h.file(g, canariesOfFile))
	if err != nil {
		return "", err
	}
	return one, h.runs(ctx, g, one, true, "checked")
}

// canariesOfFile is how many canaries a file holds that the matrix uses.
const canariesOfFile = 2

// runs starts an upload's run, and waits until it stands there.
func (h *house) runs(ctx context.Context, g *ground, one string, dry bool, until string) error {
	of := "/v1/uploads/" + one
	got, err := h.does(ctx, g.org.boss, http.MethodGet, of, nil, "")
	if err != nil {
		return err
	}
	how := object{"dryRun": dry}
	if _, err := h.does(ctx, g.org.boss, http.MethodPost, of+"/start", how, text(got, etag)); err != nil {
		return err
	}
	for deadline := time.Now().Add(settleFor); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got, err = h.does(ctx, g.org.boss, http.MethodGet, of, nil, ""); err != nil || got["state"] == until {
			return err
		}
		if got["state"] == "refused" {
			break
		}
	}
	return fmt.Errorf("an upload is %v, not %s, after %s", got["state"], until, settleFor)
}

// upload registers canaries from a file, and looks through the report.
func (h *house) upload(ctx context.Context, s *searched, n int) error {
	file := h.file(h.own, n)
	one, err := h.sent(ctx, h.own, append(file, []byte("Zyqabogus,,not a date,,,,\n")...))
	if err != nil {
		return err
	}
	if err := h.runs(ctx, h.own, one, true, "checked"); err != nil {
		return err
	}
	if err := h.runs(ctx, h.own, one, false, "done"); err != nil {
		return err
	}
	link, err := h.does(ctx, h.own.org.boss, http.MethodGet, "/v1/uploads/"+one+"/report", nil, "")
	if err != nil {
		return err
	}
	s.text("addresses of files", []byte(strings.ToLower(text(link, "url"))))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, text(link, "url"), nil)
	if err != nil {
		return err
	}
	res, err := h.http.Do(req)
	if err != nil {
		return bare(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	report, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	s.text("reports of uploads", report)
	return err
}

// report gives an upload that has a report.
func (g *ground) report(checked func() (string, error)) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reported != "" {
		return g.reported, nil
	}
	var err error
	g.reported, err = checked()
	return g.reported, err
}
