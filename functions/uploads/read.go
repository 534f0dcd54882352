package main

import (
	"context"

	"almanac/shared/file"
	"almanac/shared/upload"
	"almanac/shared/web"
)

const aboutSending = "While the file is awaited, send says how to send it: one PUT to an address that is good " +
	"for a quarter of an hour, for the announced bytes alone, and once. Read the upload again for a fresh one."

const aboutReports = "An address, good for five minutes, of a CSV with a row for each line of the file: its number, " +
	"its outcome (created, would_create, matched, duplicate or refused), the patient's id and codes that say why, " +
	"each with the column that it is about. Nothing that stood in the file is in it. matched are patients " +
	"who are there already: differs names columns in which the file says something else than the record, " +
	"which is left as it is. Of the form of a line: field_count (not as many fields as the header), " +
	"stray_quote, line_too_long. Of people: duplicate_of_line, possible_duplicate_of_line and " +
	"similar_to_line name an earlier line; possible_duplicate (register by hand if it is somebody else), " +
	"number_differs, number_of_another and deceased are about a patient who is there; similar_exists names " +
	"one of the same name and birth date who is taken for somebody else because the rest differs. Names are " +
	"compared whole here, more narrowly than at the desk: look at the duplicates of who was registered. " +
	"Reports are kept for seven days."

type oneIn struct {
	ID string `path:"id" maxLength:"40"`
}

func get(s *upload.Service) web.Func[oneIn, upload.Upload] {
	return func(ctx context.Context, r web.Request, in *oneIn) (upload.Upload, error) {
		return s.Get(ctx, r.By, in.ID)
	}
}

type listIn struct{ web.Paged }

func list(s *upload.Service) web.Func[listIn, web.Page[upload.Upload]] {
	return func(ctx context.Context, r web.Request, in *listIn) (web.Page[upload.Upload], error) {
		all, next, err := s.List(ctx, r.By, in.After, in.Limit)
		return web.NewPage(all, next), err
	}
}

func report(s *upload.Service) web.Func[oneIn, file.Link] {
	return func(ctx context.Context, r web.Request, in *oneIn) (file.Link, error) {
		return s.Report(ctx, r.By, in.ID)
	}
}
