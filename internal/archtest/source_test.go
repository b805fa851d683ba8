package archtest_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/taskrouter/taskrouter"

// source is one Go file of the repository.
type source struct {
	path      string // slashes, from the root
	dir       string // "." for the root
	test      bool
	generated bool
	lines     int
	text      string
	file      *ast.File
}

// imports are the import paths of the file.
func (s source) imports() []string {
	var out []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			out = append(out, p)
		}
	}
	return out
}

// tree parses every Go file below the root of the repository.
func tree(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err, "the root of the repository is two folders up")
	var out []source
	fset := token.NewFileSet()
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		s, err := readSource(fset, root, p)
		if err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, len(out), 10, "the tree was found")
	return out
}

func readSource(fset *token.FileSet, root, p string) (source, error) {
	text, err := os.ReadFile(p)
	if err != nil {
		return source{}, err
	}
	file, err := parser.ParseFile(fset, p, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, p)
	if err != nil {
		return source{}, err
	}
	rel = filepath.ToSlash(rel)
	s := source{
		path: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"),
		generated: ast.IsGenerated(file), text: string(text), file: file,
	}
	for sc := bufio.NewScanner(strings.NewReader(s.text)); sc.Scan(); {
		s.lines++
	}
	return s, nil
}

// dirs are the folders that hold Go files, sorted.
func dirs(sources []source) []string {
	var out []string
	for _, s := range sources {
		out = append(out, s.dir)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// under reports whether an import path is prefix or lies below it.
func under(importPath, prefix string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

// standard reports whether an import path is of the standard library: its
// first element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
