package main

import (
	"context"

	"almanac/shared/care"
	"almanac/shared/web"
)

const aboutLog = "Reads, denials, changes, claims and emergencies, the latest first, with the roles that the person " +
	"had then and the relationship that the access rested on. Reading it is an entry, too."

type logIn struct {
	ID string `path:"id" maxLength:"40"`
	web.Paged
}

// Subject is the patient whose log is read.
func (in *logIn) Subject() string { return in.ID }

func accessLog(s *care.Service) web.Func[logIn, web.Page[care.Entry]] {
	return func(ctx context.Context, r web.Request, in *logIn) (web.Page[care.Entry], error) {
		all, next, err := s.Log(ctx, r.By, in.ID, in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}
