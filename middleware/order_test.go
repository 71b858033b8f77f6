package middleware_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheFilesReadDownwards holds the files of the package to the order in
// which doc.go names them: none uses a definition of a file above it.
func TestTheFilesReadDownwards(t *testing.T) {
	order := fileOrder(t)
	fset := token.NewFileSet()
	var files []*ast.File
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "doc.go" {
			continue
		}
		if !slices.Contains(order, name) {
			t.Errorf("doc.go does not say where %s stands", name)
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if len(files) != len(order) {
		t.Errorf("doc.go names %d files, and there are %d", len(order), len(files))
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", exports(t))}
	pkg, err := config.Check("example.com/signedurl/middleware", fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	uses := 0
	for ident, used := range info.Uses {
		if used.Pkg() != pkg {
			continue
		}
		uses++
		at, defined := fset.Position(ident.Pos()), fset.Position(used.Pos())
		if slices.Index(order, defined.Filename) < slices.Index(order, at.Filename) {
			t.Errorf("%v uses %s of %s, which stands above", at, used.Name(), defined.Filename)
		}
	}
	if uses < 1000 {
		t.Errorf("only %d uses were looked at", uses)
	}
}

// exports finds what the package imports, as the go command compiled it.
func exports(t *testing.T) importer.Lookup {
	list, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(list)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
}

// fileOrder returns the files in the order of doc.go's paragraph.
func fileOrder(t *testing.T) []string {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, paragraph, found := strings.Cut(string(text), "\n// The files read downwards")
	if !found {
		t.Fatal("doc.go has no paragraph about the order of the files")
	}
	paragraph, _, _ = strings.Cut(paragraph, "\n\n")
	return slices.DeleteFunc(strings.FieldsFunc(paragraph, func(r rune) bool {
		return strings.ContainsRune(" \n,:/", r)
	}), func(word string) bool { return !strings.HasSuffix(word, ".go") })
}
