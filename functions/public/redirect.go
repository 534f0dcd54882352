package main

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// leads tells whether an address is at one of the origins, such as "https://*.zoom.us", where the star is one or more
// labels. Without TLS nobody is sent anywhere but to this computer itself.
func leads(origins []string, to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.User != nil || u.Opaque != "" || u.Host == "" || strings.ContainsFunc(to, unprintable) {
		return false
	}
	return slices.ContainsFunc(origins, func(origin string) bool {
		scheme, host, _ := strings.Cut(origin, "://")
		return u.Scheme == scheme && (scheme == "https" || loopback(u.Hostname())) && covers(host, u.Host)
	})
}

// covers tells whether a host is the one of an origin, or one of those that its star stands for.
func covers(origin, host string) bool {
	suffix, star := strings.CutPrefix(origin, "*")
	return origin == host || star && strings.HasPrefix(suffix, ".") && strings.HasSuffix(host, suffix) && host != suffix
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
