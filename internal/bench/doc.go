// Package bench owns the measurement of speed: a load generator that speaks to
// a router over REST only and learns of offers like a customer's application
// does, by assignment callback; callers and agents on the router's telephone
// network in memory; the floor, which is what the same Temporal server does with
// a run that only waits for one signal; and the budgets that hold one against
// the other.
//
// It starts no router. It is told where one is, and where its Temporal server
// is; without the latter there is no floor, and no cost of runs.
package bench
