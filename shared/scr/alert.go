package scr

import (
	"context"
	"slices"
	"time"

	"almanac/shared/fault"
	"almanac/shared/private"
)

// Alert tells the privacy officers of the NHS that somebody looked at a record without the patient's permission. It
// prints as "[redacted]".
type Alert struct {
	private.Hidden

	ID     string // a UUID of the alert's own; an alert that is sent again has the same one
	Number string
	User   string // the person's user id in the Spine directory (SDS)
	Role   string // what the person is, in words
	ASID   string // of the accredited system at the organisation
	Type   string // TypeClaimed or TypeAccess
	Reason string // one of the reasons of the type
	At     time.Time
}

// Types of alerts.
const (
	TypeClaimed = "1" // somebody claimed a relationship
	TypeAccess  = "2" // somebody looked without permission
)

// Reasons of alerts (code system SCR-AlertReason). Not every reason goes with every type.
const (
	ReasonPublicInterest = "1"
	ReasonStatute        = "2"
	ReasonCourtOrder     = "3"
	ReasonSelfClaimed    = "4"
	ReasonNoPermission   = "5"
	ReasonOther          = "6"
)

// Pairs tells whether a reason goes with a type of alert.
func Pairs(kind, reason string) bool {
	switch kind {
	case TypeClaimed:
		return slices.Contains([]string{"1", "2", "3", "4", "6"}, reason)
	case TypeAccess:
		return slices.Contains([]string{"1", "2", "3", "5"}, reason)
	}
	return false
}

var errAlert = fault.New(fault.Invalid, "alert_incomplete",
	"The alert to the NHS lacks who looked, at whose record, why, or through what system.")

// Tell sends the alert. Errors: fault Invalid "alert_incomplete" and "record_request_refused" (sending it again as it
// is cannot succeed), and those of every request, after which it must be sent again.
func (c *Client) Tell(ctx context.Context, call Call, a Alert) error {
	if !Pairs(a.Type, a.Reason) || a.ID == "" || a.Number == "" || a.User == "" || a.Role == "" || a.ASID == "" {
		return errAlert
	}
	return c.post(ctx, call, "alert", "AuditEvent", auditEvent(call, a))
}

// object is a part of a FHIR resource.
type object = map[string]any

func auditEvent(call Call, a Alert) object {
	agent := func(system, value string) object {
		return object{"who": object{"identifier": object{"system": system, "value": value}}, "requestor": false}
	}
	user := agent("https://fhir.nhs.uk/Id/sds-user-id", a.User)
	user["role"] = []object{{"text": a.Role}}
	return object{
		"resourceType": "AuditEvent",
		"id":           a.ID,
		"extension": []object{{
			"url":         "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage",
			"valueString": "Alert: Permission to view override " + a.ID,
		}},
		"type": object{
			"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertType", "code": a.Type, "display": typeText(a.Type),
		},
		"subtype": []object{{
			"system": "https://fhir.nhs.uk/CodeSystem/SCR-AlertReason", "code": a.Reason,
			"display": reasonText(a.Reason),
		}},
		"recorded": a.At.UTC().Format(time.RFC3339),
		"agent": []object{
			agent(systemNumber, a.Number), agent("https://fhir.nhs.uk/Id/ods-organization-code", call.ODS), user,
		},
		"source": object{"observer": object{"identifier": object{
			"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": a.ASID,
		}}},
		"entity": []object{{"what": object{"identifier": object{"value": a.ID}}}},
	}
}

func typeText(kind string) string {
	if kind == TypeClaimed {
		return "Create LR (Self Claimed)"
	}
	return "Access Alert"
}

func reasonText(reason string) string {
	switch reason {
	case ReasonPublicInterest:
		return "Access made in the public interest"
	case ReasonStatute:
		return "Access required by statute"
	case ReasonCourtOrder:
		return "Access required by Court Order"
	case ReasonNoPermission:
		return "Access without the patient's permission"
	}
	return "Other"
}
