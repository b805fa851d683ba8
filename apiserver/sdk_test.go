package apiserver_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
)

// sdkCall is what the official client library sends for one operation.
type sdkCall struct {
	method, path string
	parameters   []string
}

// sdkCalls reads the operations out of the source of the client library.
func sdkCalls(t *testing.T) map[string]sdkCall {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/twilio/twilio-go").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "rest", "taskrouter", "v1", "*.go"))
	require.NoError(t, err)
	files = append(files, filepath.Join(strings.TrimSpace(string(dir)), "rest", "api", "v2010", "accounts_keys.go"))
	out := map[string]sdkCall{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || strings.HasSuffix(fn.Name.Name, "WithMetadata") {
				continue
			}
			call := readCall(fn)
			if call.path == "" {
				continue
			}
			id := fn.Name.Name
			if of, page := strings.CutPrefix(id, "Page"); page {
				id = "List" + of
			}
			out[id] = call
		}
	}
	return out
}

// readCall finds what a method of the client library sends.
func readCall(fn *ast.FuncDecl) sdkCall {
	var call sdkCall
	literal := func(e ast.Expr) string {
		b, ok := e.(*ast.BasicLit)
		if !ok {
			return ""
		}
		s, _ := strconv.Unquote(b.Value)
		return s
	}
	add := func(name string) {
		if name != "" && name != "Content-Type" && !slices.Contains(call.parameters, name) {
			call.parameters = append(call.parameters, name)
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "path" && call.path == "" {
				call.path = literal(n.Rhs[0])
			}
			if at, ok := n.Lhs[0].(*ast.IndexExpr); ok {
				add(literal(at.Index))
			}
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch sel.Sel.Name {
			case "Set", "Add":
				add(literal(n.Args[0]))
			case "Get", "Post", "Delete":
				if on, ok := sel.X.(*ast.SelectorExpr); ok && on.Sel.Name == "requestHandler" {
					call.method = strings.ToUpper(sel.Sel.Name)
				}
			}
		}
		return true
	})
	slices.Sort(call.parameters)
	return call
}

// sdkDeviations are parameters only one side has, with the reason.
var sdkDeviations = map[string]string{
	"CreateTaskQueueBulkRealTimeStatistics.QueueSids": "the client library takes the JSON body as it is",
	// The older client library for browsers sends these with a conference.
	"UpdateTaskReservation.Transcribe":                   transcription,
	"UpdateTaskReservation.TranscriptionConfiguration":   transcription,
	"UpdateWorkerReservation.Transcribe":                 transcription,
	"UpdateWorkerReservation.TranscriptionConfiguration": transcription,
}

const transcription = "only the client library for browsers has it"

// TestDescriptionAgreesWithTheSDK compares the table of routes, the
// description and the official client library in both directions: operations,
// methods, paths with the names of their parameters, and all other parameters.
func TestDescriptionAgreesWithTheSDK(t *testing.T) {
	d, calls := describe(t), sdkCalls(t)
	require.GreaterOrEqual(t, len(calls), 61)
	for _, o := range apiserver.Operations() {
		shown, ok := d.operations[o.ID]
		require.True(t, ok, "%s is served and not described", o.ID)
		require.Equal(t, o.Method, shown.method, o.ID)
	}
	used := map[string]bool{}
	var differences []string
	for id, call := range calls {
		shown, ok := d.operations[id]
		require.True(t, ok, "%s is in the client library and not served", id)
		require.Equal(t, "twilio", shown.object.text("x-origin"), id)
		require.Equal(t, call.method+" "+call.path, shown.method+" "+shown.path, id)
		var have []string
		for _, in := range []string{"query", "form", "header"} {
			for name := range d.parameters(shown, in) {
				if !strings.Contains(name, "Idempotency") {
					have = append(have, name)
				}
			}
		}
		for _, name := range append(slices.Clone(call.parameters), have...) {
			deviation := id + "." + name
			if sdkDeviations[deviation] != "" {
				used[deviation] = true
				continue
			}
			if !slices.Contains(have, name) {
				differences = append(differences, deviation+" is in the client library only")
			}
			if !slices.Contains(call.parameters, name) {
				differences = append(differences, deviation+" is in the description only")
			}
		}
	}
	for id, shown := range d.operations {
		if _, ok := calls[id]; !ok {
			require.Equal(t, "taskrouter", shown.object.text("x-origin"), "%s is not in the client library and not marked as ours", id)
		}
	}
	slices.Sort(differences)
	require.Empty(t, strings.Join(differences, "\n"))
	for deviation := range sdkDeviations {
		require.True(t, used[deviation], "%s is no deviation any more", deviation)
	}
}
