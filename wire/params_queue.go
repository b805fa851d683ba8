package wire

import (
	"net/url"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// TaskQueueForm is the form of a new TaskQueue or of a change to one.
type TaskQueueForm struct {
	FriendlyName           *string
	TargetWorkers          *string
	MaxReservedWorkers     *int64
	TaskOrder              *string
	ReservationActivitySID *string
	AssignmentActivitySID  *string
}

// ParseTaskQueueCreate reads the form of a new TaskQueue; its name is set.
func ParseTaskQueueCreate(form url.Values) (TaskQueueForm, error) {
	return parseTaskQueueCreate(bind(form))
}

func parseTaskQueueCreate(b *binder) (TaskQueueForm, error) {
	b.required("FriendlyName")
	return parseTaskQueue(b)
}

// ParseTaskQueueUpdate reads the form of a change to a TaskQueue.
func ParseTaskQueueUpdate(form url.Values) (TaskQueueForm, error) { return parseTaskQueue(bind(form)) }

func parseTaskQueue(b *binder) (TaskQueueForm, error) {
	in := TaskQueueForm{
		FriendlyName:           b.name("FriendlyName"),
		TargetWorkers:          b.text("TargetWorkers"),
		MaxReservedWorkers:     b.integer("MaxReservedWorkers", 1, taskrouter.MaxReservedWorkers),
		TaskOrder:              oneOf(b, "TaskOrder", queueOrders()...),
		ReservationActivitySID: b.sid("ReservationActivitySid", taskrouter.PrefixActivity),
		AssignmentActivitySID:  b.sid("AssignmentActivitySid", taskrouter.PrefixActivity),
	}
	return in, b.fault()
}

// TaskQueueList is the query of a list of TaskQueues.
type TaskQueueList struct {
	taskrouter.QueueFilter
	// EvaluateWorkerAttributes keeps queues whose expression these attributes
	// satisfy; nil does not restrict.
	EvaluateWorkerAttributes *taskrouter.Attributes
}

// ParseTaskQueueList reads the query of a list of TaskQueues.
func ParseTaskQueueList(query url.Values) (TaskQueueList, error) {
	return parseTaskQueueList(bind(query))
}

func parseTaskQueueList(b *binder) (TaskQueueList, error) {
	in := TaskQueueList{QueueFilter: taskrouter.QueueFilter{
		FriendlyName:  deref(b.text("FriendlyName")),
		WorkerSID:     deref(b.sid("WorkerSid", taskrouter.PrefixWorker)),
		ByDateUpdated: b.ordering("DateUpdated"),
	}}
	b.note(Parameter{Name: "EvaluateWorkerAttributes", Kind: KindObject})
	if v := b.text("EvaluateWorkerAttributes"); v != nil {
		a, err := taskrouter.ParseAttributes(*v)
		if err != nil || strings.TrimSpace(*v) == "" {
			b.fail(0, "EvaluateWorkerAttributes must be a JSON object of Worker attributes")
		}
		in.EvaluateWorkerAttributes = &a
	}
	return in, b.fault()
}

// ordering reads an Ordering parameter that knows one attribute.
func (b *binder) ordering(attribute string) taskrouter.Direction {
	b.note(Parameter{Name: "Ordering", Words: directed(attribute)})
	v := b.text("Ordering")
	if v == nil || *v == "" {
		return ""
	}
	name, order, _ := strings.Cut(strings.TrimSpace(*v), ":")
	if strings.TrimSpace(name) == attribute {
		if d, ok := direction(order); ok {
			return d
		}
	}
	b.fail(0, "Ordering must be %s:asc or %s:desc", attribute, attribute)
	return ""
}

// directed are the spellings of an order by each of some attributes.
func directed[S ~string](attributes ...S) []string {
	var out []string
	for _, a := range attributes {
		out = append(out, string(a)+":asc", string(a)+":desc")
	}
	return out
}

func direction(s string) (taskrouter.Direction, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "asc":
		return taskrouter.Ascending, true
	case "desc":
		return taskrouter.Descending, true
	default:
		return "", false
	}
}

// WorkflowForm is the form of a new Workflow or of a change to one.
type WorkflowForm struct {
	FriendlyName                  *string
	Configuration                 *string
	AssignmentCallbackURL         *string
	FallbackAssignmentCallbackURL *string
	// TaskReservationTimeout is in seconds.
	TaskReservationTimeout *int64
	// ReEvaluateTasks sends pending Tasks through the new configuration;
	// changes only.
	ReEvaluateTasks bool
}

// ParseWorkflowCreate reads the form of a new Workflow; its name and
// configuration are set.
func ParseWorkflowCreate(form url.Values) (WorkflowForm, error) {
	return parseWorkflowCreate(bind(form))
}

func parseWorkflowCreate(b *binder) (WorkflowForm, error) {
	b.required("FriendlyName")
	b.required("Configuration")
	b.note(Parameter{Name: "Configuration", Kind: KindObject})
	return parseWorkflow(b)
}

// ParseWorkflowUpdate reads the form of a change to a Workflow.
func ParseWorkflowUpdate(form url.Values) (WorkflowForm, error) {
	return parseWorkflowUpdate(bind(form))
}

func parseWorkflowUpdate(b *binder) (WorkflowForm, error) {
	in, _ := parseWorkflow(b)
	in.ReEvaluateTasks = deref(b.flag("ReEvaluateTasks"))
	return in, b.fault()
}

func parseWorkflow(b *binder) (WorkflowForm, error) {
	return WorkflowForm{
		FriendlyName:                  b.name("FriendlyName"),
		Configuration:                 b.text("Configuration"),
		AssignmentCallbackURL:         b.address("AssignmentCallbackUrl"),
		FallbackAssignmentCallbackURL: b.address("FallbackAssignmentCallbackUrl"),
		TaskReservationTimeout:        b.integer("TaskReservationTimeout", 1, int64(taskrouter.MaxReservationTimeout/time.Second)),
	}, b.fault()
}
