package zoom_test

import "strings"

// shapes are bodies of every event, as Zoom is known to write them; what is about people says so.
func shapes() map[string]string {
	about := `"uuid":"4444AAAiAAAAAiAiAiiAii==","host_id":"KDcuGIm1QgePTO8WbOqwIQ","topic":"Xanthippe \ud83d\ude00 é","type":2,"start_time":"2027-07-05T08:30:00Z","timezone":"Europe/London","duration":30`
	thing := func(event, more string) string {
		return `{"event":"` + event + `","event_ts":1798891200123,"payload":{"account_id":"acc_1","operator":"Xanthippe@example.org","operator_id":"KDcuGIm1QgePTO8WbOqwIQ","operation":"all","object":{` + about + `,"id":98765432101` + more + `}}}`
	}
	runs := func(event, more string) string {
		return `{"payload":{"account_id":"acc_1","object":{"id":"98765432101",` + about + more + `}},"event_ts":1798891200123,"event":"` + event + `"}`
	}
	person := func(event, id, at string) string {
		return runs(event, `,"participant":{"user_id":"16778240","user_name":"Xanthippe","id":"`+id+`","participant_uuid":"55555AAAiAAAAAiAiAiiAii==","`+
			at+`":"2027-07-05T08:31:00Z","email":"Xanthippe@example.org","registrant_id":"Xanthippe","participant_user_id":"`+id+`","phone_number":"Xanthippe","leave_reason":"left<br>Xanthippe"}`)
	}
	changed := func(object string) string {
		return `{"event":"meeting.updated","event_ts":1798891200999,"payload":{"account_id":"acc_1","operator":"Xanthippe@example.org","operator_id":"KDcuGIm1QgePTO8WbOqwIQ","scope":"all","time_stamp":1798891200123,"object":{"id":98765432101` +
			object + `},"old_object":{"id":98765432101,"topic":"Xanthippe"}}}`
	}
	user := func(event string) string {
		return `{"event":"` + event + `","event_ts":"1798891200123","payload":{"account_id":"acc_1","operator":"Xanthippe@example.org","object":{"id":"KDcuGIm1QgePTO8WbOqwIQ","email":"Xanthippe@example.org","first_name":"Xanthippe","last_name":"Xanthippe","type":2}}}`
	}
	gone := func(event, more string) string {
		return `{"event":"app_deauthorized"` + event + `,"payload":{"account_id":"acc_1","client_id":"client_1","user_id":"KDcuGIm1QgePTO8WbOqwIQ","signature":"` + strings.Repeat("ab", 32) + `"` + more + `}}`
	}
	return map[string]string{
		"created":      thing("meeting.created", `,"join_url":"https://zoom.us/j/Xanthippe","password":"Xanthippe","pmi":"1234567890","creation_source":"open_api","settings":{"use_pmi":false,"meeting_invitees":[{"email":"Xanthippe"}]},"tracking_fields":[{"field":"Xanthippe"}]`),
		"created pmi":  thing("meeting.created", `,"pmi":1234567890,"occurrences":[{"occurrence_id":"1","start_time":"2027-07-05T08:30:00Z"}],"recurrence":{"type":1}`),
		"deleted":      thing("meeting.deleted", ``),
		"for good":     thing("meeting.permanently_deleted", `,"occurrences":[]`),
		"recovered":    thing("meeting.recovered", ``),
		"started":      runs("meeting.started", ``),
		"ended":        runs("meeting.ended", `,"end_time":"2027-07-05T09:00:00Z"`),
		"joined":       person("meeting.participant_joined", "", "join_time"),
		"host joined":  person("meeting.participant_joined", "KDcuGIm1QgePTO8WbOqwIQ", "join_time"),
		"left":         person("meeting.participant_left", "", "leave_time"),
		"waits":        person("meeting.participant_joined_waiting_room", "", "date_time"),
		"put":          person("meeting.participant_put_in_waiting_room", "", "date_time"),
		"waits early":  person("meeting.participant_jbh_waiting", "", "date_time"),
		"admitted":     person("meeting.participant_admitted", "", "date_time"),
		"left waiting": person("meeting.participant_left_waiting_room", "", "date_time"),
		"moved":        changed(`,"start_time":"2027-07-05T10:00:00Z","timezone":"Europe/London"`),
		"longer":       changed(`,"duration":45`),
		"renamed":      changed(`,"topic":"Xanthippe","password":"Xanthippe"`),
		"settings":     changed(`,"settings":{"waiting_room":false}`),
		"local":        changed(`,"start_time":"2027-07-05T11:00:00","timezone":"Europe/London","duration":"20"`),
		"by nobody":    strings.ReplaceAll(changed(`,"duration":50`), `"operator_id":"KDcuGIm1QgePTO8WbOqwIQ",`, ``),
		"new host":     changed(`,"host_id":"otherHost"`),
		"old host":     strings.ReplaceAll(changed(`,"duration":50`), `"topic":"Xanthippe"`, `"host_id":"oldHost"`),
		"user deleted": user("user.deleted"),
		"deactivated":  user("user.deactivated"),
		"taken out":    user("user.disassociated"),
		"user created": user("user.created"),
		"user updated": `{"event":"user.updated","event_ts":1798891200123,"payload":{"account_id":"acc_1","time_stamp":1798891200123,"object":{"id":"a"},"old_object":{"id":"b","email":"Xanthippe"}}}`,
		"uninstalled":  gone(`,"event_ts":1798891200123`, `,"user_data_retention":null,"deauthorization_time":"2027-01-02T12:00:00.123Z"`),
		"uninst text":  gone(``, `,"user_data_retention":"false","event_ts":"2027-01-02 12:00:00"`),
		"uninst time":  gone(``, `,"deauthorization_time":"2027-01-02T12:00:00.123Z"`),
		"uninst inner": gone(``, `,"event_ts":1798891200123`),
		"uninst bare":  gone(``, ``),
		"validation":   `{"event":"endpoint.url_validation","event_ts":1798891200123,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`,
		"of others":    `{"event":"recording.completed","event_ts":1798891200123,"payload":{"account_id":"acc_1","object":{"id":1}}}`,
		"authorised":   `{"event":"app.authorization_request_created","event_ts":"1798891200123","payload":{}}`,
	}
}
