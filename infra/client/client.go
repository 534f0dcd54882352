// Package client speaks to a running Almanac over HTTP as a client of the API would: it logs in at the issuer and
// sends JSON. It is for the commands and measurements of this repository.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client is one person's way to the API.
type Client struct {
	API   string // base URL
	Token string
	HTTP  *http.Client
}

// New makes a Client that is not logged in.
func New(api string) *Client {
	return &Client{API: api, HTTP: &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Answer is a response, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Into decodes the body.
func (a Answer) Into(out any) error {
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("status %d: %w", a.Status, err)
	}
	return nil
}

// Header names a header and its value.
type Header struct{ Name, Value string }

// Key is the Idempotency-Key header.
func Key(value string) Header { return Header{"Idempotency-Key", value} }

// Match is the If-Match header with an answer's ETag.
func Match(a Answer) Header { return Header{"If-Match", a.Header.Get("ETag")} }

// Do sends a request; in becomes the JSON body unless it is nil. It is an error only if no answer came.
func (c *Client) Do(ctx context.Context, method, path string, in any, headers ...Header) (Answer, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return Answer{}, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.API+path, body)
	if err != nil {
		return Answer{}, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	return c.send(req)
}

func (c *Client) send(req *http.Request) (Answer, error) {
	res, err := c.HTTP.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(res.Body)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: text}, err
}

// Get sends a GET and decodes an answer of 200.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	a, err := c.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("GET %s answers %d: %s", strings.SplitN(path, "?", 2)[0], a.Status, a.Body)
	}
	return a.Into(out)
}

// LogIn logs in the short way of the local issuer, as a curl line would.
func (c *Client) LogIn(ctx context.Context, issuer, subject string) error {
	short := *c
	short.API, short.Token = issuer, ""
	a, err := short.Do(ctx, http.MethodPost, "/dev/token", map[string]string{"subject": subject})
	if err != nil {
		return err
	}
	return c.keep(a)
}

func (c *Client) keep(a Answer) error {
	var got struct {
		Token string `json:"access_token"`
	}
	if a.Status != http.StatusOK {
		return fmt.Errorf("the issuer answers %d: %s", a.Status, a.Body)
	}
	err := a.Into(&got)
	c.Token = got.Token
	return err
}

// LogInByCode logs in as a browser does: authorization code with PKCE (RFC 7636), choosing the person on the page.
func (c *Client) LogInByCode(ctx context.Context, issuer, clientID, redirect, subject string) error {
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirect}, "scope": {"openid almanac/use"},
		"state": {state}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	address := issuer + "/authorize?" + query.Encode()
	chosen, err := c.form(ctx, address, url.Values{"subject": {subject}})
	if err != nil {
		return err
	}
	back, err := url.Parse(chosen.Header.Get("Location"))
	if err != nil || chosen.Status != http.StatusSeeOther {
		return fmt.Errorf("choosing a person answers %d", chosen.Status)
	}
	if back.Query().Get("state") != state || back.Query().Get("iss") != issuer {
		return errors.New("the redirect does not belong to this log-in")
	}
	got, err := c.form(ctx, issuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"client_id": {clientID}, "code_verifier": {verifier},
	})
	if err != nil {
		return err
	}
	return c.keep(got)
}

func (c *Client) form(ctx context.Context, address string, values url.Values) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(req)
}
