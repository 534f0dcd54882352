package main

import (
	"context"

	"almanac/shared/recordview"
	"almanac/shared/scr"
)

// connect makes the sources of the addresses that there are.
func connect(summary, gp string, set scr.Settings) (map[recordview.Kind]recordview.Source, error) {
	out := map[recordview.Kind]recordview.Source{}
	if set.URL = summary; summary != "" {
		c, err := scr.New(set)
		if err != nil {
			return nil, err
		}
		out[recordview.SummaryCareRecord] = spine{c}
	}
	if set.URL = gp; gp != "" {
		c, err := scr.NewGP(set)
		if err != nil {
			return nil, err
		}
		out[recordview.GPRecord] = practice{c}
	}
	return out, nil
}

// spine is the Summary Care Record as a source of views.
type spine struct{ client *scr.Client }

// Elsewhere is nothing: the record is shown here.
func (spine) Elsewhere() string { return "" }

// Find asks for the latest record and the patient's wish.
func (s spine) Find(ctx context.Context, q recordview.Query) (recordview.Reference, error) {
	ref, err := s.client.Find(ctx, call(q), q.Number)
	return recordview.Reference{ID: ref.ID, No: ref.Sharing != scr.Ask}, err
}

// Read gets the record.
func (s spine) Read(ctx context.Context, q recordview.Query, ref recordview.Reference) (recordview.Content, error) {
	r, err := s.client.Read(ctx, call(q), q.Number, scr.Reference{ID: ref.ID})
	return content(r), err
}

// practice is the GP's record as a source of views. Whether the patient lets it be seen is known to the practice, which
// refuses then; so there is nothing to find first.
type practice struct{ client *scr.GP }

// Elsewhere is nothing: the record is shown here.
func (practice) Elsewhere() string { return "" }

// Find gives no more than that the practice is to be asked.
func (practice) Find(context.Context, recordview.Query) (recordview.Reference, error) {
	return recordview.Reference{}, nil
}

// Read gets the record.
func (p practice) Read(ctx context.Context, q recordview.Query, _ recordview.Reference) (recordview.Content, error) {
	r, err := p.client.Read(ctx, call(q), q.Number)
	return content(r), err
}

func call(q recordview.Query) scr.Call {
	return scr.Call{ODS: q.ODS, Of: q.View, Round: q.Round, Waiting: true}
}

func content(r scr.Record) recordview.Content {
	out := recordview.Content{Date: r.Date}
	for _, s := range r.Sections {
		out.Sections = append(out.Sections, recordview.Part{Title: s.Title, XHTML: s.XHTML})
	}
	return out
}
