package apiserver_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/apiserver/openapi"
)

// described is the description of the API as its readers get it.
type described struct {
	text []byte
	root object
	// operations are by their id.
	operations map[string]operation
}

// operation is one operation of a description.
type operation struct {
	method, path string
	object       object
}

func describe(t *testing.T) *described {
	t.Helper()
	d, err := openapi.Build(apiserver.Operations(), "/")
	require.NoError(t, err)
	text, err := d.JSON()
	require.NoError(t, err)
	out := &described{text: text, operations: map[string]operation{}}
	require.NoError(t, json.Unmarshal(text, &out.root))
	for path, item := range out.root.object("paths") {
		for method, o := range item.(map[string]any) {
			o := object(o.(map[string]any))
			require.NotContains(t, out.operations, o.text("operationId"))
			out.operations[o.text("operationId")] = operation{strings.ToUpper(method), path, o}
		}
	}
	return out
}

// object is a member that is an object; an empty one when there is none.
func (o object) object(keys ...string) object {
	for _, k := range keys {
		m, _ := o[k].(map[string]any)
		o = m
	}
	return o
}

// resolve follows a reference.
func (d *described) resolve(o object) object {
	for o.text("$ref") != "" {
		o = d.root.object(strings.Split(strings.TrimPrefix(o.text("$ref"), "#/"), "/")...)
	}
	return o
}

// parameters lists the parameters of an operation in one place: path, query,
// header, or form.
func (d *described) parameters(o operation, in string) map[string]object {
	out := map[string]object{}
	if in == "form" {
		for _, m := range o.object.object("requestBody", "content") {
			for name, s := range object(m.(map[string]any)).object("schema", "properties") {
				out[name] = s.(map[string]any)
			}
		}
		return out
	}
	list, _ := o.object["parameters"].([]any)
	for _, p := range list {
		if p := d.resolve(p.(map[string]any)); p.text("in") == in {
			out[p.text("name")] = p
		}
	}
	return out
}

// TestDescriptionIsCommitted compares docs/openapi.json with the code.
func TestDescriptionIsCommitted(t *testing.T) {
	path := filepath.Join("..", "docs", "openapi.json")
	var want bytes.Buffer
	require.NoError(t, json.Indent(&want, describe(t).text, "", "  "))
	want.WriteByte('\n')
	if *updateDocs {
		require.NoError(t, os.WriteFile(path, want.Bytes(), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want.Bytes(), have), "run: go generate ./apiserver")
}

// TestDescriptionIsComplete walks the whole description: every operation,
// parameter and member says what it is, and every reference leads somewhere.
func TestDescriptionIsComplete(t *testing.T) {
	d := describe(t)
	require.Len(t, d.operations, len(apiserver.Operations()))
	for _, tag := range d.root["tags"].([]any) {
		require.NotEmpty(t, object(tag.(map[string]any)).text("description"), tag)
	}
	for id, o := range d.operations {
		require.NotEmpty(t, o.object.text("summary"), id)
		for _, in := range []string{"path", "query", "header", "form"} {
			for name, p := range d.parameters(o, in) {
				require.NotEmpty(t, strings.TrimSpace(p.text("description")), "%s.%s", id, name)
			}
		}
		require.Equal(t, templated(o.path), slices.Sorted(maps.Keys(d.parameters(o, "path"))), id)
	}
	for name, s := range d.root.object("components", "schemas") {
		require.NotEmpty(t, object(s.(map[string]any)).text("description"), name)
		for member, m := range object(s.(map[string]any)).object("properties") {
			m := object(m.(map[string]any))
			require.NotEmpty(t, m.text("description")+d.resolve(m).text("description"), "%s.%s", name, member)
		}
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if target, ok := v["$ref"].(string); ok {
				require.NotEmpty(t, d.resolve(v), target)
			}
			if v["type"] == "object" {
				for name, m := range object(v).object("properties") {
					m := object(m.(map[string]any))
					require.NotEmpty(t, m.text("description")+d.resolve(m).text("description")+m.text("format"), name)
				}
			}
			for _, m := range v {
				walk(m)
			}
		case []any:
			for _, m := range v {
				walk(m)
			}
		}
	}
	walk(map[string]any(d.root))
}

// templated lists the parameters of a path template.
func templated(path string) []string {
	var out []string
	for part := range strings.SplitSeq(path, "{") {
		if name, _, ok := strings.Cut(part, "}"); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
