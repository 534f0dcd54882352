package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

	"almanac/infra/client"
	"almanac/infra/demo"
)

// file holds three people, one of whom stands there twice, and one line that cannot be taken.
const file = "family,given,birthDate,postcode\n" +
	"Uploadsen,Una,1971-01-01,ZZ99 3VZ\n" +
	"Uploadsen,Ulf,1972-02-02,ZZ99 3VZ\n" +
	"Uploadsen,Una,1971-01-01,ZZ99 3VZ\n" +
	"Uploadsen,Uma,1973-13-03,ZZ99 3VZ\n" +
	"O'Reilly-Kociński,Únice,1974-04-04,\n"

type upload struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Send  struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	} `json:"send"`
	Counts struct {
		Lines      int `json:"lines"`
		Created    int `json:"created"`
		Matched    int `json:"matched"`
		Duplicates int `json:"duplicates"`
		Refused    int `json:"refused"`
	} `json:"counts"`
}

// uploads takes a file of patients in, dry first, and then once more.
func (j *job) uploads(ctx context.Context) {
	manager := j.staff(ctx, demo.Manager)
	first := j.send(ctx, manager, "smoke-upload-1")
	dry := j.carry(ctx, manager, first, true, "checked")
	j.check("a dry run tells what would be done", dry.Counts.Created == 3 && dry.Counts.Refused == 1 &&
		dry.Counts.Duplicates == 1, dry)
	ids, a, err := find(ctx, manager, map[string]any{"name": "uploadsen"})
	j.check("and does nothing", err == nil && len(ids) == 0, a.Status, ids, err)
	taken := j.carry(ctx, manager, first, false, "done")
	j.check("the file is taken in", taken.Counts.Created == 3 && taken.Counts.Refused == 1 &&
		taken.Counts.Duplicates == 1, taken)
	ids, a, err = find(ctx, manager, map[string]any{"name": "oreilly unice"})
	j.check("whoever was in it is found", err == nil && len(ids) == 1, a.Status, ids, err)
	j.report(ctx, manager, first)
	second := j.send(ctx, manager, "smoke-upload-2")
	j.carry(ctx, manager, second, true, "checked")
	again := j.carry(ctx, manager, second, false, "done")
	j.check("the same file again changes nothing", again.Counts.Created == 0 && again.Counts.Matched == 3, again)
}

// send announces the file and puts it where it is told to.
func (j *job) send(ctx context.Context, as *client.Client, key string) string {
	sum := sha256.Sum256([]byte(file))
	a, err := as.Do(ctx, http.MethodPost, "/v1/uploads", map[string]any{
		"format": "csv", "bytes": len(file), "sha256": hex.EncodeToString(sum[:]),
	}, client.Key(key))
	var u upload
	if !j.want("a file is announced", http.StatusCreated, a, err) {
		return ""
	}
	_ = a.Into(&u)
	if err := as.Get(ctx, "/v1/uploads/"+u.ID, &u); err != nil {
		j.check("where to send it is told", false, err)
		return u.ID
	}
	req, err := http.NewRequestWithContext(ctx, u.Send.Method, u.Send.URL, strings.NewReader(file))
	if err != nil {
		j.check("where to send it is an address", false, err)
		return u.ID
	}
	for name, value := range u.Send.Headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if !j.check("and sent", err == nil, err) {
		return u.ID
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	j.check("and taken", res.StatusCode == http.StatusOK, res.StatusCode, string(text))
	return u.ID
}

// carry starts a run and waits for its end.
func (j *job) carry(ctx context.Context, as *client.Client, id string, dry bool, end string) upload {
	var u upload
	a, err := as.Do(ctx, http.MethodGet, "/v1/uploads/"+id, nil)
	if !j.want("the upload is read", http.StatusOK, a, err) {
		return u
	}
	key := "smoke-start-" + id + end
	b, err := as.Do(ctx, http.MethodPost, "/v1/uploads/"+id+"/start", map[string]any{"dryRun": dry}, client.Key(key),
		client.Match(a))
	j.want("a run is started", http.StatusOK, b, err)
	ok := until(ctx, tracing, func() bool {
		err = as.Get(ctx, "/v1/uploads/"+id, &u)
		return err == nil && u.State == end
	})
	j.check("and comes to its end", ok, u, err)
	return u
}

// report fetches the report line by line.
func (j *job) report(ctx context.Context, as *client.Client, id string) {
	var link struct {
		URL     string    `json:"url"`
		Expires time.Time `json:"expires"`
	}
	if err := as.Get(ctx, "/v1/uploads/"+id+"/report", &link); err != nil {
		j.check("the report has an address", false, err)
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link.URL, nil)
	if err != nil {
		j.check("the report's address is one", false, err)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if !j.check("the report is fetched", err == nil, err) {
		return
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	j.check("it says what became of each line, and of whom nothing", bytes.Count(text, []byte("\n")) >= 6 &&
		bytes.Contains(text, []byte("created")) && !bytes.Contains(text, []byte("Uploadsen")), string(text))
}
