package gateway

import (
	"fmt"
	"net/url"
	"strings"
)

// routes finds the route of a request.
type routes struct {
	list []compiled
}

type compiled struct {
	route    Route
	segments []string // of the path; nil for $default
}

func newRoutes(list []Route) (*routes, error) {
	rs, seen := &routes{}, map[string]bool{}
	for _, r := range list {
		if seen[r.Key()] {
			return nil, fmt.Errorf("gateway: %s is declared twice", r.Key())
		}
		seen[r.Key()] = true
		c := compiled{route: r}
		if r.Path != "$default" {
			c.segments = strings.Split(strings.TrimPrefix(r.Path, "/"), "/")
		}
		rs.list = append(rs.list, c)
	}
	return rs, nil
}

// match takes the most specific route: a full match before a greedy variable before $default, a fixed segment before a
// variable, a method before ANY. Methods that HTTP APIs do not know match nothing.
func (rs *routes) match(method, path string) (Route, map[string]string, bool) {
	if !known(method) {
		return Route{}, nil, false
	}
	var best compiled
	var params map[string]string
	rank := ""
	for _, c := range rs.list {
		if c.route.Method != method && c.route.Method != "ANY" {
			continue
		}
		p, score, ok := c.match(strings.Split(strings.TrimPrefix(path, "/"), "/"))
		if !ok {
			continue
		}
		if c.route.Method == method {
			score += "1"
		} else {
			score += "0"
		}
		if score > rank {
			best, params, rank = c, p, score
		}
	}
	return best.route, params, rank != ""
}

// match compares segment by segment. The score orders matches: 3 a fixed segment, 2 a variable, 1 a greedy one.
func (c compiled) match(path []string) (map[string]string, string, bool) {
	if c.segments == nil {
		return nil, "0", true
	}
	params, score := map[string]string{}, ""
	for i, s := range c.segments {
		name, variable := strings.CutPrefix(s, "{")
		name = strings.TrimSuffix(name, "}")
		greedy, all := strings.CutSuffix(name, "+")
		switch {
		case i >= len(path):
			return nil, "", false
		case variable && all:
			params[greedy] = unescape(strings.Join(path[i:], "/"))
			return params, score + "1", true
		case variable && path[i] != "":
			params[name], score = unescape(path[i]), score+"2"
		case !variable && unescape(path[i]) == s:
			score += "3"
		default:
			return nil, "", false
		}
	}
	return params, score, len(path) == len(c.segments)
}

// known are the methods that a route of an HTTP API can have.
func known(method string) bool {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return true
	}
	return false
}

func unescape(s string) string {
	if v, err := url.PathUnescape(s); err == nil {
		return v
	}
	return s
}
