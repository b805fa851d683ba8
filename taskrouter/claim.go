package taskrouter

import "time"

// Claim is a client's promise that several requests are one: they carry the
// same idempotency token and create one resource. It is written before the
// resource and names the SID the resource will have.
type Claim struct {
	AccountSID string
	// Key is a digest of what the token is valid for and of the token itself,
	// Fingerprint one of what was asked for.
	Key, Fingerprint string
	// ResourceSID is the SID of the resource, minted ahead.
	ResourceSID string
	// Done is set by the transaction that creates the resource.
	Done bool
	// HeldUntil is when a request that has not answered by then is given up
	// for lost.
	HeldUntil time.Time
	// Answer is nil until the request was answered.
	Answer    *ClaimAnswer
	CreatedAt time.Time
}

// ClaimAnswer is what the first request was answered with.
type ClaimAnswer struct {
	Status int
	// ETag is empty for resources without one.
	ETag, Body string
}
