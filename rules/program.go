package rules

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Program is a compiled expression. It is immutable and safe for concurrent
// use.
type Program struct {
	source  string
	cel     string
	run     cel.Program
	native  bool
	metered bool // its cost is counted while it runs
	loops   bool
	live    bool
	bare    bool
	fields  []string
}

// Source is the text as it was given.
func (p *Program) Source() string { return p.source }

// CEL is the text that is executed: the translation, or the author's own.
func (p *Program) CEL() string { return p.cel }

// Native reports whether the author wrote CEL.
func (p *Program) Native() bool { return p.native }

// Metered reports whether the program counts its cost while it runs, because
// that could not be bounded when it was compiled.
func (p *Program) Metered() bool { return p.metered }

// Live reports whether the program reads an agent's Activity or channels,
// which change while the agent works.
func (p *Program) Live() bool { return p.live }

// TaskFields returns the paths of the Task's attributes the program reads,
// sorted; []string{WholeDocument} when it may read any.
func (p *Program) TaskFields() []string { return append([]string(nil), p.fields...) }

// Eval runs the program. TaskRouter's own syntax never fails. CEL may: an
// error of kind invalid means that the expression has no value for this input,
// which the caller treats as "does not match" and records; its text holds no
// attribute values. An error of kind unavailable means that ctx ended, which
// says nothing about the input.
func (p *Program) Eval(ctx context.Context, in Input) (bool, error) {
	matched, _, err := p.eval(ctx, in)
	return matched, err
}

// eval also returns the cost, in CEL's units, of a metered program.
func (p *Program) eval(ctx context.Context, in Input) (bool, uint64, error) {
	vars := activations.Get().(*activation)
	vars.set(in)
	defer vars.release()
	var (
		out    ref.Val
		detail *cel.EvalDetails
		err    error
	)
	if p.metered && p.loops {
		// Only loops look at the context, and only now and then.
		out, detail, err = p.run.ContextEval(ctx, vars)
	} else {
		out, detail, err = p.run.Eval(vars)
	}
	var cost uint64
	if detail != nil {
		if actual := detail.ActualCost(); actual != nil {
			cost = *actual
		}
	}
	if err != nil {
		return false, cost, p.failure(ctx, err)
	}
	matched, ok := out.(types.Bool)
	if !ok {
		return false, cost, taskrouter.Invalidf("expression failed: the result is %s, expected bool", out.Type().TypeName())
	}
	return bool(matched), cost, nil
}

// failures are the reasons for a failed evaluation. CEL's own text may quote
// the values it failed on, so it is never passed on.
var failures = []struct{ mark, message string }{
	{"no such key", "missing key"},
	{"no such attribute", "missing key"},
	{"index out of bounds", "index out of bounds"},
	{"no such overload", "a value has the wrong type for the operation"},
	{"division by zero", "division by zero"},
	{"modulus by zero", "division by zero"},
	{"overflow", "number out of range"},
	{"cost limit exceeded", "it took more work than is allowed"},
}

func (p *Program) failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && strings.Contains(err.Error(), "interrupted") {
		return taskrouter.Unavailable(cause, "expression interrupted")
	}
	message := "a value could not be used"
	for _, f := range failures {
		if strings.Contains(err.Error(), f.mark) {
			message = f.message
			break
		}
	}
	if message == "missing key" {
		// A key the author wrote is not personal; a computed one may be.
		if _, key, ok := strings.Cut(err.Error(), "no such key: "); ok && isName(key) && strings.Contains(p.cel, key) {
			message += " " + key
		}
	}
	return taskrouter.Invalidf("expression failed: %s", message)
}

// IsInterrupted reports whether an evaluation ended because its context did,
// so that its outcome means nothing.
func IsInterrupted(err error) bool {
	if err == nil {
		return false
	}
	var ours *taskrouter.Error
	return errors.As(err, &ours) && ours.Kind == taskrouter.KindUnavailable
}

// activation gives a program its variables without building a map.
type activation struct {
	task            *object
	worker, workers object
}

var activations = sync.Pool{New: func() any { return new(activation) }}

func (a *activation) set(in Input) {
	a.task, a.worker.source, a.workers.source = emptyObject, emptyObject.source, emptyObject.source
	if in.Task != nil {
		a.task = in.Task.object()
	}
	if in.Worker != nil {
		a.worker.source = in.Worker
	}
	if in.Workers != nil {
		a.workers.source = in.Workers
	}
}

func (a *activation) release() {
	*a = activation{}
	activations.Put(a)
}

// ResolveName returns a variable's document.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case string(twilioexpr.RootTask):
		return a.task, true
	case string(twilioexpr.RootWorker):
		return &a.worker, true
	case string(twilioexpr.RootWorkers):
		return &a.workers, true
	}
	return nil, false
}

// Parent is nil: there are no outer variables.
func (a *activation) Parent() cel.Activation { return nil }
