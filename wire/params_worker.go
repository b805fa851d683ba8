package wire

import (
	"net/url"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// WorkerCreate is the form of a new Worker.
type WorkerCreate struct {
	FriendlyName string
	ActivitySID  string
	Attributes   taskrouter.Attributes
}

// ParseWorkerCreate reads the form of a new Worker.
func ParseWorkerCreate(form url.Values) (WorkerCreate, error) { return parseWorkerCreate(bind(form)) }

func parseWorkerCreate(b *binder) (WorkerCreate, error) {
	in := WorkerCreate{
		FriendlyName: b.requiredName("FriendlyName"),
		ActivitySID:  deref(b.sid("ActivitySid", taskrouter.PrefixActivity)),
		Attributes:   taskrouter.NoAttributes,
	}
	if a := b.attributes("Attributes"); a != nil {
		in.Attributes = *a
	}
	return in, b.fault()
}

// attributes is an attributes document.
func (b *binder) attributes(name string) *taskrouter.Attributes {
	b.note(Parameter{Name: name, Kind: KindObject, MaxLength: taskrouter.MaxAttributesLength})
	v := b.text(name)
	if v == nil {
		return nil
	}
	a, err := taskrouter.ParseAttributes(*v)
	if err != nil {
		b.fail(0, "%s%s", name, strings.TrimPrefix(err.Error(), "Attributes"))
		return nil
	}
	return &a
}

// WorkerUpdate is the form of a change to a Worker.
type WorkerUpdate struct {
	FriendlyName              *string
	ActivitySID               *string
	Attributes                *taskrouter.Attributes
	RejectPendingReservations bool
}

// ParseWorkerUpdate reads the form of a change to a Worker.
func ParseWorkerUpdate(form url.Values) (WorkerUpdate, error) { return parseWorkerUpdate(bind(form)) }

func parseWorkerUpdate(b *binder) (WorkerUpdate, error) {
	return WorkerUpdate{
		FriendlyName:              b.name("FriendlyName"),
		ActivitySID:               b.sid("ActivitySid", taskrouter.PrefixActivity),
		Attributes:                b.attributes("Attributes"),
		RejectPendingReservations: deref(b.flag("RejectPendingReservations")),
	}, b.fault()
}

// WorkerList is the query of a list of Workers. Names are not resolved yet.
type WorkerList struct {
	ActivityName, ActivitySID   string
	TaskQueueName, TaskQueueSID string
	FriendlyName                string
	Available                   *bool
	ByDateStatusChanged         taskrouter.Direction
	// TargetWorkersExpression keeps Workers that satisfy it; empty does not
	// restrict.
	TargetWorkersExpression string
}

// ParseWorkerList reads the query of a list of Workers.
func ParseWorkerList(query url.Values) (WorkerList, error) { return parseWorkerList(bind(query)) }

func parseWorkerList(b *binder) (WorkerList, error) {
	return WorkerList{
		ActivityName:            deref(b.text("ActivityName")),
		ActivitySID:             deref(b.sid("ActivitySid", taskrouter.PrefixActivity)),
		TaskQueueName:           deref(b.text("TaskQueueName")),
		TaskQueueSID:            deref(b.sid("TaskQueueSid", taskrouter.PrefixTaskQueue)),
		FriendlyName:            deref(b.text("FriendlyName")),
		Available:               b.flag("Available"),
		ByDateStatusChanged:     b.ordering("DateStatusChanged"),
		TargetWorkersExpression: deref(b.text("TargetWorkersExpression")),
	}, b.fault()
}

// WorkerChannelUpdate is the form of a change to a Worker's capacity.
type WorkerChannelUpdate struct {
	Capacity  *int
	Available *bool
}

// maxCapacity keeps a capacity within every database's and client's integers.
const maxCapacity = 1<<31 - 1

// ParseWorkerChannelUpdate reads the form of a change to a Worker's capacity.
func ParseWorkerChannelUpdate(form url.Values) (WorkerChannelUpdate, error) {
	return parseWorkerChannelUpdate(bind(form))
}

func parseWorkerChannelUpdate(b *binder) (WorkerChannelUpdate, error) {
	in := WorkerChannelUpdate{Available: b.flag("Available")}
	if n := b.integer("Capacity", 0, maxCapacity); n != nil {
		capacity := int(*n)
		in.Capacity = &capacity
	}
	return in, b.fault()
}
