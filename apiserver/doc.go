// Package apiserver owns the REST surface: paths, authentication, status codes
// and headers of the TaskRouter v1 API, and the CallQueues this server adds.
// Handlers bind a form, call dispatch (things in motion), workspace (things at
// rest) or the store's reads, and convert the answer with package wire.
//
// Invariants: every answer that is not a success carries the JSON error body;
// a resource of another account does not exist; nothing a client sent is
// logged. The package knows neither SQL nor Temporal and decides nothing about
// routing. It is the only one that imports gin.
package apiserver
