package zoom

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of fault of a request besides sandbox.Slow. Each word of a Fault's On must be one of: the operation
// (Operations), the ID or address of the token's owner, the meeting's number. So "create" or "update ada@example.com".
const (
	LoseRequest = "lose_request" // the connection is cut, nothing done
	LoseReply   = "lose_reply"   // done, then the connection cut
	Hang        = "hang"         // done, then silence until the client gives up
	CutOff      = "cut_off"      // done, the connection breaks in the middle of the answer
	LateReply   = "late_reply"   // done, answered once the webhooks about it have arrived, at most 5 seconds later
	FailLate    = "fail_late"    // done, but answered 500
	Fail        = "fail"         // 500, nothing done
	BadGateway  = "bad_gateway"  // 502 as a web page, nothing done
	Unavailable = "unavailable"  // 503 without a body, nothing done

	TooFast     = "too_fast"    // 429, requests a second, with all headers
	Daily       = "daily"       // 429, a host's daily limit as it really comes: its text alone tells
	DailyDated  = "daily_dated" // 429, a daily limit as documented: Retry-After is a date
	AfterSecs   = "after_secs"  // 429 with Retry-After in seconds
	AfterNoise  = "after_noise" // 429 with a Retry-After that nobody can read
	AfterPast   = "after_past"  // 429 with a Retry-After that is over
	Concurrent  = "concurrent"  // 429, too many concurrent requests
	Redirecting = "http_300"    // HTTP status 300: the old form of the daily limit

	HTML        = "html"           // done, answered by a web page with the good status
	Empty       = "empty"          // done, answered without a body
	CodeInOK    = "code_in_ok"     // not done, yet HTTP 200, with code 300
	ZeroCode    = "zero_code"      // done, and the body carries "code": 0
	NoJoinURL   = "no_join_url"    // done, but the answer lacks join_url
	OtherHost   = "other_host"     // done, but the answer names another host
	IgnoreStart = "ignore_start"   // a new start is passed over in silence, as one in the past is
	StaleList   = "stale_list"     // the newest meeting is not in the list yet
	Uninstall   = "uninstall"      // the user uninstalls the app just before, with a webhook
	Kill        = "kill"           // the tokens just died, as by a log-in elsewhere
	Expire      = "expire"         // the access token just ran out
	NoScope     = "no_scope"       // 400 with code 4711
	Disabled    = "disabled"       // 401 with code 4738
	NoAuth      = "no_auth"        // 401 with code 4737
	CatchAll    = "catch_all"      // 401 with code 4700
	NotInPlan   = "not_in_plan"    // 400 with code 200
	NoHosting   = "no_hosting"     // 400 with code 3161
	NotHost     = "not_host"       // 400 with code 3003
	NotOnAcct   = "not_on_account" // 400 with code 1010
)

// Kinds of fault of a webhook besides sandbox.Slow. A Fault's On is compared like that of a request, the event's name
// in place of the operation.
const (
	DropEvent   = "drop"     // never sent
	DoubleEvent = "double"   // sent twice, with the keys in another order
	Tampered    = "tampered" // one byte is not what was signed
	Unsigned    = "unsigned" // without the signature headers
	Foreign     = "foreign"  // signed with a secret that is none of the app's
	Old         = "old"      // the timestamp is three hours old
	Ahead       = "ahead"    // the timestamp is six minutes ahead
	Uppercase   = "upper"    // the signature in upper case
)

func kinds() []string {
	return []string{
		LoseRequest, LoseReply, LateReply, Hang, CutOff, FailLate, Fail, BadGateway, Unavailable, TooFast, Daily,
		DailyDated, AfterSecs, AfterNoise, AfterPast, Concurrent, Redirecting, HTML, Empty, CodeInOK, ZeroCode,
		NoJoinURL, OtherHost, IgnoreStart, StaleList, Uninstall, Kill, Expire, NoScope, Disabled, NoAuth, CatchAll,
		NotInPlan, NoHosting, NotHost, NotOnAcct,
	}
}

