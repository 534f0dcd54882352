package zoom_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"almanac/shared/cause"
	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// marked stands in everything that the other end writes, and must come out nowhere.
const marked = "Xanthippe"

var noon = time.Date(2027, time.January, 4, 12, 0, 0, 0, time.UTC)

// said is one answer of the other end.
type said struct {
	status int
	body   string
	header map[string]string
	cut    bool // the connection ends where the answer should begin
}

// heard is one request that came.
type heard struct {
	method, path, query, auth, body, kind string
}

// rig is a client before a server that says what it was told to, in turn; the last thing again and again.
type rig struct {
	*zoom.API
	zoom.Rooms
	URL string

	mu     sync.Mutex
	says   []said
	heard  []heard
	paced  []string
	tokens []string // that were refused, at each call for one
	now    time.Time
	token  string
}

var host = video.Host{Org: "org_1", Subject: "stf_1", Connection: "con_1"}

func newRig(t *testing.T, says ...said) *rig {
	t.Helper()
	r := &rig{says: says, now: noon, token: "token-1"}
	srv := httptest.NewServer(r)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	r.URL = srv.URL
	api, err := zoom.New(zoom.Settings{
		URL: srv.URL, HTTP: &http.Client{Transport: &http.Transport{}}, Now: r.clock,
		Pace: func(_ context.Context, account string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.paced = append(r.paced, account)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.API, r.Rooms = api, zoom.NewRooms(api, r.access)
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// access gives another token when the one that it gave was refused. Each connection is of an account of its own.
func (r *rig) access(_ context.Context, h video.Host, rejected string) (zoom.Access, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = append(r.tokens, rejected)
	if rejected == r.token {
		r.token += "+"
	}
	return zoom.Access{Token: r.token, APIURL: "https://elsewhere.example", Account: "acc-" + h.Connection}, nil
}

// ServeHTTP is the other end.
func (r *rig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.heard = append(r.heard, heard{
		req.Method, req.URL.EscapedPath(), req.URL.RawQuery, req.Header.Get("Authorization"), string(body),
		req.Header.Get("Content-Type"),
	})
	now := r.says[0]
	if len(r.says) > 1 {
		r.says = r.says[1:]
	}
	r.mu.Unlock()
	if now.cut {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Zm-Trackingid", marked)
	for k, v := range now.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(now.status)
	_, _ = io.WriteString(w, now.body)
}

// say changes what the other end says from now on.
func (r *rig) say(says ...said) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.says, r.heard, r.tokens, r.paced = says, nil, nil, nil
}

func (r *rig) requests() []heard {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]heard(nil), r.heard...)
}

// check compares the kind and code of an error, and that it tells nothing of what the other end wrote.
func check(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = fault.Of(err).Error()
	}
	if got != want {
		t.Errorf("the error is %q, not %q (%v)", got, want, cause.Chain(err))
	}
	if err == nil {
		return
	}
	f := fault.Of(err)
	all := fmt.Sprintf("%v %+v %#v %s %v", err, err, f, f.Message, cause.Chain(err))
	for _, no := range []string{marked, "token-1", "127.0.0.1", "whsec"} {
		if strings.Contains(all, no) {
			t.Errorf("the error tells %q: %s", no, all)
		}
	}
}

func js(status int, body string) said { return said{status: status, body: body} }

func coded(status, code int) said {
	return js(status, fmt.Sprintf(`{"code":%d,"message":"%s"}`, code, marked))
}

// hurried leaves no time to repeat anything.
func hurried(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 1900*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
