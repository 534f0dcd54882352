package pump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Filter is a set of event patterns; an event passes if it matches any of them. The empty Filter lets all pass.
type Filter struct {
	patterns []map[string]any
}

// NewFilter reads patterns of Lambda's event filtering. An operator that is not known is an error.
func NewFilter(patterns ...string) (Filter, error) {
	var f Filter
	for _, p := range patterns {
		v, err := decode([]byte(p))
		if err != nil {
			return f, fmt.Errorf("pump: filter %s: %w", p, err)
		}
		m, ok := v.(map[string]any)
		if !ok {
			return f, fmt.Errorf("pump: filter %s: must be an object", p)
		}
		if err := checkPattern(m); err != nil {
			return f, fmt.Errorf("pump: filter %s: %w", p, err)
		}
		f.patterns = append(f.patterns, m)
	}
	return f, nil
}

// Match says whether the event, a JSON object, passes.
func (f Filter) Match(event []byte) bool {
	if len(f.patterns) == 0 {
		return true
	}
	v, err := decode(event)
	if err != nil {
		return false
	}
	for _, p := range f.patterns {
		if matchObject(p, v) {
			return true
		}
	}
	return false
}

// matchObject wants every name of the pattern to match.
func matchObject(pattern map[string]any, event any) bool {
	m, _ := event.(map[string]any) // what is no object has no names
	for name, want := range pattern {
		if name == "$or" {
			if !matchAny(want, event) {
				return false
			}
			continue
		}
		have, present := m[name]
		switch want := want.(type) {
		case map[string]any:
			if !matchObject(want, have) {
				return false
			}
		case []any:
			if !matchLeaf(want, have, present) {
				return false
			}
		}
	}
	return true
}

func matchAny(patterns, event any) bool {
	list, _ := patterns.([]any)
	for _, p := range list {
		if m, ok := p.(map[string]any); ok && matchObject(m, event) {
			return true
		}
	}
	return false
}

// matchLeaf wants one of the conditions to hold for the value, or for one value of a list.
func matchLeaf(conditions []any, have any, present bool) bool {
	values, isList := have.([]any)
	if !isList {
		values = []any{have}
	}
	_, isObject := have.(map[string]any)
	for _, c := range conditions {
		if op, ok := c.(map[string]any); ok {
			if want, ok := op["exists"].(bool); ok {
				if want == (present && !isObject) { // exists asks for a value, not for an object
					return true
				}
				continue
			}
		}
		if !present {
			continue
		}
		for _, v := range values {
			if matchValue(c, v) {
				return true
			}
		}
	}
	return false
}

// matchValue judges one condition on one value.
func matchValue(condition, v any) bool {
	op, ok := condition.(map[string]any)
	if !ok {
		return equal(condition, v)
	}
	s, isText := v.(string)
	for name, arg := range op {
		switch name {
		case "prefix":
			return isText && strings.HasPrefix(s, arg.(string))
		case "suffix":
			return isText && strings.HasSuffix(s, arg.(string))
		case "equals-ignore-case":
			return isText && strings.EqualFold(s, arg.(string))
		case "anything-but":
			return anythingBut(arg, v)
		case "numeric":
			return numeric(arg.([]any), v)
		}
	}
	return false
}

// anythingBut holds for a value that none of the arguments names.
func anythingBut(arg, v any) bool {
	switch arg := arg.(type) {
	case []any:
		for _, a := range arg {
			if equal(a, v) {
				return false
			}
		}
		return true
	case map[string]any:
		return !matchValue(arg, v)
	}
	return !equal(arg, v)
}

// numeric judges pairs of operator and number, all of which must hold. A number written as text, as in DynamoDB's own
// JSON, is text and never matches.
func numeric(pairs []any, v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	have, err := n.Float64()
	if err != nil {
		return false
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		limit, err := pairs[i+1].(json.Number).Float64()
		if err != nil || !compare(pairs[i].(string), have, limit) {
			return false
		}
	}
	return true
}

func compare(op string, a, b float64) bool {
	switch op {
	case "=":
		return a == b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "<":
		return a < b
	case "<=":
		return a <= b
	}
	return false
}

// equal compares JSON values; numbers by value.
func equal(a, b any) bool {
	x, ok1 := a.(json.Number)
	y, ok2 := b.(json.Number)
	if ok1 && ok2 {
		f, err1 := x.Float64()
		g, err2 := y.Float64()
		return err1 == nil && err2 == nil && f == g
	}
	switch a.(type) {
	case string, bool, nil:
		return a == b
	}
	return false
}

// checkPattern refuses what matchObject would have to guess at.
func checkPattern(p map[string]any) error {
	for name, v := range p {
		switch v := v.(type) {
		case map[string]any:
			if err := checkPattern(v); err != nil {
				return err
			}
		case []any:
			if err := checkList(name, v); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: a value must be in a list", name)
		}
	}
	return nil
}

func checkList(name string, list []any) error {
	if len(list) == 0 {
		return fmt.Errorf("%s: the list is empty", name)
	}
	for _, c := range list {
		op, isOperator := c.(map[string]any)
		var err error
		switch {
		case name == "$or" && isOperator:
			err = checkPattern(op)
		case name == "$or":
			err = fmt.Errorf("$or wants objects")
		case isOperator:
			err = checkOperator(op)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkOperator(op map[string]any) error {
	if len(op) != 1 {
		return fmt.Errorf("a condition has one operator")
	}
	for name, arg := range op {
		ok := false
		switch name {
		case "exists":
			_, ok = arg.(bool)
		case "prefix", "suffix", "equals-ignore-case":
			_, ok = arg.(string)
		case "anything-but":
			inner, isOperator := arg.(map[string]any)
			ok = !isOperator || checkOperator(inner) == nil && (inner["prefix"] != nil || inner["suffix"] != nil)
		case "numeric":
			ok = checkNumeric(arg)
		}
		if !ok {
			return fmt.Errorf("operator %s with %v is not known", name, arg)
		}
	}
	return nil
}

func checkNumeric(arg any) bool {
	pairs, ok := arg.([]any)
	if !ok || len(pairs) == 0 || len(pairs)%2 != 0 {
		return false
	}
	for i := 0; i < len(pairs); i += 2 {
		op, isText := pairs[i].(string)
		_, isNumber := pairs[i+1].(json.Number)
		if !isText || !isNumber || !strings.Contains(" = > >= < <= ", " "+op+" ") {
			return false
		}
	}
	return true
}

func decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}
