// Package twilioexpr reads TaskRouter's expression syntax, the one that says
// `skills HAS "support" AND level > 3`, and writes it as CEL.
//
// It owns the grammar and nothing else: which document a name belongs to is
// the caller's Resolver, what the generated functions do is the rules
// package's library, and only CEL is ever executed. The syntax is described
// at https://www.twilio.com/docs/taskrouter/expression-syntax.
package twilioexpr
