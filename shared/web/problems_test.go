package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"almanac/shared/web"
)

// TestCatalogue: every code that a refusal can carry is in the catalogue, and everything in it can be met.
func TestCatalogue(t *testing.T) {
	known := map[string]web.Code{}
	for _, c := range web.Codes() {
		if _, twice := known[c.Code]; twice {
			t.Errorf("%s is there twice", c.Code)
		}
		known[c.Code] = c
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(c.Code) || c.Title == "" || !strings.HasSuffix(c.Advice, ".") {
			t.Errorf("%s has no title, or advice that is no sentence", c.Code)
		}
	}
	used, words := scan(t, "../../shared", "../../functions")
	for code, at := range used {
		if _, ok := known[code]; !ok {
			t.Errorf("%s: %q is not in the catalogue of shared/web/problems.go", at, code)
		}
	}
	for code := range known {
		if !words[code] {
			t.Errorf("%q is in the catalogue, but nothing refuses with it", code)
		}
	}
}

// scan reads the product's source. It gives the codes of faults, each with a place that uses it, and all words that
// stand as text anywhere but in the catalogue.
func scan(t *testing.T, roots ...string) (map[string]string, map[string]bool) {
	t.Helper()
	used, words := map[string]string{}, map[string]bool{}
	files := token.NewFileSet()
	for _, p := range parse(t, files, roots) {
		consts, helpers := constants(p), takers(p)
		for _, f := range p {
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := literal(n, nil); ok {
					words[s] = true
				}
				e := codeOf(n, helpers)
				if e == nil {
					return true
				}
				code, ok := literal(e, consts)
				switch {
				case ok:
					used[code] = files.Position(e.Pos()).String()
				case !passedOn(e):
					t.Errorf("%s: a code must be a text or a constant, so that this test finds it", files.Position(e.Pos()))
				}
				return true
			})
		}
	}
	return used, words
}

// parse reads the source below the roots, by package.
func parse(t *testing.T, files *token.FileSet, roots []string) map[string][]*ast.File {
	t.Helper()
	packages := map[string][]*ast.File{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() && slices.Contains(workers(), d.Name()) {
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.HasSuffix(path, "web/problems.go") || d.Name() == "wire.go" && strings.Contains(path, "video") {
				return err
			}
			f, err := parser.ParseFile(files, path, nil, 0)
			if err == nil {
				packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], f)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return packages
}

// workers are the packages whose refusals reach nobody but the operator, in logs and dead letters. So do those of the
// file that reads what a queue carries of a notice.
func workers() []string {
	return []string{"queue", "schedule", "relay", "mail", "delivery", "fanout", "reconcile", "email-dispatch", "pds", "pds-lookup", "zoom-meetings", "zoom-notices", "inbox"}
}

// codeOf gives the expression of a code: Code of a fault.Detail, or the argument that a function takes it as.
func codeOf(n ast.Node, helpers map[string]int) ast.Expr {
	switch n := n.(type) {
	case *ast.CallExpr:
		place, ok := map[string]int{"fault.New": 1, "fault.Wrap": 2}[called(n.Fun)]
		if !ok {
			place, ok = helpers[name(n.Fun)]
		}
		if ok && place < len(n.Args) {
			return n.Args[place]
		}
	case *ast.CompositeLit:
		if called(n.Type) != "fault.Detail" {
			return nil
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "Code" {
				return kv.Value
			}
		}
	}
	return nil
}

// takers finds a package's functions that have a parameter named code, and its place among their parameters.
func takers(files []*ast.File) map[string]int {
	out := map[string]int{}
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			place := 0
			for _, field := range fn.Type.Params.List {
				for _, n := range field.Names {
					if n.Name == "code" {
						out[fn.Name.Name] = place
					}
					place++
				}
			}
		}
	}
	return out
}

// name is the name of a function or method of this package; "" for those of others.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func called(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}

// passedOn tells whether a code is a parameter or field that was given elsewhere; its texts are words of the tree.
func passedOn(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"code"}, e.Name)
	case *ast.SelectorExpr:
		return true
	}
	return false
}

func literal(n ast.Node, consts map[string]string) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			s, err := strconv.Unquote(n.Value)
			return s, err == nil
		}
	case *ast.Ident:
		s, ok := consts[n.Name]
		return s, ok
	}
	return "", false
}

func constants(files []*ast.File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Names) != len(v.Values) {
				return true
			}
			for i, name := range v.Names {
				if s, ok := literal(v.Values[i], nil); ok {
					out[name.Name] = s
				}
			}
			return true
		})
	}
	return out
}
