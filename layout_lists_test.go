package almanac_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestListsAreExercised keeps the tests of each function that has a route with after in its query to sending it
// cursors that are not its own.
func TestListsAreExercised(t *testing.T) {
	documents, err := filepath.Glob("functions/*/openapi.json")
	if err != nil || len(documents) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	lists := 0
	for _, name := range documents {
		after, err := takesAfter(name)
		if err != nil {
			t.Fatal(err)
		}
		if !after || strings.HasPrefix(name, "functions/docs/") { // which has all of them together, and no route
			continue
		}
		lists++
		if !calls(t, filepath.Dir(name), ".ExerciseLists(") {
			t.Errorf("%s has a route that takes after, and no test calls ExerciseLists", name)
		}
	}
	if lists == 0 {
		t.Error("no route takes after any more: take this test away")
	}
}

// takesAfter tells whether a route of an OpenAPI document takes after in its query.
func takesAfter(document string) (bool, error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return false, err
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return false, err
	}
	for _, methods := range doc.Paths {
		for _, route := range methods {
			for _, p := range route.Parameters {
				if p.In == "query" && p.Name == "after" {
					return true, nil
				}
			}
		}
	}
	return false, nil
}

func calls(t *testing.T, dir, what string) bool {
	t.Helper()
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tests {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), what) {
			return true
		}
	}
	return false
}
