// Package workflows owns the durable run of each Task: what is to be done in
// the world and when. A workflow is here a Temporal one, never a routing
// configuration.
//
// The store decides, the run conducts. [Task] is a loop over the view the store
// made: it does what the view asks for, once each, and sleeps until news
// arrives or a deadline passes. It evaluates no rule, reads no clock but the
// recorded one, and never ends while its Task is open. [Client] is the only way
// to talk to a run.
package workflows
