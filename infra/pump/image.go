package pump

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// record is a stream record as Lambda hands it to a function. The images stay in the JSON that DynamoDB wrote: decoding
// them with the SDK would lose empty maps, see repair.
type record struct {
	EventID      string        `json:"eventID"`
	EventName    string        `json:"eventName"`
	EventVersion string        `json:"eventVersion"`
	EventSource  string        `json:"eventSource"`
	AWSRegion    string        `json:"awsRegion"`
	Change       change        `json:"dynamodb"`
	SourceARN    string        `json:"eventSourceARN"`
	UserIdentity *userIdentity `json:"userIdentity,omitempty"`

	created time.Time
	encoded []byte
}

type change struct {
	Created        json.Number `json:"ApproximateCreationDateTime"`
	Keys           image       `json:"Keys,omitempty"`
	NewImage       image       `json:"NewImage,omitempty"`
	OldImage       image       `json:"OldImage,omitempty"`
	SequenceNumber string      `json:"SequenceNumber"`
	SizeBytes      int64       `json:"SizeBytes"`
	StreamViewType string      `json:"StreamViewType"`
}

// userIdentity tells a deletion by TTL from one by people. DynamoDB writes its names in capitals, Lambda does not.
type userIdentity struct {
	PrincipalID string `json:"principalId"`
	Type        string `json:"type"`
}

// image is an item: attributes by name, each an object whose only name is its type.
type image map[string]map[string]any

// parseRecords reads the records of a GetRecords answer.
func parseRecords(body []byte, region, arn string) ([]*record, error) {
	var answer struct {
		Records []*record `json:"Records"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	for _, r := range answer.Records {
		at, err := r.Change.Created.Float64()
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", r.EventID, err)
		}
		seconds := math.Floor(at) // as Lambda has it
		r.created = time.Unix(int64(seconds), 0)
		r.Change.Created = json.Number(fmt.Sprintf("%.0f", seconds))
		r.EventSource, r.AWSRegion, r.SourceARN = "aws:dynamodb", region, arn
		for _, i := range []image{r.Change.Keys, r.Change.NewImage, r.Change.OldImage} {
			for _, a := range i {
				repair(a)
			}
		}
		if r.encoded, err = json.Marshal(r); err != nil {
			return nil, fmt.Errorf("record %s: %w", r.EventID, err)
		}
	}
	return answer.Records, nil
}

// repair gives empty maps their type back: the streams of DynamoDB Local 3.3.0 write {} for {"M":{}}. The SDK makes of
// that whatever attribute it read before.
func repair(attribute map[string]any) {
	if len(attribute) == 0 {
		attribute["M"] = map[string]any{}
		return
	}
	nested, _ := attribute["M"].(map[string]any)
	for _, a := range nested {
		if a, ok := a.(map[string]any); ok {
			repair(a)
		}
	}
	list, _ := attribute["L"].([]any)
	for _, a := range list {
		if a, ok := a.(map[string]any); ok {
			repair(a)
		}
	}
}

// capture keeps the body of an answer as it came.
func capture(body *[]byte) func(*dynamodbstreams.Options) {
	keep := middleware.DeserializeMiddlewareFunc("capture", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, meta, err
		}
		if *body, err = io.ReadAll(resp.Body); err != nil {
			return out, meta, fmt.Errorf("answer: %w", err)
		}
		_ = resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(*body))
		return out, meta, nil
	})
	return func(o *dynamodbstreams.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Deserialize.Add(keep, middleware.After)
		})
	}
}
