// Package durability kills the running system and looks whether anything was
// lost. The whole of it, Temporal included, is one process that is ended by
// SIGKILL at named points between two durable steps, or at random moments under
// load, and is started again on the same data. The telephone platform lives in
// a process of its own: its calls go on meanwhile.
//
// The endurance test runs the router as production does, in several processes
// with PostgreSQL and Temporal outside, and lets all of them fail at once.
//
// SIGKILL leaves what the operating system has taken; loss of power is not
// tested here.
//
// The tests build the binaries they run and link neither the router nor the
// Temporal server.
package durability
