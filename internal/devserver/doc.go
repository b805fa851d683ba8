// Package devserver owns the Temporal server that runs inside this program:
// all four services in one process over SQLite, and the Temporal UI beside
// them, bound to the loopback interface only.
//
// It is the only package that imports go.temporal.io/server and the UI server,
// so that everything else builds and tests without linking them. It knows
// nothing about routing: what the Temporal workflows do is package workflows'.
package devserver
