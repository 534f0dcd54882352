package clinictest

import (
	"flag"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Stored reads the whole table behind the product's back, and decodes the items without its code.
func (h *House) Stored(tb testing.TB) []map[string]any {
	tb.Helper()
	var out []map[string]any
	pages := dynamodb.NewScanPaginator(client(tb), &dynamodb.ScanInput{TableName: &h.Name, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(tb.Context())
		if err != nil {
			tb.Fatalf("read the table: %v", err)
		}
		var plain []map[string]any
		if err := attributevalue.UnmarshalListOfMaps(page.Items, &plain); err != nil {
			tb.Fatalf("decode the table: %v", err)
		}
		out = append(out, plain...)
	}
	return out
}

// Checks sets how often rapid checks a property, unless -rapid.checks says it; failures write no file.
func Checks(tb testing.TB, n int) {
	tb.Helper()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	set := map[string]string{"rapid.nofailfile": "true"}
	if !said {
		set["rapid.checks"] = strconv.Itoa(n)
	}
	for name, value := range set {
		old := flag.Lookup(name).Value.String()
		if err := flag.Lookup(name).Value.Set(value); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = flag.Lookup(name).Value.Set(old) })
	}
}
