package workflows

import "fmt"

// Versions of the logic of Task. A run keeps the version it was started with;
// code that changes recorded commands asks for taskRun.logicVersion. A line is
// added for each, and removed when no supported release could have started it.
const (
	// logicFirst: the journey as first released.
	logicFirst = 1
	// logicLocalCallback: assignment callbacks are local activities.
	logicLocalCallback = 2

	// LogicVersion is what new runs are started with.
	LogicVersion = logicLocalCallback
)

// Versions of the logic of Delivery, in the same way.
const (
	// deliveryFirst: send, sleep, continue as new.
	deliveryFirst = 1

	// DeliveryLogicVersion is what new runs are started with.
	DeliveryLogicVersion = deliveryFirst
)

// knownDeliveryLogic is knownLogic for Delivery.
func knownDeliveryLogic(version int) {
	if version < deliveryFirst || version > DeliveryLogicVersion {
		panic(fmt.Sprintf("delivery logic version %d is not known to this release", version))
	}
}

// knownLogic panics for a run started by a newer release. A panic blocks the
// run until a newer worker process takes it; an error would end it.
func knownLogic(version int) {
	if version < logicFirst || version > LogicVersion {
		panic(fmt.Sprintf("logic version %d is not known to this release", version))
	}
}
