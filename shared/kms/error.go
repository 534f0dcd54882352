package kms

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The codes of refusals that mean something to somebody; KMS has more.
const (
	InvalidCiphertext = "InvalidCiphertextException"
	Disabled          = "DisabledException"
	InvalidState      = "KMSInvalidStateException" // such as a key that waits for its deletion
	NotFound          = "NotFoundException"
	Denied            = "AccessDeniedException"
	Throttled         = "ThrottlingException"
)

// Error is a refusal by KMS.
type Error struct {
	Code      string // empty where the answer had none
	Status    int    // of HTTP
	RequestID string // under which AWS finds the request
}

// Error names the code and the request. KMS's own text is left out: it may hold what was asked.
func (e *Error) Error() string {
	return fmt.Sprintf("kms: %s (status %d, request %s)", e.Code, e.Status, e.RequestID)
}

const (
	longestCode = 64
	longestID   = 64
)

// refusal reads an answer other than 200.
func refusal(res *http.Response, body []byte) error {
	var said struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(body, &said)                   // what is no JSON has no code
	_, code, qualified := strings.Cut(said.Type, "#") // "com.amazonaws.kms#NotFoundException" is possible
	if !qualified {
		code = said.Type
	}
	e := &Error{Status: res.StatusCode}
	if len(code) <= longestCode && !strings.ContainsFunc(code, notLetter) {
		e.Code = code
	}
	if id := res.Header.Get("X-Amzn-Requestid"); len(id) <= longestID && !strings.ContainsFunc(id, notID) {
		e.RequestID = id
	}
	return e
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

func notID(r rune) bool { return notLetter(r) && (r < '0' || r > '9') && r != '-' }

// again tells whether the same request may succeed in a moment: KMS is busy or has failed, or did not answer. A caller
// who has no more time is told so by the pause.
func again(err error) bool {
	if errors.Is(err, errAnswer) {
		return false
	}
	e, refused := errors.AsType[*Error](err)
	return !refused || e.Code == Throttled || e.Status == http.StatusTooManyRequests ||
		e.Status >= http.StatusInternalServerError
}
