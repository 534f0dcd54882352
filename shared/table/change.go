package table

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"almanac/shared/access"
	"almanac/shared/event"
	"almanac/shared/fault"
)

// Item is one item to write, on one condition: it is new, or it is at Version. With Check nothing is written, and the
// change rests on the item's being at Version.
type Item struct {
	Key     Key
	Value   any // a struct with dynamodbav tags; nil with Delete
	New     bool
	Version int64 // the version it must be at; it is written as the next one
	Delete  bool
	Check   bool
	Index   Index
	Expires time.Time // when DynamoDB may delete it; never for records with a retention rule
}

// Claim takes ticks of one resource for an owner, frees ticks that an owner had, or both at once (a move, or a hold
// that becomes an appointment). Ticks are taken on the condition that each is free, expired, or among those freed,
// and freed on the condition that Was holds them.
type Claim struct {
	Resource string // id of a practitioner or room; empty when Patient is set
	Patient  string // id of the patient whose diary is meant; it must exist
	Take     Span
	As       Owner
	Free     Span
	Was      Owner
	// Ended lists the freed appointment on the day it was on, for the day's list.
	Ended bool
	// Meets are the ids of those whom the patient meets at the taken time, a site and a practitioner: the patient's
	// diary remembers them for a year, by month.
	Meets []string
	// Close says why nobody may be booked into the patient's diary from now on, as a code; Reopen takes it back.
	Close  string
	Reopen bool
	// Seen is the version at which the patient's diary was read, where the change rests on all that is in it.
	Seen int64
}

// Change is one thing that is done: what, by which permission, to what, and what it writes.
type Change struct {
	Action access.Permission // required: checked, and named in the event item
	Target string            // required: the id of what changes
	// Patient is whom the change concerns, where neither Target nor the items' own keys say so, as of an appointment.
	// Nothing is written of somebody who was erased.
	Patient string
	Once    access.Once // the request's idempotency key; zero for jobs
	// Answer is what a repeat of the request is answered with, kept as JSON; it must not hold personal data.
	Answer any
	Put    []Item
	Claims []Claim
	Event  event.Event // required: Name at least; the table fills in the rest
	// Reconfigure is set by changes of the organisation's configuration: it raises the version that all standing
	// rests on, instead of checking it.
	Reconfigure bool
	// Found is set when the organisation itself is founded, so that its first guards are new.
	Found bool
}

const (
	onceLife = 72 * time.Hour
	// maxItems is DynamoDB's limit of items in a transaction (AWS service quotas).
	maxItems = 100
)

var (
	errNoCaller = fault.New(fault.Denied, "denied", "You may not do this.")
	errNoEvent  = errors.New("a change needs an action, a target and an event")
	errKey      = errors.New("a change may only write to its own organisation's keys")
)

// part is one item of the transaction and what it means when its condition fails.
type part struct {
	write   types.TransactWriteItem
	refusal func(old map[string]types.AttributeValue) refusal
}

// refusal ranks what a failed condition means: the lowest rank explains best what happened.
type refusal struct {
	rank int
	err  error
}

const (
	rankDone = iota
	rankStanding
	rankMissing
	rankStale
	rankTaken
)

// Write carries out the change in one transaction, or nothing of it. Errors: access.ErrDone when the key was used
// before (Recall gives the answer); access.ErrStanding when the caller's roles or the configuration changed since
// they were read; fault Denied, NotFound (a patient without a diary, or whose data key was destroyed), Stale (a version
// moved on), Conflict ("exists", or "time_taken" with the resources in its details), and Unavailable when the table is
// too busy or does not answer: then the same request may be sent again under the same key.
func (c Clinic) Write(ctx context.Context, ch Change) error {
	if !c.by.Can(ch.Action) {
		return errNoCaller
	}
	if ch.Action == "" || ch.Target == "" || ch.Event.Name == "" {
		return errNoEvent
	}
	parts, err := c.parts(ch)
	if err != nil {
		return err
	}
	if len(parts) > maxItems {
		return fmt.Errorf("a change of %d items is more than a transaction holds", len(parts))
	}
	return c.t.transact(ctx, parts)
}

