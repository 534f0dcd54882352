package faultproxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault names what goes wrong.
type Fault string

// Faults of any operation.
const (
	// SlowRequest holds the request back for Delay, then forwards it even if the client has given up: the write that
	// arrives when nobody waits for it any more.
	SlowRequest Fault = "slow-request"
	// SlowReply forwards the request and holds the answer back for Delay.
	SlowReply Fault = "slow-reply"
	// LostRequest cuts the connection instead of forwarding: nothing is done.
	LostRequest Fault = "lost-request"
	// LostReply forwards the request and cuts the connection instead of answering: it is done, and the client cannot
	// know.
	LostReply Fault = "lost-reply"
	// CutReply forwards the request, then cuts the connection in the middle of the answer.
	CutReply Fault = "cut-reply"
	// InternalError answers 500 and does nothing.
	InternalError Fault = "internal-error"
	// InternalErrorAfter does what was asked and answers 500 all the same, which AWS documents as possible.
	InternalErrorAfter Fault = "internal-error-after"
	// Throttled refuses with ThrottlingException, or RequestThrottled for a queue.
	Throttled Fault = "throttled"
	// CustomError refuses with the rule's Error.
	CustomError Fault = "error"
)

// Faults of the table and its stream.
const (
	// ThroughputExceeded refuses with ProvisionedThroughputExceededException.
	ThroughputExceeded Fault = "throughput-exceeded"
	// TransactionConflict cancels a transaction because another one holds an item, drawn by the seed, or refuses a
	// single write with TransactionConflictException. Reasons may say it item by item.
	TransactionConflict Fault = "transaction-conflict"
	// TransactionThrottled cancels a transaction because an item, drawn by the seed, is throttled.
	TransactionThrottled Fault = "transaction-throttled"
	// TransactionInProgress refuses a transaction as if the same token were under way already.
	TransactionInProgress Fault = "transaction-in-progress"
	// Unprocessed leaves about half of a batch undone and hands it back as unprocessed.
	Unprocessed Fault = "unprocessed"
	// ShortPage ends the page of a query or scan after one item, with the key to go on from, as a page that reaches its
	// size limit does.
	ShortPage Fault = "short-page"
)

// EntryFailed fails one entry, drawn by the seed, of a batch to a queue and lets the others pass.
const EntryFailed Fault = "entry-failed"

// Faults of deliveries: messages of ReceiveMessage and records of GetRecords, where such a rule is asked once for each
// message or record, not for each request. Late also goes with SendMessage and SendMessageBatch.
const (
	// Duplicate delivers a message or record twice: a record at once or, as Polls or Delay say, later; a message at the
	// next poll of its queue or later, even if it was deleted. A late copy of a record may come after newer records of
	// its item, which is harsher than AWS: there, those would be replayed too.
	Duplicate Fault = "duplicate"
	// Late holds a message or record back for Polls polls or for Delay. Later records of the same item wait behind it.
	// On SendMessage it delays the message in the engine, in whole seconds. A message held at ReceiveMessage is in
	// flight: hold it longer than the visibility timeout, and the engine delivers it again.
	Late Fault = "late"
	// Reorder shuffles the messages or records of a reply, but keeps the order of the records of each item.
	Reorder Fault = "reorder"
)

// maxDelay keeps a mistyped delay from hanging a test for hours.
const maxDelay = 15 * time.Minute

// Rule says which requests meet a fault. A rule needs Probability or Nth: one that says neither is refused.
type Rule struct {
	// Name tells rules apart in Status. Empty: the fault's name.
	Name string `json:"name,omitempty"`
	// Op is the operation, like "TransactWriteItems". Empty: every operation that can meet the fault.
	Op string `json:"op,omitempty"`
	// Contains narrows the rule to bodies (or messages, or records) with this text, as it stands in the JSON.
	Contains string `json:"contains,omitempty"`
	// Match narrows the rule further. It runs under a lock: it must be quick and not call the proxy.
	Match func(Request) bool `json:"-"`

	// Fault is what happens.
	Fault Fault `json:"fault"`
	// Probability is the share of matching requests that meet the fault, above 0 and up to 1.
	Probability float64 `json:"probability,omitempty"`
	// Nth picks exactly the n-th matching request, from 1.
	Nth int `json:"nth,omitempty"`
	// After lets that many matching requests pass first.
	After int `json:"after,omitempty"`
	// Times ends the rule after that many faults. 0: no end.
	Times int `json:"times,omitempty"`

	// Delay is how long SlowRequest, SlowReply, Duplicate and Late wait.
	Delay Duration `json:"delay,omitempty"`
	// Polls is for how many polls Duplicate and Late wait.
	Polls int `json:"polls,omitempty"`
	// Reasons are the cancellation codes of the transaction's items in order, like "None" and "TransactionConflict",
	// where TransactionConflict or TransactionThrottled shall not draw one item. Items beyond it get "None".
	Reasons []string `json:"reasons,omitempty"`
	// Error is the answer of CustomError.
	Error *Error `json:"error,omitempty"`
}

