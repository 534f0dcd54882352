package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"almanac/shared/fault"
)

// finding is what one of huma's messages means. Only rest that comes from our own schemas is shown; several of huma's
// messages end in a parser's words, which quote what was typed.
type finding struct {
	prefix string
	code   string
	say    string
	rest   bool
}

func findings() []finding {
	return []finding{
		{"expected value to be one of ", "not_a_choice", "Must be one of ", true},
		{"expected length >= ", "too_short", "Too short: the least number of characters is ", true},
		{"expected length <= ", "too_long", "Too long: the greatest number of characters is ", true},
		{"expected number >= ", "too_small", "Too small: the least is ", true},
		{"expected number <= ", "too_large", "Too large: the greatest is ", true},
		{"expected number > ", "too_small", "Too small: must be more than ", true},
		{"expected number < ", "too_large", "Too large: must be less than ", true},
		{"expected number to be a multiple of ", "not_a_multiple", "Must be a multiple of ", true},
		{"expected array length >= ", "too_few", "Too few: the least number of entries is ", true},
		{"expected array length <= ", "too_many", "Too many: the greatest number of entries is ", true},
		{"expected array items to be unique", "not_unique", "An entry stands there twice", false},
		{"expected string to match pattern ", "wrong_format", "Must match ", true},
		{"expected string to be RFC 3339 date-time", "wrong_format", "Must be such as 2026-11-21T09:30:00Z", false},
		{"expected string to be RFC 3339 date", "wrong_format", "Must be a date, such as 2026-11-21", false},
		{"invalid date/time", "wrong_format", "Must be a date or time that exists, in the form documented", false},
		{"expected string to be RFC 5322 email", "wrong_format", "Must be one e-mail address", false},
		{"expected string to be RFC", "wrong_format", "Is not in the form documented", false},
		{"expected string to be base64", "wrong_format", "Must be base64", false},
		{"expected string to be regex", "wrong_format", "Is not in the form documented", false},
		{"expected string to be ", "wrong_format", "Must be ", true},
		{"expected duration", "wrong_format", "Is not in the form documented", false},
		{"expected boolean", "wrong_type", "Must be true or false", false},
		{"expected number", "wrong_type", "Must be a number", false},
		{"expected integer", "wrong_type", "Must be a whole number", false},
		{"expected string", "wrong_type", "Must be a text", false},
		{"expected array", "wrong_type", "Must be a list", false},
		{"expected object", "wrong_type", "Must be an object", false},
		{"invalid integer", "wrong_type", "Must be a whole number", false},
		{"invalid float", "wrong_type", "Must be a number", false},
		{"invalid boolean", "wrong_type", "Must be true or false", false},
		{"required ", "required", "Must be given", false},
	}
}

const requiredPrefix, requiredSuffix = "expected required property ", " to be present"

// refused turns huma's findings into a refusal. A path that cannot name a record is not found; a query that does
// not parse is malformed; a body that parses and is wrong is unprocessable.
func (b *built) refused(m *huma.ErrorModel) error {
	status := http.StatusUnprocessableEntity
	if m.Status == http.StatusRequestEntityTooLarge {
		return errTooLarge()
	}
	var details []fault.Detail
	for _, e := range m.Errors {
		if e == nil || len(details) == maxDetails {
			continue
		}
		if strings.HasPrefix(e.Location, "path.") {
			return refuse(http.StatusNotFound, fault.NotFound, "not_found", "There is nothing at this address.")
		}
		if !strings.HasPrefix(e.Location, "body") {
			status = http.StatusBadRequest
		}
		details = append(details, b.detail(e))
	}
	if status == http.StatusBadRequest {
		return malformed("bad_parameter", "A query or header parameter is not as documented.", details...)
	}
	return refuse(status, fault.Invalid, "invalid", "The body is not as documented.", details...)
}

func (b *built) detail(e *huma.ErrorDetail) fault.Detail {
	d := fault.Detail{Code: "wrong_value", Message: "Cannot be taken as it stands."}
	in, rest, _ := strings.Cut(e.Location, ".")
	if in == "body" {
		d.Pointer = b.pointer(rest)
	}
	if name, ok := strings.CutPrefix(e.Message, requiredPrefix); ok {
		name = strings.TrimSuffix(name, requiredSuffix)
		d.Code, d.Pointer, d.Message = "required", d.Pointer+"/"+name, "Must be given."
		return d
	}
	for _, f := range findings() {
		words, ok := strings.CutPrefix(e.Message, f.prefix)
		if !ok {
			continue
		}
		d.Code, d.Message = f.code, f.say
		if f.rest {
			d.Message += strings.Trim(words, `"`)
		}
		if f.code == "not_a_choice" {
			d.Choices = strings.Split(strings.Trim(words, `"`), ", ")
		}
		d.Message += "."
		break
	}
	if in != "body" {
		d.Message = "Parameter " + b.parameter(rest) + ": " + d.Message
	}
	return d
}

// parameter gives the name of a parameter if we know it.
func (b *built) parameter(name string) string {
	for _, p := range b.op.Parameters {
		if p.Name == name {
			return name
		}
	}
	return "unknown"
}

// pointer turns huma's location ("slots[2].from") into a JSON pointer, as far as the schema knows the names: the keys
// of a map were typed by somebody.
func (b *built) pointer(location string) string {
	s := strict{registry: b.registry}
	schema, pointer := b.body, ""
	location = strings.NewReplacer("[", ".", "]", "").Replace(location)
	for step := range strings.SplitSeq(location, ".") {
		if schema = s.resolve(schema); schema == nil || step == "" {
			break
		}
		if schema.Type == huma.TypeArray {
			if _, err := strconv.Atoi(step); err != nil {
				break
			}
			schema = schema.Items
		} else {
			property, ok := schema.Properties[step]
			if !ok {
				break
			}
			schema = property
		}
		pointer += "/" + step
	}
	return pointer
}

func errTooLarge() error {
	return refuse(http.StatusRequestEntityTooLarge, fault.Invalid, "too_large",
		"The body is larger than "+strconv.Itoa(maxBody)+" bytes.")
}

var errUnread = errors.New("the framework read nothing and refused nothing")
