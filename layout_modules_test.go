package almanac_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// linked lists the modules that functions may contain. Each costs start-up time, and is somebody whom patients' data
// passes by: add one only after looking at both.
func linked() []string {
	return []string{
		"github.com/aws/aws-lambda-go", "github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go", // the platform
		"github.com/danielgtaylor/huma", // the API's edge
		"github.com/google/uuid",        // ids
		"github.com/wneessen/go-mail",   // mail
		"golang.org/x/crypto/md4",       // go-mail's SMTP client, which nothing calls
		"golang.org/x/text",             // Unicode normal forms of names
		"almanac",
	}
}

// TestModules keeps functions to those modules, and the local stack and the tests' helpers out of them.
func TestModules(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./functions/...")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	packages := strings.Split(strings.TrimSpace(string(out)), "\n")
	if !strings.HasPrefix(packages[0], "almanac/functions/") {
		t.Fatal("there are no functions")
	}
	for _, line := range packages {
		for _, p := range strangers(strings.Fields(line)) {
			t.Errorf("%s contains %s", strings.Fields(line)[0], p)
		}
	}
}

func TestModulesSeesFaults(t *testing.T) {
	deps := []string{
		"almanac/functions/booking", "fmt", "net/http", "vendor/golang.org/x/net/idna", "almanac/shared/booking",
		"github.com/aws/aws-sdk-go-v2/service/dynamodb", "almanac/infra/sandbox", "almanac/shared/clinictest",
		"almanac/functions/clinic", "google.golang.org/api/gmail/v1", "github.com/aws/aws-sdk-go/aws",
	}
	if got := strangers(deps); !slices.Equal(got, deps[6:]) {
		t.Errorf("got %v", got)
	}
}

// strangers lists the packages, after the function itself, that it must not contain.
func strangers(packages []string) []string {
	var out []string
	for _, p := range packages[1:] {
		first, _, _ := strings.Cut(p, "/")
		standard := !strings.Contains(first, ".") && first != "almanac"
		known := slices.ContainsFunc(linked(), func(m string) bool { return p == m || strings.HasPrefix(p, m+"/") })
		house := strings.HasPrefix(p, "almanac/infra/") || strings.HasPrefix(p, "almanac/functions/") ||
			p == "almanac/shared/clinictest"
		if !standard && !known || house {
			out = append(out, p)
		}
	}
	return out
}
