// Package twilioclient owns the way twilio-go, the official Go library, is
// pointed at a Task Router: the library has no setting for the address of the
// service. It is for programs that use the router, and knows nothing of it but
// where it listens.
package twilioclient
