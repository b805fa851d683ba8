package rules

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/traits"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Reference names the Task attribute that holds a known agent. It is
// immutable and safe for concurrent use.
type Reference struct {
	source string
	path   []twilioexpr.Segment
}

// CompileReference reads a reference such as `task.agent_sid`; the path may be
// nested. Anything else is an error of kind invalid.
func (e *Engine) CompileReference(src string) (*Reference, error) {
	ref, err := twilioexpr.ParseReference(src, e.options.syntax())
	if err != nil {
		return nil, taskrouter.Invalidf("Invalid reference: %v", err)
	}
	read, err := scopes[PlaceKnownWorker].resolve(ref)
	if err != nil {
		return nil, taskrouter.Invalidf("Invalid reference: %v", err)
	}
	return &Reference{source: src, path: read.Path}, nil
}

// Source is the text as it was given.
func (r *Reference) Source() string { return r.source }

// TaskField is the path of the attribute, as Program.TaskFields has it.
func (r *Reference) TaskField() string { return twilioexpr.PathString(r.path) }

// Lookup returns the attribute as text. found is true for text, and for
// numbers and booleans, which are given as their text. isNull is true for a
// JSON null that is there; found is then false. An attribute that is missing,
// an array or an object is neither.
func (r *Reference) Lookup(task Document) (value string, found, isNull bool) {
	last := r.path[len(r.path)-1]
	parent := walk(task.object(), r.path[:len(r.path)-1])
	v := walk(parent, []twilioexpr.Segment{last})
	if v == types.NullValue {
		// A null that is there reads like a missing value; tell them apart.
		if o, ok := parent.(*object); ok && !last.IsIndex {
			_, isNull = o.member(last.Name)
		}
		if list, ok := parent.(traits.Lister); ok && last.IsIndex {
			isNull = types.Int(last.Index) < list.Size().(types.Int)
		}
		return "", false, isNull
	}
	value, found = textForm(v)
	return value, found, false
}
