package clinictest

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"almanac/shared/web"
)

var update = flag.Bool("update", false, "write golden files instead of comparing")

// GoldenOpenAPI compares the OpenAPI document of a function's routes with openapi.json beside its test; with -update it
// writes the file. `go run ./infra/apidocs` makes the API's documentation of these files.
func GoldenOpenAPI(t *testing.T, title string, routes web.Routes) {
	t.Helper()
	const file = "openapi.json"
	doc, err := web.OpenAPI(title, routes)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, doc, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update, then make docs", err)
	}
	if !bytes.Equal(committed, doc) {
		t.Errorf("%s is not that of the routes: run the test with -update, then make docs, and look at the difference", file)
	}
}
