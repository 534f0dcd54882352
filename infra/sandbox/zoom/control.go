package zoom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"almanac/infra/sandbox"
)

// Order is the body of POST /control/{act}: each act takes the fields that the package comment names.
type Order struct {
	Meeting     json.Number     `json:"meeting"` // a number, or text
	User        string          `json:"user"`    // ID or e-mail address
	App         string          `json:"app"`
	Topic       *string         `json:"topic"`
	Agenda      *string         `json:"agenda"`
	Start       *time.Time      `json:"start"`
	Minutes     *int            `json:"minutes"`
	Forever     bool            `json:"forever"`
	Name        string          `json:"name"`
	Email       string          `json:"email"`
	SignedIn    string          `json:"signedIn"`
	Participant string          `json:"participant"`
	Scopes      []string        `json:"scopes"`
	RedirectURI string          `json:"redirectUri"`
	Challenge   string          `json:"challenge"`
	Count       int             `json:"count"`
	Event       string          `json:"event"`
	Payload     json.RawMessage `json:"payload"`
	Delivery    int             `json:"delivery"`
}

type act = func(ctx context.Context, o Order, meeting int64) (any, error)

// acts are what POST /control/{act} does.
func (s *Server) acts() map[string]act {
	plain := func(do func(o Order, meeting int64) error) act {
		return func(_ context.Context, o Order, meeting int64) (any, error) {
			return object{"done": true}, do(o, meeting)
		}
	}
	change := func(o Order) Change { return Change{o.Start, o.Minutes, o.Topic, o.Agenda} }
	return map[string]act{
		"schedule": func(_ context.Context, o Order, _ int64) (any, error) { return s.Schedule(o.User, change(o)) },
		"join": func(_ context.Context, o Order, id int64) (any, error) {
			return s.Join(id, Guest{o.Name, o.Email, o.SignedIn})
		},
		"code":    s.codeAct,
		"deliver": s.deliverAct,
		"validate": func(ctx context.Context, o Order, _ int64) (any, error) {
			if _, ok := s.app(o.App); !ok {
				return nil, fmt.Errorf("%w: there is no such app", ErrAct)
			}
			return object{"done": true}, s.Validate(ctx, o.App)
		},
		"edit":       plain(func(o Order, id int64) error { return s.Edit(id, change(o)) }),
		"delete":     plain(func(o Order, id int64) error { return s.Delete(id, o.Forever) }),
		"recover":    plain(func(_ Order, id int64) error { return s.Recover(id) }),
		"start":      plain(func(_ Order, id int64) error { return s.Start(id) }),
		"end":        plain(func(_ Order, id int64) error { return s.End(id) }),
		"admit":      plain(func(o Order, id int64) error { return s.Admit(id, o.Participant) }),
		"leave":      plain(func(o Order, id int64) error { return s.Leave(id, o.Participant) }),
		"uninstall":  plain(func(o Order, _ int64) error { return s.Uninstall(o.App, o.User) }),
		"kill":       plain(func(o Order, _ int64) error { return s.Kill(o.App, o.User) }),
		"expire":     plain(func(o Order, _ int64) error { return s.Expire(o.App, o.User) }),
		"deactivate": plain(func(o Order, _ int64) error { return s.Deactivate(o.User) }),
		"activate":   plain(func(o Order, _ int64) error { return s.Activate(o.User) }),
		"remove":     plain(func(o Order, _ int64) error { return s.RemoveUser(o.User) }),
		"grant":      plain(func(o Order, _ int64) error { return s.Grant(o.User, o.Scopes...) }),
		"spend":      plain(func(o Order, _ int64) error { return s.Spend(o.User, o.Count) }),
		"emit":       plain(func(o Order, _ int64) error { return s.Emit(o.App, o.Event, o.Payload) }),
		"shuffle":    plain(func(Order, int64) error { s.Shuffle(); return nil }),
		"forget":     plain(func(Order, int64) error { s.Forget(); return nil }),
	}
}

func (s *Server) codeAct(_ context.Context, o Order, _ int64) (any, error) {
	code, err := s.Code(Login{o.App, o.User, o.RedirectURI, o.Challenge, o.Scopes})
	return object{"code": code}, err
}

