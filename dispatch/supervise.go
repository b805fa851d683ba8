package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// maxSupervisors is how many supervisors of one Reservation may be called or be
// on the line at a time. Each is a leg that the durable run tends.
const maxSupervisors = 20

// supervise calls a supervisor into the room of an accepted Reservation. Neither
// the Reservation nor the Task changes by it. The supervisor who is called or
// on the line already is not called again.
// https://www.twilio.com/docs/taskrouter/api/reservations
func (u *Unit) supervise(ctx context.Context, e *entry, r *taskrouter.Reservation, in *taskrouter.Instruction) error {
	if r.Status != taskrouter.ReservationAccepted {
		return taskrouter.InvalidCode(codeSuperviseState, "Unable to execute Supervise instruction. Reservation %s is not currently in an Accepted state.", r.SID)
	}
	worker, address, err := u.supervisor(ctx, in)
	if err != nil {
		return err
	}
	from := in.Param("from")
	if from == "" {
		if from, err = u.attribute(e.Task.Attributes, "from"); err != nil {
			return err
		}
	}
	if from == "" {
		return taskrouter.InvalidCode(codeSuperviseFrom, "No caller ID: neither From nor the attribute from of the Task names one")
	}
	call, err := u.callOf(ctx, e.Task)
	if err != nil {
		return err
	}
	if call == nil || call.State == taskrouter.CallEnded {
		return taskrouter.Invalidf("Supervise is for conversations: Task %s has no live call that a voice back-end brought", e.Task.SID)
	}
	mode := taskrouter.SupervisorMode(in.Param("supervisor_mode"))
	if mode == "" {
		mode = taskrouter.SuperviseMonitor
	}
	if err := u.supervisable(e, r, call, address, mode); err != nil {
		return err
	}
	if known, err := e.supervisedBy(r, address, mode); known || err != nil {
		return err
	}
	return u.placeLeg(ctx, e, r, &taskrouter.Leg{
		Purpose: taskrouter.LegSupervises, Mode: mode, WorkerSID: worker, Backend: call.Backend, Instance: call.Backend,
		To: address, From: from, RingTimeout: taskrouter.DefaultRingTimeout,
	})
}

// supervisor is who an instruction names: a Worker with an address, or an
// address alone.
func (u *Unit) supervisor(ctx context.Context, in *taskrouter.Instruction) (worker, address string, err error) {
	named := in.Param("supervisor")
	if named == "" {
		return "", "", taskrouter.InvalidCode(codeSuperviseAddress, "Supervisor is required")
	}
	if !taskrouter.IsSID(taskrouter.PrefixWorker, named) {
		return "", named, nil
	}
	a, err := u.agent(ctx, named)
	if err != nil {
		return "", "", err
	}
	if a != nil {
		if address, err = u.attribute(a.Attributes, "contact_uri"); err != nil {
			return "", "", err
		}
	}
	if address == "" {
		return "", "", taskrouter.InvalidCode(codeSuperviseAddress, "Supervisor %s is not a Worker of this Workspace with a contact_uri", named)
	}
	return named, address, nil
}

// supervisable refuses what could only go wrong once the supervisor's phone
// rings: there must be an agent on the way to the caller's room, and a whisper
// needs their call.
func (u *Unit) supervisable(e *entry, r *taskrouter.Reservation, call *taskrouter.Call, address string, mode taskrouter.SupervisorMode) error {
	agent := e.agentLeg(r)
	switch {
	case agent == nil:
		return taskrouter.Invalidf("Supervise is for conversations: this router has not called the agent of Reservation %s", r.SID)
	case agent.To == address:
		return taskrouter.Invalidf("Supervise needs somebody else: the agent of Reservation %s talks on this phone", r.SID)
	case mode != taskrouter.SuperviseWhisper:
		return nil
	case !u.d.opts.Able(call.Backend, AbilityWhisper):
		return taskrouter.Invalidf("Supervise cannot whisper on the telephone platform of this call: the caller would hear it. Use monitor or barge")
	case agent.CallSID == "":
		return taskrouter.Invalidf("Supervise cannot whisper yet: the agent of Reservation %s has not answered", r.SID)
	}
	return nil
}

// agentLeg is the leg the agent of a Reservation talks on or is being called
// on; nil when there is none.
func (e *entry) agentLeg(r *taskrouter.Reservation) *taskrouter.Leg {
	var foreign *taskrouter.Leg
	for _, l := range e.legs {
		if l.ReservationSID != r.SID || l.State == taskrouter.LegEnded || l.HangUp {
			continue
		}
		switch l.Purpose {
		case taskrouter.LegAccepts, taskrouter.LegConnects:
			return l
		case taskrouter.LegForeign:
			foreign = l
		case taskrouter.LegRedirects, taskrouter.LegSupervises:
		}
	}
	return foreign
}

// supervisedBy reports whether the supervisor at an address is called, or is on
// the line, already. A supervisor cannot change the mode without leaving.
func (e *entry) supervisedBy(r *taskrouter.Reservation, address string, mode taskrouter.SupervisorMode) (bool, error) {
	n := 0
	for _, l := range e.legs {
		if l.Purpose != taskrouter.LegSupervises || l.ReservationSID != r.SID || l.State == taskrouter.LegEnded || l.HangUp {
			continue
		}
		n++
		switch {
		case l.To != address:
		case l.Mode == mode:
			return true, nil
		default:
			return false, taskrouter.Invalidf("Supervise cannot change the mode: this supervisor takes part in mode %s and has to hang up first", l.Mode)
		}
	}
	if n >= maxSupervisors {
		return false, taskrouter.Invalidf("Supervise is refused: Reservation %s has %d supervisors already", r.SID, n)
	}
	return false, nil
}

// answerSupervisor lets a supervisor who picked up into the caller's room, as
// long as the conversation goes on. Asking twice gives the same answer.
func (u *Unit) answerSupervisor(e *entry, r *taskrouter.Reservation, l *taskrouter.Leg, call *taskrouter.Call, callSID string) LegVerdict {
	task := *e.Task
	verdict := LegVerdict{Task: &task}
	var agent *taskrouter.Leg
	if r != nil && r.Status == taskrouter.ReservationAccepted {
		agent = e.agentLeg(r)
	}
	if agent == nil || (l.Mode == taskrouter.SuperviseWhisper && agent.CallSID == "") {
		u.hangUp(e, l)
		verdict.Reason, verdict.Leg = "withdrawn", l
		return verdict
	}
	if l.Mode == taskrouter.SuperviseWhisper {
		verdict.Coach = agent.CallSID
	}
	if l.State != taskrouter.LegJoined {
		if l.State != taskrouter.LegAnswered || l.CallSID == "" {
			l.AnsweredAt = u.at
		}
		l.State, l.CallSID, l.Deadline = taskrouter.LegAnswered, callSID, time.Time{}
		u.touchLeg(e, l)
	}
	leg := *l
	verdict.Join, verdict.Leg = call.Room, &leg
	return verdict
}

// dropSupervisors ends the supervisors' legs of a Reservation whose
// conversation is over.
func (u *Unit) dropSupervisors(e *entry, r *taskrouter.Reservation) {
	for _, l := range e.legs {
		if l.ReservationSID == r.SID && l.Purpose == taskrouter.LegSupervises {
			u.hangUp(e, l)
		}
	}
}
