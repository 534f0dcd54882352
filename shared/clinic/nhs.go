package clinic

import "strings"

// NHS is how an organisation works with NHS services. The zero NHS does not: everything is off until somebody with the
// standing to say so switches it on.
type NHS struct {
	// ODSCode is the organisation's code in the NHS's register of organisations. Every call is made in its name.
	ODSCode string `json:"odsCode,omitempty" dynamodbav:"ods,omitempty" maxLength:"10" example:"Y12345" doc:"The organisation's ODS code. Needed for all that follows."`
	Tracing bool   `json:"tracing,omitempty" dynamodbav:"trace,omitempty" doc:"Find and check patients' NHS numbers at the Personal Demographics Service."`
	// KeepDemographics is off unless the clinic's agreement with the NHS allows it to store them.
	KeepDemographics  bool `json:"keepDemographics,omitempty" dynamodbav:"demo,omitempty" doc:"Store addresses, telephone numbers and e-mail addresses that the NHS holds."`
	SummaryCareRecord bool `json:"summaryCareRecord,omitempty" dynamodbav:"scr,omitempty" doc:"View Summary Care Records."`
	// ASID is the id of the accredited system at this organisation, which privacy alerts name as their source.
	ASID     string `json:"asid,omitempty" dynamodbav:"asid,omitempty" maxLength:"12" example:"200000001162" doc:"The ASID under which this organisation's system is registered at Spine. Needed to open NHS records in an emergency."`
	GPRecord bool   `json:"gpRecord,omitempty" dynamodbav:"gp,omitempty" doc:"View records that GP practices hold."`
}

const (
	shortestODS = 3
	longestODS  = 10
	asidDigits  = 12
)

// check gives the settings as they are stored.
func (n NHS) check(c *Check, at string) NHS {
	n.ODSCode = strings.ToUpper(strings.TrimSpace(n.ODSCode))
	switch {
	case n.ODSCode == "" && (n.Tracing || n.SummaryCareRecord || n.GPRecord):
		c.Refuse("required", at+"/odsCode",
			"Must be given: the NHS is asked in the name of an organisation that it knows.")
	case n.ODSCode != "" && !isODS(n.ODSCode):
		c.Refuse("wrong_format", at+"/odsCode", "Must be an NHS organisation code, such as Y12345.")
	}
	if n.ASID != "" && (len(n.ASID) != asidDigits || !digits(n.ASID)) {
		c.Refuse("wrong_format", at+"/asid", "Must be twelve digits.")
	}
	return n
}

func isODS(s string) bool {
	if len(s) < shortestODS || len(s) > longestODS {
		return false
	}
	for _, b := range []byte(s) {
		if (b < 'A' || b > 'Z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}
