// Package visits puts together what video visits are made of: the accounts that people connected, and the rooms in
// them.
package visits

import (
	"almanac/shared/access"
	"almanac/shared/booking"
	"almanac/shared/connection"
	"almanac/shared/task"
	"almanac/shared/video"
)

// Parts are the connections, and the visits in them.
type Parts struct {
	Zoom   connection.Zoom
	Visits *video.Service
}

// New makes both of the same settings, of which it fills in Job and Raise; system makes the caller of a job, as
// access.System does. Errors are those of connection.NewZoom.
func New(set connection.Settings, system func(org, job string) access.Caller) (Parts, error) {
	as := func(job access.Role) func(org string) access.Caller {
		return func(org string) access.Caller { return system(org, string(job)) }
	}
	tasks := task.New(set.Table, set.Now)
	set.Job, set.Raise = as(access.Renewer), tasks.OfAccount
	z, err := connection.NewZoom(set)
	if err != nil {
		return Parts{}, err
	}
	return Parts{Zoom: z, Visits: video.New(video.Parts{
		Table: set.Table, Keeper: set.Keeper, Directory: set.Directory, Provider: z.Rooms, Accounts: z.Accounts(),
		Diary: booking.New(set.Table, set.Directory, set.Now, set.ID), Job: as(access.VideoRooms),
		Now: set.Now, ID: set.ID, Raise: tasks.OfVisit,
	})}, nil
}
