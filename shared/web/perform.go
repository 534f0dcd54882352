package web

import (
	"errors"

	"almanac/shared/access"
	"almanac/shared/fault"
	"almanac/shared/id"
)

// maxRuns is how often a write is tried while the organisation's configuration changes under it.
const maxRuns = 3

// perform runs the handler. What a write decides on a cached copy of the organisation's configuration counts only if
// that copy still stood: success is checked by the table in the same transaction, and a refusal here, by reading the
// caller's standing afresh and running again where it changed.
func (x *exchange) perform() (result, error) {
	if x.endpoint.keyed {
		x.once.Fingerprint = x.fingerprint()
	}
	var res result
	var err error
	fresh := false
	for range maxRuns {
		res, err = x.endpoint.call(x.ctx, Request{By: x.by, Once: x.once, Version: x.version}, x.in)
		if err == nil {
			return res, nil
		}
		if !x.cached || !mayBeStale(err) {
			break
		}
		changed, refreshErr := x.refresh()
		if refreshErr != nil {
			return result{}, refreshErr
		}
		fresh = true
		if !changed && !errors.Is(err, access.ErrStanding) {
			break
		}
	}
	return x.recall(err, fresh)
}

// mayBeStale tells whether an error could follow from an old copy of the configuration.
func mayBeStale(err error) bool {
	if errors.Is(err, access.ErrStanding) || errors.Is(err, access.ErrDone) {
		return true
	}
	switch fault.Of(err).Kind {
	case fault.Denied, fault.NotFound, fault.Conflict, fault.Invalid, fault.Stale:
		return true
	case fault.Internal, fault.Limited, fault.Unavailable:
		return false
	}
	return false
}

// recall looks for the first answer of a request that was refused because it was carried out before: the second
// booking of the same time under the same key is the first one, asked again. Somebody who lost the right to do the
// thing does not get the answer either.
func (x *exchange) recall(cause error, fresh bool) (result, error) {
	refused := errors.Is(cause, access.ErrDone) || fault.Of(cause).Kind != fault.Internal
	if !x.endpoint.keyed || !refused {
		return result{}, cause
	}
	if x.cached && !fresh {
		if _, err := x.refresh(); err != nil {
			return result{}, err
		}
	}
	body, found, err := x.edge.Gate.Recall(x.ctx, x.by, x.once)
	if err != nil {
		return result{}, err
	}
	if !found {
		return result{}, cause
	}
	res, err := x.endpoint.restore(body)
	res.replayed = true
	return res, err
}

// noted writes the event of a sensitive read that succeeded or was denied, before its answer leaves; without the
// event there is no answer.
func (x *exchange) noted(err error) error {
	if x.endpoint == nil || !x.endpoint.permission.Sensitive() || x.by.Org() == "" {
		return err
	}
	refused := fault.Is(err, fault.Denied)
	if err != nil && !refused {
		return err
	}
	if failed := x.edge.Gate.Note(x.ctx, x.by, x.endpoint.permission, x.target(), refused); failed != nil {
		return failed
	}
	return err
}

// target is the id of the record that was read. Somebody denied before the input was decoded is noted with the id in
// the path, if that is an id, else with the organisation's.
func (x *exchange) target() string {
	if s, ok := x.in.(subject); ok {
		return s.Subject()
	}
	for _, value := range x.path {
		if _, err := id.Raw(value); err == nil {
			return value
		}
	}
	return x.by.Org()
}
