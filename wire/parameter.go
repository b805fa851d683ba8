package wire

import (
	"slices"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ParameterKind is what the text of a parameter stands for.
type ParameterKind string

// The kinds of parameters. A KindText that has Words is one of them, compared
// without case.
const (
	KindText    ParameterKind = "text"
	KindBoolean ParameterKind = "boolean"
	KindInteger ParameterKind = "integer"
	KindSID     ParameterKind = "sid"
	// KindAddress is an absolute http or https URL.
	KindAddress ParameterKind = "url"
	// KindInstant is a date, or a date and time.
	KindInstant ParameterKind = "instant"
	// KindObject is the text of a JSON object.
	KindObject ParameterKind = "object"
	// KindDialled is what can be dialled: a number, client:name or a SIP URI.
	KindDialled ParameterKind = "dialled"
)

// Parameter is what a parser checks of one parameter.
type Parameter struct {
	Name string
	Kind ParameterKind
	// Required must be sent and not be blank.
	Required bool
	// Many may be repeated, hold values separated by commas, or both.
	Many bool
	// Words are all values there are.
	Words []string
	// Prefixes are the kinds of SIDs taken.
	Prefixes []taskrouter.Prefix
	// Min and Max bound an integer; a Max of zero is none.
	Min, Max int64
	// MaxLength bounds a text in characters; zero is no bound of its own.
	MaxLength int
	// Pattern is the regular expression a text must match, if it has one.
	Pattern string
	// Only are the instructions the parameter belongs to, if it belongs to any.
	Only []taskrouter.InstructionKind
}

// note records what is about to be checked, when the parser runs to be
// described rather than to read a request. What is noted of a parameter more
// than once is joined; the more special kind wins over text.
func (b *binder) note(p Parameter) {
	if b.noted == nil {
		return
	}
	if p.Kind == "" {
		p.Kind = KindText
	}
	i := slices.IndexFunc(*b.noted, func(o Parameter) bool { return o.Name == p.Name })
	if i < 0 {
		*b.noted = append(*b.noted, p)
		return
	}
	o := &(*b.noted)[i]
	if p.Kind != KindText {
		o.Kind, o.Min, o.Max = p.Kind, p.Min, p.Max
	}
	o.Required, o.Many = o.Required || p.Required, o.Many || p.Many
	o.MaxLength = max(o.MaxLength, p.MaxLength)
	if p.Words != nil {
		o.Words = p.Words
	}
	if p.Prefixes != nil {
		o.Prefixes = p.Prefixes
	}
	if p.Pattern != "" {
		o.Pattern = p.Pattern
	}
	o.Only = append(o.Only, p.Only...)
}

// describe lists what a parser checks, in the order it does.
func describe(parse func(*binder)) []Parameter {
	var noted []Parameter
	parse(&binder{noted: &noted})
	return noted
}

// texts are words as plain strings.
func texts[S ~string](words []S) []string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		out = append(out, string(w))
	}
	return out
}
