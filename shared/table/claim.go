package table

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/fault"
	"almanac/shared/id"
)

// claimParts turns claims into one update for each item they touch: a resource has an item for each UTC day, a
// patient one diary, which several claims may share.
func (c Clinic) claimParts(claims []Claim) ([]part, error) {
	var parts []part
	diaries := map[string][]Claim{}
	for _, cl := range claims {
		if cl.Take.Len() > MaxClaimTicks || cl.Free.Len() > MaxClaimTicks {
			return nil, fault.New(fault.Invalid, "too_long", "One appointment can last 8 hours at the most.")
		}
		if cl.Patient != "" {
			diaries[cl.Patient] = append(diaries[cl.Patient], cl)
			continue
		}
		for _, at := range c.claimItems(cl) {
			p, err := c.claimPart(at, cl)
			if err != nil {
				return nil, err
			}
			parts = append(parts, p)
		}
	}
	for _, patient := range slices.Sorted(maps.Keys(diaries)) {
		p, err := c.claimPart(stretch{c.Diary(patient), Span{0, Tick(1) << 40}}, diaries[patient]...)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// stretch is one item that holds ticks, and which ticks it can hold.
type stretch struct {
	key  Key
	span Span
}

func (c Clinic) claimItems(cl Claim) []stretch {
	var days []Tick
	for _, s := range []Span{cl.Take, cl.Free} {
		if s.Len() == 0 {
			continue
		}
		for day := s.From - s.From%Tick(DayTicks); day < s.To; day += Tick(DayTicks) {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	var out []stretch
	for _, day := range slices.Compact(days) {
		out = append(out, stretch{c.day(cl.Resource, day.Time()), Span{day, day + Tick(DayTicks)}})
	}
	return out
}

func (s Span) within(o Span) Span { return Span{max(s.From, o.From), min(s.To, o.To)} }

// expression collects an update expression and its condition.
type expression struct {
	set, remove, add, cond []string
	names                  map[string]string
	values                 map[string]types.AttributeValue
	tag                    string // tells apart the values of several claims on one item
}

func (e *expression) name(attr string) string {
	n := "#" + attr
	e.names[n] = attr
	return n
}

// claimPart makes the update of one item for the claims on it.
func (c Clinic) claimPart(at stretch, claims ...Claim) (part, error) {
	e := expression{names: map[string]string{}, values: map[string]types.AttributeValue{}}
	of := claims[0]
	if of.Patient != "" {
		e.cond = append(e.cond, "attribute_exists(PK)")
		e.add, e.values[":one"] = append(e.add, attrVersion+" :one"), num(1)
	}
	now := false
	for i, cl := range claims {
		if i > 0 {
			e.tag = strconv.Itoa(i)
		}
		uses, err := c.claimInto(&e, cl, at.span)
		if err != nil {
			return part{}, err
		}
		now = now || uses
	}
	if now {
		e.values[":now"] = &types.AttributeValueMemberB{Value: clockBytes(c.t.now())}
	}
	update, cond := e.update(), strings.Join(e.cond, " AND ")
	up := &types.Update{
		TableName: &c.t.name, Key: at.key.attributes(), UpdateExpression: &update, ConditionExpression: &cond,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}
	if len(e.names) == 0 { // DynamoDB takes none, but not an empty map
		up.ExpressionAttributeNames = nil
	}
	if of.Patient != "" {
		up.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	return part{types.TransactWriteItem{Update: up}, claimRefusal(claims)}, nil
}

// claimInto adds one claim to the expression, and tells whether it looks at the clock.
func (c Clinic) claimInto(e *expression, cl Claim, in Span) (bool, error) {
	take, free, name := cl.Take.within(in), cl.Free.within(in), dayName
	if cl.Patient != "" {
		name = diaryName
		if err := e.diary(cl, c.t.now()); err != nil {
			return false, err
		}
		if cl.Seen > 0 {
			e.cond, e.values[":seen"] = append(e.cond, attrVersion+" = :seen"), num(cl.Seen)
		}
	}
	if free.Len() > 0 {
		if err := e.free(free, take, cl.Was, name); err != nil {
			return false, err
		}
	}
	if take.Len() > 0 {
		if err := e.take(take, free, cl.As, name); err != nil {
			return false, err
		}
	}
	if cl.Ended && free.Len() > 0 {
		raw, err := id.Raw(cl.Was.ID)
		if err != nil {
			return false, fmt.Errorf("ended appointment: %w", err)
		}
		e.values[":ended"] = &types.AttributeValueMemberBS{Value: [][]byte{raw[:]}}
		e.add = append(e.add, attrEnded+" :ended")
	}
	return take.Len() > 0 && uses(take, free), nil
}

// uses tells whether any taken tick is checked against the clock, that is, was not the owner's own before.
func uses(take, free Span) bool {
	return take.From < free.From || take.To > free.To || free.Len() == 0
}

func (e *expression) free(free, take Span, was Owner, name func(Tick) string) error {
	first, rest, err := was.values()
	if err != nil {
		return err
	}
	for t := free.From; t < free.To; t++ {
		n, v := e.name(name(t)), ":r"+e.tag
		e.values[v] = rest
		if t == free.From {
			v = ":f" + e.tag
			e.values[v] = first
		}
		// An appointment's ticks are only ever freed together, so its first one speaks for all, which keeps a long
		// move within 300 operators. A hold that ran out may have lost some of its ticks: each is checked.
		if t == free.From || !was.Until.IsZero() {
			e.cond = append(e.cond, n+" = "+v)
		}
		if !take.has(t) {
			e.remove = append(e.remove, n)
		}
	}
	if free.Len() == 1 || was.Until.IsZero() {
		delete(e.values, ":r"+e.tag)
	}
	return nil
}

func (e *expression) take(take, free Span, as Owner, name func(Tick) string) error {
	first, rest, err := as.values()
	if err != nil {
		return err
	}
	for t := take.From; t < take.To; t++ {
		n, v := e.name(name(t)), ":s"+e.tag
		e.values[v] = rest
		if t == take.From {
			v = ":a" + e.tag
			e.values[v] = first
		}
		e.set = append(e.set, n+" = "+v)
		if !free.has(t) {
			// A comparison with a missing attribute is false, so this is "free, or held until before now".
			e.cond = append(e.cond, "NOT "+n+" >= :now")
		}
	}
	if take.Len() == 1 {
		delete(e.values, ":s"+e.tag)
	}
	return nil
}

func (e *expression) update() string {
	var clauses []string
	if len(e.add) > 0 {
		clauses = append(clauses, "ADD "+strings.Join(e.add, ", "))
	}
	if len(e.set) > 0 {
		clauses = append(clauses, "SET "+strings.Join(e.set, ", "))
	}
	if len(e.remove) > 0 {
		clauses = append(clauses, "REMOVE "+strings.Join(e.remove, ", "))
	}
	return strings.Join(clauses, " ")
}

func claimRefusal(claims []Claim) func(map[string]types.AttributeValue) refusal {
	cl := claims[0]
	takes := slices.ContainsFunc(claims, func(cl Claim) bool { return cl.Take.Len() > 0 })
	return func(old map[string]types.AttributeValue) refusal {
		switch {
		case cl.Patient != "" && len(old) == 0:
			return refusal{rankMissing, noPatient()}
		case cl.Patient != "" && text(old[attrClosed]) != "" && takes:
			return refusal{rankMissing, closed(text(old[attrClosed]), cl.Patient)}
		case cl.Patient != "":
			return refusal{rankTaken, TimeTaken(fault.Detail{
				Code: "patient_busy", Message: "The patient has another appointment then.", Resource: cl.Patient,
			})}
		}
		return refusal{rankTaken, TimeTaken(fault.Detail{
			Code: "resource_busy", Message: "It is taken then.", Resource: cl.Resource,
		})}
	}
}

// String shows a span for messages and tests: its ticks as numbers.
func (s Span) String() string { return strconv.Itoa(int(s.From)) + "-" + strconv.Itoa(int(s.To)) }
