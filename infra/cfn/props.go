package cfn

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// props reads a resource's properties. It remembers its first failure, and which properties were asked for, so that
// done can name one that nobody knows.
type props struct {
	node  *yaml.Node
	where string
	line  int
	known map[string]bool
	err   *error // shared with the readers of nested properties
}

func newProps(n *yaml.Node, where string, line int) *props {
	return &props{node: n, where: where, line: line, known: map[string]bool{}, err: new(error)}
}

// nested gives a reader for a part, which keeps its failures with the whole.
func (p *props) nested(n *yaml.Node, where string, line int) *props {
	return &props{node: n, where: p.where + where, line: line, known: map[string]bool{}, err: p.err}
}

// fail keeps the first failure.
func (p *props) fail(line int, format string, args ...any) {
	if *p.err == nil {
		*p.err = fmt.Errorf("line %d: %s: %s", line, p.where, fmt.Sprintf(format, args...))
	}
}

func (p *props) get(key string) *yaml.Node {
	p.known[key] = true
	return child(p.node, key)
}

func (p *props) has(key string) bool { return p.get(key) != nil }

// skip names properties that are understood but change nothing here.
func (p *props) skip(keys ...string) {
	for _, k := range keys {
		p.known[k] = true
	}
}

func (p *props) str(key string) string {
	n := p.get(key)
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		p.fail(n.Line, "%s must be text", key)
	}
	return n.Value
}

func (p *props) must(key string) string {
	v := p.str(key)
	if v == "" {
		p.fail(p.line, "%s is missing", key)
	}
	return v
}

// num reads a number; without one it is the fallback. CloudFormation takes quoted numbers too.
func (p *props) num(key string, fallback int) int {
	n := p.get(key)
	if n == nil {
		return fallback
	}
	v, err := strconv.Atoi(n.Value)
	if err != nil {
		p.fail(n.Line, "%s must be a number", key)
	}
	return v
}

func (p *props) seconds(key string, fallback int) time.Duration {
	return time.Duration(p.num(key, fallback)) * time.Second
}

func (p *props) flag(key string, fallback bool) bool {
	n := p.get(key)
	if n == nil {
		return fallback
	}
	v, err := strconv.ParseBool(n.Value)
	if err != nil {
		p.fail(n.Line, "%s must be true or false", key)
	}
	return v
}

// list reads a list of texts; a single text is a list of one, as CloudFormation has it.
func (p *props) list(key string) []string {
	n := p.get(key)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(n.Line, "%s must be a list", key)
	}
	return texts(n)
}

// dict reads a map of texts.
func (p *props) dict(key string) map[string]string {
	out := map[string]string{}
	n := p.get(key)
	if n == nil {
		return out
	}
	err := eachPair(n, func(k, v *yaml.Node) error {
		if v.Kind != yaml.ScalarNode {
			p.fail(v.Line, "%s.%s must be text", key, k.Value)
		}
		out[k.Value] = v.Value
		return nil
	})
	if err != nil {
		p.fail(n.Line, "%s must be a map", key)
	}
	return out
}

// sub gives the reader of a nested map; it is empty if the property is absent.
func (p *props) sub(key string) *props {
	n := p.get(key)
	line := p.line
	if n != nil {
		line = n.Line
		if n.Kind != yaml.MappingNode {
			p.fail(n.Line, "%s must be a map", key)
		}
	}
	return p.nested(n, "."+key, line)
}

// each gives a reader for every map in a list.
func (p *props) each(key string, f func(*props)) {
	n := p.get(key)
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(n.Line, "%s must be a list", key)
		return
	}
	for i, item := range n.Content {
		s := p.nested(item, fmt.Sprintf(".%s[%d]", key, i), item.Line)
		if item.Kind != yaml.MappingNode {
			s.fail(item.Line, "must be a map")
			return
		}
		f(s)
		s.close()
	}
}

// named gives a reader for every map in a map, in the order of the file.
func (p *props) named(key string, f func(name string, s *props)) {
	n := p.get(key)
	if n == nil {
		return
	}
	err := eachPair(n, func(k, v *yaml.Node) error {
		s := p.nested(v, "."+k.Value, k.Line)
		f(k.Value, s)
		s.close()
		return nil
	})
	if err != nil {
		p.fail(n.Line, "%s must be a map", key)
	}
}

// close reports a property that no one asked for.
func (p *props) close() {
	if p.node == nil || p.node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		if k := p.node.Content[i]; !p.known[k.Value] {
			p.fail(k.Line, "property %s is not known here", k.Value)
		}
	}
}

func (p *props) done() error {
	p.close()
	return *p.err
}

// child finds a key of a mapping; nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// eachPair walks a mapping in the order of the file.
func eachPair(n *yaml.Node, f func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected a map", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := f(n.Content[i], n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// noDuplicates refuses a key given twice, as the later one would silently win, and aliases, which CloudFormation does
// not know.
func noDuplicates(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: CloudFormation knows no aliases", n.Line)
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if seen[k.Value] {
				return fmt.Errorf("line %d: %s is given twice", k.Line, k.Value)
			}
			seen[k.Value] = true
		}
	}
	for _, c := range n.Content {
		if err := noDuplicates(c); err != nil {
			return err
		}
	}
	return nil
}

// scalar is a plain text standing where from stood.
func scalar(from *yaml.Node, v string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v, Line: from.Line, Column: from.Column}
}

func texts(n *yaml.Node) []string {
	out := make([]string, 0, len(n.Content))
	for _, c := range n.Content {
		out = append(out, c.Value)
	}
	return out
}

func or(v, fallback string) string {
	if v == "" {
		return fallback
	}
	return v
}
