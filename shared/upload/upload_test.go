package upload_test

import (
	"strings"
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/upload"
)

func TestRun(t *testing.T) {
	o := newOffice(t)
	done, report := o.both(t, header+
		"Marker,Ada,1950-02-27,female,999 000 0018,1 High Street,SW1A 2AA,07700 900123,ada@example.org,A81001\n")
	says(t, report, "2 created")
	p, err := o.patients.Get(t.Context(), o.By(t, clinictest.Manager), report[0][2])
	if err != nil || p.Names[0].Family != "Marker" || p.Number.Value != "9990000018" || p.Addresses[0].Source != "upload" {
		t.Errorf("the record is not that of the line: %v", err)
	}
	if _, there := o.bucket.Read(t, "uploads/"+o.Org+"/"+done.ID); there {
		t.Error("the file is still there")
	}
	if list := o.bucket.List(t); strings.Count(list, "<Key>") != strings.Count(list, "/report-") {
		t.Errorf("pieces of the report are still there: %s", list)
	}
	if done.Percent != 100 || done.Counts != (upload.Counts{Lines: 1, Created: 1}) || done.Total != 1 {
		t.Errorf("%+v", done)
	}
}