func eventKinds() []string {
	return []string{DropEvent, DoubleEvent, Tampered, Unsigned, Foreign, Old, Ahead, Uppercase}
}

// fits tells whether every word of on is one of the names.
func fits(names ...string) func(on string) bool {
	return func(on string) bool {
		for word := range strings.FieldsSeq(on) {
			if !slices.Contains(names, word) {
				return false
			}
		}
		return true
	}
}

// answer is what goes back to a client.
type answer struct {
	status int
	header http.Header
	body   any    // sent as JSON; nil: nothing
	html   string // sent in place of body
}

// object is a JSON object.
type object = map[string]any

// refuse is Zoom's form of an error.
func refuse(status, code int, message string) answer {
	return answer{status: status, body: object{"code": code, "message": message}}
}

// instead is the answer of a fault that takes the place of everything.
func instead(kind string, c *call) (answer, bool) {
	switch kind {
	case Fail:
		return refuse(http.StatusInternalServerError, 500, "Internal server error."), true
	case BadGateway:
		return answer{status: http.StatusBadGateway, html: webPage(http.StatusBadGateway)}, true
	case Unavailable:
		return answer{status: http.StatusServiceUnavailable}, true
	case CodeInOK:
		return refuse(http.StatusOK, 300, "Validation Failed."), true
	case Redirecting:
		return answer{status: http.StatusMultipleChoices, body: object{
			"message": "Maximum of 100 meetings can be created/updated for a single user in one day.",
		}}, true
	case NoScope:
		return missingScope(c.op.scopes("me")), true
	}
	if a, ok := limited(kind, c.now); ok {
		return a, true
	}
	coded := map[string]struct {
		status, code int
		message      string
	}{
		Disabled:  {401, 4738, "This app has been disabled by the account admin."},
		NoAuth:    {401, 4737, "No authentication was found for this token."},
		CatchAll:  {401, 4700, "Token cannot be empty or is invalid."},
		NotInPlan: {400, 200, "No permission."},
		NoHosting: {400, 3161, "Your user account is not allowed meeting hosting and scheduling capabilities."},
		NotHost:   {400, 3003, "You are not the meeting host."},
		NotOnAcct: {400, 1010, "User does not belong to this account: me."},
	}
	e, ok := coded[kind]
	return refuse(e.status, e.code, e.message), ok
}

// spoil changes the answer to something that was done.
func spoil(kind string, a answer) answer {
	body, isObject := a.body.(object)
	switch kind {
	case FailLate:
		return refuse(http.StatusInternalServerError, 500, "Internal server error.")
	case HTML:
		return answer{status: a.status, html: webPage(a.status)}
	case Empty:
		return answer{status: a.status}
	case ZeroCode:
		if isObject {
			body["code"] = 0
		}
	case NoJoinURL:
		delete(body, "join_url")
	case OtherHost:
		if isObject && body["host_id"] != nil {
			body["host_id"], body["host_email"] = Cara, "cara.lindqvist@zoom.example"
		}
	}
	return a
}

func webPage(status int) string {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	return "<html>\r\n<head><title>" + text + "</title></head>\r\n<body><h1>" + text +
		"</h1></body>\r\n</html>\r\n"
}

// send writes the answer, unless the fault lets the connection break.
func send(w http.ResponseWriter, r *http.Request, kind string, a answer) {
	switch kind {
	case LoseRequest, LoseReply:
		panic(http.ErrAbortHandler)
	case Hang:
		select {
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
		panic(http.ErrAbortHandler)
	}
	raw, mime := []byte(a.html), "text/html;charset=UTF-8"
	if a.html == "" {
		mime = "application/json;charset=UTF-8"
		if a.body != nil {
			var err error
			if raw, err = json.Marshal(a.body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
	}
	maps.Copy(w.Header(), a.header)
	if len(raw) > 0 {
		w.Header().Set("Content-Type", mime)
	}
	if kind == CutOff {
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)+1))
		w.WriteHeader(a.status)
		_, _ = w.Write(raw[:len(raw)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(raw) // a client that left is no concern of ours
}
