package fake

import (
	"cmp"
	"slices"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// AddNumber gives the account a phone number and returns its SID. Its URLs are
// used by calls that name none.
func (n *Network) AddNumber(num voice.Number) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if num.SID == "" {
		num.SID = taskrouter.NewSID("PN")
	}
	n.numbers[num.SID] = num
	return num.SID
}

// Numbers lists the account's phone numbers.
func (n *Network) Numbers() []voice.Number {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]voice.Number, 0, len(n.numbers))
	for _, num := range n.numbers {
		out = append(out, num)
	}
	slices.SortFunc(out, func(a, b voice.Number) int { return cmp.Compare(a.PhoneNumber, b.PhoneNumber) })
	return out
}

func (n *Network) numberLocked(phoneNumber string) (voice.Number, bool) {
	for _, num := range n.numbers {
		if num.PhoneNumber == phoneNumber {
			return num, true
		}
	}
	return voice.Number{}, false
}
