package main

import (
	"testing"

	"almanac/shared/clinictest"
	"almanac/shared/connection"
)

func TestOpenAPI(t *testing.T) {
	clinictest.GoldenOpenAPI(t, "Connections", routes(connection.Zoom{}))
}