func (c Clinic) parts(ch Change) ([]part, error) {
	var parts []part
	if ch.Once.Key != "" {
		p, err := c.oncePart(ch)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	parts = append(parts, c.guardParts(ch)...)
	for _, it := range ch.Put {
		if !c.reachesItem(it) {
			return nil, errKey
		}
		p, err := c.itemPart(it)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	parts = append(parts, c.livingParts(ch)...)
	claimed, err := c.claimParts(ch.Claims)
	if err != nil {
		return nil, err
	}
	parts = append(parts, claimed...)
	p, err := c.eventPart(ch)
	if err != nil {
		return nil, err
	}
	return append(parts, p), nil
}

type onceRecord struct {
	Fingerprint []byte `dynamodbav:"h"`
	Answer      []byte `dynamodbav:"a,omitempty"`
	Expires     int64  `dynamodbav:"ttl"`
}

func (c Clinic) onceKey(key string) Key {
	sum := sha256.Sum256([]byte(key))
	return c.key("IDEM#"+hex.EncodeToString(sum[:16]), "IDEM")
}

func (c Clinic) oncePart(ch Change) (part, error) {
	now := c.t.now()
	answer, err := json.Marshal(ch.Answer)
	if err != nil {
		return part{}, fmt.Errorf("encode answer: %w", err)
	}
	item, err := attributevalue.MarshalMap(onceRecord{
		Fingerprint: ch.Once.Fingerprint[:], Answer: answer, Expires: now.Add(onceLife).Unix(),
	})
	if err != nil {
		return part{}, fmt.Errorf("encode idempotency record: %w", err)
	}
	maps.Copy(item, c.onceKey(ch.Once.Key).attributes())
	put := &types.Put{
		TableName: &c.t.name, Item: item,
		// TTL deletes within days, not at once: an expired record is overwritten.
		ConditionExpression:       aws.String("attribute_not_exists(PK) OR #ttl < :now"),
		ExpressionAttributeNames:  map[string]string{"#ttl": attrTTL},
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": num(now.Unix())},
	}
	return part{types.TransactWriteItem{Put: put}, always(rankDone, access.ErrDone)}, nil
}

// Recall gives the answer that was recorded under the request's key. A key that was used for another request is
// fault.Invalid "key_reused"; what that request was is not told.
func (c Clinic) Recall(ctx context.Context, once access.Once) ([]byte, bool, error) {
	var rec onceRecord
	err := c.Get(ctx, c.onceKey(once.Key), &rec)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && rec.Expires < c.t.now().Unix():
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case [32]byte(rec.Fingerprint) != once.Fingerprint:
		return nil, false, fault.New(fault.Invalid, "key_reused",
			"This Idempotency-Key was used for another request. Use a new one.")
	}
	return rec.Answer, true, nil
}

// guardParts check that the configuration the caller acts on is still in force, on one of several copies chosen at
// random, because transactions that check the same item at the same moment get in each other's way.
func (c Clinic) guardParts(ch Change) []part {
	standing := num(c.by.Standing())
	switch {
	case ch.Found || ch.Reconfigure:
		parts := make([]part, guardShards)
		for i := range parts {
			parts[i] = c.raiseGuard(i, standing, ch)
		}
		return parts
	case c.by.Standing() == 0: // a job of ours: it has no membership that could change
		return nil
	}
	check := &types.ConditionCheck{
		TableName: &c.t.name, Key: c.guard(rand.IntN(guardShards)).attributes(), //nolint:gosec // spreads load only
		ConditionExpression:       aws.String("v = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": standing},
	}
	return []part{{types.TransactWriteItem{ConditionCheck: check}, always(rankStanding, access.ErrStanding)}}
}

func (c Clinic) raiseGuard(shard int, standing types.AttributeValue, ch Change) part {
	up := &types.Update{
		TableName: &c.t.name, Key: c.guard(shard).attributes(),
		UpdateExpression:          aws.String("ADD v :one"),
		ConditionExpression:       aws.String("v = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":one": num(1), ":v": standing},
	}
	if shard == 0 {
		up.UpdateExpression = aws.String("ADD v :one SET #c = :c")
		up.ExpressionAttributeNames = map[string]string{"#c": attrChanged}
		up.ExpressionAttributeValues[":c"] = changed(ch.Put)
	}
	why := always(rankStanding, access.ErrStanding)
	if ch.Found {
		up.ConditionExpression = aws.String("attribute_not_exists(PK)")
		delete(up.ExpressionAttributeValues, ":v")
		why = always(rankStale, exists())
	}
	return part{types.TransactWriteItem{Update: up}, why}
}

// changed tells which items a change of the configuration writes, by sort key: the version each will have, or zero for
// one that is deleted.
func changed(put []Item) types.AttributeValue {
	m := map[string]types.AttributeValue{}
	for _, it := range put {
		if it.Check {
			continue
		}
		version := it.Version + 1
		if it.Delete {
			version = 0
		}
		m[it.Key.sk] = num(version)
	}
	return &types.AttributeValueMemberM{Value: m}
}

func exists() error {
	return fault.New(fault.Conflict, "exists", "There is already a record like this.")
}

func stale() error {
	return fault.New(fault.Stale, "stale", "This was changed by somebody else in the meantime. Look again.")
}

func (c Clinic) itemPart(it Item) (part, error) {
	cond, values := "attribute_not_exists(PK)", map[string]types.AttributeValue(nil)
	why := always(rankStale, exists())
	if !it.New {
		if it.Version == 0 {
			return part{}, errors.New("an item needs New or the version it replaces")
		}
		cond, why = "v = :v", always(rankStale, stale())
		values = map[string]types.AttributeValue{":v": num(it.Version)}
		cond = c.mine(it, cond, values)
	}
	if it.Check {
		return part{types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: c.t.of(it.Key), Key: it.Key.attributes(),
			ConditionExpression: &cond, ExpressionAttributeValues: values,
		}}, why}, nil
	}
	if it.Delete {
		return part{types.TransactWriteItem{Delete: &types.Delete{
			TableName: c.t.of(it.Key), Key: it.Key.attributes(),
			ConditionExpression: &cond, ExpressionAttributeValues: values,
		}}, why}, nil
	}
	item, err := encode(it)
	if err != nil {
		return part{}, err
	}
	return part{types.TransactWriteItem{Put: &types.Put{
		TableName: c.t.of(it.Key), Item: item, ConditionExpression: &cond, ExpressionAttributeValues: values,
	}}, why}, nil
}

