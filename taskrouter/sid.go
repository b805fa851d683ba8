package taskrouter

import (
	"crypto/rand"
	"encoding/hex"
)

// Prefix is the two-letter kind of a SID.
type Prefix string

// The SID prefixes of every resource.
const (
	PrefixAccount       Prefix = "AC"
	PrefixKey           Prefix = "SK"
	PrefixWorkspace     Prefix = "WS"
	PrefixActivity      Prefix = "WA"
	PrefixWorker        Prefix = "WK"
	PrefixTaskQueue     Prefix = "WQ"
	PrefixWorkflow      Prefix = "WW"
	PrefixTask          Prefix = "WT"
	PrefixReservation   Prefix = "WR"
	PrefixTaskChannel   Prefix = "TC"
	PrefixWorkerChannel Prefix = "WC"
	PrefixEvent         Prefix = "EV"
	PrefixCallQueue     Prefix = "CQ"
	PrefixDelivery      Prefix = "ED"
)

// sidLength is the two prefix letters plus 32 hexadecimal digits.
const sidLength = 34

// NewSID mints an identifier: the prefix and 128 random bits in lower-case hex.
func NewSID(p Prefix) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return string(p) + hex.EncodeToString(b[:])
}

// IsSID reports whether s has the form of a SID of the given kind.
func IsSID(p Prefix, s string) bool {
	if len(s) != sidLength || s[:2] != string(p) {
		return false
	}
	for i := 2; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
