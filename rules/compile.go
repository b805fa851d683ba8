package rules

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// celPrefix in front of an expression says that it is CEL, whatever it looks
// like.
const celPrefix = "cel:"

// Engine compiles expressions and configurations and keeps what it compiled.
// It is safe for concurrent use.
type Engine struct {
	options      Options
	environments func() (*environments, error)
	programs     *cache[programKey, *Program]
	parts        *cache[programKey, *part]
}

type programKey struct {
	scope  Place
	source string
}

// New makes an engine. The environments behind it are built on first use.
func New(o Options) *Engine {
	o = o.withDefaults()
	return &Engine{
		options:      o,
		environments: sync.OnceValues(func() (*environments, error) { return newEnvironments(o) }),
		programs:     newCache[programKey, *Program](o.CacheSize),
		parts:        newCache[programKey, *part](dissected),
	}
}

// Compile turns an expression into a program, from the cache when it has been
// compiled for such a place before.
//
// A text in TaskRouter's own syntax is that; any other text is CEL, and so is
// everything behind the prefix `cel:`. CEL sees the variables of its place:
// `task`, `worker` (attributes and built-in values), `workers` (the counts of
// skip_if). A text that is neither is an error of kind invalid that names the
// unexpected token; so is one beyond a limit.
func (e *Engine) Compile(p Place, src string) (*Program, error) {
	switch p {
	case PlaceOrderBy:
		return nil, taskrouter.Errorf(taskrouter.KindInternal, "order_by is compiled by CompileOrder")
	case PlaceKnownWorker:
		return nil, taskrouter.Errorf(taskrouter.KindInternal, "a known worker is compiled by CompileReference")
	default:
	}
	key := programKey{scope: p, source: src}
	if prog, ok := e.programs.get(key); ok {
		return prog, nil
	}
	prog, err := e.compile(p, src)
	if err != nil {
		return nil, err
	}
	return e.programs.put(key, prog), nil
}

func (e *Engine) compile(p Place, src string) (*Program, error) {
	if _, known := scopes[p]; !known {
		return nil, taskrouter.Errorf(taskrouter.KindInternal, "unknown place of an expression")
	}
	if n := utf8.RuneCountInString(src); n > e.options.MaxLength {
		return nil, taskrouter.Invalidf("Invalid expression: %d characters, at most %d are allowed", n, e.options.MaxLength)
	}
	text := strings.TrimSpace(src)
	if text == "" {
		return nil, taskrouter.Invalidf("Invalid expression: it is empty")
	}
	if native, ok := strings.CutPrefix(text, celPrefix); ok {
		prog, err := e.native(p, native)
		if err != nil {
			return nil, invalid(err)
		}
		prog.source = src
		return prog, nil
	}
	tree, err := twilioexpr.Parse(src, e.options.syntax())
	if err == nil {
		return e.familiar(p, src, tree)
	}
	var syntax *twilioexpr.SyntaxError
	if errors.As(err, &syntax) && syntax.Limit {
		return nil, invalid(err)
	}
	prog, nativeErr := e.native(p, text)
	var ours *taskrouter.Error
	switch {
	case nativeErr == nil && !prog.bare:
		prog.source = src
		return prog, nil
	case errors.As(nativeErr, &ours) && ours.Kind != taskrouter.KindInvalid:
		return nil, ours
	case nativeErr != nil && looksLikeCEL(text):
		return nil, taskrouter.Invalidf("Invalid expression: %v; as CEL: %v", err, nativeErr)
	}
	return nil, invalid(err)
}

// invalid makes the public error of a text that cannot be compiled.
func invalid(err error) error {
	var ours *taskrouter.Error
	if errors.As(err, &ours) {
		return err
	}
	return taskrouter.Invalidf("Invalid expression: %v", err)
}

