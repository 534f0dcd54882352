// Package nhs puts the stand-ins for NHS services together as one server: the token endpoint, PDS, the Summary Care
// Record, GP data, and a page that shows the invented people, what was asked, and lets things go wrong.
//
// In a test:
//
//	n, err := nhs.New(nhs.Config{Apps: []apim.App{{Key: "app", Keys: apim.Fixed("kid-1", &private.PublicKey)}}})
//	srv := httptest.NewServer(n)
//	tokenURL := srv.URL + nhs.TokenPath          // also the aud of the assertion
//	pdsURL, scrURL, gpURL := srv.URL+pds.Base, srv.URL+scr.Base, srv.URL+scr.GPBase
//	n.PDS.Restrict(pds.Ordinary.Number())        // people change at run time
//	n.Faults.Add(sandbox.Fault{Kind: apim.Timeout, Count: 1, On: "search"})
//	n.Requests("pds")                            // what was asked, with the headers
package nhs

import (
	"net/http"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/pds"
	"almanac/infra/sandbox/scr"
)

// TokenPath is where tokens are given out.
const TokenPath = "/oauth2/token" //nolint:gosec // a path

// Config says what the stand-ins start with.
type Config struct {
	Apps        []apim.App
	TokenURL    string           // what aud must be; empty: the address a request was sent to
	Rate        int              // requests a second an application may send to each API; 0: 5, below 0: no limit
	Smooth      bool             // also keep them a Rate's share of a second apart
	ODSOptional bool             // a request need not name the organisation it is for
	People      []pds.Person     // nil: pds.People()
	Now         func() time.Time // nil: the real clock
	Ticks       func() time.Time // for the limits, which a stopped clock must not stop; nil: the real clock
	Lookup      sandbox.LookupEnv
}

// Server is the stand-ins together. Faults, Requests, Register and the like are the gateway's.
type Server struct {
	*apim.Gateway

	PDS *pds.Server
	SCR *scr.Server

	handler http.Handler
}

// New returns a server ready to serve. It refuses to start inside AWS Lambda (sandbox.ErrOnLambda).
func New(c Config) (*Server, error) {
	gateway, err := apim.New(apim.Config{
		Apps: c.Apps, TokenURL: c.TokenURL, Rate: c.Rate, Smooth: c.Smooth, ODSOptional: c.ODSOptional, Now: c.Now,
		Ticks: c.Ticks, Lookup: c.Lookup,
	})
	if err != nil {
		return nil, err
	}
	people, err := pds.New(pds.Config{Gateway: gateway, People: c.People, Now: c.Now})
	if err != nil {
		return nil, err
	}
	records, err := scr.New(scr.Config{Gateway: gateway, People: people, Now: c.Now})
	if err != nil {
		return nil, err
	}
	s := &Server{Gateway: gateway, PDS: people, SCR: records}
	s.handler = sandbox.Guard(s.routes())
	return s, nil
}

// ServeHTTP serves all of it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.Controls(mux)
	s.pageRoutes(mux)
	mux.Handle(pds.Base+"/", s.PDS)
	mux.Handle(scr.Base+"/", s.SCR)
	mux.Handle(scr.GPBase+"/", s.SCR)
	return mux
}
