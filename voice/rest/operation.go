package rest

// operation is what a request does, as far as its failure is concerned.
type operation struct {
	name string
	// safe tells that the request may be repeated blindly.
	safe bool
	// onLeg tells that the request is about one leg, so that "not found" means
	// the leg is gone.
	onLeg bool
}

var (
	opOriginate = operation{name: "originate"}
	opRedirect  = operation{name: "redirect", onLeg: true}
	opEnd       = operation{name: "end leg", safe: true, onLeg: true}
	opRead      = operation{name: "read leg", safe: true, onLeg: true}
	opList      = operation{name: "list legs", safe: true}
	opRooms     = operation{name: "find room", safe: true}
	opMembers   = operation{name: "list participants", safe: true, onLeg: true}
	opMute      = operation{name: "mute", safe: true, onLeg: true}
	opHold      = operation{name: "hold", safe: true, onLeg: true}
	opNumber    = operation{name: "configure number", safe: true}
)
