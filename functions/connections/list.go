package main

import (
	"context"
	"time"

	"almanac/shared/access"
	"almanac/shared/connection"
	"almanac/shared/fault"
	"almanac/shared/video"
	"almanac/shared/web"
)

const aboutList = "Your own Zoom account, and for managers the clinic's. One that is not connected is listed too."

// connections is what somebody has connected.
type connections struct {
	Items []connected `json:"items"`
}

type connected struct {
	Provider    string     `json:"provider" enum:"zoom,zoom-admin"`
	State       string     `json:"state" enum:"not-connected,linked,needs-reauth,ending" example:"linked" doc:"Where it stands."`
	Why         string     `json:"why,omitempty" doc:"Why it must be connected again, or is being disconnected, where more is known than the state says."`
	Missing     []string   `json:"missing,omitempty" doc:"What Zoom was not allowed to grant; connect again and allow all of it."`
	Plan        string     `json:"plan,omitempty" enum:"basic,licensed" example:"licensed"`
	Note        string     `json:"note,omitempty" doc:"What the plan means for video visits."`
	ConnectedAs string     `json:"connectedAs,omitempty" doc:"The Zoom user's address, for whoever connected it."`
	Since       *time.Time `json:"since,omitempty" doc:"When it was connected last."`
	LastSuccess *time.Time `json:"lastSuccess,omitempty" doc:"When Zoom last let Almanac in."`
}

// Codes says what the codes mean.
func (connected) Codes() map[string][][2]string {
	return map[string][][2]string{
		"state": {
			{notConnected, "there is none"},
			{string(connection.Linked), "it can be used"},
			{string(connection.NeedsReauth), "it must be connected again; until then what needs it waits"},
			{string(connection.Ending), "it is being disconnected, and what is at Zoom taken away"},
		},
		"why": {
			{connection.ScopesMissing, "Zoom was not allowed to grant all that is needed: see missing"},
			{connection.UserInactive, "Zoom does not let this user hold meetings"},
			{connection.GrantDead, "Zoom takes what it granted for void"},
			{video.NotHost, "Zoom says that the rooms of this account are another user's"},
			{video.AccountGone, "the user was deleted at Zoom, deactivated, or taken out of the account"},
			{connection.Asked, "its owner disconnected it"},
			{connection.OwnerLeft, "its owner works here no more"},
			{connection.Replaced, "its owner connected another account"},
			{video.UninstalledByOwner, "its owner took Almanac off their apps at Zoom"},
			{video.LongDead, "for a week Zoom took its grant for void, as when its owner took Almanac off their apps"},
		},
	}
}

const (
	notConnected = "not-connected"

	basic     = "basic"
	licensed  = "licensed"
	basicNote = "Zoom ends meetings of a Basic user after 40 minutes. Give this user a licence for longer visits."
)

func list(z connection.Zoom) web.Func[struct{}, connections] {
	return func(ctx context.Context, r web.Request, _ *struct{}) (connections, error) {
		kinds := []string{connection.Own}
		if r.By.Can(access.LoginProvision) {
			kinds = append(kinds, connection.Admin)
		}
		out := connections{Items: make([]connected, 0, len(kinds))}
		for _, kind := range kinds {
			con, err := z.Of(ctx, r.By, r.By.Person(), kind)
			if fault.Is(err, fault.NotFound) {
				out.Items = append(out.Items, connected{Provider: kind, State: notConnected})
				continue
			}
			if err != nil {
				return out, err
			}
			item := shown(con)
			if con.Subject == r.By.Person() {
				if item.ConnectedAs, err = z.ConnectedAs(ctx, r.By, con); err != nil {
					return out, err
				}
			}
			out.Items = append(out.Items, item)
		}
		return out, nil
	}
}

// shown is what of a connection everybody may see who may see it at all.
func shown(con connection.Connection) connected {
	made, renewed := con.Made.UTC(), con.Renewed.UTC()
	out := connected{
		Provider: con.Provider, State: string(con.State), Why: con.Why, Missing: con.Missing,
		Since: &made, LastSuccess: &renewed,
	}
	if out.Why == video.NeedsReauth { // which the state says
		out.Why = ""
	}
	switch {
	case con.Provider == connection.Admin: // it makes no meetings
	case con.Licensed:
		out.Plan = licensed
	default:
		out.Plan, out.Note = basic, basicNote
	}
	return out
}
