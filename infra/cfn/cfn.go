// Package cfn reads a SAM template into typed values: what the local stack runs, creates and routes is what the
// template declares, and a test can ask whether it keeps the house rules.
//
// Its rule: nothing is guessed. A function, event, property or resource that this package does not know is an error
// that names the line, because a part silently left out would run on AWS and be missing on a laptop.
package cfn

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

const (
	defaultRegion  = "eu-west-2"
	defaultAccount = "000000000000"
	defaultStack   = "almanac"
)

// Values gives what a template leaves open. The zero value takes the parameters' defaults, and names like those that
// AWS makes.
type Values struct {
	// Parameters override the defaults of the template; one that the template does not declare is an error.
	Parameters map[string]string
	// Region, Account and Stack are the pseudo parameters; empty means eu-west-2, 000000000000 and almanac.
	Region, Account, Stack string
	// Lookup answers a Ref or GetAtt to a resource, where the caller knows better than the default: false means that
	// it does not.
	Lookup func(ref Reference) (string, bool)
}

// Reference is a Ref or a GetAtt to a resource of the template.
type Reference struct {
	ID        string // logical ID
	Type      string // such as AWS::SQS::Queue
	Name      string // physical name
	Attribute string // empty for a Ref
}

// Template is a template with its conditions decided, its globals applied and its references resolved.
type Template struct {
	Parameters []Parameter
	Functions  []Function
	APIs       []API
	Queues     []Queue
	Tables     []Table
	LogGroups  []LogGroup
	Roles      []Role
	Resources  []Resource // every resource whose condition holds, those above included
	Outputs    map[string]string
}

// Parameter is a declared parameter and the value it was given.
type Parameter struct {
	Name, Type, Value string
}

// Resource is any resource, its properties resolved.
type Resource struct {
	ID, Type, Name string
	Line           int
	// DeletionPolicy and UpdateReplacePolicy are empty where the template does not state them.
	DeletionPolicy, UpdateReplacePolicy string
	// Properties is the resolved tree, free of CloudFormation's functions; nil if there are none.
	Properties *yaml.Node
}

// Decode reads the resource's properties into v.
func (r Resource) Decode(v any) error {
	if r.Properties == nil {
		return nil
	}
	return r.Properties.Decode(v)
}

// Load reads the template in the named file.
func Load(path string, v Values) (*Template, error) {
	src, err := os.ReadFile(path) //nolint:gosec // the caller names its own template
	if err != nil {
		return nil, fmt.Errorf("cfn: %w", err)
	}
	t, err := Parse(src, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Parse reads a template. Errors name the line.
func Parse(src []byte, v Values) (*Template, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, fmt.Errorf("cfn: %w", err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, fmt.Errorf("cfn: not one YAML document")
	}
	r, err := newResolver(doc.Content[0], v)
	if err != nil {
		return nil, err
	}
	return r.template()
}

// template resolves everything and sorts the resources by kind.
func (r *resolver) template() (*Template, error) {
	t := &Template{Outputs: map[string]string{}}
	for _, name := range r.order {
		t.Parameters = append(t.Parameters, r.params[name])
	}
	for _, id := range r.ids {
		if err := r.addResource(t, id); err != nil {
			return nil, err
		}
	}
	if err := r.link(t); err != nil {
		return nil, err
	}
	return t, r.outputs(t)
}

func (r *resolver) addResource(t *Template, id string) error {
	raw := r.resources[id]
	if on, err := r.holds(raw.condition); err != nil || !on {
		return err
	}
	node, err := r.resolve(raw.properties)
	if err != nil {
		return err
	}
	res := Resource{
		ID: id, Type: raw.kind, Line: raw.line, Properties: node,
		DeletionPolicy: raw.deletion, UpdateReplacePolicy: raw.replace,
	}
	if res.Name, err = r.physicalName(id); err != nil {
		return err
	}
	t.Resources = append(t.Resources, res)
	return r.addTyped(t, res)
}

// addTyped reads the resources that have a type of their own here.
func (r *resolver) addTyped(t *Template, res Resource) error {
	p := newProps(res.Properties, res.ID, res.Line)
	switch res.Type {
	case "AWS::Serverless::Function":
		t.Functions = append(t.Functions, r.function(p, res))
	case "AWS::Serverless::HttpApi":
		t.APIs = append(t.APIs, readAPI(p, res))
	case "AWS::SQS::Queue":
		t.Queues = append(t.Queues, r.queue(p, res))
	case "AWS::DynamoDB::Table":
		t.Tables = append(t.Tables, r.table(p, res))
	case "AWS::Logs::LogGroup":
		t.LogGroups = append(t.LogGroups, readLogGroup(p, res))
	case "AWS::IAM::Role":
		t.Roles = append(t.Roles, r.role(p, res))
	default:
		return refuse(res)
	}
	return p.done()
}

// refuse stops at resources that would run something which the local stack would then leave out.
func refuse(res Resource) error {
	switch res.Type {
	case "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule", "AWS::Events::Rule",
		"AWS::Pipes::Pipe", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Route", "AWS::Serverless::Api",
		"AWS::Serverless::SimpleTable", "AWS::Serverless::StateMachine", "AWS::DynamoDB::GlobalTable":
		return fmt.Errorf("line %d: %s: %s cannot run locally; declare it as a function, an HTTP API, a queue, "+
			"a table or an event of a function", res.Line, res.ID, res.Type)
	}
	return nil
}

func (r *resolver) outputs(t *Template) error {
	if r.out == nil {
		return nil
	}
	return eachPair(r.out, func(key, value *yaml.Node) error {
		condition := ""
		if c := child(value, "Condition"); c != nil {
			condition = c.Value
		}
		if on, err := r.holds(condition); err != nil || !on {
			return err
		}
		node, err := r.resolve(child(value, "Value"))
		if err != nil {
			return err
		}
		if node != nil {
			t.Outputs[key.Value] = node.Value
		}
		return nil
	})
}
