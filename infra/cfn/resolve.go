package cfn

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolver holds the raw template and answers its functions.
type resolver struct {
	values     Values
	params     map[string]Parameter
	order      []string // parameters as declared
	mappings   *yaml.Node
	conditions map[string]*yaml.Node
	deciding   map[string]bool // conditions being decided, to find a circle
	resources  map[string]raw
	ids        []string // resources as declared
	naming     map[string]bool
	globals    *yaml.Node
	out        *yaml.Node
}

// raw is a resource before its functions are resolved.
type raw struct {
	kind, condition, deletion, replace string
	properties                         *yaml.Node
	line                               int
}

func newResolver(root *yaml.Node, v Values) (*resolver, error) {
	v.Region = or(v.Region, defaultRegion)
	v.Account = or(v.Account, defaultAccount)
	v.Stack = or(v.Stack, defaultStack)
	r := &resolver{
		values: v, params: map[string]Parameter{}, conditions: map[string]*yaml.Node{}, deciding: map[string]bool{},
		resources: map[string]raw{}, naming: map[string]bool{},
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: a template is a mapping", root.Line)
	}
	if err := noDuplicates(root); err != nil {
		return nil, err
	}
	if err := eachPair(root, r.section); err != nil {
		return nil, err
	}
	for name := range v.Parameters {
		if _, ok := r.params[name]; !ok {
			return nil, fmt.Errorf("cfn: the template has no parameter %s", name)
		}
	}
	return r, r.applyGlobals()
}

// section takes one top-level part of the template.
func (r *resolver) section(key, value *yaml.Node) error {
	switch key.Value {
	case "AWSTemplateFormatVersion", "Description", "Metadata", "Transform", "Rules":
		return nil
	case "Parameters":
		return eachPair(value, r.parameter)
	case "Mappings":
		r.mappings = value
		return nil
	case "Conditions":
		return eachPair(value, func(k, v *yaml.Node) error {
			r.conditions[k.Value] = v
			return nil
		})
	case "Globals":
		r.globals = value
		return nil
	case "Resources":
		return eachPair(value, r.rawResource)
	case "Outputs":
		r.out = value
		return nil
	}
	return fmt.Errorf("line %d: unknown section %s", key.Line, key.Value)
}

