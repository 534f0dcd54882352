package apim

import "net/http"

// SpineCodes is the code system of the errors.
const SpineCodes = "https://fhir.nhs.uk/R4/CodeSystem/Spine-ErrorOrWarningCode"

// Answer is what a request is answered with, before the gateway adds its own headers.
type Answer struct {
	Status  int
	Header  http.Header
	Body    any    // written as JSON; nil: none
	HTML    string // instead of Body
	Gateway bool   // from the gateway itself, which says application/json and not application/fhir+json
	Code    string // the Spine code, for the record
}

// Issue is one issue of an OperationOutcome.
type Issue struct {
	Severity    string // empty: error
	Type        string // FHIR's issue.code, which the platform uses inconsistently: clients go by Code
	Code        string // the Spine code; empty: an outcome without any coding
	Display     string
	Diagnostics string
	Text        string // details.text, which the Summary Care Record uses instead of a coding
}

// Outcome makes an answer that is an OperationOutcome with one issue.
func Outcome(status int, i Issue) Answer {
	if i.Severity == "" {
		i.Severity = "error"
	}
	issue := map[string]any{"severity": i.Severity, "code": i.Type}
	if i.Code != "" {
		issue["details"] = map[string]any{"coding": []any{map[string]string{
			"system": SpineCodes, "version": "1", "code": i.Code, "display": i.Display,
		}}}
	}
	if i.Text != "" {
		issue["details"] = map[string]string{"text": i.Text}
	}
	if i.Diagnostics != "" {
		issue["diagnostics"] = i.Diagnostics
	}
	return Answer{Status: status, Code: i.Code, Body: map[string]any{
		"resourceType": "OperationOutcome", "issue": []any{issue},
	}}
}

// MissingValue is the 400 for a header or parameter that is not there.
func MissingValue(diagnostics string) Answer {
	return Outcome(http.StatusBadRequest, Issue{
		Type: "required", Code: "MISSING_VALUE",
		Display: "Required value is missing", Diagnostics: diagnostics,
	})
}

// InvalidValue is the 400 for a header or parameter that is not as it should be.
func InvalidValue(value, where string) Answer {
	return Outcome(http.StatusBadRequest, Issue{
		Type: "value", Code: "INVALID_VALUE",
		Display: "Provided value is invalid", Diagnostics: "Invalid value - '" + value + "' in " + where,
	})
}

// Unauthorised is the 401 about a token.
func Unauthorised(diagnostics string) Answer {
	a := Outcome(http.StatusUnauthorized, Issue{
		Type: "forbidden", Code: "ACCESS_DENIED",
		Display: "Access Denied - Unauthorised", Diagnostics: diagnostics,
	})
	a.Gateway = true
	return a
}

// Forbidden is a 403; the platform gives it several codes and texts.
func Forbidden(kind, code, display, diagnostics string) Answer {
	a := Outcome(http.StatusForbidden, Issue{Type: kind, Code: code, Display: display, Diagnostics: diagnostics})
	a.Gateway = true
	return a
}

// NotPermitted is the 420 of the Summary Care Record: what is known of the patient's wishes forbids the reading.
func NotPermitted() Answer {
	const enhanceYourCalm = 420 // not in the register of statuses, so net/http has no name for it
	return Outcome(enhanceYourCalm, Issue{
		Type: "forbidden", Text: "Code: 420, Display: Business condition related to access control  which prevents " +
			"the action being performed by PSIS;Code: 30418, Display: [PSIS-30418] - ACF does not permit access to " +
			"resource",
	})
}

// Unsupported is the 400 for a path or verb that no API has.
func Unsupported(code string) Answer {
	display := "Unsupported Service"
	if code == "UNSUPPORTED_REQUEST" {
		display = "Unsupported Request"
	}
	return Outcome(http.StatusBadRequest, Issue{Type: "processing", Code: code, Display: display})
}
