package iam

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"almanac/infra/cfn"
)

// Refused says which of the calls AWS would have refused, each with the role that lacks the permission.
func (l *Ledger) Refused(t *cfn.Template) []string {
	var out []string
	for _, c := range l.Calls() {
		f, _ := t.Function(c.Function)
		role, ok := t.Role(f.Role)
		if ok && allows(role, c) {
			continue
		}
		line := fmt.Sprintf("%s does not let %s do %s on %s", f.Role, c.Function, c.Action, c.Resource)
		if c.Condition.Key != "" {
			line += fmt.Sprintf(" with %s %s", c.Condition.Key, c.Condition.Value)
		}
		out = append(out, line)
	}
	return out
}

// allows tells whether a statement allows the call and none denies it.
func allows(role cfn.Role, c Call) bool {
	allowed := false
	for _, s := range role.Statements {
		if !about(s, c) {
			continue
		}
		if s.Effect != "Allow" {
			return false
		}
		allowed = true
	}
	return allowed
}

// about tells whether a statement speaks of the call. Actions are compared without regard to case, as IAM does.
func about(s cfn.Statement, c Call) bool {
	action := strings.ToLower(c.Action)
	return slices.ContainsFunc(s.Actions, func(p string) bool { return like(strings.ToLower(p), action) }) &&
		slices.ContainsFunc(s.Resources, func(p string) bool { return like(p, c.Resource) }) && holds(s, c)
}

// like compares with a pattern of IAM's, in which * is any text, slashes included, and ? any character.
func like(pattern, text string) bool {
	pattern = regexp.QuoteMeta(pattern)
	pattern = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(pattern)
	return regexp.MustCompile("^" + pattern + "$").MatchString(text)
}

// holds tells whether the statement's condition holds. A call made straight to a service has no kms:ViaService: what a
// role may do with a key through DynamoDB it may not do by itself.
func holds(s cfn.Statement, c Call) bool {
	if s.Condition == nil {
		return true
	}
	var operators map[string]map[string]any // the values are one text or several
	if err := s.Condition.Decode(&operators); err != nil {
		return s.Effect != "Allow"
	}
	for operator, keys := range operators {
		for key, want := range keys {
			given := key == c.Condition.Key && (want == c.Condition.Value || contains(want, c.Condition.Value))
			if operator != "StringEquals" || !given {
				return false
			}
		}
	}
	return true
}

func contains(list any, value string) bool {
	all, ok := list.([]any)
	return ok && slices.Contains(all, any(value))
}
