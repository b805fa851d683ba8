package rules

import (
	"context"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

// Verdict is the outcome of an expression or of a part of one.
type Verdict string

// The verdicts. Failed is an expression without a value, such as CEL that
// reads a missing key; it does not match.
const (
	VerdictTrue   Verdict = "true"
	VerdictFalse  Verdict = "false"
	VerdictFailed Verdict = "failed"
)

// Clause is an evaluated expression, taken apart where conditions are joined.
type Clause struct {
	// Text is the clause in the syntax of its author.
	Text    string
	Verdict Verdict
	// Fault is why the clause failed; it holds no attribute values.
	Fault string
	// Join says how Parts make up the clause; empty for a clause that has none.
	Join  string
	Parts []Clause
	// Values are what the clause read, when it has no parts. They are personal
	// data: for the owner of the attributes, never for a log.
	Values []Value
}

// Value is what one name in a clause stood for.
type Value struct {
	// Name is with its prefix, such as `worker.languages`.
	Name string
	// JSON is the value; empty when there is none.
	JSON string
}

// Failing lists the clauses without parts that keep the whole from being true:
// of an AND those that are not, of an OR all.
func (c Clause) Failing() []Clause {
	if c.Verdict == VerdictTrue {
		return nil
	}
	switch c.Join {
	case JoinAnd, JoinOr:
		var out []Clause
		for _, p := range c.Parts {
			out = append(out, p.Failing()...)
		}
		if len(out) == 0 { // the work allowed for the whole was used up
			return []Clause{c}
		}
		return out
	case JoinNot:
		c.Values = c.Parts[0].read()
	}
	return []Clause{c}
}

// String tells a clause with what it read, and why it failed, in one line. It
// holds attribute values; see Value.
func (c Clause) String() string {
	var b strings.Builder
	b.WriteString(c.Text)
	for i, v := range c.Values {
		b.WriteString([]string{" – ", ", "}[min(i, 1)] + v.Name + " is ")
		if v.JSON == "" {
			b.WriteString("missing")
		} else {
			b.WriteString(v.JSON)
		}
	}
	if c.Fault != "" {
		b.WriteString(" (" + c.Fault + ")")
	}
	return b.String()
}

// read collects the values of all parts.
func (c Clause) read() []Value {
	out := c.Values
	for _, p := range c.Parts {
		out = append(out, p.read()...)
	}
	return out
}

// Explain evaluates an expression as Program.Eval does and says clause by
// clause how the outcome came about. The verdict of the whole is that of the
// program itself. It compiles each clause on first use, and is meant for
// people who ask, never for routing. An error of kind invalid is a text that
// does not compile, one of kind unavailable means that ctx ended.
func (e *Engine) Explain(ctx context.Context, p Place, src string, in Input) (Clause, error) {
	root, err := e.dissect(p, src)
	if err != nil {
		return Clause{}, err
	}
	c, err := root.explain(ctx, in)
	if err != nil {
		return Clause{}, err
	}
	// The parts together may be allowed more work than the whole.
	matched, evalErr := root.program.Eval(ctx, in)
	if IsInterrupted(evalErr) {
		return Clause{}, evalErr
	}
	c.Verdict, c.Fault = verdict(matched, evalErr)
	return c, nil
}

func verdict(matched bool, err error) (Verdict, string) {
	switch {
	case err != nil:
		return VerdictFailed, err.Error()
	case matched:
		return VerdictTrue, ""
	}
	return VerdictFalse, ""
}

// part is a piece of an expression, compiled on its own.
type part struct {
	text    string
	program *Program
	join    string
	parts   []*part
	reads   []twilioexpr.Read
	atom    *atom // of a piece without parts, when a change could turn it
}

func (x *part) explain(ctx context.Context, in Input) (Clause, error) {
	c := Clause{Text: x.text, Join: x.join}
	if x.join == "" {
		matched, err := x.program.Eval(ctx, in)
		if IsInterrupted(err) {
			return c, err
		}
		c.Verdict, c.Fault = verdict(matched, err)
		c.Values = valuesOf(x.reads, in)
		return c, nil
	}
	count := map[Verdict]int{}
	for _, p := range x.parts {
		sub, err := p.explain(ctx, in)
		if err != nil {
			return c, err
		}
		c.Parts = append(c.Parts, sub)
		count[sub.Verdict]++
	}
	// Whether a part failed does not matter when another one decides.
	decides, otherwise := VerdictFalse, VerdictTrue
	if x.join == JoinOr {
		decides, otherwise = VerdictTrue, VerdictFalse
	}
	switch {
	case x.join == JoinNot && count[VerdictTrue] > 0:
		c.Verdict = VerdictFalse
	case x.join == JoinNot && count[VerdictFalse] > 0:
		c.Verdict = VerdictTrue
	case x.join == JoinNot:
		c.Verdict = VerdictFailed
	case count[decides] > 0:
		c.Verdict = decides
	case count[VerdictFailed] > 0:
		c.Verdict = VerdictFailed
	default:
		c.Verdict = otherwise
	}
	return c, nil
}

// dissected is how many expressions are kept taken apart.
const dissected = 512

// dissect takes an expression apart, from the cache when it was before.
func (e *Engine) dissect(p Place, src string) (*part, error) {
	key := programKey{scope: p, source: src}
	if x, ok := e.parts.get(key); ok {
		return x, nil
	}
	whole, err := e.Compile(p, src)
	if err != nil {
		return nil, err
	}
	var x *part
	if whole.Native() {
		x, err = e.nativePart(p, whole.CEL())
	} else {
		var tree twilioexpr.Expr
		if tree, err = twilioexpr.Parse(src, e.options.syntax()); err == nil {
			x, err = e.familiarPart(p, tree)
		}
	}
	if err != nil {
		return nil, internal(err)
	}
	x.program = whole
	return e.parts.put(key, x), nil
}

func (e *Engine) familiarPart(p Place, tree twilioexpr.Expr) (*part, error) {
	x := &part{text: twilioexpr.Format(tree)}
	var terms []twilioexpr.Expr
	switch tree := tree.(type) {
	case *twilioexpr.And:
		x.join, terms = JoinAnd, tree.Terms
	case *twilioexpr.Or:
		x.join, terms = JoinOr, tree.Terms
	case *twilioexpr.Not:
		x.join, terms = JoinNot, []twilioexpr.Expr{tree.X}
	case *twilioexpr.Comparison:
		var err error
		if x.program, err = e.familiar(p, x.text, tree); err != nil {
			return nil, err
		}
		t, err := twilioexpr.Translate(tree, scopes[p].resolve)
		if err != nil {
			return nil, err
		}
		x.reads, x.atom = t.Reads, familiarAtom(tree, scopes[p].resolve)
		return x, nil
	}
	for _, term := range terms {
		sub, err := e.familiarPart(p, term)
		if err != nil {
			return nil, err
		}
		x.parts = append(x.parts, sub)
	}
	return x, nil
}

func (e *Engine) nativePart(p Place, text string) (*part, error) {
	join, pieces := splitCEL(text)
	if join != "" {
		x := &part{text: text, join: join}
		for _, piece := range pieces {
			sub, err := e.nativePart(p, piece)
			if err != nil {
				x = nil // a piece that is nothing on its own: show the whole
				break
			}
			x.parts = append(x.parts, sub)
		}
		if x != nil {
			return x, nil
		}
	}
	x := &part{text: pieces[0]}
	if len(pieces) > 1 || join == JoinNot {
		x.text = text
	}
	var err error
	if x.program, err = e.native(p, x.text); err != nil {
		return nil, err
	}
	envs, err := e.environments()
	if err != nil {
		return nil, err
	}
	checked, issues := envs.native[p].Compile(x.text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	root := checked.NativeRep().Expr()
	x.reads, x.atom = readsOf(root), nativeAtom(root)
	return x, nil
}

// valuesOf looks up what a clause read, each once. A whole document is not a
// value worth showing.
func valuesOf(reads []twilioexpr.Read, in Input) []Value {
	var out []Value
	seen := map[string]bool{}
	for _, r := range reads {
		if len(r.Path) == 0 {
			continue
		}
		name := string(r.Root) + "." + twilioexpr.PathString(r.Path)
		if r.Path[0].IsIndex {
			name = string(r.Root) + twilioexpr.PathString(r.Path)
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		v := Value{Name: name}
		if found, ok := lookUp(r, in); ok {
			v.JSON = string(plainJSON.write(nil, found))
		}
		out = append(out, v)
	}
	return out
}

// lookUp follows a path; false when it leads nowhere.
func lookUp(r twilioexpr.Read, in Input) (ref.Val, bool) {
	var v ref.Val
	switch {
	case r.Root == twilioexpr.RootTask && in.Task != nil:
		v = in.Task.object()
	case r.Root == twilioexpr.RootWorker && in.Worker != nil:
		v = &object{source: in.Worker}
	case r.Root == twilioexpr.RootWorkers && in.Workers != nil:
		v = &object{source: in.Workers}
	default:
		return nil, false
	}
	for _, s := range r.Path {
		switch at := v.(type) {
		case *object:
			next, ok := at.member(s.Name)
			if !ok || s.IsIndex {
				return nil, false
			}
			v = next
		case traits.Lister:
			if !s.IsIndex || s.Index < 0 || types.Int(s.Index) >= at.Size().(types.Int) {
				return nil, false
			}
			v = at.Get(types.Int(s.Index))
		default:
			return nil, false
		}
	}
	return v, true
}
