// Package setup owns what the example programs begin with: a client of the
// router, and a Workspace that is made by the first run and found by the next.
// Like the programs it uses public means only: the official client library,
// and plain HTTP for what that library does not know.
package setup
