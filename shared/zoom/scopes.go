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
