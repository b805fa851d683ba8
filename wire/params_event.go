package wire

import (
	"net/url"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// defaultEventWindow is how far back a list of Events reaches by default.
const defaultEventWindow = 15 * time.Minute

// maxMinutes bounds how far back a window may be asked for.
const maxMinutes = 60 * 24 * 366

// EventList is the query of a list of Events. TaskChannel is a SID or unique
// name that is not resolved yet.
type EventList struct {
	taskrouter.EventFilter
	TaskChannel string
}

// ParseEventList reads the query of a list of Events at an instant. Dates win
// over Minutes; both ends are inclusive, an end written as a whole second or a
// whole day includes all of it.
func ParseEventList(query url.Values, now time.Time) (EventList, error) {
	return parseEventList(bind(query), now)
}

func parseEventList(b *binder, now time.Time) (EventList, error) {
	in := EventList{
		EventFilter: taskrouter.EventFilter{
			SID:            deref(b.sid("Sid", taskrouter.PrefixEvent)),
			Type:           taskrouter.EventType(deref(b.text("EventType"))),
			TaskSID:        deref(b.sid("TaskSid", taskrouter.PrefixTask)),
			WorkerSID:      deref(b.sid("WorkerSid", taskrouter.PrefixWorker)),
			ReservationSID: deref(b.sid("ReservationSid", taskrouter.PrefixReservation)),
			QueueSID:       deref(b.sid("TaskQueueSid", taskrouter.PrefixTaskQueue)),
			WorkflowSID:    deref(b.sid("WorkflowSid", taskrouter.PrefixWorkflow)),
		},
		TaskChannel: deref(b.channel("TaskChannel")),
	}
	start, _ := b.instant("StartDate")
	end, step := b.instant("EndDate")
	minutes := b.integer("Minutes", 1, maxMinutes)
	switch {
	case in.SID != "": // one Event, whenever it was
	case start == nil && end == nil:
		window := defaultEventWindow
		if minutes != nil {
			window = time.Duration(*minutes) * time.Minute
		}
		in.Since = now.Add(-window)
	default:
		in.Since, in.Until = deref(start), deref(end)
		if end != nil {
			in.Until = end.Add(step - time.Microsecond)
		}
		if start != nil && end != nil && in.Since.After(in.Until) {
			b.fail(0, "StartDate must not be after EndDate")
		}
	}
	return in, b.fault()
}
