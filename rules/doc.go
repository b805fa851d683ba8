// Package rules owns the meaning of routing expressions and of a Workflow's
// configuration: which filter a Task matches, which target comes next, which
// agents a queue or a target admits.
//
// Only CEL is executed. An expression in TaskRouter's own syntax is
// translated at compile time by rules/twilioexpr into calls of a small
// library of functions that never fail; an expression in CEL runs as it is,
// and an error, for example a missing key, is a typed outcome that means
// "does not match". Both are bounded: length, nesting and array size when
// compiled, cost while running.
//
// Programs, orders, references and routings are immutable and safe for
// concurrent use, and the same input always has the same outcome: nothing
// here reads a clock, a random source or a map's iteration order. The package
// does no I/O, must not run inside Temporal workflow code, and is the only
// place that looks inside taskrouter.Attributes.
package rules
