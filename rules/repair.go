package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// EditOp is a kind of change to an attributes document.
type EditOp string

// The kinds of change.
const (
	// EditSet gives a member a value, whether it was there or not.
	EditSet EditOp = "set"
	// EditAdd appends a value to an array.
	EditAdd EditOp = "add"
	// EditRemove takes a value out of an array.
	EditRemove EditOp = "remove"
	// EditDelete removes a member.
	EditDelete EditOp = "delete"
)

// Edit is one change to an agent's attributes.
type Edit struct {
	// Path names the member, such as `skills.level`.
	Path string
	Op   EditOp
	// Value is JSON; empty for EditDelete.
	Value string
}

// maxRepairs bounds how many ways of repairing an expression are followed.
const maxRepairs = 8

// Repairs proposes changes to the agent's attributes after which an expression
// could be true, the shortest first. Each item is a set of changes to be made
// together; a set without changes means that the expression is true already.
// They are guesses from the clauses that fail, so the caller applies them and
// evaluates the expression again. Nothing is proposed for what is not an
// attribute: activities, channels, the name.
func (e *Engine) Repairs(ctx context.Context, p Place, src string, in Input) ([][]Edit, error) {
	c, err := e.Explain(ctx, p, src, in)
	if err != nil {
		return nil, err
	}
	if c.Verdict == VerdictTrue {
		return [][]Edit{nil}, nil
	}
	root, err := e.dissect(p, src)
	if err != nil {
		return nil, err
	}
	return root.repairs(c, in, true), nil
}

// repairs lists what would give a part the verdict that is wanted.
func (x *part) repairs(c Clause, in Input, want bool) [][]Edit {
	if c.Verdict == VerdictTrue && want || c.Verdict == VerdictFalse && !want {
		return [][]Edit{nil}
	}
	if x.join == "" {
		if x.atom == nil || in.Worker == nil {
			return nil
		}
		var out [][]Edit
		for _, edit := range x.atom.edits(in, want) {
			out = append(out, []Edit{edit})
		}
		return out
	}
	if x.join == JoinNot {
		return x.parts[0].repairs(c.Parts[0], in, !want)
	}
	if (x.join == JoinOr) == want { // any part will do
		var out [][]Edit
		for i, p := range x.parts {
			out = append(out, p.repairs(c.Parts[i], in, want)...)
		}
		return shortest(out)
	}
	out := [][]Edit{nil}
	for i, p := range x.parts {
		var next [][]Edit
		for _, more := range p.repairs(c.Parts[i], in, want) {
			for _, have := range out {
				next = append(next, join(have, more))
			}
		}
		out = shortest(next)
	}
	return out
}