func (r *resolver) parameter(key, value *yaml.Node) error {
	p := Parameter{Name: key.Value}
	var allowed []string
	given, has := r.values.Parameters[p.Name]
	err := eachPair(value, func(k, v *yaml.Node) error {
		switch k.Value {
		case "Type":
			p.Type = v.Value
		case "Default":
			p.Value = v.Value
			if !has {
				has, given = true, v.Value
			}
		case "AllowedValues":
			for _, n := range v.Content {
				allowed = append(allowed, n.Value)
			}
		case "Description", "AllowedPattern", "ConstraintDescription", "MinLength", "MaxLength", "MinValue", "MaxValue",
			"NoEcho":
		default:
			return fmt.Errorf("line %d: parameter %s: unknown property %s", k.Line, p.Name, k.Value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !has {
		return fmt.Errorf("line %d: parameter %s has no default and was not given", key.Line, p.Name)
	}
	if len(allowed) > 0 && !slices.Contains(allowed, given) {
		return fmt.Errorf("line %d: parameter %s: %q is not one of %s",
			key.Line, p.Name, given, strings.Join(allowed, ", "))
	}
	p.Value = given
	r.params[p.Name] = p
	r.order = append(r.order, p.Name)
	return nil
}

func (r *resolver) rawResource(key, value *yaml.Node) error {
	res := raw{line: key.Line}
	err := eachPair(value, func(k, v *yaml.Node) error {
		switch k.Value {
		case "Type":
			res.kind = v.Value
		case "Properties":
			res.properties = v
		case "Condition":
			res.condition = v.Value
		case "DeletionPolicy":
			res.deletion = v.Value
		case "UpdateReplacePolicy":
			res.replace = v.Value
		case "DependsOn", "Metadata", "UpdatePolicy", "CreationPolicy", "Connectors", "IgnoreGlobals":
		default:
			return fmt.Errorf("line %d: %s: unknown attribute %s", k.Line, key.Value, k.Value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if res.kind == "" {
		return fmt.Errorf("line %d: %s has no Type", key.Line, key.Value)
	}
	r.resources[key.Value] = res
	r.ids = append(r.ids, key.Value)
	return nil
}

// resolve copies a tree with every function answered. A nil result means that the value is AWS::NoValue, or absent.
func (r *resolver) resolve(n *yaml.Node) (*yaml.Node, error) {
	if n == nil {
		return nil, nil //nolint:nilnil // an absent value resolves to an absent value
	}
	if name, arg, ok := intrinsic(n); ok {
		return r.call(name, arg)
	}
	switch n.Kind { //nolint:exhaustive // the others have no parts
	case yaml.MappingNode:
		return r.resolveMapping(n)
	case yaml.SequenceNode:
		return r.resolveSequence(n)
	default:
		if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
			return nil, fmt.Errorf("line %d: unknown tag %s", n.Line, n.Tag)
		}
		c := *n
		return &c, nil
	}
}

func (r *resolver) resolveMapping(n *yaml.Node) (*yaml.Node, error) {
	c := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	err := eachPair(n, func(key, value *yaml.Node) error {
		v, err := r.resolve(value)
		if err != nil || v == nil {
			return err
		}
		c.Content = append(c.Content, key, v)
		return nil
	})
	return c, err
}

func (r *resolver) resolveSequence(n *yaml.Node) (*yaml.Node, error) {
	c := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column}
	for _, item := range n.Content {
		v, err := r.resolve(item)
		if err != nil {
			return nil, err
		}
		if v != nil {
			c.Content = append(c.Content, v)
		}
	}
	return c, nil
}

// intrinsic recognises both spellings of a function, !Sub x and {Fn::Sub: x}, and returns its short name.
func intrinsic(n *yaml.Node) (string, *yaml.Node, bool) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		arg := *n
		switch n.Kind { //nolint:exhaustive // aliases are refused, documents have no tag
		case yaml.MappingNode:
			arg.Tag = "!!map"
		case yaml.SequenceNode:
			arg.Tag = "!!seq"
		default:
			arg.Tag = "!!str"
		}
		return n.Tag[1:], &arg, true
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return "", nil, false
	}
	key := n.Content[0].Value
	if name, ok := strings.CutPrefix(key, "Fn::"); ok {
		return name, n.Content[1], true
	}
	if key == "Ref" {
		return key, n.Content[1], true
	}
	return "", nil, false
}

// call answers one function.
func (r *resolver) call(name string, arg *yaml.Node) (*yaml.Node, error) {
	switch name {
	case "Ref":
		return r.ref(arg)
	case "GetAtt":
		return r.getAtt(arg)
	case "Sub":
		return r.sub(arg)
	case "If":
		return r.choose(arg)
	case "Join":
		return r.join(arg)
	case "Select":
		return r.pick(arg)
	case "Split":
		return r.split(arg)
	case "FindInMap":
		return r.findInMap(arg)
	case "Equals", "Not", "And", "Or", "Condition":
		on, err := r.decide(name, arg)
		return scalar(arg, fmt.Sprint(on)), err
	}
	return nil, fmt.Errorf("line %d: function %s is not known", arg.Line, name)
}

// physicalName is the name a resource declares, or the one made of stack and logical ID.
func (r *resolver) physicalName(id string) (string, error) {
	if r.naming[id] {
		return "", fmt.Errorf("line %d: the name of %s depends on itself", r.resources[id].line, id)
	}
	r.naming[id] = true
	defer delete(r.naming, id)
	for _, property := range []string{"QueueName", "TableName", "FunctionName", "RoleName", "LogGroupName", "Name"} {
		n := child(r.resources[id].properties, property)
		if n == nil {
			continue
		}
		v, err := r.resolve(n)
		if err != nil {
			return "", err
		}
		if v != nil && v.Kind == yaml.ScalarNode {
			return v.Value, nil
		}
	}
	if r.resources[id].kind == "AWS::S3::Bucket" { // a bucket's name has no capitals
		return strings.ToLower(r.values.Stack + "-" + id), nil
	}
	return r.values.Stack + "-" + id, nil
}
