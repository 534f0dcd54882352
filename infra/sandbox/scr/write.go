package scr

import (
	"cmp"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"time"

	"almanac/infra/sandbox/apim"
	"almanac/infra/sandbox/pds"
)

// The systems of an alert, as the published validator has them.
const (
	alertMessage = "https://fhir.nhs.uk/StructureDefinition/Extension-SCR-NotificationMessage"
	alertType    = "https://fhir.nhs.uk/CodeSystem/SCR-AlertType"
	alertReason  = "https://fhir.nhs.uk/CodeSystem/SCR-AlertReason"
	odsCode      = "https://fhir.nhs.uk/Id/ods-organization-code"
	sdsUser      = "https://fhir.nhs.uk/Id/sds-user-id"
	spineASID    = "https://fhir.nhs.uk/Id/nhsSpineASID"
)

// Alert is one access that was told of. The same alert told twice under two request ids is here twice.
type Alert struct {
	ID           string // entity.what: the alert's own
	Number       string // the patient
	ODS          string // the organisation
	User, Role   string
	Type, Reason string
	At           time.Time // recorded
	RequestID    string
}

// Alerts returns the alerts taken so far.
func (s *Server) Alerts() []Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.alerts)
}

type (
	identifier struct{ System, Value string }
	coding     struct{ System, Code, Display string }
	agent      struct {
		Who       struct{ Identifier identifier }
		Role      []struct{ Text string }
		Requestor *bool
	}
	auditEvent struct {
		ResourceType string
		ID           string
		Extension    []struct{ URL, ValueString string }
		Type         coding
		Subtype      []coding
		Recorded     string
		Agent        []agent
		Source       struct {
			Observer struct{ Identifier identifier }
		}
		Entity []struct {
			What struct{ Identifier identifier }
		}
	}
)

// readFHIR reads a body, or gives the 415 or 400.
func readFHIR(r *http.Request, into any) (apim.Answer, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/fhir+json" {
		return refuse(http.StatusUnsupportedMediaType, "value", "Content type must be application/fhir+json"), false
	}
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "structure", "Unable to parse JSON resource"), false
	}
	return apim.Answer{}, true
}

// audit answers POST /AuditEvent: the alert that somebody reads a record without the patient's permission.
func (s *Server) audit(r *http.Request) apim.Answer {
	var e auditEvent
	if a, ok := readFHIR(r, &e); !ok {
		return a
	}
	if what := cmp.Or(e.wrongHead(), e.wrongBody()); what != "" {
		return badValue("%s", what)
	}
	at, err := time.Parse(time.RFC3339, e.Recorded)
	if err != nil {
		return badValue("'recorded' element missing")
	}
	alert := Alert{
		ID: e.Entity[0].What.Identifier.Value, Type: e.Type.Code, Reason: e.Subtype[0].Code, At: at,
		RequestID: r.Header.Get("X-Request-ID"),
	}
	for system, into := range map[string]*string{nhsNumber: &alert.Number, odsCode: &alert.ODS, sdsUser: &alert.User} {
		one, what := e.agent(system)
		if what != "" {
			return badValue("%s", what)
		}
		*into = one.Who.Identifier.Value
		if system == sdsUser {
			alert.Role = one.Role[0].Text
		}
	}
	if !pds.GoodNumber(alert.Number) {
		return badValue("Invalid value in 'agent' with 'who.identifier.system' '%s'", nhsNumber)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, alert)
	return apim.Answer{Status: http.StatusCreated}
}

// wrongHead says what is wrong with what kind of alert it is, in the words of the published validator.
func (e auditEvent) wrongHead() string {
	switch {
	case e.ResourceType != "AuditEvent":
		return "Expecting an AuditEvent"
	case e.ID == "":
		return "'id' element is missing'"
	case len(e.Extension) != 1 || e.Extension[0].URL != alertMessage:
		return "Expecting exactly one 'extension' element with URL: '" + alertMessage + "'"
	case e.Extension[0].ValueString == "":
		return "'valueString' for 'extension' '" + alertMessage + "' is missing"
	case e.Type.System != alertType:
		return "'Type' element for '" + alertType + "' system missing"
	case len(e.Subtype) != 1:
		return "Expecting exactly one 'subtype' element"
	case e.Subtype[0].System != alertReason:
		return "Invalid or missing value in field 'subtype.system'. Supported value is: " + alertReason
	case e.Type.Display == "" || e.Subtype[0].Display == "":
		return "Missing value 'type.display' or 'subtype.display'"
	case !goodPair(e.Type.Code, e.Subtype[0].Code):
		return "Invalid combination of 'type.code' and 'subtype.code'"
	}
	return ""
}

