package wire

import (
	"encoding/json"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Explanations and dry runs are additions to the public API. Their members
// follow its conventions: snake case, null for what is not there.

// ExplainedValue is what a name in an expression stood for; Value is null when
// Missing.
type ExplainedValue struct {
	Name    string          `json:"name"`
	Value   json.RawMessage `json:"value"`
	Missing bool            `json:"missing"`
}

// ExplainedClause is a clause of an expression, in the syntax of its author.
type ExplainedClause struct {
	Clause  string            `json:"clause"`
	Verdict string            `json:"verdict"`
	Fault   *string           `json:"fault"`
	Join    *string           `json:"join,omitempty"`
	Clauses []ExplainedClause `json:"clauses,omitempty"`
	Values  []ExplainedValue  `json:"values,omitempty"`
}

// ExplainedReason is one thing that keeps an agent from a Task.
type ExplainedReason struct {
	Code       string            `json:"code"`
	Message    string            `json:"message"`
	Activity   *string           `json:"activity_name,omitempty"`
	Used       *int              `json:"assigned,omitempty"`
	Capacity   *int              `json:"capacity,omitempty"`
	Expression *string           `json:"expression,omitempty"`
	Clauses    []ExplainedClause `json:"clauses,omitempty"`
}

// ExplainedOffer is a Reservation with the record of the decision behind it.
type ExplainedOffer struct {
	SID               string          `json:"sid"`
	WorkerSID         string          `json:"worker_sid"`
	WorkerName        string          `json:"worker_name"`
	TaskSID           string          `json:"task_sid"`
	ReservationStatus string          `json:"reservation_status"`
	ReasonCode        *string         `json:"reason_code"`
	DateCreated       *string         `json:"date_created"`
	Deadline          *string         `json:"deadline"`
	Decision          json.RawMessage `json:"decision,omitempty"`
}

// FromOffer renders a Reservation without its record.
func FromOffer(r *taskrouter.Reservation) ExplainedOffer {
	o := ExplainedOffer{
		SID: r.SID, WorkerSID: r.WorkerSID, WorkerName: r.WorkerName, TaskSID: r.TaskSID,
		ReservationStatus: string(r.Status), ReasonCode: nullable(r.ReasonCode), DateCreated: instant(r.CreatedAt),
	}
	if r.Status == taskrouter.ReservationPending {
		o.Deadline = instant(r.Deadline)
	}
	return o
}

// WithDecision adds the record of who was considered, in which order, and why
// others were passed over.
func (o ExplainedOffer) WithDecision(record string) ExplainedOffer {
	if json.Valid([]byte(record)) {
		o.Decision = json.RawMessage(record)
	}
	return o
}

// ExplainedAgent is an agent beside a waiting Task.
type ExplainedAgent struct {
	WorkerSID     string            `json:"worker_sid"`
	FriendlyName  string            `json:"friendly_name"`
	Member        bool              `json:"member"`
	Reasons       []ExplainedReason `json:"reasons"`
	EarlierOffers []ExplainedOffer  `json:"earlier_offers,omitempty"`
	URL           string            `json:"url"`
}

// ExplainedEdit is a change to an agent's attributes.
type ExplainedEdit struct {
	Attribute string          `json:"attribute"`
	Op        string          `json:"op"`
	Value     json.RawMessage `json:"value,omitempty"`
}

// ExplainedStep is one part of a change; Kind says which members it has.
type ExplainedStep struct {
	Kind         string          `json:"kind"`
	Message      string          `json:"message"`
	Channel      *string         `json:"task_channel_unique_name,omitempty"`
	Count        *int            `json:"count,omitempty"`
	ActivitySID  *string         `json:"activity_sid,omitempty"`
	ActivityName *string         `json:"activity_name,omitempty"`
	Edits        []ExplainedEdit `json:"edits,omitempty"`
}

// ExplainedChange is what would make an agent take a Task.
type ExplainedChange struct {
	WorkerSID    string          `json:"worker_sid"`
	FriendlyName string          `json:"friendly_name"`
	Message      string          `json:"message"`
	Assigns      bool            `json:"assigns"`
	TasksAhead   int             `json:"tasks_ahead"`
	Cost         int             `json:"cost"`
	Steps        []ExplainedStep `json:"steps"`
}

// ExplainedPlace is the filter and target a Task is in.
type ExplainedPlace struct {
	ConfigVersion    int64   `json:"configuration_version"`
	Direct           *string `json:"direct"`
	Filter           *int    `json:"filter"`
	DefaultFilter    bool    `json:"default_filter"`
	FilterName       *string `json:"filter_friendly_name"`
	FilterExpression *string `json:"filter_expression"`
	Target           *int    `json:"target"`
	TargetName       *string `json:"target_friendly_name"`
	Expression       *string `json:"expression"`
	OrderBy          *string `json:"order_by"`
	SkipIf           *string `json:"skip_if"`
	KnownWorker      *string `json:"known_worker"`
	QueueSID         *string `json:"task_queue_sid"`
	QueueName        *string `json:"task_queue_friendly_name"`
	TargetWorkers    *string `json:"target_workers"`
}

// ExplainedPosition is a Task's place in its queue.
type ExplainedPosition struct {
	Before  int `json:"before"`
	Waiting int `json:"waiting"`
}

// TaskExplanation is the JSON of where a Task stands and why.
type TaskExplanation struct {
	TaskSID          string             `json:"task_sid"`
	AccountSID       string             `json:"account_sid"`
	WorkspaceSID     string             `json:"workspace_sid"`
	AssignmentStatus string             `json:"assignment_status"`
	State            string             `json:"state"`
	Message          string             `json:"message"`
	Date             *string            `json:"date"`
	EventSeq         int64              `json:"event_seq"`
	WorkflowSID      *string            `json:"workflow_sid"`
	Route            ExplainedPlace     `json:"route"`
	Priority         int64              `json:"priority"`
	VirtualStartTime *string            `json:"virtual_start_time"`
	TargetTimeout    *string            `json:"target_timeout"`
	TimeToLive       *string            `json:"time_to_live"`
	OfferNotBefore   *string            `json:"offer_not_before"`
	Assignments      int                `json:"assignments"`
	MaxAssignments   int                `json:"max_assignments"`
	JobRunning       bool               `json:"bulk_job_running"`
	Position         *ExplainedPosition `json:"position"`
	Agents           []ExplainedAgent   `json:"agents"`
	AgentTotals      map[string]int     `json:"agent_totals"`
	AgentsConsidered int                `json:"agents_considered"`
	AgentsTruncated  bool               `json:"agents_truncated"`
	NearestChanges   []ExplainedChange  `json:"nearest_changes"`
	Reservations     []ExplainedOffer   `json:"reservations"`
	URL              string             `json:"url"`
}

// FromTaskState renders what a Task itself says; the caller fills in the rest.
func FromTaskState(t *taskrouter.Task, at time.Time, l Links) TaskExplanation {
	return TaskExplanation{
		TaskSID: t.SID, AccountSID: t.AccountSID, WorkspaceSID: t.WorkspaceSID, AssignmentStatus: string(t.Status),
		Date: instant(at), WorkflowSID: nullable(t.WorkflowSID), Priority: t.Priority,
		VirtualStartTime: instant(t.VirtualStartTime), TargetTimeout: instant(t.Route.Deadline),
		TimeToLive: instant(t.ExpiresAt()), OfferNotBefore: instant(t.OfferNotBefore), Assignments: t.Assignments,
		URL: l.Workspace(t.WorkspaceSID, "Tasks", t.SID, "Explain"),
	}
}

// ExplainedChannel is an agent's room on one channel.
type ExplainedChannel struct {
	Channel    string `json:"task_channel_unique_name"`
	Available  bool   `json:"available"`
	Configured int    `json:"configured_capacity"`
	Pending    int    `json:"pending"`
	Accepted   int    `json:"accepted"`
	Wrapping   int    `json:"wrapping"`
	HasRoom    bool   `json:"has_room"`
}

// FromChannelRoom renders an agent's channel.
func FromChannelRoom(c *taskrouter.WorkerChannel) ExplainedChannel {
	return ExplainedChannel{
		Channel: c.TaskChannelName, Available: c.Available, Configured: c.ConfiguredCapacity,
		Pending: c.Pending, Accepted: c.Accepted, Wrapping: c.Wrapping, HasRoom: c.HasRoom(),
	}
}

// ExplainedQueue is whether an agent is a member of a queue.
type ExplainedQueue struct {
	SID           string            `json:"sid"`
	FriendlyName  string            `json:"friendly_name"`
	Member        bool              `json:"member"`
	Live          bool              `json:"live"`
	TargetWorkers *string           `json:"target_workers"`
	Fault         *string           `json:"fault"`
	Clauses       []ExplainedClause `json:"clauses,omitempty"`
}

// ExplainedTask is a waiting Task beside an agent.
type ExplainedTask struct {
	TaskSID          string            `json:"task_sid"`
	QueueSID         *string           `json:"task_queue_sid"`
	Priority         int64             `json:"priority"`
	VirtualStartTime *string           `json:"virtual_start_time"`
	Reasons          []ExplainedReason `json:"reasons,omitempty"`
	URL              string            `json:"url"`
}

// FromWaitingTask renders a Task in line.
func FromWaitingTask(t *taskrouter.Task, l Links) ExplainedTask {
	return ExplainedTask{
		TaskSID: t.SID, QueueSID: nullable(t.QueueSID), Priority: t.Priority,
		VirtualStartTime: instant(t.VirtualStartTime), URL: l.Workspace(t.WorkspaceSID, "Tasks", t.SID),
	}
}

// WorkerExplanation is the JSON of why an agent is idle or busy.
type WorkerExplanation struct {
	WorkerSID    string             `json:"worker_sid"`
	AccountSID   string             `json:"account_sid"`
	WorkspaceSID string             `json:"workspace_sid"`
	FriendlyName string             `json:"friendly_name"`
	Message      string             `json:"message"`
	Date         *string            `json:"date"`
	EventSeq     int64              `json:"event_seq"`
	ActivitySID  string             `json:"activity_sid"`
	ActivityName string             `json:"activity_name"`
	Available    bool               `json:"available"`
	MayTake      bool               `json:"may_take_tasks"`
	JobRunning   bool               `json:"bulk_job_running"`
	Channels     []ExplainedChannel `json:"channels"`
	Reservations []ExplainedOffer   `json:"reservations"`
	Queues       []ExplainedQueue   `json:"task_queues"`
	QueuesIn     int                `json:"task_queues_in"`
	QueuesTotal  int                `json:"task_queues_total"`
	NextIfFree   []ExplainedTask    `json:"next_tasks_if_free"`
	Waiting      []ExplainedTask    `json:"waiting_tasks"`
	URL          string             `json:"url"`
}

// FromWorkerState renders what an agent itself says; the caller fills in the
// rest.
func FromWorkerState(w *taskrouter.Worker, activity string, at time.Time, l Links) WorkerExplanation {
	return WorkerExplanation{
		WorkerSID: w.SID, AccountSID: w.AccountSID, WorkspaceSID: w.WorkspaceSID, FriendlyName: w.FriendlyName,
		Date: instant(at), ActivitySID: w.ActivitySID, ActivityName: activity, Available: w.Available,
		URL: l.Workspace(w.WorkspaceSID, "Workers", w.SID, "Explain"),
	}
}

// EvaluatedFilter is a filter of an evaluated configuration.
type EvaluatedFilter struct {
	Index        int             `json:"filter"`
	FriendlyName *string         `json:"filter_friendly_name"`
	Matched      bool            `json:"matched"`
	Chosen       bool            `json:"chosen"`
	Expression   ExplainedClause `json:"expression"`
}

// EvaluatedAgent is an agent who could be offered the Task now.
type EvaluatedAgent struct {
	WorkerSID    string `json:"worker_sid"`
	FriendlyName string `json:"friendly_name"`
}

// EvaluatedTarget is a target of the chosen filter.
type EvaluatedTarget struct {
	Index        int              `json:"target"`
	FriendlyName *string          `json:"target_friendly_name"`
	QueueSID     *string          `json:"task_queue_sid"`
	QueueName    *string          `json:"task_queue_friendly_name"`
	Fault        *string          `json:"fault"`
	Priority     int64            `json:"priority"`
	Timeout      *int64           `json:"timeout"`
	Expression   *string          `json:"expression"`
	OrderBy      *string          `json:"order_by"`
	KnownWorker  *string          `json:"known_worker"`
	SkipIf       *ExplainedClause `json:"skip_if"`
	Members      int              `json:"members"`
	Fitting      int              `json:"agents_fitting"`
	Agents       []EvaluatedAgent `json:"agents"`
}

// Evaluation is the JSON of a dry run.
type Evaluation struct {
	AccountSID    string            `json:"account_sid"`
	WorkspaceSID  string            `json:"workspace_sid"`
	WorkflowSID   *string           `json:"workflow_sid"`
	Date          *string           `json:"date"`
	EventSeq      int64             `json:"event_seq"`
	Outcome       string            `json:"outcome"`
	Message       string            `json:"message"`
	Filters       []EvaluatedFilter `json:"filters"`
	DefaultFilter bool              `json:"default_filter"`
	Targets       []EvaluatedTarget `json:"targets"`
	RestsInFilter *int              `json:"rests_in_filter"`
	RestsInTarget *int              `json:"rests_in_target"`
	Reserved      []EvaluatedAgent  `json:"reserved"`
	URL           string            `json:"url"`
}

// NewEvaluation begins the JSON of a dry run; workflowSID is empty for a
// configuration that is not stored.
func NewEvaluation(accountSID, workspaceSID, workflowSID string, at time.Time, l Links) Evaluation {
	below := []string{"Workflows", "Evaluate"}
	if workflowSID != "" {
		below = []string{"Workflows", workflowSID, "Evaluate"}
	}
	return Evaluation{
		AccountSID: accountSID, WorkspaceSID: workspaceSID, WorkflowSID: nullable(workflowSID), Date: instant(at),
		URL: l.Workspace(workspaceSID, below...),
	}
}
