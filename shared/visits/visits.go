// Package visits puts together what video visits are made of: the accounts that people connected, the rooms in them,
// and the tasks for people that either raises.
package visits

import (
	"time"

	"almanac/shared/access"
	"almanac/shared/app"
	"almanac/shared/booking"
	"almanac/shared/connection"
	"almanac/shared/task"
	"almanac/shared/video"
)

// Parts are the connections, the visits in them, and the tasks.
type Parts struct {
	Zoom   connection.Zoom
	Visits *video.Service
	Tasks  *task.Service
}

// Of makes them for a function's main. What is missing or malformed stops the start.
func Of(a *app.App) Parts {
	set := app.Must(a.Zoom())
	return app.Must(New(connection.Settings{
		API: set.API, OAuth: set.OAuth, ClientID: set.ClientID, Secret: set.Secret,
		AdminID: set.AdminID, AdminSecret: set.AdminSecret, PublicURL: set.PublicURL,
		Table: a.Table, Keeper: app.Must(a.Keeper()), Directory: a.Directory,
		Log: a.Log, Now: a.Now, Clock: time.Now, ID: a.ID,
	}, access.System))
}

// New makes them of the same settings, of which it fills in Job and Raise; system makes the caller of a job, as
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
	return Parts{Zoom: z, Tasks: tasks, Visits: video.New(video.Parts{
		Table: set.Table, Keeper: set.Keeper, Directory: set.Directory, Provider: z.Rooms, Accounts: z.Accounts(),
		Diary: booking.New(set.Table, set.Directory, set.Now, set.ID), Job: as(access.VideoRooms),
		Now: set.Now, ID: set.ID, Raise: tasks.OfVisit,
		Settle: video.Settle{Made: tasks.OfMade, Gone: tasks.OfGone, Visit: tasks.OfSettled},
	})}, nil
}
