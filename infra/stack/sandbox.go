package stack

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
	"almanac/infra/sandbox/oidc"
	"almanac/infra/sandbox/s3"
	"almanac/infra/sandbox/ses"
)

const (
	mailFrom = "appointments@almanac.example"
	clientID = "almanac-local"
)

// startSandbox starts the outside services: log-in, mail, keys, and the page from which faults and clock are set.
func (s *Stack) startSandbox() error {
	issuer, err := oidc.New(oidc.Config{
		Issuer:  s.Login,
		Clients: []oidc.Client{{ID: clientID, RedirectURIs: []string{"http://localhost:8400/callback"}}},
		People:  s.options.People, Now: s.Now,
	})
	if err != nil {
		return err
	}
	mail, err := ses.New(ses.Config{Identities: []string{"almanac.example"}, Now: s.Now, Log: s.log})
	if err != nil {
		return err
	}
	file := "" // the keys are kept where the tables are: without them nobody could read what is there
	if s.options.DataDir != "" {
		file = filepath.Join(s.options.DataDir, "kms.json")
	}
	keys, err := kms.New(kms.Config{Aliases: []string{sealKey}, Signing: []string{pdsKey}, File: file, Now: s.Now})
	if err != nil {
		return err
	}
	services, err := s.startNHS(keys)
	if err != nil {
		return err
	}
	s.People, s.Mail = issuer, mail
	s.serve(loginListener, issuer)
	s.serve(mailboxListener, s.Calls.Watch(mail))
	mux := http.NewServeMux()
	mux.Handle("/table/", http.StripPrefix("/table", s.Table.Control()))
	mux.Handle("/queues/", http.StripPrefix("/queues", s.Queues.Control()))
	mux.Handle("/kms/", http.StripPrefix("/kms", s.Calls.Watch(keys)))
	mux.Handle(nhsPath+"/", services)
	mux.HandleFunc("GET /clock", s.tellClock)
	mux.HandleFunc("PUT /clock", s.changeClock)
	s.serve(controlListener, sandbox.Guard(mux))
	files, err := s3.New(s3.Config{Engine: s.engine.S3(), Now: s.Now})
	if err != nil {
		return err
	}
	s.serve(filesListener, s.Calls.Watch(files))
	meetings, err := s.startZoom()
	if err != nil {
		return err
	}
	s.serve(zoomListener, meetings)
	return nil
}

func (s *Stack) tellClock(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, s.Now().UTC().Format(time.RFC3339Nano)+"\n") // the reader may have gone
}

// changeClock takes {"now": RFC 3339}; the clock goes on from there.
func (s *Stack) changeClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Now time.Time `json:"now"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1024)).Decode(&in); err != nil || in.Now.IsZero() {
		http.Error(w, `send {"now":"2026-11-23T09:00:00Z"}`, http.StatusBadRequest)
		return
	}
	s.SetClock(in.Now)
	s.tellClock(w, r)
}
