package pump_test

import (
	"testing"

	"almanac/infra/pump"
)

func TestFilter(t *testing.T) {
	const event = `{"eventName":"INSERT","n":5,"none":null,"yes":true,"list":["x","y"],
		"dynamodb":{"NewImage":{"GPK":{"S":"OUT#3"},"age":{"N":"5"}}}}`
	cases := map[string]bool{
		`{"eventName":["INSERT"]}`:                        true,
		`{"eventName":["MODIFY","INSERT"]}`:               true,
		`{"eventName":["MODIFY"]}`:                        false,
		`{"eventName":["insert"]}`:                        false,
		`{"eventName":[{"equals-ignore-case":"insert"}]}`: true,
		`{"missing":["x"]}`:                               false,
		`{"n":[5]}`:                                       true,
		`{"n":[5.0]}`:                                     true,
		`{"n":["5"]}`:                                     false,
		`{"yes":[true]}`:                                  true,
		`{"none":[null]}`:                                 true,
		`{"missing":[null]}`:                              false,
		`{"list":["y"]}`:                                  true,
		`{"list":["z"]}`:                                  false,
		`{"dynamodb":{"NewImage":{"GPK":{"S":[{"prefix":"OUT#"}]}}}}`:        true,
		`{"dynamodb":{"NewImage":{"GPK":{"S":[{"prefix":"T#"}]}}}}`:          false,
		`{"dynamodb":{"NewImage":{"GPK":{"S":[{"suffix":"#3"}]}}}}`:          true,
		`{"dynamodb":{"OldImage":{"GPK":{"S":[{"prefix":"OUT#"}]}}}}`:        false,
		`{"dynamodb":{"NewImage":{"GPK":{"S":[{"exists":true}]}}}}`:          true,
		`{"dynamodb":{"NewImage":{"GPK":[{"exists":true}]}}}`:                false, // not a leaf
		`{"dynamodb":{"OldImage":{"GPK":{"S":[{"exists":false}]}}}}`:         true,
		`{"dynamodb":{"NewImage":{"GPK":{"S":[{"exists":false}]}}}}`:         false,
		`{"dynamodb":{"NewImage":{"age":{"N":["5"]}}}}`:                      true,
		`{"dynamodb":{"NewImage":{"age":{"N":[{"numeric":["=",5]}]}}}}`:      false, // DynamoDB's numbers are text
		`{"n":[{"numeric":[">",4,"<=",5]}]}`:                                 true,
		`{"n":[{"numeric":[">",5]}]}`:                                        false,
		`{"n":[{"numeric":["=",5]}]}`:                                        true,
		`{"eventName":[{"anything-but":["REMOVE"]}]}`:                        true,
		`{"eventName":[{"anything-but":"INSERT"}]}`:                          false,
		`{"eventName":[{"anything-but":{"prefix":"INS"}}]}`:                  false,
		`{"missing":[{"anything-but":["x"]}]}`:                               false,
		`{"eventName":["INSERT"],"n":[6]}`:                                   false,
		`{"$or":[{"n":[6]},{"eventName":["INSERT"]}]}`:                       true,
		`{"$or":[{"n":[6]},{"eventName":["MODIFY"]}]}`:                       false,
		`{"eventName":["MODIFY",{"prefix":"IN"}]}`:                           true,
		`{"dynamodb":{"NewImage":{"GPK":{"S":["OUT#3",{"exists":false}]}}}}`: true,
	}
	for pattern, want := range cases {
		f, err := pump.NewFilter(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if f.Match([]byte(event)) != want {
			t.Errorf("%s: want %v", pattern, want)
		}
	}
	any2, err := pump.NewFilter(`{"n":[6]}`, `{"n":[5]}`)
	if err != nil || !any2.Match([]byte(event)) {
		t.Error("one of two patterns is enough")
	}
	if !(pump.Filter{}).Match([]byte(event)) {
		t.Error("no filter lets all pass")
	}
}

func TestFilterRefuses(t *testing.T) {
	for _, p := range []string{
		``, `[]`, `"x"`, `{"a":"b"}`, `{"a":[]}`, `{"a":[{"like":"b"}]}`, `{"a":[{"prefix":5}]}`, `{"a":[{"exists":"yes"}]}`,
		`{"a":[{"numeric":[">"]}]}`, `{"a":[{"numeric":["~",5]}]}`, `{"a":[{"prefix":"a","suffix":"b"}]}`, `{"$or":["x"]}`,
		`{"a":[{"anything-but":{"like":"x"}}]}`, `{"a":[1]} {}`,
	} {
		if _, err := pump.NewFilter(p); err == nil {
			t.Errorf("%s was accepted", p)
		}
	}
}
