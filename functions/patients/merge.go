package main

import (
	"context"

	"almanac/shared/patient"
	"almanac/shared/web"
)

const aboutMerging = "The record of patientId goes on in this one. It is not found, booked or changed any more; " +
	"its appointments to come, its alerts and representatives, and the NHS number, where this one has none, go " +
	"over; past appointments are listed with this one's. Names and addresses do not go over: enter them. " +
	"Appointments of both at one time refuse it, and then nothing is done. You need a part in the care of both."

const aboutUnmerging = "Takes back that patientId was merged into this record. What somebody changed since stays " +
	"as it is, and kept tells of it."

type mergeIn struct {
	web.Keyed
	ID   string `path:"id"`
	Body struct {
		PatientID string `json:"patientId" maxLength:"40" doc:"The record that ends."`
	}
}

func merge(s *patient.Service) web.Func[mergeIn, patient.Receipt] {
	return func(ctx context.Context, r web.Request, in *mergeIn) (patient.Receipt, error) {
		return s.Merge(ctx, r.By, r.Once, in.ID, in.Body.PatientID)
	}
}

type unmergeIn struct {
	web.Keyed
	ID   string `path:"id"`
	Body struct {
		PatientID string `json:"patientId" maxLength:"40" doc:"The record that was merged into this one."`
	}
}

func unmerge(s *patient.Service) web.Func[unmergeIn, patient.Unmerged] {
	return func(ctx context.Context, r web.Request, in *unmergeIn) (patient.Unmerged, error) {
		return s.Unmerge(ctx, r.By, r.Once, in.ID, in.Body.PatientID)
	}
}
