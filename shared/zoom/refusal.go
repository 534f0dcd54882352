package zoom

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"almanac/shared/exchange"
	"almanac/shared/fault"
	"almanac/shared/video"
)

// Codes of the errors about users, besides those of a video.Provider.
const (
	// UserThere: there is a user of this address in the account already.
	UserThere = "zoom_user_exists"
	// UserElsewhere: the address has an account of its own, outside the clinic's.
	UserElsewhere = "zoom_user_elsewhere"
	// UserUnknown: the account has no user of this address.
	UserUnknown = "zoom_user_unknown"
	// NoLicence: the account has no licence left.
	NoLicence = "zoom_no_licence"
)

// noCode stands for something in the place of a code that is none.
const noCode = -1

// judge tells what an answer means: by its status and its code, and by its text in two places where nothing else tells.
func (c call) judge(res exchange.Reply, now time.Time) (object, *fault.Error) {
	o, unreadable := readObject(res.Body)
	code, ok := o.whole("code")
	if o.told("code") && !ok {
		code = noCode
	}
	said := answer{status: res.Status, code: code}
	text := o.text("message")
	switch {
	case res.Status/100 == 2 && code == 0:
		return o, c.success(res, unreadable)
	case res.Status == http.StatusTooManyRequests, res.Status == http.StatusMultipleChoices, spentToday(text):
		return nil, limited(said, res, text, now)
	case res.Status >= http.StatusInternalServerError, res.Status == http.StatusRequestTimeout:
		return nil, c.after(said, res, now)
	case unreadable != nil, res.Status/100 == 3:
		return nil, c.after(said, res, now) // from something before Zoom
	case c.about == aUser:
		if e := ofUser(said); e != nil {
			return nil, e
		}
	case c.about == aPastMeeting && code == 4711: // nothing that must be granted, so there is nothing to connect again
		return nil, fault.Wrap(said, fault.Invalid, video.ProviderRefused, "The account's owner did not grant this.")
	}
	return nil, meaning(said, text)
}

// success checks that an answer of success holds what it must.
func (c call) success(res exchange.Reply, unreadable error) *fault.Error {
	bodyless := c.method == http.MethodPatch || c.method == http.MethodDelete
	if unreadable == nil || bodyless && len(strings.TrimSpace(string(res.Body))) == 0 {
		return nil
	}
	return c.lost(silence{"an answer that cannot be read", true})
}

// after is for an answer after which nothing is known but that Zoom, or something before it, was reached.
func (c call) after(said answer, res exchange.Reply, now time.Time) *fault.Error {
	if c.creates {
		return unknown(said)
	}
	e := unreached(said)
	e.RetryAfter, _ = asked(res.Header, now)
	return e
}

// limited is for too many calls.
func limited(said answer, res exchange.Reply, text string, now time.Time) *fault.Error {
	wait, ofTheDay := tooMany(res, text, now)
	e := fault.Wrap(said, fault.Limited, video.ProviderBusy, "Zoom takes no more requests just now.")
	if ofTheDay {
		e = fault.Wrap(said, fault.Limited, video.DailyQuota, "Zoom takes no more changes of meetings today.")
	}
	e.RetryAfter = wait
	return e
}

// meaning tells what a code means of a meeting and of the token.
func meaning(said answer, text string) *fault.Error {
	switch said.code {
	case 104, 124, 1001, 1010, 4700, 4733, 4734: // 1001 and 1010: the user is no longer of that account
		return reauth(said)
	case 3000:
		if strings.Contains(strings.ToLower(text), "started") { // of a webinar, too, it says 3000
			return started(said)
		}
	case 3001:
		return fault.Wrap(said, fault.NotFound, video.RoomGone, "Zoom has no such meeting any more.")
	case 3002:
		return started(said)
	case 3003:
		return notHost(said)
	case 3007:
		return fault.Wrap(said, fault.Conflict, video.RoomEnded, "The meeting is over.")
	}
	if gone(said) || said.status == http.StatusUnauthorized {
		return reauth(said)
	}
	return fault.Wrap(said, fault.Invalid, video.ProviderRefused, "Zoom refuses this.")
}

func reauth(said answer) *fault.Error {
	return fault.Wrap(said, fault.Denied, video.NeedsReauth, "Zoom must be connected again.")
}

func started(said answer) *fault.Error {
	return fault.Wrap(said, fault.Conflict, video.RoomStarted, "The meeting is under way.")
}

func notHost(cause error) *fault.Error {
	return fault.Wrap(cause, fault.Conflict, video.NotHost, "The meeting is of another Zoom user.")
}

// ofUser tells what a code means of a user; nil where it means the same as elsewhere.
func ofUser(said answer) *fault.Error {
	switch said.code {
	case 1001, 1010:
		return fault.Wrap(said, fault.NotFound, UserUnknown, "The Zoom account has no user of this address.")
	case 1005:
		return fault.Wrap(said, fault.Conflict, UserThere, "The Zoom account has a user of this address already.")
	case 1009:
		return fault.Wrap(said, fault.Conflict, UserElsewhere, "This address has a Zoom account of its own.")
	case 2034:
		return fault.Wrap(said, fault.Conflict, NoLicence, "The Zoom account has no licence left.")
	}
	return nil
}

// stale tells whether another token may help: the one that was used is unknown or has run out. A token that lacks a
// scope, or that was revoked, would be followed by another of the same kind.
func stale(e *fault.Error) bool {
	said, ok := errors.AsType[answer](e.Unwrap())
	return ok && (said.code == 124 || said.code == 0 && said.status == http.StatusUnauthorized)
}
