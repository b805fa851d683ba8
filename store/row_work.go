package store

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

type workerRow struct {
	bun.BaseModel `bun:"table:workers,alias:workers"`

	SID                string `bun:"sid,pk"`
	AccountSID         string `bun:"account_sid"`
	WorkspaceSID       string `bun:"workspace_sid"`
	FriendlyName       string `bun:"friendly_name"`
	NameKey            string `bun:"name_key"`
	ActivitySID        string `bun:"activity_sid"`
	Available          bool   `bun:"available"`
	Attributes         string `bun:"attributes"`
	DateStatusChanged  int64  `bun:"date_status_changed"`
	LastReservedAt     int64  `bun:"last_reserved_at"`
	Version            int64  `bun:"version"`
	EligibilityVersion int64  `bun:"eligibility_version"`
	CreatedAt          int64  `bun:"created_at"`
	UpdatedAt          int64  `bun:"updated_at"`
}

// nameKey is what makes two friendly names of Workers the same.
func nameKey(name string) string { return strings.ToLower(name) }

func fromWorker(w *taskrouter.Worker) *workerRow {
	return &workerRow{
		SID: w.SID, AccountSID: w.AccountSID, WorkspaceSID: w.WorkspaceSID,
		FriendlyName: w.FriendlyName, NameKey: nameKey(w.FriendlyName),
		ActivitySID: w.ActivitySID, Available: w.Available, Attributes: string(w.Attributes),
		DateStatusChanged: micros(w.DateStatusChanged), LastReservedAt: micros(w.LastReservedAt),
		Version: w.Version, EligibilityVersion: w.EligibilityVersion,
		CreatedAt: micros(w.CreatedAt), UpdatedAt: micros(w.UpdatedAt),
	}
}

