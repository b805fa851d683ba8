package apiserver_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
)

//go:generate go test -run TestCompatibilityIsDocumented . -update

var updateDocs = flag.Bool("update", false, "rewrite the documentation")

// compatibility renders the table of operations.
func compatibility() string {
	ops := apiserver.Operations()
	slices.SortStableFunc(ops, func(a, b apiserver.Operation) int { return strings.Compare(a.Path, b.Path) })
	var b strings.Builder
	b.WriteString("# Operations of the API\n\nGenerated from the routes. The names are those of the public TaskRouter v1 API;\nCallQueues and the Deliveries of Events are additions of this server.\n\n")
	b.WriteString("| method | path | operation | served |\n|---|---|---|---|\n")
	for _, o := range ops {
		served := "yes"
		if o.Unsupported != "" {
			served = "no (501): " + o.Unsupported
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", o.Method, o.Path, o.ID, served)
	}
	return b.String()
}

// TestCompatibilityIsDocumented compares docs/compatibility.md with the routes.
func TestCompatibilityIsDocumented(t *testing.T) {
	path := filepath.Join("..", "docs", "compatibility.md")
	want := compatibility()
	if *updateDocs {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(have), "run: go generate ./apiserver")
}
