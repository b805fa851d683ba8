package store

import (
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

type accountRow struct {
	bun.BaseModel `bun:"table:accounts,alias:accounts"`

	SID                  string `bun:"sid,pk"`
	FriendlyName         string `bun:"friendly_name"`
	AuthTokenSealed      []byte `bun:"auth_token_sealed"`
	SecondaryTokenSealed []byte `bun:"secondary_token_sealed"`
	VerifyVoiceSignature bool   `bun:"verify_voice_signature"`
	CreatedAt            int64  `bun:"created_at"`
	UpdatedAt            int64  `bun:"updated_at"`
}

func fromAccount(a *taskrouter.Account) *accountRow {
	return &accountRow{
		SID: a.SID, FriendlyName: a.FriendlyName, AuthTokenSealed: a.AuthTokenSealed,
		SecondaryTokenSealed: a.SecondaryTokenSealed, VerifyVoiceSignature: a.VerifyVoiceSignature,
		CreatedAt: micros(a.CreatedAt), UpdatedAt: micros(a.UpdatedAt),
	}
}

func (r *accountRow) domain() *taskrouter.Account {
	return &taskrouter.Account{
		SID: r.SID, FriendlyName: r.FriendlyName, AuthTokenSealed: r.AuthTokenSealed,
		SecondaryTokenSealed: r.SecondaryTokenSealed, VerifyVoiceSignature: r.VerifyVoiceSignature,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type workspaceRow struct {
	bun.BaseModel `bun:"table:workspaces,alias:workspaces"`

	SID                  string `bun:"sid,pk"`
	AccountSID           string `bun:"account_sid"`
	FriendlyName         string `bun:"friendly_name"`
	DefaultActivitySID   string `bun:"default_activity_sid"`
	TimeoutActivitySID   string `bun:"timeout_activity_sid"`
	EventCallbackURL     string `bun:"event_callback_url"`
	EventsFilter         string `bun:"events_filter"`
	MultiTaskEnabled     bool   `bun:"multi_task_enabled"`
	PrioritizeQueueOrder string `bun:"prioritize_queue_order"`
	Deleting             bool   `bun:"deleting"`
	Version              int64  `bun:"version"`
	CreatedAt            int64  `bun:"created_at"`
	UpdatedAt            int64  `bun:"updated_at"`
}

func fromWorkspace(w *taskrouter.Workspace) *workspaceRow {
	return &workspaceRow{
		SID: w.SID, AccountSID: w.AccountSID, FriendlyName: w.FriendlyName,
		DefaultActivitySID: w.DefaultActivitySID, TimeoutActivitySID: w.TimeoutActivitySID,
		EventCallbackURL: w.EventCallbackURL, EventsFilter: w.EventsFilter,
		MultiTaskEnabled: w.MultiTaskEnabled, PrioritizeQueueOrder: string(w.PrioritizeQueueOrder),
		Deleting: w.Deleting, Version: w.Version,
		CreatedAt: micros(w.CreatedAt), UpdatedAt: micros(w.UpdatedAt),
	}
}

func (r *workspaceRow) domain() *taskrouter.Workspace {
	return &taskrouter.Workspace{
		SID: r.SID, AccountSID: r.AccountSID, FriendlyName: r.FriendlyName,
		DefaultActivitySID: r.DefaultActivitySID, TimeoutActivitySID: r.TimeoutActivitySID,
		EventCallbackURL: r.EventCallbackURL, EventsFilter: r.EventsFilter,
		MultiTaskEnabled: r.MultiTaskEnabled, PrioritizeQueueOrder: taskrouter.QueueOrder(r.PrioritizeQueueOrder),
		Deleting: r.Deleting, Version: r.Version,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type activityRow struct {
	bun.BaseModel `bun:"table:activities,alias:activities"`

	SID          string `bun:"sid,pk"`
	AccountSID   string `bun:"account_sid"`
	WorkspaceSID string `bun:"workspace_sid"`
	FriendlyName string `bun:"friendly_name"`
	Available    bool   `bun:"available"`
	CreatedAt    int64  `bun:"created_at"`
	UpdatedAt    int64  `bun:"updated_at"`
}

func fromActivity(a *taskrouter.Activity) *activityRow {
	return &activityRow{
		SID: a.SID, AccountSID: a.AccountSID, WorkspaceSID: a.WorkspaceSID,
		FriendlyName: a.FriendlyName, Available: a.Available,
		CreatedAt: micros(a.CreatedAt), UpdatedAt: micros(a.UpdatedAt),
	}
}

func (r *activityRow) domain() *taskrouter.Activity {
	return &taskrouter.Activity{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		FriendlyName: r.FriendlyName, Available: r.Available,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type channelRow struct {
	bun.BaseModel `bun:"table:task_channels,alias:task_channels"`

	SID              string `bun:"sid,pk"`
	AccountSID       string `bun:"account_sid"`
	WorkspaceSID     string `bun:"workspace_sid"`
	FriendlyName     string `bun:"friendly_name"`
	UniqueName       string `bun:"unique_name"`
	OptimizedRouting bool   `bun:"optimized_routing"`
	CreatedAt        int64  `bun:"created_at"`
	UpdatedAt        int64  `bun:"updated_at"`
}

func fromChannel(c *taskrouter.TaskChannel) *channelRow {
	return &channelRow{
		SID: c.SID, AccountSID: c.AccountSID, WorkspaceSID: c.WorkspaceSID,
		FriendlyName: c.FriendlyName, UniqueName: c.UniqueName, OptimizedRouting: c.OptimizedRouting,
		CreatedAt: micros(c.CreatedAt), UpdatedAt: micros(c.UpdatedAt),
	}
}

func (r *channelRow) domain() *taskrouter.TaskChannel {
	return &taskrouter.TaskChannel{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		FriendlyName: r.FriendlyName, UniqueName: r.UniqueName, OptimizedRouting: r.OptimizedRouting,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type queueRow struct {
	bun.BaseModel `bun:"table:task_queues,alias:task_queues"`

	SID                    string `bun:"sid,pk"`
	AccountSID             string `bun:"account_sid"`
	WorkspaceSID           string `bun:"workspace_sid"`
	FriendlyName           string `bun:"friendly_name"`
	TargetWorkers          string `bun:"target_workers"`
	MaxReservedWorkers     int    `bun:"max_reserved_workers"`
	TaskOrder              string `bun:"task_order"`
	ReservationActivitySID string `bun:"reservation_activity_sid"`
	AssignmentActivitySID  string `bun:"assignment_activity_sid"`
	ExpressionVersion      int64  `bun:"expression_version"`
	CreatedAt              int64  `bun:"created_at"`
	UpdatedAt              int64  `bun:"updated_at"`
}

func fromQueue(q *taskrouter.TaskQueue) *queueRow {
	return &queueRow{
		SID: q.SID, AccountSID: q.AccountSID, WorkspaceSID: q.WorkspaceSID,
		FriendlyName: q.FriendlyName, TargetWorkers: q.TargetWorkers,
		MaxReservedWorkers: q.MaxReservedWorkers, TaskOrder: string(q.TaskOrder),
		ReservationActivitySID: q.ReservationActivitySID, AssignmentActivitySID: q.AssignmentActivitySID,
		ExpressionVersion: q.ExpressionVersion,
		CreatedAt:         micros(q.CreatedAt), UpdatedAt: micros(q.UpdatedAt),
	}
}

func (r *queueRow) domain() *taskrouter.TaskQueue {
	return &taskrouter.TaskQueue{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		FriendlyName: r.FriendlyName, TargetWorkers: r.TargetWorkers,
		MaxReservedWorkers: r.MaxReservedWorkers, TaskOrder: taskrouter.QueueOrder(r.TaskOrder),
		ReservationActivitySID: r.ReservationActivitySID, AssignmentActivitySID: r.AssignmentActivitySID,
		ExpressionVersion: r.ExpressionVersion,
		CreatedAt:         instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type workflowRow struct {
	bun.BaseModel `bun:"table:workflows,alias:workflows"`

	SID                string `bun:"sid,pk"`
	AccountSID         string `bun:"account_sid"`
	WorkspaceSID       string `bun:"workspace_sid"`
	FriendlyName       string `bun:"friendly_name"`
	Configuration      string `bun:"configuration"`
	ConfigVersion      int64  `bun:"config_version"`
	CallbackURL        string `bun:"callback_url"`
	FallbackURL        string `bun:"fallback_url"`
	ReservationTimeout int64  `bun:"reservation_timeout"`
	CreatedAt          int64  `bun:"created_at"`
	UpdatedAt          int64  `bun:"updated_at"`
}

func fromWorkflow(w *taskrouter.Workflow) *workflowRow {
	return &workflowRow{
		SID: w.SID, AccountSID: w.AccountSID, WorkspaceSID: w.WorkspaceSID,
		FriendlyName: w.FriendlyName, Configuration: w.Configuration, ConfigVersion: w.ConfigVersion,
		CallbackURL: w.AssignmentCallbackURL, FallbackURL: w.FallbackAssignmentCallbackURL,
		ReservationTimeout: span(w.TaskReservationTimeout),
		CreatedAt:          micros(w.CreatedAt), UpdatedAt: micros(w.UpdatedAt),
	}
}

func (r *workflowRow) domain() *taskrouter.Workflow {
	return &taskrouter.Workflow{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		FriendlyName: r.FriendlyName, Configuration: r.Configuration, ConfigVersion: r.ConfigVersion,
		AssignmentCallbackURL: r.CallbackURL, FallbackAssignmentCallbackURL: r.FallbackURL,
		TaskReservationTimeout: duration(r.ReservationTimeout),
		CreatedAt:              instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

// workflowVersionRow keeps one text of a configuration for good.
type workflowVersionRow struct {
	bun.BaseModel `bun:"table:workflow_versions,alias:workflow_versions"`

	WorkflowSID   string `bun:"workflow_sid,pk"`
	ConfigVersion int64  `bun:"config_version,pk"`
	WorkspaceSID  string `bun:"workspace_sid"`
	Configuration string `bun:"configuration"`
}

type callQueueRow struct {
	bun.BaseModel `bun:"table:call_queues,alias:call_queues"`

	SID          string `bun:"sid,pk"`
	AccountSID   string `bun:"account_sid"`
	WorkspaceSID string `bun:"workspace_sid"`
	FriendlyName string `bun:"friendly_name"`
	WorkflowSID  string `bun:"workflow_sid"`
	Menu         string `bun:"menu"`
	HoldMusicURL string `bun:"hold_music_url"`
	Instruction  string `bun:"instruction"`
	Backend      string `bun:"backend"`
	WrapUp       int64  `bun:"wrap_up"`
	CreatedAt    int64  `bun:"created_at"`
	UpdatedAt    int64  `bun:"updated_at"`
}

func fromCallQueue(q *taskrouter.CallQueue) *callQueueRow {
	return &callQueueRow{
		SID: q.SID, AccountSID: q.AccountSID, WorkspaceSID: q.WorkspaceSID,
		FriendlyName: q.FriendlyName, WorkflowSID: q.WorkflowSID, Menu: q.Menu,
		HoldMusicURL: q.HoldMusicURL, Instruction: q.Instruction, Backend: q.Backend, WrapUp: span(q.WrapUp),
		CreatedAt: micros(q.CreatedAt), UpdatedAt: micros(q.UpdatedAt),
	}
}

func (r *callQueueRow) domain() *taskrouter.CallQueue {
	return &taskrouter.CallQueue{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		FriendlyName: r.FriendlyName, WorkflowSID: r.WorkflowSID, Menu: r.Menu,
		HoldMusicURL: r.HoldMusicURL, Instruction: r.Instruction, Backend: r.Backend, WrapUp: duration(r.WrapUp),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

// numberRow binds one phone number of a back-end to its call queue.
type numberRow struct {
	bun.BaseModel `bun:"table:call_queue_numbers,alias:call_queue_numbers"`

	Backend      string `bun:"backend,pk"`
	PhoneNumber  string `bun:"phone_number,pk"`
	CallQueueSID string `bun:"call_queue_sid"`
	Position     int    `bun:"position"`
}
