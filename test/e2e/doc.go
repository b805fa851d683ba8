// Package e2e holds the tests of the whole: the system as it ships, a real
// Temporal server, SQLite and PostgreSQL, driven from outside by the official
// client library, by telephone calls and by webhooks. Nothing here looks into
// the store.
package e2e
