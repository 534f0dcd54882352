package apim

import (
	"net/http"
	"slices"
)

// The kinds of fault the gateway knows besides sandbox.Slow, which makes a hanging endpoint. A Fault's On is compared
// with the API's name ("token", "pds", "scr", "gp"), the operation's ("get", "search", "related", …), the path pattern
// and the NHS number in the path. Note for LoseReply and LoseRequest: when a connection that was used before breaks,
// Go's net/http sends a GET again by itself, with the same headers, so that a client may not notice a single one.
const (
	Timeout        = "timeout"         // 408 UNABLE_TO_CALL_SERVICE
	Quota          = "quota"           // 429, the application's quota
	Spike          = "spike"           // 429, the application's rate
	Busy           = "busy"            // 429, the whole API is over its limit
	Fail           = "fail"            // 500 UNKNOWN_ERROR
	BadGateway     = "bad_gateway"     // 502 as a web page
	Unavailable    = "unavailable"     // 503 SERVICE_UNAVAILABLE with Retry-After
	Maintenance    = "maintenance"     // 503 as a web page
	GatewayTimeout = "gateway_timeout" // 504 as a web page: done or not, nobody knows
	PlainError     = "plain_error"     // 500 as application/json in the gateway's own form, not FHIR
	NoASID         = "no_asid"         // 400: the application is not set up completely
	Denied         = "denied"          // 403 ACCESS_DENIED
	AccessControl  = "access_control"  // 420: the record's access control forbids it
	Truncate       = "truncate"        // 200 with half of the document
	CutOff         = "cut_off"         // the connection breaks in the middle of the document
	LoseReply      = "lose_reply"      // answered, then the connection cut before the first byte
	LoseRequest    = "lose_request"    // the connection cut, nothing done
	Revoke         = "revoke"          // the token of this request stops being valid
	Expire         = "expire"          // the token of this request has run out
	UnknownKID     = "unknown_kid"     // token: no public key with this kid, as right after a rotation
	EmptyList      = "empty_list"      // a Bundle without hits has "entry": [] instead of none
)

func kinds() []string {
	return []string{
		Timeout, Quota, Spike, Busy, Fail, BadGateway, Unavailable, Maintenance, GatewayTimeout, PlainError, NoASID,
		Denied, AccessControl, Truncate, CutOff, LoseReply, LoseRequest, Revoke, Expire, UnknownKID, EmptyList,
	}
}

// Kinds lists the kinds of fault that can be set, for a page to offer.
func Kinds() []string { return kinds() }

// planned is the answer of a fault that replaces the real one.
func planned(kind, app string) (Answer, bool) {
	const limits = " Please see: https://digital.nhs.uk/developer/guides-and-documentation/reference-guide" +
		"#rate-limits for more details."
	var a Answer
	switch kind {
	case Timeout:
		a = Outcome(http.StatusRequestTimeout, Issue{
			Type: "timeout", Code: "UNABLE_TO_CALL_SERVICE",
			Display: "Unable to call Service", Diagnostics: "For a SyncAsync wrapped request, the downstream domain " +
				"processing has not completed within the configured timeout period.",
		})
	case Quota:
		a = tooMany("Your application, " + app + ", has exceeded its quota of 300 requests every 1 minute(s) and is " +
			"being rate limited." + limits)
	case Spike:
		a = tooMany("Your application, " + app + ", has created a spike in traffic and is being rate limited. " +
			"Please reduce the frequency of your requests." + limits)
	case Busy:
		a = tooMany("This API is currently receiving a high volume of requests and is being rate limited." + limits)
	case Fail:
		a = Outcome(http.StatusInternalServerError, Issue{
			Type: "unknown", Code: "UNKNOWN_ERROR",
			Display: "Unknown Error",
		})
	case Unavailable:
		a = Outcome(http.StatusServiceUnavailable, Issue{
			Type: "timeout", Code: "SERVICE_UNAVAILABLE",
			Display: "Service unavailable", Diagnostics: "The downstream domain processing has not completed within " +
				"the configured timeout period. Retry your request with the value in the 'Retry-After' header, using " +
				"the same 'X-Request-ID'.",
		})
		a.Header = http.Header{"Retry-After": {"5"}}
	case NoASID:
		a = Outcome(http.StatusBadRequest, Issue{
			Type: "required", Code: "MISSING_VALUE",
			Display: "Required value is missing", Diagnostics: "No ASID is associated with this application.",
		})
	case Denied:
		a = Outcome(http.StatusForbidden, Issue{
			Type: "forbidden", Code: "ACCESS_DENIED",
			Display: "Access Denied - Forbidden", Diagnostics: "Your app has insufficient permissions.",
		})
	case AccessControl:
		return NotPermitted(), true
	default:
		return foreign(kind)
	}
	a.Gateway = true
	return a, true
}

// foreign are the answers that are no FHIR.
func foreign(kind string) (Answer, bool) {
	page := func(status int) (Answer, bool) {
		text := http.StatusText(status)
		return Answer{Status: status, HTML: "<html>\r\n<head><title>" + text + "</title></head>\r\n<body><h1>" +
			text + "</h1><hr></body>\r\n</html>\r\n"}, true
	}
	switch kind {
	case BadGateway:
		return page(http.StatusBadGateway)
	case Maintenance:
		return page(http.StatusServiceUnavailable)
	case GatewayTimeout:
		return page(http.StatusGatewayTimeout)
	case PlainError:
		return Answer{Status: http.StatusInternalServerError, Gateway: true, Body: object{"fault": object{
			"faultstring": "Internal server error",
			"detail":      map[string]string{"errorcode": "protocol.http.InternalError"},
		}}}, true
	}
	return Answer{}, false
}

// object is a JSON object.
type object = map[string]any

func tooMany(diagnostics string) Answer {
	a := Outcome(http.StatusTooManyRequests, Issue{
		Type: "value", Code: "TOO_MANY_REQUESTS",
		Display: "Too many requests", Diagnostics: diagnostics,
	})
	a.Gateway = true
	return a
}

// fits tells what a fault's On may name.
func fits(names ...string) func(on string) bool {
	return func(on string) bool { return slices.Contains(names, on) }
}
