package wire

import (
	"net/url"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// CallQueueForm is the form of a new CallQueue or of a change to one.
type CallQueueForm struct {
	FriendlyName *string
	// PhoneNumbers is nil when the parameter was not sent.
	PhoneNumbers []string
	WorkflowSID  *string
	Menu         *string
	HoldMusicURL *string
	Instruction  *string
	Backend      *string
	// WrapUp is in seconds.
	WrapUp *int64
}

// CallQueue instructions.
const (
	CallQueueDequeue = "dequeue"
	CallQueueNone    = "none"
)

// maxWrapUp is the longest after-call work: that of an assigned Task.
const maxWrapUp = taskrouter.DefaultAssignedLimit

// ParseCallQueueCreate reads the form of a new CallQueue; name and Workflow
// are set.
func ParseCallQueueCreate(form url.Values) (CallQueueForm, error) {
	return parseCallQueueCreate(bind(form))
}

func parseCallQueueCreate(b *binder) (CallQueueForm, error) {
	b.required("FriendlyName")
	b.required("WorkflowSid")
	b.note(Parameter{Name: "PhoneNumbers", Required: true}) // refused by the service, with the numbers' other faults
	return parseCallQueue(b)
}

// ParseCallQueueUpdate reads the form of a change to a CallQueue.
func ParseCallQueueUpdate(form url.Values) (CallQueueForm, error) { return parseCallQueue(bind(form)) }

func parseCallQueue(b *binder) (CallQueueForm, error) {
	in := CallQueueForm{
		FriendlyName: b.name("FriendlyName"),
		WorkflowSID:  b.sid("WorkflowSid", taskrouter.PrefixWorkflow),
		Menu:         b.text("Menu"),
		HoldMusicURL: b.address("HoldMusicUrl"),
		Instruction:  oneOf(b, "Instruction", CallQueueDequeue, CallQueueNone),
		Backend:      b.text("Backend"),
		WrapUp:       b.integer("WrapUp", 0, int64(maxWrapUp/time.Second)),
	}
	numbers := b.split("PhoneNumbers")
	if _, sent := b.values["PhoneNumbers"]; sent {
		in.PhoneNumbers = append([]string{}, numbers...)
	}
	return in, b.fault()
}
