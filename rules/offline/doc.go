// Package offline owns the dry run of a routing configuration without a server:
// what its filters say to a Task, which targets the Task would pass, and which
// of some agents fit each. Whoever writes a configuration can test it before
// anybody sees it. The rules are those of package rules; there are no other
// Tasks, so that all agents are free.
//
// It does no I/O but writing to the writer it is given.
package offline
