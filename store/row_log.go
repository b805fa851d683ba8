package store

import (
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

type lockRow struct {
	bun.BaseModel `bun:"table:workspace_locks,alias:workspace_locks"`

	WorkspaceSID   string `bun:"workspace_sid,pk"`
	AccountSID     string `bun:"account_sid"`
	ConfigRevision int64  `bun:"config_revision"`
	EventSeq       int64  `bun:"event_seq"`
	NextDue        int64  `bun:"next_due"`
}

func (r *lockRow) domain() dispatch.LockRow {
	return dispatch.LockRow{
		WorkspaceSID: r.WorkspaceSID, AccountSID: r.AccountSID,
		ConfigRevision: r.ConfigRevision, EventSeq: r.EventSeq, NextDue: instant(r.NextDue),
	}
}

type eventRow struct {
	bun.BaseModel `bun:"table:events,alias:events"`

	WorkspaceSID   string `bun:"workspace_sid,pk"`
	Seq            int64  `bun:"seq,pk"`
	SID            string `bun:"sid"`
	AccountSID     string `bun:"account_sid"`
	Type           string `bun:"type"`
	Description    string `bun:"description"`
	At             int64  `bun:"at"`
	Data           string `bun:"data"`
	ResourceType   string `bun:"resource_type"`
	ResourceSID    string `bun:"resource_sid"`
	ActorType      string `bun:"actor_type"`
	ActorSID       string `bun:"actor_sid"`
	ActorSource    string `bun:"actor_source"`
	ActorIP        string `bun:"actor_ip"`
	TaskSID        string `bun:"task_sid"`
	WorkerSID      string `bun:"worker_sid"`
	ReservationSID string `bun:"reservation_sid"`
	QueueSID       string `bun:"queue_sid"`
	WorkflowSID    string `bun:"workflow_sid"`
	TaskChannelSID string `bun:"task_channel_sid"`
}

func fromEvent(e *taskrouter.Event) *eventRow {
	return &eventRow{
		WorkspaceSID: e.WorkspaceSID, Seq: e.Seq, SID: e.SID, AccountSID: e.AccountSID,
		Type: string(e.Type), Description: e.Description, At: micros(e.At), Data: encodeMap(e.Data),
		ResourceType: e.ResourceType, ResourceSID: e.ResourceSID,
		ActorType: e.Actor.Type, ActorSID: e.Actor.SID, ActorSource: e.Actor.Source, ActorIP: e.Actor.SourceIP,
		TaskSID: e.TaskSID, WorkerSID: e.WorkerSID, ReservationSID: e.ReservationSID,
		QueueSID: e.QueueSID, WorkflowSID: e.WorkflowSID, TaskChannelSID: e.TaskChannelSID,
	}
}

func (r *eventRow) domain() *taskrouter.Event {
	return &taskrouter.Event{
		WorkspaceSID: r.WorkspaceSID, Seq: r.Seq, SID: r.SID, AccountSID: r.AccountSID,
		Type: taskrouter.EventType(r.Type), Description: r.Description, At: instant(r.At), Data: decodeMap(r.Data),
		ResourceType: r.ResourceType, ResourceSID: r.ResourceSID,
		Actor:   taskrouter.Actor{Type: r.ActorType, SID: r.ActorSID, Source: r.ActorSource, SourceIP: r.ActorIP},
		TaskSID: r.TaskSID, WorkerSID: r.WorkerSID, ReservationSID: r.ReservationSID,
		QueueSID: r.QueueSID, WorkflowSID: r.WorkflowSID, TaskChannelSID: r.TaskChannelSID,
	}
}

type noticeRow struct {
	bun.BaseModel `bun:"table:notices,alias:notices"`

	TaskSID      string `bun:"task_sid,pk"`
	AccountSID   string `bun:"account_sid"`
	WorkspaceSID string `bun:"workspace_sid"`
	Revision     int64  `bun:"revision"`
	DueAt        int64  `bun:"due_at"`
	IsFirst      bool   `bun:"is_first"`
}

func fromNotice(n dispatch.Notice) *noticeRow {
	return &noticeRow{
		TaskSID: n.TaskSID, AccountSID: n.AccountSID, WorkspaceSID: n.WorkspaceSID,
		Revision: n.Revision, DueAt: micros(n.DueAt), IsFirst: n.First,
	}
}

func (r *noticeRow) domain() dispatch.Notice {
	return dispatch.Notice{
		TaskRef:  dispatch.TaskRef{AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID, TaskSID: r.TaskSID},
		Revision: r.Revision, DueAt: instant(r.DueAt), First: r.IsFirst,
	}
}

type jobRow struct {
	bun.BaseModel `bun:"table:jobs,alias:jobs"`

	ID           string `bun:"id,pk"`
	WorkspaceSID string `bun:"workspace_sid"`
	Kind         string `bun:"kind"`
	SubjectSID   string `bun:"subject_sid"`
	CursorSID    string `bun:"cursor_sid"`
	CreatedAt    int64  `bun:"created_at"`
}

func fromJob(j *dispatch.Job) *jobRow {
	return &jobRow{
		ID: j.ID, WorkspaceSID: j.WorkspaceSID, Kind: string(j.Kind),
		SubjectSID: j.SubjectSID, CursorSID: j.Cursor, CreatedAt: micros(j.CreatedAt),
	}
}

func (r *jobRow) domain() *dispatch.Job {
	return &dispatch.Job{
		ID: r.ID, WorkspaceSID: r.WorkspaceSID, Kind: dispatch.JobKind(r.Kind),
		SubjectSID: r.SubjectSID, Cursor: r.CursorSID, CreatedAt: instant(r.CreatedAt),
	}
}
