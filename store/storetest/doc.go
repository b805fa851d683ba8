// Package storetest owns the conformance suite of package store: what a
// database must do to carry the router. It runs on every database that is
// supported, and each test gets a database of its own.
package storetest
