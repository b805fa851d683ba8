// Package platform is a telephone platform for tests: the REST API of Twilio or
// Restcomm in front of the fake telephone network. A driver that talks to it
// really rings fake phones, and webhooks really come back.
//
// It can be made to misbehave the way real ones do ([Fault]), and is driven
// either in this process through [Server.Network] or from another process
// through the API under /control. The control API has no authentication: bind it
// to a loopback address.
package platform
