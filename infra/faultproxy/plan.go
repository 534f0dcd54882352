package faultproxy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is a rule with what became of it.
type Status struct {
	Rule
	// Seen counts the requests, messages or records that matched.
	Seen int `json:"seen"`
	// Fired counts the faults.
	Fired int `json:"fired"`
}

// Set replaces all rules and the seed and starts all counters anew. Rules that can never do anything are an error, and
// then nothing is changed. Deliveries that were held back come with the next poll.
func (p *Proxy) Set(seed uint64, rules ...Rule) error {
	var active []*activeRule
	for i, r := range rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("faultproxy: rule %d: %w", i+1, err)
		}
		if r.Name == "" {
			r.Name = string(r.Fault)
		}
		active = append(active, &activeRule{Rule: r, index: uint64(len(active))})
	}
	p.mu.Lock()
	p.seed, p.rules = seed, active
	clear(p.counts)
	p.mu.Unlock()
	p.queues.release()
	p.readers.release()
	return nil
}

// Clear removes all rules and starts all counters anew.
func (p *Proxy) Clear() {
	_ = p.Set(0) // there is no rule to refuse
}

// Status returns the rules in their order.
func (p *Proxy) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Status, len(p.rules))
	for i, r := range p.rules {
		list[i] = Status{Rule: r.Rule, Seen: r.seen, Fired: r.fired}
	}
	return list
}

// activeRule is a rule with its counters.
type activeRule struct {
	Rule
	index       uint64 // in the list of rules
	seen, fired int
}

// matches reports whether the rule is about the request.
func (r *activeRule) matches(q Request) bool {
	if r.Op != "" && r.Op != q.Op {
		return false
	}
	if ops, _ := operations(r.Fault); r.Op == "" && ops != nil && !slices.Contains(ops, q.Op) {
		return false
	}
	switch {
	case q.Service == "": // no operation of AWS, like a health check
		return false
	case r.Fault == ThroughputExceeded && q.Service == "SQS":
		return false
	case r.Contains != "" && !bytes.Contains(q.Body, []byte(r.Contains)):
		return false
	}
	return r.Match == nil || r.Match(q)
}

// fires counts a matching request and decides whether it meets the fault. The decision depends on the seed, the rule
// and the request's number alone, so that traffic of other operations does not change it.
func (r *activeRule) fires(seed uint64) bool {
	r.seen++
	switch {
	case r.Times > 0 && r.fired >= r.Times, r.seen <= r.After, r.Nth > 0 && r.seen != r.Nth:
		return false
	case r.Probability > 0 && fraction(r.draw(seed, r.index)) >= r.Probability:
		return false
	}
	r.fired++
	return true
}

// hit is a rule that fired, with a number drawn for it.
type hit struct {
	Rule
	draw uint64
}

// hit returns the firing of the request just counted. Its number is drawn apart from the one that decided.
func (r *activeRule) hit(seed uint64) *hit {
	return &hit{Rule: r.Rule, draw: r.draw(seed, ^r.index)}
}

func (r *activeRule) draw(seed, salt uint64) uint64 {
	return draw(seed, salt, uint64(r.seen)) //nolint:gosec // it counts up from 0
}

// plan is what shall happen to one request.
type plan struct {
	before, after time.Duration
	hit           *hit // the first rule that fired, but for mere slowness
}

func (p plan) fault() Fault {
	if p.hit == nil {
		return ""
	}
	return p.hit.Fault
}

// plan counts the request and asks the rules about it. Slowness adds up; of the other faults the first one happens, and
// the rules after it are not asked.
func (p *Proxy) plan(q Request) plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[q.Op]++
	var x plan
	for _, r := range p.rules {
		if perReply(r.Rule) || !r.matches(q) || !r.fires(p.seed) {
			continue
		}
		if r.Fault == SlowRequest {
			x.before += time.Duration(r.Delay)
			continue
		}
		if r.Fault == SlowReply {
			x.after += time.Duration(r.Delay)
			continue
		}
		x.hit = r.hit(p.seed)
		return x
	}
	return x
}

// perReply reports whether the rule is asked about what comes back rather than about the request.
func perReply(r Rule) bool { return perDelivery(r.Fault) && !strings.HasPrefix(r.Op, "Send") }

// fired asks the rules with the given fault about one message or record, or about a whole reply, that comes back.
func (p *Proxy) fired(f Fault, q Request) *hit {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rules {
		if r.Fault == f && perReply(r.Rule) && r.matches(q) && r.fires(p.seed) {
			return r.hit(p.seed)
		}
	}
	return nil
}

// disturbs reports whether a rule changes deliveries of the operation.
func (p *Proxy) disturbs(op string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.rules, func(r *activeRule) bool { return perReply(r.Rule) && r.Op == op })
}

// draw mixes its arguments into a number that looks random (splitmix64).
func draw(values ...uint64) uint64 {
	var z uint64
	for _, v := range values {
		z += v + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
	}
	return z
}

// fraction turns a drawn number into one from 0 up to, but not including, 1.
func fraction(u uint64) float64 { return float64(u>>11) / (1 << 53) }
