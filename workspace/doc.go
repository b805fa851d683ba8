// Package workspace owns what is at rest: Workspaces, Activities, TaskChannels,
// TaskQueues, Workflows, call queues and accounts, with their limits, defaults
// and invariants. (A Workflow here is a routing configuration, an Activity an
// agent's availability state.)
//
// Every write to a Workspace happens under that Workspace's dispatch lock, in
// the transaction that also appends its event and the bulk job it makes
// necessary, so dispatch never sees half a change. What does not need the lock
// (compiling expressions, checking a configuration's grammar) is done before
// taking it. The package must not decide who gets a Task, and reads lists for
// nobody: it reads only what a check needs.
package workspace
