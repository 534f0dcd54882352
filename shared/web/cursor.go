package web

import "maps"

// A client goes on with a list by sending an answer's next as after. Where a route takes after in its query, the edge
// seals the one and opens the other (Gate.Seal and Gate.Open), so that a handler has to do with positions alone, and a
// client with texts that say nothing to it and are good for itself, for the same request, for an hour.
const (
	paramAfter = "after"
	paramLimit = "limit"
)

// continued is an answer that may have a next: a Page.
type continued interface {
	goOn(seal func(position string) (string, error)) error
}

func (p *Page[T]) goOn(seal func(position string) (string, error)) error {
	if p.Next == "" {
		return nil
	}
	var err error
	p.Next, err = seal(p.Next)
	return err
}

// resume puts the position into the place of the cursor that was sent.
func (x *exchange) resume() error {
	if !x.endpoint.built().paged || x.query.Get(paramAfter) == "" {
		return nil
	}
	position, err := x.edge.Gate.Open(x.ctx, x.by, x.place(), x.query.Get(paramAfter))
	if err != nil {
		return err
	}
	x.query.Set(paramAfter, position)
	return nil
}

// sealer gives what seals the next of this request's answer; nil where the route's pages are no concern of the edge.
func (x *exchange) sealer() func(position string) (string, error) {
	if !x.endpoint.built().paged {
		return nil
	}
	return func(position string) (string, error) {
		return x.edge.Gate.Seal(x.ctx, x.by, x.place(), position)
	}
}

// place is what a cursor belongs to besides the organisation: the person, the route, the record, and all that was asked
// for but the length of a page.
func (x *exchange) place() []string {
	filter := maps.Clone(x.query)
	filter.Del(paramAfter)
	filter.Del(paramLimit)
	return []string{x.person, x.endpoint.method + " " + x.endpoint.pattern, x.event.RawPath, filter.Encode()}
}
