package web

import (
	"cmp"
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
		res, err = x.endpoint.call(x.ctx, Request{
			By: x.by, Once: x.once, Version: x.version, seal: x.sealer(),
		}, x.in)
		if err == nil {
			return res, nil
		}
		if !x.cached || !mayBeStale(err) {
			break
		}
		changed, refreshErr := x.reconsider()
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
		if _, err := x.reconsider(); err != nil {
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

// noted writes the event of a sensitive read that succeeded, and of anything that was denied although the role allows
// it or whose reading would have left one, before the answer leaves; without the event there is no answer.
func (x *exchange) noted(err error) error {
	if x.endpoint == nil || x.by.Org() == "" {
		return err
	}
	refused := fault.Is(err, fault.Denied)
	sensitive := x.endpoint.permission.Sensitive()
	if err != nil && !refused || !sensitive && (!refused || !x.by.Can(x.endpoint.permission)) {
		return err
	}
	n, by := Noted{Action: x.endpoint.permission, Target: x.target(), Denied: refused}, x.by
	if r, ok := x.in.(referring); ok {
		n.Refs = r.References()
		if basis := r.Basis(); basis != "" {
			by = by.Because(basis)
		}
	}
	if failed := x.edge.Gate.Note(x.ctx, by, n); failed != nil {
		return failed
	}
	return err
}

// target is the id of the record that was read. Somebody denied before the input was decoded is noted with the id in
// the path, if that is an id. Where there is neither, such as in a list of many people's records, it is the
// organisation's.
func (x *exchange) target() string {
	if s, ok := x.in.(subject); ok {
		return cmp.Or(s.Subject(), x.by.Org())
	}
	if value := x.path["id"]; isID(value) {
		return value
	}
	return x.by.Org()
}

func isID(s string) bool {
	_, err := id.Raw(s)
	return err == nil
}
