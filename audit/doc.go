// Package audit owns the proof that the router keeps its promises. It reads the
// rows and the event log of a running or stopped system and judges both from
// the rules alone: who may hold what, which event may follow which, who should
// have been served first. It knows nothing of how the dispatcher works, of its
// waiting lines, memberships or classes, only what the rows and events mean;
// and it changes nothing.
//
// What it cannot decide it counts as undecidable and never reports as a
// finding. Findings name SIDs, states and numbers, never attributes.
package audit
