package zoom

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	maxBody     = 1 << 20
	maxRequests = 2000 // that Requests remembers
)

// Request is one request that OAuth or the API got.
type Request struct {
	At     time.Time `json:"at"`
	Op     string    `json:"op"`
	Method string    `json:"method"`
	Path   string    `json:"path"` // without the query
	User   string    `json:"user"` // ID of the token's owner
	Status int       `json:"status"`
	Code   int       `json:"code"` // Zoom's own, of an error
	Fault  string    `json:"fault,omitempty"`
	Body   string    `json:"body,omitempty"` // of the API's requests only
	// Ignored are fields that Zoom does not know, and so passes over in silence.
	Ignored []string `json:"ignored,omitempty"`
}

// operation is one thing the API or OAuth does.
type operation struct {
	name, route, scope, category string
	admin                        bool // for admin-managed apps only
	do                           func(*Server, *call) answer
}

// Operations that a Fault's On and Request.Op name.
const (
	OpToken      = "token"
	OpRefresh    = "refresh"
	OpRevoke     = "revoke"
	OpMe         = "me"
	OpUser       = "user" // by ID or address, not me
	OpEmail      = "email"
	OpNewUser    = "new-user"
	OpCreate     = "create"
	OpList       = "list"
	OpGet        = "get"
	OpUpdate     = "update"
	OpDelete     = "delete"
	OpStatus     = "status"
	OpPast       = "past"
	OpAttendance = "participants"
)

func operations() []operation {
	const one = " /v2/meetings/{meeting}"
	return []operation{
		{OpMe, "GET /v2/users/{user}", "user:read:user", light, false, (*Server).getUser},
		{OpEmail, "GET /v2/users/email", "user:read:email", light, false, (*Server).checkEmail},
		{OpNewUser, "POST /v2/users", "user:write:user", light, true, (*Server).newUser},
		{OpCreate, "POST /v2/users/{user}/meetings", "meeting:write:meeting", medium, false, (*Server).create},
		{OpList, "GET /v2/users/{user}/meetings", "meeting:read:list_meetings", medium, false, (*Server).list},
		{OpGet, "GET" + one, "meeting:read:meeting", light, false, (*Server).get},
		{OpUpdate, "PATCH" + one, "meeting:update:meeting", light, false, (*Server).update},
		{OpDelete, "DELETE" + one, "meeting:delete:meeting", light, false, (*Server).remove},
		{OpStatus, "PUT" + one + "/status", "meeting:update:status", light, false, (*Server).changeStatus},
		{OpPast, "GET /v2/past_meetings/{meeting}", "meeting:read:past_meeting", light, false, (*Server).past},
		{
			OpAttendance, "GET /v2/past_meetings/{meeting}/participants", "meeting:read:list_past_participants", medium,
			false, (*Server).attendance,
		},
	}
}

// Operations lists the names of operations, for a page to offer.
func Operations() []string {
	names := []string{OpToken, OpRefresh, OpRevoke, OpUser}
	for _, o := range operations() {
		names = append(names, o.name)
	}
	return names
}

func (s *Server) apiRoutes(mux *http.ServeMux) {
	for _, o := range operations() {
		mux.HandleFunc(o.route, func(w http.ResponseWriter, r *http.Request) {
			op := o
			if op.name == OpMe && r.PathValue("user") != "me" {
				op.name = OpUser
			}
			s.serve(w, r, op)
		})
	}
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		send(w, r, "", refuse(http.StatusNotFound, 2300, "There is no such API endpoint."))
	})
}

// call is one request on its way.
type call struct {
	r       *http.Request
	op      operation
	token   *token // nil: none that is known
	owner   *User  // of the token
	app     string // oauth only: the name of the app that asks
	body    []byte
	now     time.Time
	fault   string
	ignored []string
}

// scopes are those that let a request about this user through, any of them.
func (o operation) scopes(about string) []string {
	if about != "me" && about != "" || o.admin {
		return []string{o.scope + ":admin"}
	}
	return []string{o.scope + ":admin", o.scope}
}

