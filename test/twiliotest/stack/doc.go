// Package stack owns the API as tests see it: the REST surface over a real
// dispatcher, configuration service and rule engine on a database in memory,
// behind a listener on a free port. There is no Temporal in it, so that nothing
// is carried out in the world.
package stack
