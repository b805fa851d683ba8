package wire

import (
	"net/url"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// TaskCreate is the form of a new Task.
type TaskCreate struct {
	Attributes       taskrouter.Attributes
	WorkflowSID      string
	Priority         int64
	Timeout          time.Duration
	TaskChannel      string
	VirtualStartTime time.Time
	RoutingTarget    string
	IgnoreCapacity   *bool
	TaskQueueSID     string
}

// ParseTaskCreate reads the form of a new Task. Zero fields were not sent.
func ParseTaskCreate(form url.Values) (TaskCreate, error) { return parseTaskCreate(bind(form)) }

func parseTaskCreate(b *binder) (TaskCreate, error) {
	in := TaskCreate{
		Attributes:  taskrouter.NoAttributes,
		WorkflowSID: deref(b.sid("WorkflowSid", taskrouter.PrefixWorkflow)),
		Priority:    deref(b.integer("Priority", 0, taskrouter.MaxPriority)),
		Timeout:     deref(b.seconds("Timeout", time.Second, taskrouter.MaxTaskTimeout)),
		TaskChannel: deref(b.channel("TaskChannel")),
		RoutingTarget: deref(b.sid("RoutingTarget",
			taskrouter.PrefixWorker, taskrouter.PrefixTaskQueue, taskrouter.PrefixWorkflow)),
		IgnoreCapacity: b.flag("IgnoreCapacity"),
		TaskQueueSID:   deref(b.sid("TaskQueueSid", taskrouter.PrefixTaskQueue)),
	}
	if a := b.attributes("Attributes"); a != nil {
		in.Attributes = *a
	}
	t, _ := b.instant("VirtualStartTime")
	in.VirtualStartTime = deref(t)
	return in, b.fault()
}

// channel is the SID or unique name of a TaskChannel.
func (b *binder) channel(name string) *string {
	v := b.text(name)
	if v != nil && strings.TrimSpace(*v) == "" {
		b.fail(0, "%s must not be empty", name)
		return nil
	}
	return v
}

// TaskUpdate is the form of a change to a Task.
type TaskUpdate struct {
	Attributes       *taskrouter.Attributes
	Status           *taskrouter.TaskStatus
	Reason           *string
	Priority         *int64
	TaskChannel      *string
	VirtualStartTime *time.Time
}

// maxReasonLength bounds the text that says why a Task ended.
const maxReasonLength = 4096

// ParseTaskUpdate reads the form of a change to a Task.
func ParseTaskUpdate(form url.Values) (TaskUpdate, error) { return parseTaskUpdate(bind(form)) }

func parseTaskUpdate(b *binder) (TaskUpdate, error) {
	in := TaskUpdate{
		Attributes:  b.attributes("Attributes"),
		Status:      oneOf(b, "AssignmentStatus", taskrouter.TaskStatuses()...),
		Reason:      b.text("Reason"),
		Priority:    b.integer("Priority", 0, taskrouter.MaxPriority),
		TaskChannel: b.channel("TaskChannel"),
	}
	in.VirtualStartTime, _ = b.instant("VirtualStartTime")
	b.note(Parameter{Name: "Reason", MaxLength: maxReasonLength})
	if len(deref(in.Reason)) > maxReasonLength {
		b.fail(0, "Reason must be at most %d bytes", maxReasonLength)
	}
	return in, b.fault()
}

// TaskList is the query of a list of Tasks. Names are not resolved yet.
type TaskList struct {
	// TaskFilter holds all that needs no look-up.
	taskrouter.TaskFilter
	WorkflowName, TaskQueueName string
	// EvaluateTaskAttributes keeps Tasks that satisfy it; empty does not
	// restrict.
	EvaluateTaskAttributes string
	// Nothing is set when no Task can match: none has add-ons here.
	Nothing bool
}

// ParseTaskList reads the query of a list of Tasks.
func ParseTaskList(query url.Values) (TaskList, error) { return parseTaskList(bind(query)) }

func parseTaskList(b *binder) (TaskList, error) {
	in := TaskList{
		TaskFilter: taskrouter.TaskFilter{
			Priority:      b.integer("Priority", 0, taskrouter.MaxPriority),
			RoutingTarget: deref(b.text("RoutingTarget")),
			Order:         b.taskOrder(),
		},
		WorkflowName:           deref(b.text("WorkflowName")),
		TaskQueueName:          deref(b.text("TaskQueueName")),
		EvaluateTaskAttributes: deref(b.text("EvaluateTaskAttributes")),
		Nothing:                deref(b.flag("HasAddons")),
	}
	in.Statuses = someOfWords(b, "AssignmentStatus", taskrouter.TaskStatuses()...)
	if v := b.sid("WorkflowSid", taskrouter.PrefixWorkflow); v != nil {
		in.WorkflowSIDs = []string{*v}
	}
	if v := b.sid("TaskQueueSid", taskrouter.PrefixTaskQueue); v != nil {
		in.QueueSIDs = []string{*v}
	}
	return in, b.fault()
}

// taskOrder reads the Ordering of a list of Tasks: clauses of an attribute and
// a direction, separated by commas.
func (b *binder) taskOrder() []taskrouter.TaskOrdering {
	b.note(Parameter{Name: "Ordering", Many: true, Words: directed(taskrouter.OrderByDateCreated, taskrouter.OrderByPriority, taskrouter.OrderByVirtualStartTime)})
	var out []taskrouter.TaskOrdering
	seen := map[taskrouter.TaskOrderField]bool{}
	for _, clause := range b.split("Ordering") {
		name, order, _ := strings.Cut(clause, ":")
		field := taskrouter.TaskOrderField(strings.TrimSpace(name))
		d, ok := direction(order)
		switch field {
		case taskrouter.OrderByDateCreated, taskrouter.OrderByPriority, taskrouter.OrderByVirtualStartTime:
		default:
			ok = false
		}
		if !ok || seen[field] {
			b.fail(0, "Ordering must list DateCreated, Priority or VirtualStartTime, once each, with :asc or :desc")
			return nil
		}
		seen[field] = true
		out = append(out, taskrouter.TaskOrdering{Field: field, Desc: d == taskrouter.Descending})
	}
	if seen[taskrouter.OrderByDateCreated] && seen[taskrouter.OrderByVirtualStartTime] {
		b.fail(0, "Ordering cannot combine DateCreated and VirtualStartTime")
	}
	return out
}
