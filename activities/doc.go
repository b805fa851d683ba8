// Package activities owns every side effect the durable run of a Task may ask
// for: writes to the store, assignment callbacks, and calls to agents. An
// activity is here a Temporal one, never an agent's availability.
//
// Each struct is a set of dependencies with thin methods; the dependencies are
// interfaces declared beside the code that calls them. Every write is
// conditional on state, so a repeat finds the state reached and answers with
// the current view. Inputs and results are recorded in histories: they carry
// SIDs and states, never attributes, and their fields are added, never
// renamed.
package activities
