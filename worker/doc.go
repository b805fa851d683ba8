// Package worker owns the Temporal worker process: what it registers, on which
// Temporal queues it listens, how much it does at once, and how it drains. A
// worker is here a process, never an agent.
//
// One process serves the queue of all runs and one further queue for each voice
// instance it can reach. Any number of processes may serve the same queues.
package worker
