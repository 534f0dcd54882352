package wall

import (
	"strings"
	"time"
)

// Date writes a date as patients are told it (NHS service manual): "Wednesday 6 August 2018".
func Date(t time.Time) string { return t.Format("Monday 2 January 2006") }

// Clock writes a time of day as patients are told it: "9:30am", "5pm", "midday", "midnight".
func Clock(t time.Time) string {
	switch {
	case t.Minute() == 0 && t.Hour() == 0:
		return "midnight"
	case t.Minute() == 0 && t.Hour() == 12:
		return "midday"
	case t.Minute() == 0:
		return t.Format("3pm")
	}
	return t.Format("3:04pm")
}

// At writes a time of day, on a day when the clocks change with the time that is in force, which is not plain then.
func At(t time.Time) string {
	if changes(t) {
		return Clock(t) + " " + inForce(t)
	}
	return Clock(t)
}

// When says from when to when. On the days when the clocks change it names the time that is in force.
func When(start, end time.Time) string {
	from, until := Clock(start), Clock(end)
	if changes(start) || changes(end) {
		from, until = from+" "+inForce(start), until+" "+inForce(end)
	}
	if Date(start) == Date(end) {
		return Date(start) + ", " + from + " to " + until
	}
	return Date(start) + ", " + from + " to " + Date(end) + ", " + until
}

// changes tells whether the clocks change on the day of t, where t is.
func changes(t time.Time) bool {
	y, m, d := t.Date()
	_, before := time.Date(y, m, d, 0, 0, 0, 0, t.Location()).Zone()
	_, after := time.Date(y, m, d+1, 0, 0, 0, 0, t.Location()).Zone()
	return before != after
}

// inForce names the time in force: "(BST)", or by its distance from UTC where it has no name.
func inForce(t time.Time) string {
	name, _ := t.Zone()
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		name = "UTC" + name
	}
	return "(" + name + ")"
}
