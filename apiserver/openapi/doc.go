// Package openapi owns the machine-readable description of the API: an OpenAPI
// 3.1 document (https://spec.openapis.org/oas/v3.1.1) made from the code that
// serves. Paths come from the route table, parameters from what wire's parsers
// check, bodies from wire's structs; only words, examples and what types cannot
// say are written here.
//
// The package knows no HTTP server. Its caller hands in the operations and
// serves the result; tests hold it against real answers and against the
// official client library.
package openapi
