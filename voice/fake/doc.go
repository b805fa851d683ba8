// Package fake is a telephone network in memory: callers, agents' phones and the
// platform between them, which fetches the router's webhooks and runs the markup
// it gets back.
//
// [Network] behaves like the platforms the router talks to: it asks for a
// document when a call comes in, runs it verb by verb, posts status callbacks
// and joins legs in rooms. Its control surface plays the people: placing calls,
// pressing keys, answering, hanging up. [Backend] puts the voice.Backend verbs
// on top. Development mode uses it as its telephone, tests as theirs.
//
// Nothing makes a sound: prompts take no time unless Options say otherwise, and
// what a party would have heard is kept in a transcript. Everything is lost
// with the process, so the package must not be used where several processes
// share the calls.
package fake
