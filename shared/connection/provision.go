package connection

import (
	"context"
	"strings"

	"almanac/shared/access"
	"almanac/shared/clinic"
	"almanac/shared/event"
	"almanac/shared/fault"
	"almanac/shared/table"
	"almanac/shared/video"
	"almanac/shared/zoom"
)

// Login is what became of a member of staff's log-in at Zoom. It says nothing of the person but the subject, because it
// is kept for repeats.
type Login struct {
	Subject string `json:"subject"`
	State   string `json:"state" enum:"pending,active,exists" doc:"pending: Zoom has sent an invitation that is not taken up yet. active: there is a log-in to use. exists: there is one, and it cannot be used as it is."`
}

// States of a Login.
const (
	LoginPending = "pending"
	LoginActive  = "active"
	LoginExists  = "exists"
)

// Provision makes sure that a member of staff has a log-in in the clinic's Zoom account: one that is there is left as
// it is, and none is ever changed or deleted. Errors: fault.NotFound for somebody who does not work here, Conflict
// "zoom_admin_needed" without the clinic's account, zoom.UserElsewhere or zoom.NoLicence, and those of Token.
func (z Zoom) Provision(
	ctx context.Context, by access.Caller, once access.Once, subject string, licensed bool,
) (Login, error) {
	if !by.Can(access.LoginProvision) {
		return Login{}, denied()
	}
	snap, err := z.p.Directory.Snapshot(ctx, by)
	if err != nil {
		return Login{}, err
	}
	member, ok := snap.Staff[subject]
	if !ok || member.Left {
		return Login{}, none()
	}
	con, err := z.Of(ctx, by, "", Admin)
	if fault.Is(err, fault.NotFound) || err == nil && con.State != Linked {
		return Login{}, adminNeeded()
	}
	if err != nil {
		return Login{}, err
	}
	state, err := z.ask(ctx, by, con, member, licensed)
	if err != nil {
		return Login{}, err
	}
	out := Login{Subject: subject, State: state}
	return out, z.p.Table.For(by).Write(ctx, table.Change{
		Action: access.LoginProvision, Target: subject, Once: once, Answer: out,
		Event: event.Event{Name: event.LoginProvisioned, Why: state, Refs: map[string]string{"connection": con.ID}},
	})
}

// ask asks Zoom for the log-in of a member of staff. Where the clinic's account is not to be used any more, it lapses.
func (z Zoom) ask(
	ctx context.Context, by access.Caller, con Connection, member clinic.Staff, licensed bool,
) (string, error) {
	first, last := names(member.Name)
	host := video.Host{Org: by.Org(), Subject: con.Subject, Connection: con.ID}
	state, err := z.login(ctx, host, zoom.NewUser{Email: member.Email, First: first, Last: last, Licensed: licensed})
	if !fault.Is(err, fault.Denied) {
		return state, err
	}
	err = z.Lapse(ctx, z.p.Job(by.Org()), con.ID, video.NeedsReauth)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	return "", adminNeeded()
}

func adminNeeded() error {
	return fault.New(fault.Conflict, "zoom_admin_needed", "A manager must connect the clinic's Zoom account first.")
}

// login looks for the user first, then has it made, and looks again where it is not known what became of that.
func (z Zoom) login(ctx context.Context, h video.Host, n zoom.NewUser) (string, error) {
	u, err := z.Users.Find(ctx, h, n.Email)
	if err == nil {
		return stateOf(u), nil
	}
	if fault.Of(err).Code != zoom.UserUnknown {
		return "", err
	}
	_, err = z.Users.Create(ctx, h, n)
	switch code := fault.Of(err); {
	case err == nil:
		return LoginPending, nil
	case code.Code == zoom.UserThere, code.Code == video.OutcomeUnknown:
	default:
		return "", err
	}
	u, failed := z.Users.Find(ctx, h, n.Email)
	if failed != nil {
		return "", err
	}
	return stateOf(u), nil
}

func stateOf(u zoom.User) string {
	switch u.Status {
	case "active":
		return LoginActive
	case "pending":
		return LoginPending
	}
	return LoginExists
}

// names parts a name as Zoom wants it: the last word, and those before it.
func names(name string) (string, string) {
	i := strings.LastIndex(name, " ")
	if i < 0 {
		return name, ""
	}
	return name[:i], name[i+1:]
}
