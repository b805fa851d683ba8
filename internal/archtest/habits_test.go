package archtest_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const maxLines = 800

// unfinished matches the words that mark work left over. They are spelt in
// halves so that this file does not contain them.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)

func TestFilesAreShort(t *testing.T) {
	for _, s := range tree(t) {
		if s.lines > maxLines && !s.generated {
			t.Errorf("%s has %d lines, more than %d: look for the second idea in it", s.path, s.lines, maxLines)
		}
	}
}

func TestNothingIsLeftOver(t *testing.T) {
	for _, s := range tree(t) {
		if s.generated {
			continue
		}
		for i, line := range strings.Split(s.text, "\n") {
			if word := unfinished.FindString(line); word != "" {
				t.Errorf("%s:%d says %s: finish it or open an issue", s.path, i+1, word)
			}
		}
	}
}

func TestPackagesHaveAComment(t *testing.T) {
	sources := tree(t)
	for _, dir := range dirs(sources) {
		var name, doc string
		var files []string
		for _, s := range sources {
			if s.dir != dir || s.test {
				continue
			}
			name = s.file.Name.Name
			files = append(files, path.Base(s.path))
			if s.file.Doc != nil {
				doc += s.file.Doc.Text()
			}
		}
		switch {
		case len(files) == 0: // tests only
		case name == "main":
			if !strings.HasPrefix(doc, "Command ") {
				t.Errorf("%s: its comment must start with \"Command \" and say what the program does", dir)
			}
		case !strings.HasPrefix(doc, "Package "+name+" "):
			t.Errorf("%s: the package has no comment that starts with \"Package %s \"", dir, name)
		case !slices.Contains(files, "doc.go"):
			t.Errorf("%s: the package comment belongs into doc.go", dir)
		}
	}
}

func TestPackageNamesSaySomething(t *testing.T) {
	for _, dir := range dirs(tree(t)) {
		if slices.Contains(bannedNames, path.Base(dir)) {
			t.Errorf("%s: name the package for what it owns", dir)
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	for _, s := range tree(t) {
		testing := s.test || strings.HasPrefix(s.dir, "test/") || strings.HasSuffix(s.dir, "test") || s.dir == "internal/testkit"
		if testing && calls(s.file, "time", "Sleep") {
			t.Errorf("%s: a test must wait for a condition, not for time to pass", s.path)
		}
	}
}

func TestLoggersArePassed(t *testing.T) {
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		for _, name := range []string{"L", "S", "ReplaceGlobals"} {
			if calls(s.file, "zap", name) {
				t.Errorf("%s: zap.%s is a global logger; take one as an argument", s.path, name)
			}
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	for _, s := range tree(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !s.generated {
				t.Errorf("%s: init runs for everybody who imports the package; call it where it is needed", s.path)
			}
		}
	}
}

// tagged matches struct tags that belong to the shapes of other layers.
var tagged = regexp.MustCompile(`\b(json|form|db|bun|xml|yaml):"`)

func TestDomainHasNoTags(t *testing.T) {
	for _, s := range tree(t) {
		if s.dir != "taskrouter" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && f.Tag != nil && tagged.MatchString(f.Tag.Value) {
				t.Errorf("%s: a domain struct carries the tag %s", s.path, f.Tag.Value)
			}
			return true
		})
	}
}

// calls reports whether a file mentions pkg.name, where pkg is the name a
// package is imported under.
func calls(file *ast.File, pkg, name string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if ok && id.Name == pkg && sel.Sel.Name == name {
			found = true
		}
		return true
	})
	return found
}
