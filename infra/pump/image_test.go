package pump

import (
	"encoding/json"
	"testing"
)

// The local engine deletes nothing by TTL, so this answer is written out.
func TestRecordOfAnExpiredItem(t *testing.T) {
	const answer = `{"Records":[{"eventID":"e","eventName":"REMOVE","eventVersion":"1.1","eventSource":"aws:dynamodb",
		"awsRegion":"x","userIdentity":{"PrincipalId":"dynamodb.amazonaws.com","Type":"Service"},
		"dynamodb":{"ApproximateCreationDateTime":1795309020.9,"Keys":{"PK":{"S":"a"}},"OldImage":{"PK":{"S":"a"}},
		"SequenceNumber":"000588","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"}}]}`
	const want = `{"eventID":"e","eventName":"REMOVE","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-west-2",` +
		`"dynamodb":{"ApproximateCreationDateTime":1795309020,"Keys":{"PK":{"S":"a"}},"OldImage":{"PK":{"S":"a"}},` +
		`"SequenceNumber":"000588","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn",` +
		`"userIdentity":{"principalId":"dynamodb.amazonaws.com","type":"Service"}}`
	got, err := parseRecords([]byte(answer), "eu-west-2", "arn")
	if err != nil || len(got) != 1 || string(got[0].encoded) != want {
		t.Errorf("got %s, %v", got[0].encoded, err)
	}
}

func TestFailures(t *testing.T) {
	known := func(id string) bool { return id == "1" || id == "2" }
	for answer, want := range map[string]struct {
		n   int
		all bool
	}{
		``: {}, ` `: {}, `null`: {}, `{}`: {}, `{"batchItemFailures":null}`: {}, `{"batchItemFailures":[]}`: {},
		`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`:  {n: 2},
		`{"batchItemFailures":[{"itemIdentifier":"3"}]}`:                         {all: true},
		`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":""}]}`:   {all: true},
		`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":null}]}`: {all: true},
		`{"batchItemFailures":[{"itemIdentifier":1}]}`:                           {all: true},
		`{"batchItemFailures":[{}]}`:                                             {all: true},
		`{"batchItemFailures":["1"]}`:                                            {all: true},
		`{"batchItemFailures":{}}`:                                               {all: true},
		`[]`:                                                                     {all: true},
		`"ok"`:                                                                   {all: true},
		`true`:                                                                   {all: true},
		`{`:                                                                      {all: true},
	} {
		if ids, all := failures([]byte(answer), known); len(ids) != want.n || all != want.all {
			t.Errorf("%s: %v, %v", answer, ids, all)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`{"a":[{"prefix":"x"}]}`, `{"a":"xy"}`)
	f.Add(`{"$or":[{"a":[{"numeric":[">",1]}]},{"b":[{"exists":false}]}]}`, `{"a":2,"b":{"c":[null]}}`)
	f.Add(`{"a":[{"anything-but":{"suffix":"x"}}]}`, `{"a":["x",1]}`)
	f.Fuzz(func(t *testing.T, pattern, event string) {
		filter, err := NewFilter(pattern)
		if err == nil {
			filter.Match([]byte(event)) // it must not panic
		}
		if json.Valid([]byte(pattern)) && err == nil && len(filter.patterns) != 1 {
			t.Error("a pattern was lost")
		}
	})
}
