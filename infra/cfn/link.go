package cfn

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Function finds a function by its logical ID.
func (t *Template) Function(id string) (Function, bool) {
	return find(t.Functions, func(f Function) bool { return f.ID == id })
}

// Queue finds a queue by its logical ID.
func (t *Template) Queue(id string) (Queue, bool) {
	return find(t.Queues, func(q Queue) bool { return q.ID == id })
}

// Table finds a table by its logical ID.
func (t *Template) Table(id string) (Table, bool) {
	return find(t.Tables, func(x Table) bool { return x.ID == id })
}

// API finds an HTTP API by its logical ID.
func (t *Template) API(id string) (API, bool) {
	return find(t.APIs, func(a API) bool { return a.ID == id })
}

// Role finds a role by its logical ID.
func (t *Template) Role(id string) (Role, bool) {
	return find(t.Roles, func(r Role) bool { return r.ID == id })
}

// LogGroup finds a log group by its logical ID.
func (t *Template) LogGroup(id string) (LogGroup, bool) {
	return find(t.LogGroups, func(g LogGroup) bool { return g.ID == id })
}

func find[T any](list []T, is func(T) bool) (T, bool) {
	for _, x := range list {
		if is(x) {
			return x, true
		}
	}
	var none T
	return none, false
}

// link turns resolved names and ARNs back into logical IDs, and settles each route's authorizer.
func (r *resolver) link(t *Template) error {
	for i := range t.Queues {
		q := &t.Queues[i]
		if err := r.linkQueue(t, &q.DeadLetter, q.deadLetterARN, q.Line); err != nil {
			return err
		}
	}
	for i := range t.Functions {
		if err := r.linkFunction(t, &t.Functions[i]); err != nil {
			return fmt.Errorf("%s: %w", t.Functions[i].ID, err)
		}
	}
	return nil
}

// linkQueue names the queue of this template that has the ARN.
func (r *resolver) linkQueue(t *Template, id *string, arn string, line int) error {
	if arn == "" {
		return nil
	}
	q, ok := find(t.Queues, func(q Queue) bool { return q.ARN == arn })
	if !ok {
		return fmt.Errorf("line %d: no queue of this template has the ARN %s", line, arn)
	}
	*id = q.ID
	return nil
}

func (r *resolver) linkFunction(t *Template, f *Function) error {
	if role, ok := find(t.Roles, func(x Role) bool { return x.ARN == f.roleARN }); ok {
		f.Role = role.ID
	}
	if group, ok := find(t.LogGroups, func(g LogGroup) bool { return g.Name == f.logGroupName }); ok {
		f.LogGroup = group.ID
	}
	if err := r.linkQueue(t, &f.Async.OnFailure, f.Async.onFailureARN, f.Line); err != nil {
		return err
	}
	for i := range f.Queues {
		if err := r.linkQueue(t, &f.Queues[i].Queue, f.Queues[i].QueueARN, f.Queues[i].Line); err != nil {
			return err
		}
	}
	for i := range f.Schedules {
		s := &f.Schedules[i]
		if err := r.linkQueue(t, &s.DeadLetter, s.deadLetterARN, s.Line); err != nil {
			return err
		}
	}
	for i := range f.Streams {
		if err := r.linkStream(t, &f.Streams[i]); err != nil {
			return err
		}
	}
	for i := range f.Routes {
		if err := linkRoute(t, &f.Routes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) linkStream(t *Template, s *StreamTrigger) error {
	table, ok := find(t.Tables, func(x Table) bool { return x.streamARN == s.streamARN })
	if !ok || table.StreamView == "" {
		return fmt.Errorf("line %d: no table of this template has the stream %s", s.Line, s.streamARN)
	}
	s.Table = table.ID
	return r.linkQueue(t, &s.OnFailure, s.onFailureARN, s.Line)
}

// linkRoute follows SAM: the event's authorizer, else the API's default; NONE opens the route. The event's scopes stand
// in for the authorizer's.
func linkRoute(t *Template, rt *Route) error {
	api, ok := t.API(rt.API)
	if !ok {
		return fmt.Errorf("line %d: no HTTP API is called %s", rt.Line, rt.API)
	}
	rt.Authorizer = or(rt.Authorizer, api.DefaultAuthorizer)
	if rt.Authorizer == "NONE" {
		rt.Authorizer = ""
	}
	if rt.Authorizer == "" {
		if len(rt.Scopes) > 0 {
			return fmt.Errorf("line %d: scopes without an authorizer check nothing", rt.Line)
		}
		return nil
	}
	auth, ok := api.Authorizers[rt.Authorizer]
	if !ok {
		return fmt.Errorf("line %d: %s has no authorizer %s", rt.Line, rt.API, rt.Authorizer)
	}
	if len(rt.Scopes) == 0 {
		rt.Scopes = auth.Scopes
	}
	return nil
}

// applyGlobals merges Globals into each function and API as SAM does: maps merge, lists are joined, the rest is
// replaced.
func (r *resolver) applyGlobals() error {
	kinds := map[string]string{"Function": "AWS::Serverless::Function", "HttpApi": "AWS::Serverless::HttpApi"}
	if r.globals != nil {
		err := eachPair(r.globals, func(k, v *yaml.Node) error {
			kind, ok := kinds[k.Value]
			if !ok {
				return fmt.Errorf("line %d: globals for %s are not known", k.Line, k.Value)
			}
			for id, res := range r.resources {
				if res.kind == kind {
					res.properties = merge(v, res.properties)
					r.resources[id] = res
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.addImplicitAPI()
	return nil
}

// addImplicitAPI makes the API that SAM makes where a route names none.
func (r *resolver) addImplicitAPI() {
	if _, ok := r.resources[implicitAPI]; ok || !r.usesImplicitAPI() {
		return
	}
	properties := child(r.globals, "HttpApi")
	r.resources[implicitAPI] = raw{kind: "AWS::Serverless::HttpApi", properties: properties}
	r.ids = append(r.ids, implicitAPI)
}

func (r *resolver) usesImplicitAPI() bool {
	for _, res := range r.resources {
		events := child(res.properties, "Events")
		if events == nil || events.Kind != yaml.MappingNode {
			continue
		}
		for i := 1; i < len(events.Content); i += 2 {
			e := events.Content[i]
			kind := child(e, "Type")
			if kind != nil && kind.Value == "HttpApi" && child(child(e, "Properties"), "ApiId") == nil {
				return true
			}
		}
	}
	return false
}

// merge lays own over base. A function such as !If is replaced whole.
func merge(base, own *yaml.Node) *yaml.Node {
	if own == nil {
		return base
	}
	if base == nil || base.Kind != own.Kind {
		return own
	}
	_, _, f1 := intrinsic(base)
	_, _, f2 := intrinsic(own)
	if f1 || f2 {
		return own
	}
	out := &yaml.Node{Kind: own.Kind, Tag: own.Tag, Line: own.Line, Column: own.Column}
	switch own.Kind { //nolint:exhaustive // the others have no parts
	case yaml.SequenceNode:
		out.Content = append(append(out.Content, base.Content...), own.Content...)
		return out
	case yaml.MappingNode:
		for i := 0; i+1 < len(base.Content); i += 2 {
			if child(own, base.Content[i].Value) == nil {
				out.Content = append(out.Content, base.Content[i], base.Content[i+1])
			}
		}
		for i := 0; i+1 < len(own.Content); i += 2 {
			k := own.Content[i]
			out.Content = append(out.Content, k, merge(child(base, k.Value), own.Content[i+1]))
		}
		return out
	}
	return own
}