// serve does one request of the API from its arrival to its answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op operation) {
	c := &call{r: r, op: op, now: s.config.Now()}
	var err error
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		send(w, r, "", refuse(http.StatusBadRequest, 300, "Request Body should be a valid JSON object."))
		return
	}
	names := []string{op.name, r.PathValue("meeting")}
	s.mu.Lock()
	c.token = s.access[digest(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))]
	if c.token != nil {
		c.owner, _ = s.user(c.token.user)
		names = append(names, c.owner.ID, c.owner.Email)
	}
	s.mu.Unlock()
	if c.fault, err = s.Faults.Take(r.Context(), fits(names...)); err != nil {
		panic(http.ErrAbortHandler) // the client left while it waited
	}
	a := s.answer(c)
	s.note(c, a)
	if c.fault == LateReply && !s.config.Manual {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		_ = s.Settle(ctx) // as many as there was time for
	}
	send(w, r, c.fault, a)
}

// answer decides, and does what was asked for.
func (s *Server) answer(c *call) answer {
	if c.fault == LoseRequest {
		return answer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.config.Now() // a slow request is late
	if a, ok := instead(c.fault, c); ok {
		return a
	}
	s.spoilToken(c)
	if a, ok := s.admit(c); !ok {
		return a
	}
	a := c.op.do(s, c)
	if a.status < http.StatusMultipleChoices {
		a = spoil(c.fault, a)
	}
	return a
}

// spoilToken does what the faults of tokens do.
func (s *Server) spoilToken(c *call) {
	if c.token == nil {
		return
	}
	switch c.fault {
	case Uninstall:
		s.uninstall(c.token.app, c.owner)
	case Kill:
		s.kill(c.token.app, c.owner.ID)
	case Expire:
		c.token.expires = c.now
	}
}

// admit tells whether a request may go on, or answers it.
func (s *Server) admit(c *call) (answer, bool) {
	bad := func(code int, text string) (answer, bool) { return refuse(http.StatusUnauthorized, code, text), false }
	switch t := c.token; {
	case c.r.URL.Query().Has("access_token"):
		return bad(124, "Invalid access token, this access token is not supported as query parameter string.")
	case t == nil || !strings.HasPrefix(c.r.Header.Get("Authorization"), "Bearer "):
		return bad(124, "Invalid access token.")
	case c.owner.Removed || c.owner.Status == Inactive:
		return bad(4735, "The owner of the token no longer exists.")
	case t.dead:
		return bad(4741, "The token has been revoked.")
	case !c.now.Before(t.expires):
		return bad(124, "Access token is expired.")
	case !slices.ContainsFunc(c.op.scopes(c.r.PathValue("user")), func(s string) bool {
		return slices.Contains(t.scopes, s)
	}):
		return missingScope(c.op.scopes(c.r.PathValue("user"))), false
	}
	return s.tooFast(c)
}

func missingScope(scopes []string) answer {
	return refuse(http.StatusBadRequest, 4711, "Invalid access token, does not contain scopes:["+
		strings.Join(scopes, ", ")+"].")
}

// note remembers a request.
func (s *Server) note(c *call, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := Request{
		At: c.now, Op: c.op.name, Method: c.r.Method, Path: c.r.URL.Path, Status: a.status, Fault: c.fault,
		Ignored: c.ignored,
	}
	if body, ok := a.body.(object); ok {
		q.Code, _ = body["code"].(int)
	}
	if c.owner != nil {
		q.User = c.owner.ID
	}
	if strings.HasPrefix(q.Path, "/v2/") {
		q.Body = string(c.body)
	}
	if s.requests = append(s.requests, q); len(s.requests) > maxRequests {
		s.requests = slices.Delete(s.requests, 0, len(s.requests)-maxRequests)
	}
}

// Requests returns what was asked, oldest first: of these operations, or of all.
func (s *Server) Requests(ops ...string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Request
	for _, q := range s.requests {
		if len(ops) == 0 || slices.Contains(ops, q.Op) {
			list = append(list, q)
		}
	}
	return list
}

// Forget forgets the requests and the deliveries that are over.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
	s.deliveries = slices.DeleteFunc(s.deliveries, func(d *Delivery) bool { return d.State != Queued })
}

// invalid is an answer 300 with the fields at fault.
func invalid(list ...fieldError) answer {
	return answer{status: http.StatusBadRequest, body: object{
		"code": 300, "message": "Validation Failed.", "errors": list,
	}}
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// decode reads a request's JSON body, and names the field of a wrong type as Zoom does.
func (c *call) decode(into any) (answer, bool) {
	err := json.Unmarshal(c.body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return invalid(fieldError{wrong.Field, "Invalid field."}), false
	case err != nil:
		return refuse(http.StatusBadRequest, 300, "Request Body should be a valid JSON object."), false
	}
	return answer{}, true
}
