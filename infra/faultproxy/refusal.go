package faultproxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The words are the service's own, as its API model and its replies have them.
const (
	hotKey = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your " +
		"table or index so please try again shortly. If exceptions persist, check if you have a hot key: " +
		"https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
	provisioned = "The level of configured provisioned throughput for the table was exceeded. Consider increasing " +
		"your provisioning level with the UpdateTable API."
	ongoing = "Transaction is ongoing for the item"
)

// refuse returns the answer to a request that is not to be forwarded, or nil.
func (x *exchange) refuse(f Fault) *reply {
	if f == "" {
		return nil
	}
	if e, ok := x.refusals()[f]; ok {
		return x.failure(e)
	}
	transaction := strings.HasPrefix(x.Op, "Transact")
	if f == TransactionConflict && !transaction {
		return x.failure(Error{Code: "TransactionConflictException", Message: ongoing})
	}
	if f == TransactionConflict {
		return x.cancelled("TransactionConflict")
	}
	if f == TransactionThrottled {
		return x.cancelled("ThrottlingError")
	}
	return nil
}

// refusals returns the faults that are no more than an error.
func (x *exchange) refusals() map[Fault]Error {
	throttled := Error{Code: "ThrottlingException", Message: hotKey}
	if x.Service == "SQS" {
		throttled = Error{Code: "RequestThrottled", Message: "Request is throttled."}
	}
	m := map[Fault]Error{
		InternalError:      x.internalError(),
		Throttled:          throttled,
		ThroughputExceeded: {Code: "ProvisionedThroughputExceededException", Message: provisioned},
		TransactionInProgress: {
			Code:    "TransactionInProgressException",
			Message: "The transaction with the given request token is already in progress.",
		},
	}
	if custom := x.plan.hit.Error; custom != nil {
		m[CustomError] = *custom
	}
	return m
}

func (x *exchange) internalError() Error {
	e := Error{
		Status: http.StatusInternalServerError, Code: "InternalServerError",
		Message: "An error occurred on the server side.",
	}
	if x.Service == "SQS" {
		e.Code = "InternalFailure"
		e.Message = "The request processing has failed because of an unknown error, exception or failure."
	}
	return e
}

// cancelled answers as DynamoDB cancels a transaction: one reason for each item, in order. The rule says them all, or
// one item is drawn to have the given one.
func (x *exchange) cancelled(code string) *reply {
	var transaction struct {
		TransactItems []json.RawMessage `json:"TransactItems"`
	}
	if err := json.Unmarshal(x.Body, &transaction); err != nil || len(transaction.TransactItems) == 0 {
		return nil // the engine knows better what is wrong with it
	}
	codes := make([]string, len(transaction.TransactItems))
	if copy(codes, x.plan.hit.Reasons) == 0 {
		codes[x.plan.hit.draw%uint64(len(codes))] = code
	}
	type reason struct{ Code, Message string }
	reasons := make([]any, len(codes))
	for i, code := range codes {
		if code == "" || code == "None" {
			codes[i] = "None"
			reasons[i] = struct{ Code string }{"None"}
			continue
		}
		reasons[i] = reason{code, reasonMessage(code)}
	}
	return x.answer(http.StatusBadRequest, "TransactionCanceledException", map[string]any{
		"CancellationReasons": reasons,
		"Message": fmt.Sprintf("Transaction cancelled, please refer cancellation reasons for specific reasons [%s]",
			strings.Join(codes, ", ")),
	})
}

func reasonMessage(code string) string {
	switch code {
	case "TransactionConflict":
		return ongoing
	case "ThrottlingError":
		return hotKey
	case "ProvisionedThroughputExceeded":
		return provisioned
	case "ItemCollectionSizeLimitExceeded":
		return "Collection size exceeded"
	case "ValidationError":
		return "One or more parameter values were invalid"
	}
	return "The conditional request failed"
}

func (x *exchange) failure(e Error) *reply {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	return x.answer(status, e.Code, map[string]any{"message": e.Message})
}

// answer makes an error answer in the form of the service, checksum and all.
func (x *exchange) answer(status int, code string, content map[string]any) *reply {
	header := http.Header{"Content-Type": {contentType}}
	content["__type"] = "com.amazonaws.dynamodb.v20120810#" + code
	if x.Service == "SQS" {
		content["__type"] = "com.amazonaws.sqs#" + code
		// SQS tells the code once more, in the form of its older protocol.
		side := "Sender"
		if status >= http.StatusInternalServerError {
			side = "Receiver"
		}
		header.Set("X-Amzn-Query-Error", code+";"+side)
	}
	header.Set("X-Amzn-Requestid", fmt.Sprintf("FAULT%016X", x.plan.hit.draw))
	body, err := json.Marshal(content)
	if err != nil {
		panic(err) // strings only: it cannot fail
	}
	if x.Service != "SQS" {
		header.Set(crcHeader, checksum(body))
	}
	return &reply{status: status, header: header, body: body}
}