func (s *Server) deliverAct(ctx context.Context, o Order, _ int64) (any, error) {
	if o.Delivery == 0 {
		return object{"sent": s.Flush(ctx)}, nil
	}
	status, err := s.Deliver(ctx, o.Delivery)
	return object{"status": status}, err
}

// control does one act, for a form of the page or for a program.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	do, ok := s.acts()[r.PathValue("act")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // no type at all is JSON
	form := media == "application/x-www-form-urlencoded"
	var o Order
	var err error
	if form {
		o, err = formOrder(w, r)
	} else {
		err = sandbox.ReadJSON(w, r, &o)
	}
	var id int64
	if err == nil && o.Meeting != "" {
		id, err = o.Meeting.Int64()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := do(r.Context(), o, id)
	switch {
	case err != nil && form:
		s.page(w, http.StatusConflict, "problem", object{
			"Title": "That cannot be done", "Text": err.Error(), "Root": "../",
		})
	case err != nil:
		sandbox.WriteJSON(w, http.StatusConflict, object{"error": err.Error()})
	case form:
		w.Header().Set("Location", r.PostFormValue("back"))
		w.WriteHeader(http.StatusSeeOther)
	default:
		sandbox.WriteJSON(w, http.StatusOK, out)
	}
}

// formOrder reads an Order from a form of the page. An empty field is one that is not there.
func formOrder(w http.ResponseWriter, r *http.Request) (Order, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return Order{}, fmt.Errorf("read form: %w", err)
	}
	f := r.PostForm
	o := Order{
		Meeting: json.Number(f.Get("meeting")), User: f.Get("user"), App: f.Get("app"), Forever: f.Has("forever"),
		Name: f.Get("name"), Email: f.Get("email"), SignedIn: f.Get("signedIn"), Participant: f.Get("participant"),
		Scopes: f["scope"],
	}
	places := []string{"../", "../#users", "../#hooks", "../#m" + f.Get("meeting")}
	if !slices.Contains(places, f.Get("back")) {
		return o, errors.New("read form: no place to go back to")
	}
	if topic := f.Get("topic"); topic != "" {
		o.Topic = &topic
	}
	if text := f.Get("minutes"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return o, errors.New("read form: the minutes must be a number")
		}
		o.Minutes = &n
	}
	if text := f.Get("delivery"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return o, errors.New("read form: the delivery must be a number")
		}
		o.Delivery = n
	}
	if text := f.Get("start"); text != "" {
		t, err := time.ParseInLocation("2006-01-02T15:04", text, london())
		if err != nil {
			return o, errors.New("read form: the start must be a date and a time")
		}
		o.Start = &t
	}
	return o, nil
}

// london is where the page's times are.
func london() *time.Location {
	where, err := time.LoadLocation("Europe/London")
	if err != nil {
		return time.UTC // without zone data: winter's time all year
	}
	return where
}

func (s *Server) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/{act}", s.control)
	mux.HandleFunc("GET /control/state", func(w http.ResponseWriter, _ *http.Request) {
		meetings := []object{}
		for _, m := range s.Meetings("") {
			meetings = append(meetings, object{"meeting": m, "join_url": s.joinURL(&m)})
		}
		sandbox.WriteJSON(w, http.StatusOK, object{"users": s.Users(), "meetings": meetings})
	})
	mux.HandleFunc("GET /control/requests", func(w http.ResponseWriter, r *http.Request) {
		sandbox.WriteJSON(w, http.StatusOK, slices.Concat([]Request{}, s.Requests(r.URL.Query()["op"]...)))
	})
	mux.HandleFunc("GET /control/deliveries", func(w http.ResponseWriter, r *http.Request) {
		sandbox.WriteJSON(w, http.StatusOK, slices.Concat([]Delivery{}, s.Deliveries(r.URL.Query()["state"]...)))
	})
	mux.HandleFunc("GET /control/hook", func(w http.ResponseWriter, r *http.Request) {
		h := s.Hook(r.URL.Query().Get("app"))
		h.Secret, h.DeauthoriseSign = "", ""
		sandbox.WriteJSON(w, http.StatusOK, h)
	})
	mux.HandleFunc("PUT /control/hook", func(w http.ResponseWriter, r *http.Request) {
		var h Hook
		err := sandbox.ReadJSON(w, r, &h)
		if err == nil {
			err = s.SetHook(r.URL.Query().Get("app"), h)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