func (e *Engine) familiar(p Place, src string, tree twilioexpr.Expr) (*Program, error) {
	translation, err := twilioexpr.Translate(tree, scopes[p].resolve)
	if err != nil {
		return nil, invalid(err)
	}
	envs, err := e.environments()
	if err != nil {
		return nil, internal(err)
	}
	checked, issues := envs.familiar.Compile(translation.Source)
	if issues.Err() != nil {
		return nil, internal(issues.Err())
	}
	if _, err := e.checkCost(envs.familiar, checked); err != nil {
		return nil, invalid(err)
	}
	// No meter: there are no loops, and the functions cost what they read.
	run, err := envs.familiar.Program(checked, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, internal(err)
	}
	return &Program{
		source: src, cel: translation.Source, run: run,
		live: readsLive(translation.Reads), fields: taskFields(translation.Reads),
	}, nil
}

func (e *Engine) native(p Place, text string) (*Program, error) {
	envs, err := e.environments()
	if err != nil {
		return nil, internal(err)
	}
	env := envs.native[p]
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, firstIssue(issues)
	}
	switch t := checked.OutputType(); {
	case t.IsExactType(cel.BoolType), t.IsExactType(cel.DynType):
	default:
		return nil, fmt.Errorf("the result is %v, expected bool", t)
	}
	root := checked.NativeRep().Expr()
	depth, elements := measure(root)
	if depth > e.options.MaxDepth {
		return nil, fmt.Errorf("expression is nested deeper than %d", e.options.MaxDepth)
	}
	if elements > e.options.MaxElements {
		return nil, fmt.Errorf("array has more than %d elements", e.options.MaxElements)
	}
	if err := forbid(root); err != nil {
		return nil, err
	}
	estimate, err := e.checkCost(env, checked)
	if err != nil {
		return nil, err
	}
	plain, loops := inspect(root)
	metered := !plain || estimate.Max > min(provenCost, e.options.MaxCost)
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if metered {
		options = append(options,
			cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost),
			cel.CostLimit(e.options.MaxCost), cel.InterruptCheckFrequency(100))
	}
	run, err := env.Program(checked, options...)
	if err != nil {
		// Constants are evaluated while planning, a bad regular expression
		// for example, so this can be the author's fault.
		return nil, fmt.Errorf("%s", firstLine(err.Error()))
	}
	reads := readsOf(root)
	return &Program{
		cel: text, run: run, native: true, metered: metered, loops: loops,
		live: readsLive(reads), fields: taskFields(reads), bare: isBare(root),
	}, nil
}

// checkCost estimates an expression over the largest documents and refuses
// what could be expensive.
func (e *Engine) checkCost(env *cel.Env, checked *cel.Ast) (checker.CostEstimate, error) {
	estimate, err := env.EstimateCost(checked, documentSizes{})
	if err != nil {
		return estimate, internal(err)
	}
	if estimate.Max > e.options.MaxEstimatedCost {
		return estimate, fmt.Errorf("its cost could reach %d, at most %d is allowed; use fewer nested loops",
			estimate.Max, e.options.MaxEstimatedCost)
	}
	return estimate, nil
}

// isBare reports whether a tree is a lone name or constant. Such a text is a
// mistake in TaskRouter's syntax, so it is CEL only behind the prefix.
func isBare(e ast.Expr) bool {
	if _, path := staticPath(e); path {
		return true
	}
	return e.Kind() == ast.LiteralKind || e.Kind() == ast.IdentKind
}

// looksLikeCEL guesses whether the author meant CEL, to show its message.
func looksLikeCEL(text string) bool {
	for _, mark := range []string{"&&", "||", "?", "+", "*", "%", "{"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	for i := 0; i+1 < len(text); i++ {
		switch {
		case text[i] == '!' && text[i+1] != '=':
			return true
		case text[i+1] == '(' && isName(text[i:i+1]):
			word := text[:i+1]
			word = word[strings.LastIndexAny(word, " \t\n().")+1:]
			switch strings.ToUpper(word) {
			case "AND", "OR", "NOT", "IN", "HAS", "CONTAINS":
			default:
				return true
			}
		}
	}
	return false
}

func firstIssue(issues *cel.Issues) error {
	list := issues.Errors()
	if len(list) == 0 {
		return errors.New("syntax error")
	}
	return fmt.Errorf("%s at character %d", firstLine(list[0].Message), list[0].Location.Column()+1)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func internal(err error) error {
	return &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "compile expression", Cause: err}
}
