// Package taskrouter owns the meaning of the router: its resources, the
// states a Task and a Reservation may be in, the legal transitions between
// them and the events each transition emits.
//
// Task, Worker, Workflow, Activity and TaskQueue are the routing nouns here,
// never the Temporal ones. The package imports the standard library only; it
// does no I/O, reads no clock and mints no SIDs inside a transition, so that
// every rule can be tested as a table.
package taskrouter
