package patient_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"almanac/infra/sandbox"
	"almanac/infra/sandbox/kms"
	"almanac/shared/access"
	"almanac/shared/clinictest"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/patient"
	"almanac/shared/private"
	"almanac/shared/seal"
	"almanac/shared/table"
)

func mustNotShow(t *testing.T, where, text string) {
	t.Helper()
	for _, m := range markers() {
		if strings.Contains(text, m) {
			t.Errorf("%s shows %q", where, m)
		}
	}
}

// However anything about a person is printed or logged, nothing of the person shows.
func TestRedacted(t *testing.T) {
	p := florence()
	p.Death, p.Objection = &patient.Death{On: "1950"}, &patient.Objection{By: "Florence"}
	p.Representatives = []patient.Representative{{Name: p.Names[0], Evidence: patient.Evidence{Reference: "Florence"}}}
	p.Number.History = []patient.PastNumber{{Value: number}}
	type holder struct {
		Who   patient.Patient
		Whose *patient.Patient
	}
	values := []any{
		p, &p,
		[]patient.Patient{p},
		map[string]patient.Patient{"x": p},
		holder{p, &p},
		&holder{p, &p},
		p.Names, p.Names[0], p.Addresses, p.Addresses[0], p.Contacts, p.Contacts[0], p.Practice, *p.Practice, p.Number, *p.Number,
		p.Number.History, p.Alerts, p.Alerts[0], p.Death, *p.Death, p.Objection, *p.Objection, p.Representatives,
		p.Representatives[0], p.Representatives[0].Evidence,
		patient.Addressee{Name: "Florence", Email: "florence@example.org"},
	}
	var out bytes.Buffer
	logs := []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v, fmt.Errorf("of %v", v), errors.New(fmt.Sprint(v)))
	}
	for _, v := range []any{p, &p, p.Names[0], p.Addresses[0], *p.Number, patient.Addressee{Name: "Florence"}} {
		for _, l := range logs {
			l.LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("value", v))
		}
	}
	out.WriteString(p.String() + p.GoString())
	mustNotShow(t, "what is printed", out.String())
	if strings.Count(out.String(), "[redacted]") < len(values) {
		t.Error("nothing says that something was left out")
	}
}

// Every type that tells something of a person is one that prints as redacted.
func TestEveryTypeIsRedacted(t *testing.T) {
	var walk func(reflect.Type)
	seen := map[reflect.Type]bool{}
	walk = func(of reflect.Type) {
		if of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			walk(of.Elem())
			return
		}
		if of.Kind() != reflect.Struct || seen[of] || of == reflect.TypeFor[time.Time]() || of == reflect.TypeFor[private.Hidden]() {
			return
		}
		seen[of] = true
		if !of.Implements(reflect.TypeFor[fmt.Formatter]()) || !of.Implements(reflect.TypeFor[slog.LogValuer]()) {
			t.Errorf("%s prints, or is logged, as it is", of)
		}
		for f := range of.Fields() {
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[patient.Patient]())
	walk(reflect.TypeFor[patient.Addressee]())
	if len(seen) < 10 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// Nothing in either table tells anything of a person: not the record, not the rows by which it is found, not the
// event, not the answer kept for repeats.
func TestSealed(t *testing.T) {
	f := newFixture(t)
	got := f.mustCreate(florence())
	f.amend(got.ID, func(p *patient.Patient) { p.Addresses[0].Source = patient.PDS })
	var all strings.Builder
	for _, name := range []string{f.Name, f.KeyName} {
		out, err := f.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &name})
		if err != nil || len(out.Items) == 0 {
			t.Fatalf("%d items, %v", len(out.Items), err)
		}
		for _, item := range out.Items {
			for attr, value := range item {
				raw, err := json.Marshal(value) // binary as base64
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&all, "%s %s %v\n", attr, raw, value)
			}
		}
	}
	for _, m := range slices.DeleteFunc(markers(), func(m string) bool { return m == "1950" }) { // instants hold digits too
		if strings.Contains(all.String(), m) {
			t.Errorf("the tables show %q", m)
		}
	}
}

// A record opens with its own key alone, and not at all once the key is gone.
func TestKeys(t *testing.T) {
	f := newFixture(t)
	a, b := f.mustCreate(florence()), f.Register(t, patient.Patient{})
	c := f.Table.For(f.by)
	type sealed struct {
		ID      string `dynamodbav:"id"`
		Sealed  []byte `dynamodbav:"s"`
		Version int64  `dynamodbav:"v"`
	}
	var of sealed
	if err := c.Get(t.Context(), c.Patient(a.ID), &of); err != nil || len(of.Sealed) == 0 {
		t.Fatalf("%+v %v", of, err)
	}
	swap := func(key table.Key, version int64, value any, remove bool) {
		t.Helper()
		err := c.Write(t.Context(), table.Change{
			Action: access.PatientChange, Target: b, Event: event.Event{Name: event.PatientChanged},
			Put: []table.Item{{Key: key, Value: value, Version: version, Delete: remove}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	swap(c.Patient(b), 1, sealed{ID: b, Sealed: of.Sealed}, false)
	if _, err := f.Get(t.Context(), f.by, b); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("another patient's record in one's place: %v", err)
	}
	swap(c.PatientKey(a.ID), 1, nil, true)
	if _, err := f.Get(t.Context(), f.by, a.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a record without its key: %v", err)
	}
	if err := f.KMS.Faults.Set([]sandbox.Fault{{Kind: kms.Denied, Count: 100}}); err != nil {
		t.Fatal(err)
	}
	f.Clock.Pass(6 * time.Minute)
	if _, err := f.Get(t.Context(), f.by, b); !fault.Is(err, fault.Unavailable) || fault.Of(err).Code != "keys_unavailable" {
		t.Errorf("with the keys disabled: %v", err)
	}
	if _, err := f.Create(t.Context(), f.by, clinictest.Once(), florence()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("registered with the keys disabled: %v", err)
	}
}
