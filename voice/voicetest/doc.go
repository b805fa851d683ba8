// Package voicetest holds what tests of telephone code share: a conformance
// suite every voice.Backend passes, an in-memory ledger, a clock that is moved by
// hand, and a receiver that stands in for the router's webhooks.
package voicetest
