package web_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/web"
)

type changePatientIn struct {
	web.Keyed
	ID    string `path:"id"`
	other string
	basis string
}

func (p *changePatientIn) Subject() string               { return p.ID }
func (p *changePatientIn) References() map[string]string { return map[string]string{"other": p.other} }
func (p *changePatientIn) Basis() string                 { return p.basis }

// patients are routes on a patient: a write that asks for a relationship, and one that finds out by itself.
func (w *world) patients() web.Handler {
	write := func(ctx context.Context, r web.Request, in *changePatientIn) (thing, error) {
		return w.write(ctx, r, thing{ID: in.ID, Name: r.By.Basis()})
	}
	return w.edge().Serve(web.Routes{
		"PUT /v1/patients/{id}": web.Do(access.PatientChange, "Change a patient", write),
		"GET /v1/patients/{id}": w.routes()["GET /v1/patients/{id}"],
		"POST /v1/visits/{id}": web.Do(access.AppointmentMove, "Change a visit",
			func(_ context.Context, _ web.Request, in *changePatientIn) (thing, error) {
				in.other, in.basis = "apt", "found:out"
				return thing{}, unrelated()
			}),
	})
}

func unrelated() error { return fault.New(fault.Denied, "no_relationship", "No part in it.") }

func worksAt(site string) func(access.Caller, string) (string, error) {
	return func(by access.Caller, _ string) (string, error) {
		if by.WorksAt(site) {
			return "referral:" + site, nil
		}
		return "", unrelated()
	}
}

func TestRelationship(t *testing.T) {
	for name, c := range map[string]struct {
		method  string
		related func(access.Caller, string) (string, error)
		status  int
		note    string
	}{
		"a read by who is related": {
			"GET", func(access.Caller, string) (string, error) { return "booking:x", nil }, 200,
			"patient.read " + patient1 + " read booking:x",
		},
		"a read by who is not": {
			"GET", func(access.Caller, string) (string, error) { return "", unrelated() }, 403,
			"patient.read " + patient1 + " denied",
		},
		"a write by who is related": {"PUT", func(access.Caller, string) (string, error) { return "claim:x", nil }, 200, ""},
		"a write by who is not": {
			"PUT", func(access.Caller, string) (string, error) { return "", unrelated() }, 403,
			"patient.change " + patient1 + " denied",
		},
		"nobody": {
			"PUT", func(access.Caller, string) (string, error) {
				return "", fault.New(fault.NotFound, "not_found", "None.")
			}, 404, "",
		},
		"the table does not answer": {
			"PUT", func(access.Caller, string) (string, error) {
				return "", fault.New(fault.Unavailable, "busy", "Later.")
			}, 503, "",
		},
		"a fault of ours": {"PUT", func(access.Caller, string) (string, error) { return "", errors.New("no") }, 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.related = c.related
			res := mustSend(t, w.patients(), request(c.method, "/v1/patients/"+patient1, ""))
			want := []string{orgA + " " + c.note}
			if c.note == "" {
				want = nil
			}
			if res.StatusCode != c.status || !slices.Equal(w.notes, want) {
				t.Errorf("%d, notes %q; want %d, %q: %s", res.StatusCode, w.notes, c.status, want, res.Body)
			}
			if ran := w.runs > 0; ran != (c.method == "PUT" && c.status == 200) {
				t.Errorf("the handler ran: %v", ran)
			}
		})
	}
}

// TestRelationshipIsJudgedAfresh: where somebody works may be cached, so neither a refusal nor a write rests on an old
// copy of it.
func TestRelationshipIsJudgedAfresh(t *testing.T) {
	caller := func(standing int64, sites ...string) access.Caller {
		return access.NewCaller(orgA, "sub", []access.Role{access.Receptionist}, standing).Working(sites, "")
	}
	put := func() *world {
		w := newWorld(t)
		w.related = worksAt("there")
		return w
	}
	t.Run("who works there since", func(t *testing.T) {
		w, old := put(), caller(1, "elsewhere")
		w.cached, w.standing = &old, 2 // the fresh one works everywhere
		res := mustSend(t, w.patients(), request("PUT", "/v1/patients/"+patient1, ""))
		if res.StatusCode != http.StatusOK || len(w.notes) != 0 {
			t.Errorf("%d, notes %q: %s", res.StatusCode, w.notes, res.Body)
		}
	})
	t.Run("who does not work there any more", func(t *testing.T) {
		w, old := put(), caller(1)
		w.cached, w.standing = &old, 2
		w.do = func(_ context.Context, r web.Request) error {
			if r.By.Standing() == 1 {
				return access.ErrStanding
			}
			return nil
		}
		w.related = func(by access.Caller, _ string) (string, error) {
			if by.Standing() == 1 {
				return "booking:x", nil
			}
			return "", unrelated()
		}
		ev := request("PUT", "/v1/patients/"+patient1, "")
		if res := mustSend(t, w.patients(), ev); res.StatusCode != http.StatusForbidden || w.runs != 1 || len(w.done) != 0 {
			t.Errorf("%d after %d runs, %d done: %s", res.StatusCode, w.runs, len(w.done), res.Body)
		}
		if want := []string{orgA + " patient.change " + patient1 + " denied"}; !slices.Equal(w.notes, want) {
			t.Errorf("notes %q, want %q", w.notes, want)
		}
	})
	t.Run("a repeat by who lost the relationship", func(t *testing.T) {
		w := put()
		ev := request("PUT", "/v1/patients/"+patient1, "")
		if res := mustSend(t, w.patients(), ev); res.StatusCode != http.StatusOK {
			t.Fatalf("%d: %s", res.StatusCode, res.Body)
		}
		w.related = func(access.Caller, string) (string, error) { return "", unrelated() }
		if res := mustSend(t, w.patients(), ev); res.StatusCode != http.StatusForbidden {
			t.Errorf("%d: %s", res.StatusCode, res.Body)
		}
	})
}

// TestDenialByTheHandler: what a handler finds out stands in the note of the denial.
func TestDenialByTheHandler(t *testing.T) {
	w := newWorld(t)
	res := mustSend(t, w.patients(), request("POST", "/v1/visits/"+patient1, ""))
	want := []string{orgA + " appointment.move " + patient1 + " denied found:out apt"}
	if res.StatusCode != http.StatusForbidden || !slices.Equal(w.notes, want) {
		t.Errorf("%d, notes %q, want %q", res.StatusCode, w.notes, want)
	}
	w.noteErr = fault.New(fault.Unavailable, "busy", "Later.")
	if res := mustSend(t, w.patients(), request("POST", "/v1/visits/"+patient1, "")); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without its note a denial is answered %d", res.StatusCode)
	}
}

func TestRelatedRouteNamesAPatient(t *testing.T) {
	for _, row := range []string{"GET /v1/things/{id}", "GET /v1/patients", "GET /v1/patientsx/{id}", "GET /v1/patients/{other}"} {
		t.Run(row, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("taken")
				}
			}()
			w := newWorld(t)
			w.edge().Serve(web.Routes{row: w.routes()["GET /v1/patients/{id}"]})
		})
	}
}
