// Package twiliotest owns what tests need to speak to a server with the
// vendor's own client library. Its tests prove that every resource the server
// answers with is understood by it.
package twiliotest