// wrongBody says what is wrong with the rest, apart from who the agents are.
func (e auditEvent) wrongBody() string {
	observer := e.Source.Observer.Identifier
	switch {
	case len(e.Entity) != 1:
		return "Expecting exactly one 'entity' element"
	case e.Entity[0].What.Identifier.Value == "":
		return "Invalid or missing value in field 'entity.what.identifier.value'"
	case observer.System != spineASID || observer.Value == "":
		return "Invalid or missing value in field 'source.observer.identifier'"
	case len(e.Agent) != 3:
		return "Expecting exactly three 'agent' elements"
	}
	return ""
}

// goodPair tells which reasons go with which type: 1 is a self-claimed relationship, 2 an access alert.
func goodPair(kind, reason string) bool {
	return slices.Contains(map[string][]string{"1": {"1", "2", "3", "4", "6"}, "2": {"1", "2", "3", "5"}}[kind], reason)
}

// agent finds the one agent whose identifier is of a system.
func (e auditEvent) agent(system string) (agent, string) {
	var found []agent
	for _, a := range e.Agent {
		if a.Who.Identifier.System == system && a.Who.Identifier.Value != "" {
			found = append(found, a)
		}
	}
	which := "'who.identifier.system' '" + system + "'"
	switch {
	case len(found) == 0:
		return agent{}, "Missing 'agent' entry with " + which + " and non-empty 'value'"
	case len(found) > 1:
		return agent{}, "Expecting exactly one 'agent' entry with " + which + " and non-empty 'value'"
	case found[0].Requestor == nil || *found[0].Requestor:
		return agent{}, "Missing or unsupported 'requestor' value for 'agent' with " + which
	case system == sdsUser && (len(found[0].Role) == 0 || found[0].Role[0].Text == ""):
		return agent{}, "Expecting at least one non empty 'role' for 'agent' entry with system " + system
	}
	return found[0], ""
}

type parameters struct {
	ResourceType string
	Parameter    []struct {
		Name string
		Part []struct {
			Name, ValueString string
			ValueCoding       coding
		}
	}
}

// values gives the numbers and the codes in the parameters.
func (in parameters) values() ([]string, []coding) {
	var numbers []string
	var codes []coding
	for _, part := range in.Parameter[0].Part {
		switch part.Name {
		case "nhsNumber":
			numbers = append(numbers, part.ValueString)
		case "permissionCode":
			codes = append(codes, part.ValueCoding)
		}
	}
	return numbers, codes
}

// setPermission answers POST /$setPermission.
func (s *Server) setPermission(r *http.Request) apim.Answer {
	var in parameters
	if a, ok := readFHIR(r, &in); !ok {
		return a
	}
	if in.ResourceType != "Parameters" || len(in.Parameter) != 1 || in.Parameter[0].Name != "setPermissions" {
		return badValue("Exactly 1 parameter named 'setPermissions' expected")
	}
	numbers, codes := in.values()
	switch {
	case len(numbers) != 1 || !pds.GoodNumber(numbers[0]):
		return badValue("Missing value for Parameter.Part 'nhsNumber'")
	case len(codes) != 1 || codes[0].System != permission:
		return badValue("Exactly 1 Parameter.Part named 'permissionCode' with valueCoding.system %s expected",
			permission)
	case s.Permit(numbers[0], codes[0].Code) != nil:
		return badValue("Invalid value - %s in field 'valueCoding.code', or nobody has the number", codes[0].Code)
	}
	return apim.Answer{Status: http.StatusCreated}
}
