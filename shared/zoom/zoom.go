// Package zoom is the one client of Zoom: its OAuth, its REST API as a provider of rooms, and what it tells by webhook.
// Its rules: what an answer means is told by its status and code, and nothing of its text goes on; a call that makes
// something is sent once, and where its answer is lost that is said, never guessed; a token goes to no host but Zoom's;
// no redirect is followed; and what Zoom sends is read leniently and handed on strictly, without anybody's name.
package zoom

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"almanac/shared/private"
	"almanac/shared/video"
)

// Provider is the name under which notices and connections speak of Zoom.
const Provider = "zoom"

// Access is what a call is made with. It prints as [redacted].
type Access struct {
	private.Hidden

	Token string
	// APIURL is the base address that came with the token; the API's own where it is empty or not to be trusted.
	APIURL string
	// Account is Zoom's name of the account, whose limits its users share; where it is empty, each connection is taken
	// for an account of its own.
	Account string
}

// Tokens gives the access of a host. rejected is the token that Zoom has just refused, or empty: the answer to that
// must be another one. Its errors go on to the caller as they are.
type Tokens func(ctx context.Context, h video.Host, rejected string) (Access, error)

// regional tells the hosts of the API that a token may name as its own: api.zoom.us, or api-uk.zoom.us and the like.
func regional(host string) bool {
	const plain = "api.zoom.us"
	region, ok := strings.CutPrefix(host, "api-")
	region, ends := strings.CutSuffix(region, ".zoom.us")
	return host == plain || ok && ends && len(region) == 2 && strings.Trim(region, "abcdefghijklmnopqrstuvwxyz") == ""
}

// site is where Zoom is. Of the real one the hosts are known; anywhere else, all is on the one host.
type site struct {
	base *url.URL
	real bool
}

// newSite reads the base address of the API. The error does not quote it.
func newSite(base string) (site, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return site{}, errors.New("the address of Zoom must be an absolute URL without a query")
	}
	s := site{base: u, real: ofZoom(u.Hostname())}
	if s.real && u.Scheme != "https" {
		return site{}, errors.New("the address of Zoom must begin with https")
	}
	return s, nil
}

// ofZoom tells whether a host is Zoom's.
func ofZoom(host string) bool { return host == "zoom.us" || strings.HasSuffix(host, ".zoom.us") }

// api is the base address to be used for a token that came with one: Zoom's regional hosts are taken, and nothing else,
// because the token would be sent there. The general address always serves.
func (s site) api(said string) string {
	u, err := url.Parse(strings.TrimRight(said, "/"))
	if said == "" || err != nil || !s.real || u.Scheme != "https" || u.User != nil || u.Path != "" ||
		u.RawQuery != "" || u.Fragment != "" || !regional(u.Host) {
		return s.base.String()
	}
	return "https://" + u.Host
}

// maxLink is the longest address of a page that is taken.
const maxLink = 4096

// page tells whether an address that Zoom gave is one that a person may be sent to.
func (s site) page(link string) bool {
	u, err := url.Parse(link)
	if err != nil || len(link) > maxLink || u.User != nil || u.Opaque != "" {
		return false
	}
	if s.real {
		return u.Scheme == "https" && ofZoom(u.Host)
	}
	return u.Scheme == s.base.Scheme && u.Host == s.base.Host
}

// JoinOrigins lists where join addresses lead to, for whoever knows no more of Zoom than the API's base address.
func JoinOrigins(base string) ([]string, error) {
	s, err := newSite(base)
	if err != nil {
		return nil, err
	}
	return s.origins(), nil
}

// origins are where such pages are.
func (s site) origins() []string {
	if s.real {
		return []string{"https://zoom.us", "https://*.zoom.us"}
	}
	return []string{s.base.Scheme + "://" + s.base.Host}
}
