package callqueue

import (
	"encoding/json"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Address is whom to ring for an agent, and who seems to be calling.
type Address struct {
	// To is the agent's phone, From the identity the platform is given.
	To, From string
	// CallerName is for the display of SIP phones and clients: when From is one
	// of our own numbers it is how the agent can still see who calls. Empty when
	// there is nothing to add.
	CallerName string
}

// AddressOf applies the rules of the instructions: To is what the instruction
// says, else the agent's contact; From is what the instruction says, else the
// number the caller dialled. The call may be nil for work that came by no call.
func AddressOf(i *taskrouter.Instruction, contactURI string, call *taskrouter.Call) Address {
	a := Address{To: orElse(strings.TrimSpace(i.Param("to")), contactURI), From: strings.TrimSpace(i.Param("from"))}
	if call == nil {
		return a
	}
	a.From = orElse(a.From, call.To)
	if a.From == call.From || !showsNames(a.To) {
		return a
	}
	a.CallerName = orElse(callerName(call.Facts), call.From)
	return a
}

// showsNames reports whether a target can show a name: telephone numbers cannot.
func showsNames(to string) bool {
	return strings.Contains(to, "@") || strings.HasPrefix(to, "client:") || strings.HasPrefix(to, "sip")
}

func callerName(facts taskrouter.Attributes) string {
	var said struct {
		CallerName string `json:"caller_name"`
	}
	if json.Unmarshal([]byte(facts), &said) != nil {
		return ""
	}
	return said.CallerName
}