// join puts two sets of edits together; the same edit is made once.
func join(a, b []Edit) []Edit {
	out := slices.Clone(a)
	for _, e := range b {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

func shortest(sets [][]Edit) [][]Edit {
	slices.SortStableFunc(sets, func(a, b []Edit) int { return len(a) - len(b) })
	return sets[:min(len(sets), maxRepairs)]
}

// edits are the single changes that could give the atom its verdict.
func (a *atom) edits(in Input, want bool) []Edit {
	v, ok := a.value(in)
	if !ok {
		return nil
	}
	r := a.relation
	if !want {
		if r == relContains {
			return []Edit{{Path: a.name(), Op: EditDelete}}
		}
		r = opposites[r]
	}
	set := func(v ref.Val) []Edit {
		if v == nil {
			return nil
		}
		return []Edit{{Path: a.name(), Op: EditSet, Value: string(plainJSON.write(nil, v))}}
	}
	current := a.current(in)
	switch r {
	case relEqual:
		if isNull(v) {
			return []Edit{{Path: a.name(), Op: EditDelete}}
		}
		return set(v)
	case relNotEqual, relNotIn:
		if flag, ok := v.(types.Bool); ok {
			return set(!flag)
		}
		return []Edit{{Path: a.name(), Op: EditDelete}}
	case relLessEqual, relGreaterEqual:
		return set(v)
	case relLess:
		return set(shifted(v, -1))
	case relGreater:
		return set(shifted(v, 1))
	case relContains:
		part, isText := textForm(v)
		if !isText {
			return nil
		}
		if have, ok := current.(types.String); ok && have != "" {
			part = string(have) + " " + part
		}
		return set(types.String(part))
	case relHas:
		if _, isArray := current.(traits.Lister); isArray {
			return []Edit{{Path: a.name(), Op: EditAdd, Value: string(plainJSON.write(nil, v))}}
		}
		return set(types.NewRefValList(types.DefaultTypeAdapter, []ref.Val{v}))
	case relLacks:
		return []Edit{{Path: a.name(), Op: EditRemove, Value: string(plainJSON.write(nil, v))}}
	case relIn:
		return a.oneOf(v, set)
	}
	return nil
}

// oneOf proposes the first values of an array.
func (a *atom) oneOf(array ref.Val, set func(ref.Val) []Edit) []Edit {
	const few = 3
	list, ok := array.(traits.Lister)
	if !ok {
		return nil
	}
	var out []Edit
	for i := types.Int(0); i < min(few, list.Size().(types.Int)); i++ {
		out = append(out, set(list.Get(i))...)
	}
	return out
}

// name is the path of the attribute.
func (a *atom) name() string { return strings.Join(a.path, ".") }

// current is the agent's value, or nil.
func (a *atom) current(in Input) ref.Val {
	read := twilioexpr.Read{Root: twilioexpr.RootWorker}
	for _, n := range a.path {
		read.Path = append(read.Path, twilioexpr.Segment{Name: n})
	}
	v, _ := lookUp(read, in)
	return v
}

// shifted is a number next to another; nil when it is not one.
func shifted(v ref.Val, by int64) ref.Val {
	switch v := v.(type) {
	case types.Int:
		if sum := v + types.Int(by); (sum > v) == (by > 0) {
			return sum
		}
	case types.Double:
		return v + types.Double(by)
	}
	return nil
}

// ApplyEdits returns attributes with changes made to them. An edit that does
// not fit, such as adding to what is no array, is an error of kind invalid, and
// so is a document that becomes too long.
func ApplyEdits(a taskrouter.Attributes, edits []Edit) (taskrouter.Attributes, error) {
	if len(edits) == 0 {
		return a, nil
	}
	if strings.TrimSpace(string(a)) == "" {
		a = taskrouter.NoAttributes
	}
	var root map[string]any
	if err := decodeJSON(string(a), &root); err != nil || root == nil {
		return "", taskrouter.Invalidf("Attributes must be a JSON object")
	}
	for _, e := range edits {
		if err := e.apply(root); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(root)
	if err != nil || len(text) > taskrouter.MaxAttributesLength {
		return "", taskrouter.Invalidf("Attributes would become too long")
	}
	return taskrouter.Attributes(text), nil
}

func decodeJSON(text string, into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	return d.Decode(into)
}

func (e Edit) apply(root map[string]any) error {
	steps := strings.Split(e.Path, ".")
	at := root
	for _, s := range steps[:len(steps)-1] {
		next, ok := at[s].(map[string]any)
		if !ok {
			if at[s] != nil {
				return taskrouter.Invalidf("%s is below a value that is no object", e.Path)
			}
			next = map[string]any{}
			at[s] = next
		}
		at = next
	}
	last := steps[len(steps)-1]
	if e.Op == EditDelete {
		delete(at, last)
		return nil
	}
	var v any
	if err := decodeJSON(e.Value, &v); err != nil {
		return taskrouter.Invalidf("the value for %s is not JSON", e.Path)
	}
	if e.Op == EditSet {
		at[last] = v
		return nil
	}
	list, ok := at[last].([]any)
	if !ok {
		return taskrouter.Invalidf("%s is not an array", e.Path)
	}
	if e.Op == EditAdd {
		at[last] = append(list, v)
		return nil
	}
	text := canonicalJSON(v)
	at[last] = slices.DeleteFunc(list, func(x any) bool { return canonicalJSON(x) == text })
	return nil
}

func canonicalJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
