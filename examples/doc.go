// Package examples owns the programs that show how the router is used, one a
// folder, and the tests that run them against a real one.
package examples
