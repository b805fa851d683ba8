// Package dispatch owns whether a change may happen: every Task, Reservation,
// Worker and call in motion passes through one serialized transaction per
// Workspace, which applies a domain transition, matches what it made possible,
// appends the events and marks the Tasks whose durable run must know.
//
// Commands are conditional on state, never on who sends them or how often: a
// repeat finds the state reached and gets the current view. Nothing here talks
// to Temporal, to a telephone platform or to an HTTP client; what must be done
// in the world is written down in the Task's View.
package dispatch
