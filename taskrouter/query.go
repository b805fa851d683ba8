package taskrouter

import "time"

// Page is one step of keyset paging.
type Page struct {
	// Size is the number of items wanted; a reader returns up to Size+1 so
	// that its caller can tell whether there is a next page.
	Size int
	// After is the Mark of the last item of the page before; Before is that of
	// the first item of the page behind. At most one is set.
	After, Before string
}

// TaskFilter selects Tasks of a list. Zero fields do not restrict.
type TaskFilter struct {
	Priority                *int64
	Statuses                []TaskStatus
	WorkflowSIDs, QueueSIDs []string
	RoutingTarget           string
	Order                   []TaskOrdering
}

// TaskOrdering is one clause of a Task list's order.
type TaskOrdering struct {
	Field TaskOrderField
	Desc  bool
}

// TaskOrderField names what a Task list is ordered by.
type TaskOrderField string

// The fields a Task list can be ordered by.
const (
	OrderByDateCreated      TaskOrderField = "DateCreated"
	OrderByPriority         TaskOrderField = "Priority"
	OrderByVirtualStartTime TaskOrderField = "VirtualStartTime"
)

// WorkerFilter selects Workers of a list. Zero fields do not restrict.
type WorkerFilter struct {
	ActivitySIDs []string
	Available    *bool
	// FriendlyName is compared without case.
	FriendlyName string
	// QueueSIDs keeps members of any of these queues.
	QueueSIDs []string
	// ByDateStatusChanged orders by the last Activity change.
	ByDateStatusChanged Direction
}

// Direction is the direction of an ordering; empty means the default order.
type Direction string

// The directions.
const (
	Ascending  Direction = "asc"
	Descending Direction = "desc"
)

// QueueFilter selects TaskQueues of a list.
type QueueFilter struct {
	FriendlyName  string
	WorkerSID     string
	ByDateUpdated Direction
}

// ReservationFilter selects Reservations of a Task or of a Worker.
type ReservationFilter struct {
	TaskSID, WorkerSID string
	Status             ReservationStatus
}

// EventFilter selects Events of a list; newest first.
type EventFilter struct {
	SID                                string
	Since, Until                       time.Time
	Type                               EventType
	TaskSID, WorkerSID, ReservationSID string
	QueueSID, WorkflowSID              string
	TaskChannelSID                     string
}
