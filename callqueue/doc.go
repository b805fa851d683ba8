// Package callqueue owns the caller's way from the first webhook of a telephone
// platform to a Task, and the documents both parties of a call are given: the
// menu, the waiting room, the agent's leg.
//
// It holds no state but the notices it is about to pass on to the status
// callbacks of instructions, which may be lost. Where a call stands is a row in
// the store; every request reads that row, moves it at most one step through a
// conditional command and renders what the row then says. A request that is
// repeated, late or out of order therefore changes nothing and is answered with
// the document of the current step.
//
// The package renders the subset of markup that the supported platforms share;
// what differs between them is in one table (dialect.go). It decides nothing
// about Tasks, talks to no platform on its own and never waits for routing: a
// webhook is answered within two seconds whatever the state of the rest.
package callqueue