func (c Clinic) eventPart(ch Change) (part, error) {
	e := ch.Event
	e.ID, e.Org, e.By = c.t.newID("evt"), c.by.Org(), c.by.Person()
	e.Action, e.Target, e.At = string(ch.Action), ch.Target, c.t.now()
	e.Basis = c.by.Basis()
	for _, r := range c.by.Roles() {
		e.Roles = append(e.Roles, string(r))
	}
	it := Item{Key: c.event(e.Target, e.ID), Value: e, New: true}
	if len(event.Queues(e.Name)) > 0 {
		it.Index = Index{pk: outbox + strconv.Itoa(shardOf(e.ID)), sk: e.ID}
	}
	return c.itemPart(it)
}

func shardOf(s string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // never fails
	return int(h.Sum32() % outboxShards)
}

func always(rank int, err error) func(map[string]types.AttributeValue) refusal {
	return func(map[string]types.AttributeValue) refusal { return refusal{rank, err} }
}

// transact sends the parts as one transaction and tells what its refusal means. Conflicts with other transactions
// and throttling are tried again, which the SDK does not do for cancelled transactions (aws-sdk-go-v2 v1.47).
func (t *Table) transact(ctx context.Context, parts []part) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: make([]types.TransactWriteItem, len(parts))}
	for i, p := range parts {
		in.TransactItems[i] = p.write
	}
	// One token for all tries: when a reply is lost, the next try is answered from the one that was carried out
	// (for ten minutes, ClientRequestToken). A cancelled try was not carried out, and may be made again under it.
	in.ClientRequestToken = aws.String(t.newID("try"))
	for attempt := 0; ; attempt++ {
		if err := t.backOff(ctx, attempt); err != nil {
			return err
		}
		_, err := t.db.TransactWriteItems(ctx, in)
		if err == nil {
			return nil
		}
		if retries, refused := meaning(err, parts); attempt >= retries {
			return refused
		}
	}
}

// meaning turns a failed transaction into the error for the caller, and tells how often it is worth trying again.
func meaning(err error, parts []part) (int, error) {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return writeFault(err)
	}
	best, busy := refusal{rank: rankTaken + 1}, false
	var taken []fault.Detail
	for i, r := range cancelled.CancellationReasons {
		switch aws.ToString(r.Code) {
		case "ConditionalCheckFailed":
			got := parts[i].refusal(r.Item)
			if got.rank == rankTaken {
				taken = append(taken, fault.Of(got.err).Details...)
			}
			if got.rank < best.rank {
				best = got
			}
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			busy = true
		}
	}
	switch {
	case best.rank <= rankStanding: // a repeat, or a caller to be judged afresh: no later try can differ
		return 0, best.err
	case busy: // what else failed may be our own twin at work: ask again
		return maxRetries, unavailable(err)
	case best.rank == rankTaken:
		return 0, TimeTaken(taken...)
	case best.err != nil:
		return 0, best.err
	}
	return 0, fmt.Errorf("transaction cancelled for %s: %w", codes(cancelled), err)
}

// TimeTaken is the refusal of a claim on a time that somebody else has.
func TimeTaken(details ...fault.Detail) *fault.Error {
	return fault.New(fault.Conflict, "time_taken", "This time is not free.", details...)
}

func codes(c *types.TransactionCanceledException) string {
	var all []string
	for _, r := range c.CancellationReasons {
		all = append(all, aws.ToString(r.Code))
	}
	return strings.Join(all, ",")
}

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Note records that the caller read something, or was denied it: one event item by itself. It checks no permission,
// because a denial is noted too.
func (c Clinic) Note(ctx context.Context, action access.Permission, target string, e event.Event) error {
	if c.by.Org() == "" || target == "" {
		return errNoEvent
	}
	p, err := c.eventPart(Change{Action: action, Target: target, Event: e})
	if err != nil {
		return err
	}
	_, err = c.t.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.t.name, Item: p.write.Put.Item, ConditionExpression: p.write.Put.ConditionExpression,
	})
	// The id is fresh, so an item that is there already is this one: its reply was lost and the SDK sent it again.
	if _, there := errors.AsType[*types.ConditionalCheckFailedException](err); err != nil && !there {
		return unavailable(err)
	}
	return nil
}
