package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// Event is the JSON of an Event.
type Event struct {
	SID             string            `json:"sid"`
	AccountSID      string            `json:"account_sid"`
	WorkspaceSID    string            `json:"workspace_sid"`
	EventType       string            `json:"event_type"`
	Description     string            `json:"description"`
	EventDate       *string           `json:"event_date"`
	EventDateMs     int64             `json:"event_date_ms"`
	EventData       map[string]string `json:"event_data"`
	ResourceType    string            `json:"resource_type"`
	ResourceSID     string            `json:"resource_sid"`
	ResourceURL     *string           `json:"resource_url"`
	ActorType       string            `json:"actor_type"`
	ActorSID        string            `json:"actor_sid"`
	ActorURL        *string           `json:"actor_url"`
	Source          string            `json:"source"`
	SourceIPAddress string            `json:"source_ip_address"`
	URL             string            `json:"url"`
}

// collections maps the type of an Event's resource or actor to the path
// segment of its collection.
var collections = map[string]string{
	"activity": "Activities", "task": "Tasks", "worker": "Workers", "workflow": "Workflows",
	"task-queue": "TaskQueues", "task-channel": "TaskChannels",
}

// FromEvent renders an Event.
func FromEvent(e *taskrouter.Event, l Links) Event {
	data := e.Data
	if data == nil {
		data = map[string]string{}
	}
	return Event{
		SID: e.SID, AccountSID: e.AccountSID, WorkspaceSID: e.WorkspaceSID,
		EventType: string(e.Type), Description: e.Description,
		EventDate: instant(e.At), EventDateMs: e.At.UnixMilli(), EventData: data,
		ResourceType: e.ResourceType, ResourceSID: e.ResourceSID,
		ResourceURL: l.subject(e, e.ResourceType, e.ResourceSID),
		ActorType:   e.Actor.Type, ActorSID: e.Actor.SID, ActorURL: l.subject(e, e.Actor.Type, e.Actor.SID),
		Source: e.Actor.Source, SourceIPAddress: e.Actor.SourceIP,
		URL: l.Workspace(e.WorkspaceSID, "Events", e.SID),
	}
}

// subject is the URL of the resource or actor of an Event; nil for an account,
// which has no resource of its own.
func (l Links) subject(e *taskrouter.Event, typ, sid string) *string {
	switch {
	case sid == "":
		return nil
	case typ == "workspace":
		return link(l.Workspace(sid))
	case typ == "reservation":
		return link(l.Workspace(e.WorkspaceSID, "Tasks", e.TaskSID, "Reservations", sid))
	case collections[typ] != "":
		return link(l.Workspace(e.WorkspaceSID, collections[typ], sid))
	default:
		return nil
	}
}
