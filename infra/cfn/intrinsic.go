package cfn

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// noID stands for the random part of the stack's own id.
const noID = "00000000-0000-0000-0000-000000000000"

// ref answers !Ref: a parameter, a pseudo parameter or a resource.
func (r *resolver) ref(arg *yaml.Node) (*yaml.Node, error) {
	if arg.Value == "AWS::NoValue" {
		return nil, nil //nolint:nilnil // AWS::NoValue removes the property that holds it
	}
	if p, ok := r.params[arg.Value]; ok && strings.Contains(p.Type, "List") {
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: arg.Line}
		for part := range strings.SplitSeq(p.Value, ",") {
			list.Content = append(list.Content, scalar(arg, strings.TrimSpace(part)))
		}
		return list, nil
	}
	v, err := r.name(arg.Value, arg.Line)
	return scalar(arg, v), err
}

// name answers what ${X} and !Ref X stand for.
func (r *resolver) name(id string, line int) (string, error) {
	switch id {
	case "AWS::Region":
		return r.values.Region, nil
	case "AWS::AccountId":
		return r.values.Account, nil
	case "AWS::StackName":
		return r.values.Stack, nil
	case "AWS::StackId":
		v := r.values
		return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s", v.Region, v.Account, v.Stack, noID), nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	}
	if p, ok := r.params[id]; ok {
		return p.Value, nil
	}
	return r.attribute(id, "", line)
}

// getAtt answers !GetAtt A.B and [A, B].
func (r *resolver) getAtt(arg *yaml.Node) (*yaml.Node, error) {
	id, attr, ok := strings.Cut(arg.Value, ".")
	if arg.Kind == yaml.SequenceNode && len(arg.Content) == 2 {
		id, attr, ok = arg.Content[0].Value, arg.Content[1].Value, true
	}
	if !ok {
		return nil, fmt.Errorf("line %d: GetAtt wants Resource.Attribute", arg.Line)
	}
	v, err := r.attribute(id, attr, arg.Line)
	return scalar(arg, v), err
}

// attribute asks the caller, then falls back to what AWS's own names look like.
func (r *resolver) attribute(id, attr string, line int) (string, error) {
	res, ok := r.resources[id]
	if !ok {
		return "", fmt.Errorf("line %d: nothing is called %s", line, id)
	}
	name, err := r.physicalName(id)
	if err != nil {
		return "", err
	}
	ref := Reference{ID: id, Type: res.kind, Name: name, Attribute: attr}
	if r.values.Lookup != nil {
		if v, ok := r.values.Lookup(ref); ok {
			return v, nil
		}
	}
	return r.defaultAttribute(ref), nil
}

func (r *resolver) defaultAttribute(ref Reference) string {
	queueURL := fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", r.values.Region, r.values.Account, ref.Name)
	switch ref.Attribute {
	case "":
		if ref.Type == "AWS::SQS::Queue" {
			return queueURL
		}
		return ref.Name
	case "Arn":
		return r.arn(ref.Type, ref.Name)
	case "StreamArn":
		return r.arn(ref.Type, ref.Name) + "/stream/local"
	case "QueueUrl":
		return queueURL
	case "QueueName", "TableName", "Name":
		return ref.Name
	}
	return ref.ID + "." + ref.Attribute
}

// arn is the name that AWS would give; the local engines use the same form.
func (r *resolver) arn(kind, name string) string {
	v := r.values
	switch kind {
	case "AWS::SQS::Queue":
		return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", v.Region, v.Account, name)
	case "AWS::DynamoDB::Table":
		return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", v.Region, v.Account, name)
	case "AWS::Serverless::Function":
		return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", v.Region, v.Account, name)
	case "AWS::IAM::Role":
		return fmt.Sprintf("arn:aws:iam::%s:role/%s", v.Account, name)
	case "AWS::Logs::LogGroup":
		return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:*", v.Region, v.Account, name)
	case "AWS::KMS::Key":
		return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", v.Region, v.Account, name)
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + name
	case "AWS::SNS::Topic":
		return fmt.Sprintf("arn:aws:sns:%s:%s:%s", v.Region, v.Account, name)
	}
	service := "unknown"
	if parts := strings.Split(kind, "::"); len(parts) == 3 {
		service = strings.ToLower(parts[1])
	}
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, v.Region, v.Account, name)
}

