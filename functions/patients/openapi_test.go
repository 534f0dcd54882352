package main

import (
	"testing"

	"almanac/shared/clinictest"
)

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Patients", routes(nil, nil))
}
