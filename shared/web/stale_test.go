package web_test

import (
	"context"
	"net/http"
	"testing"

	"almanac/shared/access"
	"almanac/shared/web"
)

type searchIn struct {
	Body struct {
		Name string `json:"name"`
	}
}

func (*searchIn) Subject() string { return orgA }

// What takes no key writes nothing that would check a cached standing, so it is judged afresh whatever its method:
// somebody who left a moment ago searches nobody.
func TestReadingByPost(t *testing.T) {
	w := newWorld(t)
	old := access.NewCaller(orgA, "staff", []access.Role{access.Receptionist}, 1)
	w.cached, w.roles = &old, nil // has left since
	search := func(context.Context, web.Request, *searchIn) (thing, error) {
		t.Error("the search was carried out")
		return thing{}, nil
	}
	serve := w.edge().Serve(web.Routes{"POST /v1/things/search": web.Do(access.PatientSearch, "Search", search)})
	res := mustSend(t, serve, request(http.MethodPost, "/v1/things/search", `{"name":"x"}`))
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("somebody who left searches: %d", res.StatusCode)
	}
	if len(w.looks) == 0 || !w.looks[0] {
		t.Errorf("looked up %v, want afresh", w.looks)
	}
}
