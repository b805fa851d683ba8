// Package store owns the durable state of the router: resources, the event
// log, the outbox of notices and the calls, in PostgreSQL or in an embedded
// SQLite database with the same schema.
//
// Invariants: every writer of a Workspace holds the row of workspace_locks;
// what one command writes is sent as one text and commits or vanishes as a
// whole; every read is scoped by account or Workspace, except the few made for
// pollers and sweepers, which say so. Errors are classified
// (taskrouter.Error) and their public text never contains SQL.
//
// The package decides nothing: which transition is legal and who gets a Task is
// settled by its callers. It implements the contract of package dispatch and
// imports it for the types of that contract only.
package store