// Error is an error answer of a service.
type Error struct {
	// Status is the HTTP status; 0 means 400.
	Status int `json:"status,omitempty"`
	// Code is the error's name without prefix, like "ExpiredIteratorException".
	Code string `json:"code"`
	// Message is its text.
	Message string `json:"message,omitempty"`
}

// Request is what a rule sees of a request, or of one message or record on its way back.
type Request struct {
	// Service is "DynamoDB", "DynamoDBStreams" or "SQS".
	Service string
	// Op is the operation, like "PutItem".
	Op string
	// Body is the JSON of the request, message or record.
	Body []byte
}

func newRequest(r *http.Request, body []byte) Request {
	prefix, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		return Request{Op: "other", Body: body}
	}
	service, _, _ := strings.Cut(prefix, "_") // without the version
	return Request{Service: strings.TrimPrefix(service, "Amazon"), Op: op, Body: body}
}

// check refuses a rule that could never do what it seems to say.
func (r Rule) check() error {
	return errors.Join(r.checkFault(), r.checkChoice(), r.checkDelay())
}

func (r Rule) checkFault() error {
	ops, known := operations(r.Fault)
	switch {
	case !known:
		return fmt.Errorf("unknown fault %q", r.Fault)
	case r.Op == "" && perDelivery(r.Fault):
		return fmt.Errorf("%s needs an operation: one of %v", r.Fault, ops)
	case r.Op != "" && ops != nil && !slices.Contains(ops, r.Op):
		return fmt.Errorf("%s never happens to %s, only to %v", r.Fault, r.Op, ops)
	case (r.Fault == CustomError) != (r.Error != nil), r.Error != nil && r.Error.Code == "":
		return fmt.Errorf("%s, and nothing else, needs an error with a code", CustomError)
	}
	return nil
}

func (r Rule) checkDelay() error {
	needsDelay := r.Fault == SlowRequest || r.Fault == SlowReply || r.Fault == Late && strings.HasPrefix(r.Op, "Send")
	switch {
	case r.Delay < 0 || time.Duration(r.Delay) > maxDelay:
		return fmt.Errorf("the delay must be between 0 and %s", maxDelay)
	case r.Polls < 0:
		return errors.New("a negative number of polls")
	case needsDelay && r.Delay == 0:
		return fmt.Errorf("%s needs a delay", r.Fault)
	case r.Fault == Late && r.Delay == 0 && r.Polls == 0:
		return fmt.Errorf("%s needs a delay or a number of polls", r.Fault)
	}
	return nil
}

func (r Rule) checkChoice() error {
	switch {
	case r.Probability < 0 || r.Probability > 1:
		return errors.New("the probability must be above 0 and at most 1")
	case r.Nth < 0 || r.After < 0 || r.Times < 0:
		return errors.New("a negative count")
	case r.Probability == 0 && r.Nth == 0:
		return errors.New("it would never fire: set a probability (1 for always) or nth")
	case r.Nth > 0 && (r.Probability > 0 || r.After > 0):
		return errors.New("nth goes with neither probability nor after")
	}
	return nil
}

// operations returns the operations that can meet the fault, nil for all of them, and whether there is such a fault.
func operations(f Fault) ([]string, bool) {
	switch f {
	case SlowRequest, SlowReply, LostRequest, LostReply, CutReply, InternalError, InternalErrorAfter, Throttled,
		CustomError, ThroughputExceeded:
		return nil, true
	case TransactionConflict:
		return []string{"TransactWriteItems", "TransactGetItems", "PutItem", "UpdateItem", "DeleteItem"}, true
	case TransactionThrottled:
		return []string{"TransactWriteItems", "TransactGetItems"}, true
	case TransactionInProgress:
		return []string{"TransactWriteItems"}, true
	case Unprocessed:
		return []string{"BatchGetItem", "BatchWriteItem"}, true
	case ShortPage:
		return []string{"Query", "Scan"}, true
	case EntryFailed:
		return []string{"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}, true
	case Duplicate, Reorder:
		return []string{"ReceiveMessage", "GetRecords"}, true
	case Late:
		return []string{"ReceiveMessage", "GetRecords", "SendMessage", "SendMessageBatch"}, true
	}
	return nil, false
}

// perDelivery reports whether the fault is one of single messages or records.
func perDelivery(f Fault) bool { return f == Duplicate || f == Late || f == Reorder }