// sub answers !Sub text and !Sub [text, {Name: value}].
func (r *resolver) sub(arg *yaml.Node) (*yaml.Node, error) {
	text, own := arg, map[string]string{}
	if arg.Kind == yaml.SequenceNode {
		if len(arg.Content) != 2 {
			return nil, fmt.Errorf("line %d: Sub wants a text and a map", arg.Line)
		}
		text = arg.Content[0]
		err := eachPair(arg.Content[1], func(k, v *yaml.Node) error {
			n, err := r.resolve(v)
			if err == nil && n != nil {
				own[k.Value] = n.Value
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var failed error
	out := regexp.MustCompile(`\$\{(!?[^}]+)\}`).ReplaceAllStringFunc(text.Value, func(m string) string {
		v, err := r.placeholder(strings.TrimSpace(m[2:len(m)-1]), own, text.Line)
		if err != nil && failed == nil {
			failed = err
		}
		return v
	})
	return scalar(arg, out), failed
}

func (r *resolver) placeholder(name string, own map[string]string, line int) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	if v, ok := own[name]; ok {
		return v, nil
	}
	if id, attr, ok := strings.Cut(name, "."); ok {
		return r.attribute(id, attr, line)
	}
	return r.name(name, line)
}

// choose answers !If [condition, then, else].
func (r *resolver) choose(arg *yaml.Node) (*yaml.Node, error) {
	if len(arg.Content) != 3 {
		return nil, fmt.Errorf("line %d: If wants a condition and two values", arg.Line)
	}
	on, err := r.holds(arg.Content[0].Value)
	if err != nil {
		return nil, err
	}
	if on {
		return r.resolve(arg.Content[1])
	}
	return r.resolve(arg.Content[2])
}

// list resolves the parts of a function's argument.
func (r *resolver) list(arg *yaml.Node, name string, want int) ([]*yaml.Node, error) {
	n, err := r.resolve(arg)
	if err != nil {
		return nil, err
	}
	if n == nil || n.Kind != yaml.SequenceNode || len(n.Content) != want {
		return nil, fmt.Errorf("line %d: %s wants %d values", arg.Line, name, want)
	}
	return n.Content, nil
}

func (r *resolver) join(arg *yaml.Node) (*yaml.Node, error) {
	parts, err := r.list(arg, "Join", 2)
	if err != nil {
		return nil, err
	}
	return scalar(arg, strings.Join(texts(parts[1]), parts[0].Value)), nil
}

func (r *resolver) split(arg *yaml.Node) (*yaml.Node, error) {
	parts, err := r.list(arg, "Split", 2)
	if err != nil {
		return nil, err
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: arg.Line}
	for part := range strings.SplitSeq(parts[1].Value, parts[0].Value) {
		list.Content = append(list.Content, scalar(arg, part))
	}
	return list, nil
}

func (r *resolver) pick(arg *yaml.Node) (*yaml.Node, error) {
	parts, err := r.list(arg, "Select", 2)
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(parts[0].Value)
	if err != nil || i < 0 || i >= len(parts[1].Content) {
		return nil, fmt.Errorf("line %d: Select: no value %s", arg.Line, parts[0].Value)
	}
	return parts[1].Content[i], nil
}

func (r *resolver) findInMap(arg *yaml.Node) (*yaml.Node, error) {
	parts, err := r.list(arg, "FindInMap", 3)
	if err != nil {
		return nil, err
	}
	n := child(child(child(r.mappings, parts[0].Value), parts[1].Value), parts[2].Value)
	if n == nil {
		return nil, fmt.Errorf("line %d: no mapping %s", arg.Line, strings.Join(texts(&yaml.Node{Content: parts}), "."))
	}
	return r.resolve(n)
}

// holds decides a named condition; the empty name always holds.
func (r *resolver) holds(name string) (bool, error) {
	if name == "" {
		return true, nil
	}
	n, ok := r.conditions[name]
	if !ok {
		return false, fmt.Errorf("cfn: no condition is called %s", name)
	}
	if r.deciding[name] {
		return false, fmt.Errorf("line %d: condition %s depends on itself", n.Line, name)
	}
	r.deciding[name] = true
	defer delete(r.deciding, name)
	return r.truth(n)
}

// truth decides an expression that must be a condition function.
func (r *resolver) truth(n *yaml.Node) (bool, error) {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "Condition" {
		return r.holds(n.Content[1].Value)
	}
	name, arg, ok := intrinsic(n)
	if !ok {
		return false, fmt.Errorf("line %d: not a condition", n.Line)
	}
	return r.decide(name, arg)
}

func (r *resolver) decide(name string, arg *yaml.Node) (bool, error) {
	switch name {
	case "Condition":
		return r.holds(arg.Value)
	case "Equals":
		parts, err := r.list(arg, name, 2)
		if err != nil {
			return false, err
		}
		return parts[0].Value == parts[1].Value, nil
	case "Not":
		on, err := r.fold(arg, true)
		return !on, err
	case "And":
		return r.fold(arg, true)
	case "Or":
		return r.fold(arg, false)
	}
	return false, fmt.Errorf("line %d: %s is not a condition function", arg.Line, name)
}

// fold joins conditions by and (all true) or or (any true).
func (r *resolver) fold(arg *yaml.Node, all bool) (bool, error) {
	for _, n := range arg.Content {
		on, err := r.truth(n)
		if err != nil {
			return false, err
		}
		if on != all {
			return on, nil
		}
	}
	return all, nil
}
