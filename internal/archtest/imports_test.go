package archtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryPackageHasARow(t *testing.T) {
	for _, dir := range dirs(tree(t)) {
		if dir == "." {
			t.Errorf("the root of the repository holds no Go files")
			continue
		}
		if _, ok := rowOf(dir); !ok {
			t.Errorf("package %s has no row in the import table (internal/archtest/table_test.go)", dir)
		}
	}
}

func TestImportsPointDownwards(t *testing.T) {
	for _, s := range tree(t) {
		r, ok := rowOf(s.dir)
		if !ok {
			continue // TestEveryPackageHasARow says so
		}
		for _, imp := range s.imports() {
			if problem := judge(s.dir, s.test, r, imp); problem != "" {
				t.Errorf("%s: %s", s.path, problem)
			}
		}
	}
}

// TestJudge shows that the rules refuse what they are meant to refuse.
func TestJudge(t *testing.T) {
	own := func(p string) string { return modulePath + "/" + p }
	for _, tc := range []struct {
		name, dir string
		test      bool
		imp       string
		ok        bool
	}{
		{"standard library", "taskrouter", false, "net/http", true},
		{"domain in the domain's users", "matching", false, own("taskrouter"), true},
		{"third party in the domain", "taskrouter", false, "go.uber.org/zap", false},
		{"logging in the domain", "taskrouter", false, own("internal/logging"), false},
		{"logging elsewhere", "dispatch", false, own("internal/logging"), true},
		{"upwards", "dispatch", false, own("apiserver"), false},
		{"sideways", "apiserver", false, own("store"), false},
		{"below a permitted package", "apiserver", false, own("workspace/inner"), false},
		{"gin outside", "callqueue", false, "github.com/gin-gonic/gin", false},
		{"gin at home", "apiserver", false, "github.com/gin-gonic/gin/binding", true},
		{"temporal in a workflow", "workflows", false, "go.temporal.io/sdk/workflow", true},
		{"temporal in a decision", "dispatch", false, "go.temporal.io/sdk/client", false},
		{"server in a workflow", "workflows", false, "go.temporal.io/server/temporal", false},
		{"server in its package", "internal/devserver", false, "go.temporal.io/server/temporal", true},
		{"server in the application", "internal/app", false, "go.temporal.io/server/temporal", false},
		{"embedded server in the application", "internal/app", false, own("internal/devserver"), false},
		{"embedded server on a laptop", "internal/dev", false, own("internal/devserver"), true},
		{"a name that only starts alike", "workflows", false, "go.temporal.io/sdkx", false},
		{"store in a unit test", "dispatch", true, own("store"), true},
		{"assertions in a unit test", "dispatch", true, "github.com/stretchr/testify/require", true},
		{"assertions in the program", "dispatch", false, "github.com/stretchr/testify/require", false},
		{"server behind a unit test", "workflows", true, own("internal/devserver"), false},
		{"application behind a unit test", "apiserver", true, own("internal/app"), false},
		{"settings in a package", "store", false, own("internal/config"), false},
		{"unlisted module", "internal/app", false, "example.com/anything", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, ok := rowOf(tc.dir)
			require.True(t, ok)
			problem := judge(tc.dir, tc.test, r, tc.imp)
			require.Equal(t, tc.ok, problem == "", problem)
		})
	}
	_, ok := rowOf("internal/unheard")
	require.False(t, ok)
}

func rowOf(dir string) (row, bool) {
	if r, ok := table[dir]; ok {
		return r, true
	}
	for _, prefix := range underAll {
		if strings.HasPrefix(dir, prefix) {
			return row{all: true}, true
		}
	}
	return row{}, false
}

// judge says what is wrong with an import; nothing when it is allowed.
func judge(dir string, test bool, r row, imp string) string {
	if standard(imp) {
		return ""
	}
	for prefix, owners := range exclusive {
		if under(imp, prefix) || strings.HasPrefix(imp, prefix+"/") {
			if !slices.Contains(owners, dir) && !inherits(dir, owners) {
				return fmt.Sprintf("only %s may import %s", strings.Join(owners, ", "), prefix)
			}
		}
	}
	if r.all {
		return ""
	}
	ours, isOurs := strings.CutPrefix(imp, modulePath+"/")
	if r.logs && (ours == "internal/logging" || under(imp, "go.uber.org/zap")) {
		return ""
	}
	if isOurs {
		// Tests may use any package of ours that the exclusive rules leave
		// them: the store on SQLite in memory is the fake store.
		if test || ours == "taskrouter" || slices.Contains(r.ours, ours) {
			return ""
		}
		return fmt.Sprintf("%s may not import %s", dir, ours)
	}
	allowed := r.third
	if test {
		allowed = slices.Concat(allowed, assertions, []string{"go.uber.org/zap"})
	}
	for _, prefix := range allowed {
		if under(imp, prefix) {
			return ""
		}
	}
	return fmt.Sprintf("%s may not import %s", dir, imp)
}

// inherits reports whether dir is one of the folders that may import
// everything and such a folder is among the owners.
func inherits(dir string, owners []string) bool {
	for _, prefix := range underAll {
		if !strings.HasPrefix(dir, prefix) {
			continue
		}
		for _, owner := range owners {
			if strings.HasPrefix(owner, prefix) {
				return true
			}
		}
	}
	return false
}
