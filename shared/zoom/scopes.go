package zoom

import "strings"

// UserScopes are what the app that each person connects must be granted. Changing and deleting a meeting are scopes of
// their own: without them a meeting would silently outlive its appointment.
func UserScopes() []string {
	return []string{
		"user:read:user",
		"meeting:read:meeting", "meeting:read:list_meetings",
		"meeting:write:meeting", "meeting:update:meeting", "meeting:delete:meeting",
	}
}

// HistoryScopes are what that app may be granted besides. With both, the log of a visit is filled up with what Zoom did
// not tell in time, such as the end of a meeting whose message was lost; without them, it says what was told. They are
// not required, because a clinic may well want us to read no more than is needed.
func HistoryScopes() []string {
	return []string{"meeting:read:past_meeting", "meeting:read:list_past_participants"}
}

// History tells whether the scopes that were granted let us read what took place in somebody's meetings.
func (a App) History(granted []string) bool {
	a.Scopes = HistoryScopes()
	return len(a.Missing(granted)) == 0
}

// AdminScopes are what the app that makes users in a clinic's own account must be granted.
func AdminScopes() []string {
	return []string{"user:read:user:admin", "user:write:user:admin"}
}

// Missing tells which of the app's scopes were not granted. A scope for a whole account counts as the one for a user,
// and the classic scopes of older apps as those that they were split into.
func (a App) Missing(granted []string) []string {
	have := make(map[string]bool, len(granted))
	for _, s := range granted {
		have[s] = true
	}
	var missing []string
	for _, want := range a.Scopes {
		if !have[want] && !have[classic(want)] && !have[wider(want)] && !have[wider(classic(want))] &&
			!have[master(want)] {
			missing = append(missing, want)
		}
	}
	return missing
}

const (
	admin  = ":admin"
	owners = ":master"
)

// wider is the scope for a whole account that includes the one for a user.
func wider(scope string) string {
	if scope == "" || strings.HasSuffix(scope, admin) {
		return scope
	}
	return scope + admin
}

// master is the scope for a master account that includes the other two.
func master(scope string) string { return strings.TrimSuffix(scope, admin) + owners }

// classic is the scope that an older app has in the place of a granular one, such as meeting:write:admin for
// meeting:delete:meeting:admin.
func classic(scope string) string {
	plain, forAll := strings.CutSuffix(scope, admin)
	parts := strings.Split(plain, ":")
	if len(parts) != 3 {
		return ""
	}
	verb := parts[1]
	if verb == "update" || verb == "delete" {
		verb = "write"
	}
	name := parts[0] + ":" + verb
	if forAll {
		name += admin
	}
	return name
}
