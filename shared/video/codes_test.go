package video_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"almanac/shared/video"
)

// Every code that a visit can have is one that the API's documentation explains.
func TestCodes(t *testing.T) {
	codes := video.View{}.Codes()
	for field, files := range map[string][]string{
		"state": {"visit.go"}, "why": {"visit.go", "provider.go", "store.go"},
	} {
		for _, file := range files {
			found := constants(t, file, map[string]string{"state": "State", "why": ""}[field])
			if len(found) == 0 {
				t.Errorf("%s has no codes", file)
			}
			for _, code := range found {
				if !slices.ContainsFunc(codes[field], func(c [2]string) bool { return c[0] == code && c[1] != "" }) {
					t.Errorf("%s of %s is not explained: View.Codes", code, file)
				}
			}
		}
	}
}

// constants are the codes that a file declares as constants of a type; those without one where it is empty.
func constants(t *testing.T, file, of string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v, _ := s.(*ast.ValueSpec)
			kind := ""
			if name, ok := v.Type.(*ast.Ident); ok {
				kind = name.Name
			}
			for _, value := range v.Values {
				lit, ok := value.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING || kind != of {
					continue
				}
				text, err := strconv.Unquote(lit.Value)
				if err == nil && regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(text) {
					out = append(out, text)
				}
			}
		}
	}
	return out
}
