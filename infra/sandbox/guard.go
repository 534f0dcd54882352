// Package sandbox holds what the stand-ins for outside services share: the guard before each of them, faults on demand,
// and the look of their pages. Rule: a stand-in serves this computer only, holds invented people only, and refuses to
// start inside AWS Lambda.
package sandbox

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
)

// ErrOnLambda is returned by a stand-in's constructor inside AWS Lambda, where a login without passwords or a key
// store without permissions would be a hole.
var ErrOnLambda = errors.New("a stand-in for an outside service must not run on AWS Lambda")

// LookupEnv reads one environment variable, as os.LookupEnv does.
type LookupEnv func(name string) (string, bool)

// RefuseLambda returns ErrOnLambda when the environment is that of a Lambda function. A nil lookup reads the real
// environment, so that forgetting it errs on the safe side.
func RefuseLambda(lookup LookupEnv) error {
	if lookup == nil {
		lookup = os.LookupEnv
	}
	if _, on := lookup("AWS_LAMBDA_FUNCTION_NAME"); on {
		return ErrOnLambda
	}
	return nil
}

// Guard keeps other web sites' pages away from a stand-in: a browser on this computer can reach it, so a foreign page
// could too. It refuses host names other than this computer's (DNS rebinding) and unsafe requests sent from another
// origin, and sets the headers every answer carries.
func Guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would make our own forms send "Origin: null"
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", PagePolicy)
		if !Loopback(r.Host) {
			http.Error(w, "this service answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		sameOrigin.ServeHTTP(w, r)
	})
}

// PagePolicy is the Content-Security-Policy of every page: nothing but our own stylesheet and forms, no script at all.
const PagePolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// Loopback tells whether host, with or without a port, names this computer.
func Loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
