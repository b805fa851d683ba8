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
)

//go:generate go test -run "TestCompatibilityIsDocumented|TestDescriptionIsCommitted" . -update

var updateDocs = flag.Bool("update", false, "rewrite the documentation")

// compatibility renders the table of operations out of the description.
func compatibility(d *described) string {
	var rows []operation
	for _, o := range d.operations {
		rows = append(rows, o)
	}
	order := []string{"GET", "POST", "DELETE"}
	slices.SortFunc(rows, func(a, b operation) int {
		if n := strings.Compare(a.path, b.path); n != 0 {
			return n
		}
		return slices.Index(order, a.method) - slices.Index(order, b.method)
	})
	var public, own strings.Builder
	served, all, account := 0, 0, 0
	for _, o := range rows {
		status, note := "yes", o.object.text("x-deviation")
		if why := o.object.text("x-unsupported"); why != "" {
			status, note = "no (501)", why
		}
		line := fmt.Sprintf("| %s | `%s` | %s | %s | %s |\n", o.method, o.path, o.object.text("operationId"), status, note)
		if o.object.text("x-origin") != "twilio" {
			fmt.Fprintf(&own, "| %s | `%s` | %s | %s |\n", o.method, o.path, o.object.text("operationId"), o.object.text("summary"))
			continue
		}
		public.WriteString(line)
		switch {
		case !strings.HasPrefix(o.path, "/v1/"):
			account++
		case status == "yes":
			served++
			fallthrough
		default:
			all++
		}
	}
	return "# Operations of the API\n\nGenerated from the [description of the API](openapi.json), which a running server shows at `/docs` and serves\n" +
		"at `/openapi.json`. Parameters, limits and bodies are there.\n\n" +
		fmt.Sprintf("## The public API\n\n%d of the %d operations of TaskRouter v1 are served, and %d of the account API for keys. The names are those of the\n", served, all, account) +
		"client libraries; a test compares operations, paths and parameters with the official one for Go. Where an operation\n" +
		"differs, the last column says how.\n\n" +
		"| method | path | operation | served | difference |\n|---|---|---|---|---|\n" + public.String() +
		"\n## Additions of this server\n\n| method | path | operation | what it does |\n|---|---|---|---|\n" + own.String()
}

// TestCompatibilityIsDocumented compares docs/compatibility.md with the
// description.
func TestCompatibilityIsDocumented(t *testing.T) {
	path := filepath.Join("..", "docs", "compatibility.md")
	want := compatibility(describe(t))
	if *updateDocs {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(have), "run: go generate ./apiserver")
}
