package store

import (
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

type callRow struct {
	bun.BaseModel `bun:"table:calls,alias:calls"`

	AccountSID   string `bun:"account_sid,pk"`
	Backend      string `bun:"backend,pk"`
	CallSID      string `bun:"call_sid,pk"`
	WorkspaceSID string `bun:"workspace_sid"`
	CallQueueSID string `bun:"call_queue_sid"`
	From         string `bun:"from_address"`
	To           string `bun:"to_address"`
	State        string `bun:"state"`
	IsEnded      bool   `bun:"is_ended"`
	MenuStep     string `bun:"menu_step"`
	MenuTries    int    `bun:"menu_tries"`
	MenuFacts    string `bun:"menu_facts"`
	Facts        string `bun:"facts"`
	TaskSID      string `bun:"task_sid"`
	Room         string `bun:"room"`
	EndCause     string `bun:"end_cause"`
	EndedAt      int64  `bun:"ended_at"`
	CreatedAt    int64  `bun:"created_at"`
	UpdatedAt    int64  `bun:"updated_at"`
}

func fromCall(c *taskrouter.Call) *callRow {
	return &callRow{
		AccountSID: c.AccountSID, Backend: c.Backend, CallSID: c.CallSID,
		WorkspaceSID: c.WorkspaceSID, CallQueueSID: c.CallQueueSID, From: c.From, To: c.To,
		State: string(c.State), IsEnded: c.State == taskrouter.CallEnded,
		MenuStep: c.MenuStep, MenuTries: c.MenuTries, MenuFacts: string(c.MenuFacts), Facts: string(c.Facts),
		TaskSID: c.TaskSID, Room: c.Room, EndCause: c.EndCause, EndedAt: micros(c.EndedAt),
		CreatedAt: micros(c.CreatedAt), UpdatedAt: micros(c.UpdatedAt),
	}
}

func (r *callRow) domain() *taskrouter.Call {
	return &taskrouter.Call{
		AccountSID: r.AccountSID, Backend: r.Backend, CallSID: r.CallSID,
		WorkspaceSID: r.WorkspaceSID, CallQueueSID: r.CallQueueSID, From: r.From, To: r.To,
		State:    taskrouter.CallState(r.State),
		MenuStep: r.MenuStep, MenuTries: r.MenuTries,
		MenuFacts: taskrouter.Attributes(r.MenuFacts), Facts: taskrouter.Attributes(r.Facts),
		TaskSID: r.TaskSID, Room: r.Room, EndCause: r.EndCause, EndedAt: instant(r.EndedAt),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

type legRow struct {
	bun.BaseModel `bun:"table:legs,alias:legs"`

	Attempt        string `bun:"attempt,pk"`
	AccountSID     string `bun:"account_sid"`
	WorkspaceSID   string `bun:"workspace_sid"`
	TaskSID        string `bun:"task_sid"`
	ReservationSID string `bun:"reservation_sid"`
	WorkerSID      string `bun:"worker_sid"`
	Backend        string `bun:"backend"`
	Instance       string `bun:"instance"`
	Purpose        string `bun:"purpose"`
	To             string `bun:"to_address"`
	From           string `bun:"from_address"`
	Mode           string `bun:"supervisor_mode"`
	URL            string `bun:"url"`
	CallSIDs       string `bun:"call_sids"`
	CallSID        string `bun:"call_sid"`
	State          string `bun:"state"`
	IsEnded        bool   `bun:"is_ended"`
	EndCause       string `bun:"end_cause"`
	Placements     int    `bun:"placements"`
	Unknown        bool   `bun:"outcome_unknown"`
	HangUp         bool   `bun:"hang_up"`
	RingTimeout    int64  `bun:"ring_timeout"`
	Deadline       int64  `bun:"deadline"`
	AnsweredAt     int64  `bun:"answered_at"`
	JoinedAt       int64  `bun:"joined_at"`
	EndedAt        int64  `bun:"ended_at"`
	CreatedAt      int64  `bun:"created_at"`
	UpdatedAt      int64  `bun:"updated_at"`
}

func fromLeg(l *taskrouter.Leg) *legRow {
	return &legRow{
		Attempt: l.Attempt, AccountSID: l.AccountSID, WorkspaceSID: l.WorkspaceSID,
		TaskSID: l.TaskSID, ReservationSID: l.ReservationSID, WorkerSID: l.WorkerSID,
		Backend: l.Backend, Instance: l.Instance, Purpose: string(l.Purpose),
		To: l.To, From: l.From, Mode: string(l.Mode), URL: l.URL, CallSIDs: encodeList(l.CallSIDs), CallSID: l.CallSID,
		State: string(l.State), IsEnded: l.State == taskrouter.LegEnded, EndCause: l.EndCause,
		Placements: l.Placements, Unknown: l.Unknown, HangUp: l.HangUp,
		RingTimeout: span(l.RingTimeout), Deadline: micros(l.Deadline),
		AnsweredAt: micros(l.AnsweredAt), JoinedAt: micros(l.JoinedAt), EndedAt: micros(l.EndedAt),
		CreatedAt: micros(l.CreatedAt), UpdatedAt: micros(l.UpdatedAt),
	}
}

func (r *legRow) domain() *taskrouter.Leg {
	return &taskrouter.Leg{
		Attempt: r.Attempt, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID,
		TaskSID: r.TaskSID, ReservationSID: r.ReservationSID, WorkerSID: r.WorkerSID,
		Backend: r.Backend, Instance: r.Instance, Purpose: taskrouter.LegPurpose(r.Purpose),
		To: r.To, From: r.From, Mode: taskrouter.SupervisorMode(r.Mode), URL: r.URL, CallSIDs: decodeList(r.CallSIDs), CallSID: r.CallSID,
		State: taskrouter.LegState(r.State), EndCause: r.EndCause,
		Placements: r.Placements, Unknown: r.Unknown, HangUp: r.HangUp,
		RingTimeout: duration(r.RingTimeout), Deadline: instant(r.Deadline),
		AnsweredAt: instant(r.AnsweredAt), JoinedAt: instant(r.JoinedAt), EndedAt: instant(r.EndedAt),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

// legCallRow finds the attempt of one of the platform's calls.
type legCallRow struct {
	bun.BaseModel `bun:"table:leg_calls,alias:leg_calls"`

	Backend string `bun:"backend,pk"`
	CallSID string `bun:"call_sid,pk"`
	Attempt string `bun:"attempt"`
}
