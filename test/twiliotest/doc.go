// Package twiliotest owns the way the vendor's own client library is pointed at
// this server. Its tests prove that every resource the server answers with is
// understood by it.
package twiliotest
