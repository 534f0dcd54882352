// Apidocs makes the API's documentation: it merges the OpenAPI documents that the functions' tests write into one, and
// renders that as one page which needs no script and loads nothing. With -check it only says whether the committed
// files are those it would make.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "compare with the committed files instead of writing them")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		log.Fatal(err)
	}
}

// run makes both files from the functions' documents.
func run(root string, check bool) error {
	parts, err := readParts(root)
	if err != nil {
		return err
	}
	document, err := merge(parts)
	if err != nil {
		return err
	}
	page, err := render(document)
	if err != nil {
		return err
	}
	folder := filepath.Join(root, "functions", "docs")
	made := map[string][]byte{
		filepath.Join(folder, "openapi.json"): document,
		filepath.Join(folder, "index.html"):   page,
	}
	if check {
		return compare(made)
	}
	for name, content := range made {
		if err := os.WriteFile(name, content, 0o644); err != nil { //nolint:gosec // source files, for everybody to read
			return fmt.Errorf("write the documentation: %w", err)
		}
	}
	return nil
}

// readParts reads every functions/*/openapi.json but the merged one, by file name.
func readParts(root string) (map[string][]byte, error) {
	names, err := filepath.Glob(filepath.Join(root, "functions", "*", "openapi.json"))
	if err != nil {
		return nil, fmt.Errorf("look for OpenAPI documents: %w", err)
	}
	parts := map[string][]byte{}
	for _, name := range names {
		if filepath.Base(filepath.Dir(name)) == "docs" {
			continue
		}
		content, err := os.ReadFile(name) //nolint:gosec // a source file of the repository
		if err != nil {
			return nil, fmt.Errorf("read an OpenAPI document: %w", err)
		}
		parts[name] = content
	}
	if len(parts) == 0 {
		return nil, errors.New("no functions/*/openapi.json: run the functions' tests with -update first")
	}
	return parts, nil
}

// compare tells where committed files differ from the made ones.
func compare(made map[string][]byte) error {
	var all []error
	for name, want := range made {
		got, err := os.ReadFile(name) //nolint:gosec // a source file of the repository
		if err != nil {
			all = append(all, err)
			continue
		}
		if !bytes.Equal(got, want) {
			all = append(all, fmt.Errorf("%s is out of date (go run ./infra/apidocs makes it anew)%s",
				name, difference(got, want)))
		}
	}
	return errors.Join(all...)
}

// difference says how many lines differ and shows the first pair.
func difference(got, want []byte) string {
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	first, n := -1, max(len(a), len(b))-min(len(a), len(b))
	for i := range min(len(a), len(b)) {
		if bytes.Equal(a[i], b[i]) {
			continue
		}
		n++
		if first < 0 {
			first = i
		}
	}
	if first < 0 {
		return fmt.Sprintf(": %d lines, should be %d", len(a), len(b))
	}
	return fmt.Sprintf(": %d lines differ, the first is line %d\n- %s\n+ %s", n, first+1, a[first], b[first])
}