func (r *workerRow) domain() *taskrouter.Worker {
	return &taskrouter.Worker{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		FriendlyName: r.FriendlyName, ActivitySID: r.ActivitySID, Available: r.Available,
		Attributes:        taskrouter.Attributes(r.Attributes),
		DateStatusChanged: instant(r.DateStatusChanged), LastReservedAt: instant(r.LastReservedAt),
		Version: r.Version, EligibilityVersion: r.EligibilityVersion,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type workerChannelRow struct {
	bun.BaseModel `bun:"table:worker_channels,alias:worker_channels"`

	SID                string `bun:"sid,pk"`
	AccountSID         string `bun:"account_sid"`
	WorkspaceSID       string `bun:"workspace_sid"`
	WorkerSID          string `bun:"worker_sid"`
	TaskChannelSID     string `bun:"task_channel_sid"`
	TaskChannelName    string `bun:"task_channel_name"`
	Available          bool   `bun:"available"`
	ConfiguredCapacity int    `bun:"configured_capacity"`
	Pending            int    `bun:"pending"`
	Accepted           int    `bun:"accepted"`
	Wrapping           int    `bun:"wrapping"`
	LastReservedAt     int64  `bun:"last_reserved_at"`
	WorkerAvailable    bool   `bun:"worker_available"`
	WorkerIdleAt       int64  `bun:"worker_idle_at"`
	CreatedAt          int64  `bun:"created_at"`
	UpdatedAt          int64  `bun:"updated_at"`
}

func fromWorkerChannel(c *taskrouter.WorkerChannel) *workerChannelRow {
	return &workerChannelRow{
		SID: c.SID, AccountSID: c.AccountSID, WorkspaceSID: c.WorkspaceSID, WorkerSID: c.WorkerSID,
		TaskChannelSID: c.TaskChannelSID, TaskChannelName: c.TaskChannelName,
		Available: c.Available, ConfiguredCapacity: c.ConfiguredCapacity,
		Pending: c.Pending, Accepted: c.Accepted, Wrapping: c.Wrapping,
		LastReservedAt: micros(c.LastReservedAt),
		CreatedAt:      micros(c.CreatedAt), UpdatedAt: micros(c.UpdatedAt),
	}
}

func (r *workerChannelRow) domain() *taskrouter.WorkerChannel {
	return &taskrouter.WorkerChannel{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID, WorkerSID: r.WorkerSID,
		TaskChannelSID: r.TaskChannelSID, TaskChannelName: r.TaskChannelName,
		Available: r.Available, ConfiguredCapacity: r.ConfiguredCapacity,
		Pending: r.Pending, Accepted: r.Accepted, Wrapping: r.Wrapping,
		LastReservedAt: instant(r.LastReservedAt),
		CreatedAt:      instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type memberRow struct {
	bun.BaseModel `bun:"table:queue_members,alias:queue_members"`

	QueueSID     string `bun:"queue_sid,pk"`
	WorkerSID    string `bun:"worker_sid,pk"`
	WorkspaceSID string `bun:"workspace_sid"`
}

type taskRow struct {
	bun.BaseModel `bun:"table:tasks,alias:tasks"`

	SID                string `bun:"sid,pk"`
	AccountSID         string `bun:"account_sid"`
	WorkspaceSID       string `bun:"workspace_sid"`
	Status             string `bun:"status"`
	IsEnded            bool   `bun:"is_ended"`
	Attributes         string `bun:"attributes"`
	Priority           int64  `bun:"priority"`
	Reason             string `bun:"reason"`
	Timeout            int64  `bun:"timeout"`
	VirtualStartAt     int64  `bun:"virtual_start_at"`
	TaskChannelSID     string `bun:"task_channel_sid"`
	WorkflowSID        string `bun:"workflow_sid"`
	QueueSID           string `bun:"queue_sid"`
	QueueEnteredAt     int64  `bun:"queue_entered_at"`
	RouteConfigVersion int64  `bun:"route_config_version"`
	RouteFilter        int    `bun:"route_filter"`
	RouteTarget        int    `bun:"route_target"`
	RouteEnteredAt     int64  `bun:"route_entered_at"`
	RouteDeadline      int64  `bun:"route_deadline"`
	RouteDue           bool   `bun:"route_due"`
	RouteReEvaluate    string `bun:"route_re_evaluate"`
	RouteDirect        string `bun:"route_direct"`
	RoutingTarget      string `bun:"routing_target"`
	IgnoreCapacity     *bool  `bun:"ignore_capacity"`
	Assignments        int    `bun:"assignments"`
	FailedOffers       int    `bun:"failed_offers"`
	OfferNotBefore     int64  `bun:"offer_not_before"`
	DemandClass        string `bun:"demand_class"`
	CallSID            string `bun:"call_sid"`
	WrapUp             int64  `bun:"wrap_up"`
	AssignedAt         int64  `bun:"assigned_at"`
	WrappingAt         int64  `bun:"wrapping_at"`
	EndedAt            int64  `bun:"ended_at"`
	RemoveAt           int64  `bun:"remove_at"`
	Deadline           int64  `bun:"deadline"`
	Version            int64  `bun:"version"`
	Revision           int64  `bun:"revision"`
	CreatedAt          int64  `bun:"created_at"`
	UpdatedAt          int64  `bun:"updated_at"`
}

func fromTask(t *taskrouter.Task, deadline time.Time) *taskRow {
	return &taskRow{
		SID: t.SID, AccountSID: t.AccountSID, WorkspaceSID: t.WorkspaceSID,
		Status: string(t.Status), IsEnded: t.Status.Ended(), Attributes: string(t.Attributes),
		Priority: t.Priority, Reason: t.Reason, Timeout: span(t.Timeout), VirtualStartAt: micros(t.VirtualStartTime),
		TaskChannelSID: t.TaskChannelSID, WorkflowSID: t.WorkflowSID,
		QueueSID: t.QueueSID, QueueEnteredAt: micros(t.QueueEnteredAt),
		RouteConfigVersion: t.Route.ConfigVersion, RouteFilter: t.Route.Filter, RouteTarget: t.Route.Target,
		RouteEnteredAt: micros(t.Route.EnteredAt), RouteDeadline: micros(t.Route.Deadline), RouteDue: t.Route.Due,
		RouteReEvaluate: string(t.Route.ReEvaluate), RouteDirect: string(t.Route.Direct),
		RoutingTarget: t.RoutingTarget, IgnoreCapacity: t.IgnoreCapacity,
		Assignments: t.Assignments, FailedOffers: t.FailedOffers, OfferNotBefore: micros(t.OfferNotBefore),
		DemandClass: t.DemandClass, CallSID: t.CallSID, WrapUp: span(t.WrapUp),
		AssignedAt: micros(t.AssignedAt), WrappingAt: micros(t.WrappingAt),
		EndedAt: micros(t.EndedAt), RemoveAt: micros(t.RemoveAt), Deadline: micros(deadline),
		Version: t.Version, Revision: t.Revision,
		CreatedAt: micros(t.CreatedAt), UpdatedAt: micros(t.UpdatedAt),
	}
}

func (r *taskRow) domain() *taskrouter.Task {
	return &taskrouter.Task{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		Status: taskrouter.TaskStatus(r.Status), Attributes: taskrouter.Attributes(r.Attributes),
		Priority: r.Priority, Reason: r.Reason, Timeout: duration(r.Timeout), VirtualStartTime: instant(r.VirtualStartAt),
		TaskChannelSID: r.TaskChannelSID, WorkflowSID: r.WorkflowSID,
		QueueSID: r.QueueSID, QueueEnteredAt: instant(r.QueueEnteredAt),
		Route: taskrouter.Route{
			ConfigVersion: r.RouteConfigVersion, Filter: r.RouteFilter, Target: r.RouteTarget,
			EnteredAt: instant(r.RouteEnteredAt), Deadline: instant(r.RouteDeadline), Due: r.RouteDue,
			ReEvaluate: taskrouter.ReEvaluation(r.RouteReEvaluate), Direct: taskrouter.Direct(r.RouteDirect),
		},
		RoutingTarget: r.RoutingTarget, IgnoreCapacity: r.IgnoreCapacity,
		Assignments: r.Assignments, FailedOffers: r.FailedOffers, OfferNotBefore: instant(r.OfferNotBefore),
		DemandClass: r.DemandClass, CallSID: r.CallSID, WrapUp: duration(r.WrapUp),
		AssignedAt: instant(r.AssignedAt), WrappingAt: instant(r.WrappingAt),
		EndedAt: instant(r.EndedAt), RemoveAt: instant(r.RemoveAt),
		Version: r.Version, Revision: r.Revision,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type reservationRow struct {
	bun.BaseModel `bun:"table:reservations,alias:reservations"`

	SID                 string `bun:"sid,pk"`
	AccountSID          string `bun:"account_sid"`
	WorkspaceSID        string `bun:"workspace_sid"`
	TaskSID             string `bun:"task_sid"`
	WorkerSID           string `bun:"worker_sid"`
	WorkerName          string `bun:"worker_name"`
	Status              string `bun:"status"`
	IsOpen              bool   `bun:"is_open"`
	ReasonCode          string `bun:"reason_code"`
	TaskChannelSID      string `bun:"task_channel_sid"`
	QueueSID            string `bun:"queue_sid"`
	WorkflowSID         string `bun:"workflow_sid"`
	Deadline            int64  `bun:"deadline"`
	Callback            string `bun:"callback"`
	Instruction         string `bun:"instruction"`
	PostWorkActivitySID string `bun:"post_work_activity_sid"`
	PreviousActivitySID string `bun:"previous_activity_sid"`
	IgnoresCapacity     bool   `bun:"ignores_capacity"`
	Decision            string `bun:"decision"`
	AcceptedAt          int64  `bun:"accepted_at"`
	WrappingAt          int64  `bun:"wrapping_at"`
	EndedAt             int64  `bun:"ended_at"`
	Version             int64  `bun:"version"`
	CreatedAt           int64  `bun:"created_at"`
	UpdatedAt           int64  `bun:"updated_at"`
}

func fromReservation(r *taskrouter.Reservation) *reservationRow {
	return &reservationRow{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		TaskSID: r.TaskSID, WorkerSID: r.WorkerSID, WorkerName: r.WorkerName,
		Status: string(r.Status), IsOpen: r.Status.Open(), ReasonCode: r.ReasonCode,
		TaskChannelSID: r.TaskChannelSID, QueueSID: r.QueueSID, WorkflowSID: r.WorkflowSID,
		Deadline: micros(r.Deadline), Callback: string(r.Callback), Instruction: encodeInstruction(r.Instruction),
		PostWorkActivitySID: r.PostWorkActivitySID, PreviousActivitySID: r.PreviousActivitySID,
		IgnoresCapacity: r.IgnoresCapacity, Decision: r.Decision,
		AcceptedAt: micros(r.AcceptedAt), WrappingAt: micros(r.WrappingAt), EndedAt: micros(r.EndedAt),
		Version: r.Version, CreatedAt: micros(r.CreatedAt), UpdatedAt: micros(r.UpdatedAt),
	}
}

func (r *reservationRow) domain() *taskrouter.Reservation {
	return &taskrouter.Reservation{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		TaskSID: r.TaskSID, WorkerSID: r.WorkerSID, WorkerName: r.WorkerName,
		Status: taskrouter.ReservationStatus(r.Status), ReasonCode: r.ReasonCode,
		TaskChannelSID: r.TaskChannelSID, QueueSID: r.QueueSID, WorkflowSID: r.WorkflowSID,
		Deadline: instant(r.Deadline), Callback: taskrouter.CallbackState(r.Callback),
		Instruction:         decodeInstruction(r.Instruction),
		PostWorkActivitySID: r.PostWorkActivitySID, PreviousActivitySID: r.PreviousActivitySID,
		IgnoresCapacity: r.IgnoresCapacity, Decision: r.Decision,
		AcceptedAt: instant(r.AcceptedAt), WrappingAt: instant(r.WrappingAt), EndedAt: instant(r.EndedAt),
		Version: r.Version, CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

// instructionDoc is an Instruction in its column.
type instructionDoc struct {
	Kind   string            `json:"kind"`
	Params map[string]string `json:"params,omitempty"`
}

func encodeInstruction(i *taskrouter.Instruction) string {
	if i == nil {
		return ""
	}
	b, err := json.Marshal(instructionDoc{Kind: string(i.Kind), Params: i.Params})
	if err != nil { // texts always encode
		return ""
	}
	return string(b)
}

func decodeInstruction(s string) *taskrouter.Instruction {
	if s == "" {
		return nil
	}
	var d instructionDoc
	_ = json.Unmarshal([]byte(s), &d) // only encodeInstruction writes the column
	return &taskrouter.Instruction{Kind: taskrouter.InstructionKind(d.Kind), Params: d.Params}
}

type classRow struct {
	bun.BaseModel `bun:"table:demand_classes,alias:demand_classes"`

	WorkspaceSID     string `bun:"workspace_sid,pk"`
	Key              string `bun:"class_key,pk"`
	QueueSID         string `bun:"queue_sid"`
	ChannelSID       string `bun:"channel_sid"`
	WorkflowSID      string `bun:"workflow_sid"`
	ConfigVersion    int64  `bun:"config_version"`
	Filter           int    `bun:"filter_index"`
	Target           int    `bun:"target_index"`
	WorkerSID        string `bun:"worker_sid"`
	IgnoreMembership bool   `bun:"ignore_membership"`
	Sample           string `bun:"sample"`
	Waiting          int    `bun:"waiting"`
}

func fromClass(c *dispatch.DemandClass) *classRow {
	return &classRow{
		WorkspaceSID: c.WorkspaceSID, Key: c.Key, QueueSID: c.QueueSID, ChannelSID: c.ChannelSID,
		WorkflowSID: c.WorkflowSID, ConfigVersion: c.ConfigVersion, Filter: c.Filter, Target: c.Target,
		WorkerSID: c.WorkerSID, IgnoreMembership: c.IgnoreMembership, Sample: string(c.Sample), Waiting: c.Waiting,
	}
}

func (r *classRow) domain() *dispatch.DemandClass {
	return &dispatch.DemandClass{
		WorkspaceSID: r.WorkspaceSID, Key: r.Key, QueueSID: r.QueueSID, ChannelSID: r.ChannelSID,
		WorkflowSID: r.WorkflowSID, ConfigVersion: r.ConfigVersion, Filter: r.Filter, Target: r.Target,
		WorkerSID: r.WorkerSID, IgnoreMembership: r.IgnoreMembership,
		Sample: taskrouter.Attributes(r.Sample), Waiting: r.Waiting,
	}
}
