// Package wire owns the shapes clients see: the JSON of every resource, list
// and error, the form parameters of every operation, paging tokens, entity
// tags, webhook signatures and instruction documents. They follow the public
// TaskRouter v1 API (https://www.twilio.com/docs/taskrouter/api), so that its
// official client libraries work unchanged.
//
// The package does no I/O and decides nothing about routing: it checks the
// form of what was sent, converts it to domain values, and back.
package wire
