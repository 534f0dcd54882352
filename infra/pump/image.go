package pump

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// record is a stream record as Lambda hands it to a function. aws-lambda-go has such a type for reading only: it
// cannot be filled from outside.
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
	encoded json.RawMessage
}

type change struct {
	Created        int64          `json:"ApproximateCreationDateTime"`
	Keys           map[string]any `json:"Keys,omitempty"`
	NewImage       map[string]any `json:"NewImage,omitempty"`
	OldImage       map[string]any `json:"OldImage,omitempty"`
	SequenceNumber string         `json:"SequenceNumber"`
	SizeBytes      int64          `json:"SizeBytes"`
	StreamViewType string         `json:"StreamViewType"`
}

type userIdentity struct {
	PrincipalID string `json:"principalId"`
	Type        string `json:"type"`
}

func newRecord(r types.Record, region, arn string) (*record, error) {
	out := &record{
		EventID: aws.ToString(r.EventID), EventName: string(r.EventName), EventVersion: aws.ToString(r.EventVersion),
		EventSource: "aws:dynamodb", AWSRegion: region, SourceARN: arn,
	}
	if d := r.Dynamodb; d != nil {
		out.created = aws.ToTime(d.ApproximateCreationDateTime)
		out.Change = change{
			Created: out.created.Unix(), SequenceNumber: aws.ToString(d.SequenceNumber),
			SizeBytes: aws.ToInt64(d.SizeBytes), StreamViewType: string(d.StreamViewType),
		}
		var err1, err2, err3 error
		out.Change.Keys, err1 = image(d.Keys)
		out.Change.NewImage, err2 = image(d.NewImage)
		out.Change.OldImage, err3 = image(d.OldImage)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return nil, err
			}
		}
	}
	if u := r.UserIdentity; u != nil {
		out.UserIdentity = &userIdentity{PrincipalID: aws.ToString(u.PrincipalId), Type: aws.ToString(u.Type)}
	}
	var err error
	out.encoded, err = json.Marshal(out)
	return out, err
}

// image writes an item in DynamoDB's JSON.
func image(item map[string]types.AttributeValue) (map[string]any, error) {
	if item == nil {
		return nil, nil //nolint:nilnil // a record without this image has none
	}
	out := make(map[string]any, len(item))
	for k, v := range item {
		x, err := attribute(v)
		if err != nil {
			return nil, err
		}
		out[k] = x
	}
	return out, nil
}

func attribute(v types.AttributeValue) (any, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}, nil
	case *types.AttributeValueMemberB:
		return map[string]any{"B": v.Value}, nil // encodes as base64
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}, nil
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": v.Value}, nil
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": v.Value}, nil
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": v.Value}, nil
	case *types.AttributeValueMemberM:
		return mapping(v.Value)
	case *types.AttributeValueMemberL:
		return list(v.Value)
	}
	return nil, fmt.Errorf("pump: attribute of type %T", v)
}

func mapping(v map[string]types.AttributeValue) (any, error) {
	m, err := image(v)
	if m == nil {
		m = map[string]any{}
	}
	return map[string]any{"M": m}, err
}

func list(v []types.AttributeValue) (any, error) {
	out := make([]any, 0, len(v))
	for _, e := range v {
		x, err := attribute(e)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return map[string]any{"L": out}, nil
}
