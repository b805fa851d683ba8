package dispatch

import (
	"context"
	"maps"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Public codes of instructions that cannot be carried out.
const (
	codeRejectActivity       = 40100
	codeCallTo               = 40110
	codeCallFrom             = 40111
	codeCallURL              = 40112
	codeCallNotPending       = 40114
	codeRedirectURL          = 40120
	codeRedirectCall         = 40121
	codeRedirectNotPending   = 40123
	codeDequeueActivity      = 40130
	codeDequeueTo            = 40131
	codeDequeueNotPending    = 40135
	codeConferenceNotPending = 40136
	codeConferenceTo         = 40137
	codeConferenceActivity   = 40139
	codeDequeueNoCall        = 40140
	codeConferenceNoCall     = 40142
	codeSuperviseState       = 40146
	codeSuperviseAddress     = 40147
	codeSuperviseFrom        = 40148
)

// instructor is who gives an instruction.
type instructor int

const (
	byRequest instructor = iota
	byCallback
)

// instruct carries out an instruction for a pending offer. Everything is
// checked before anything is written.
func (u *Unit) instruct(ctx context.Context, e *entry, r *taskrouter.Reservation, in *taskrouter.Instruction, by instructor) error {
	if in.Kind == taskrouter.InstructSupervise {
		return u.supervise(ctx, e, r, in)
	}
	if r.Status != taskrouter.ReservationPending {
		return notPending(r, in)
	}
	switch in.Kind {
	case taskrouter.InstructAccept:
		return u.accept(ctx, e, r)
	case taskrouter.InstructReject:
		sid := in.Param("activity_sid")
		if sid != "" && u.cfg().Activities[sid] == nil && by == byCallback {
			// The agent declined all the same.
			u.reportInstruction(r, in, taskrouter.InvalidCode(codeRejectActivity, "activity_sid is unknown"))
			sid = ""
		}
		return u.reject(ctx, e, r, sid)
	case taskrouter.InstructDequeue, taskrouter.InstructConference:
		return u.ringFor(ctx, e, r, in)
	case taskrouter.InstructCall:
		return u.ringForeign(ctx, e, r, in)
	case taskrouter.InstructRedirect:
		return u.redirectCaller(ctx, e, r, in)
	case taskrouter.InstructSupervise:
	}
	return taskrouter.InvalidCode(taskrouter.CodeUnknownInstruction, "Unknown instruction '%s'", in.Kind)
}

func notPending(r *taskrouter.Reservation, in *taskrouter.Instruction) error {
	if r.Status == taskrouter.ReservationRescinded && in.Kind == taskrouter.InstructAccept {
		return taskrouter.Errorf(taskrouter.KindGone, "Reservation %s was rescinded", r.SID)
	}
	code := map[taskrouter.InstructionKind]int{
		taskrouter.InstructCall:       codeCallNotPending,
		taskrouter.InstructRedirect:   codeRedirectNotPending,
		taskrouter.InstructDequeue:    codeDequeueNotPending,
		taskrouter.InstructConference: codeConferenceNotPending,
	}[in.Kind]
	name := string(in.Kind)
	name = string(name[0]-'a'+'A') + name[1:]
	return taskrouter.InvalidCode(code, "Unable to execute %s instruction. Reservation %s is not currently in a Pending state.", name, r.SID)
}

// ringFor rings the agent so that answering accepts: dequeue and conference.
func (u *Unit) ringFor(ctx context.Context, e *entry, r *taskrouter.Reservation, in *taskrouter.Instruction) error {
	noCall, to, activity := codeDequeueNoCall, codeDequeueTo, codeDequeueActivity
	if in.Kind == taskrouter.InstructConference {
		noCall, to, activity = codeConferenceNoCall, codeConferenceTo, codeConferenceActivity
	}
	call, err := u.callOf(ctx, e.Task)
	if err != nil {
		return err
	}
	if call == nil || call.State == taskrouter.CallEnded {
		return taskrouter.InvalidCode(noCall, "Task %s has no live call: a voice back-end must have queued it", e.Task.SID)
	}
	post := in.Param("post_work_activity_sid")
	if post != "" && u.cfg().Activities[post] == nil {
		return taskrouter.InvalidCode(activity, "post_work_activity_sid %s does not exist in this Workspace", post)
	}
	address, err := u.address(ctx, r, in)
	if err != nil {
		return err
	}
	if address == "" {
		return taskrouter.InvalidCode(to, "No address: neither the instruction nor the Worker's contact_uri names one")
	}
	if u.carriedOut(e, r, in, address) {
		return nil
	}
	u.supersede(e, r)
	r.Instruction = in
	if in.Kind == taskrouter.InstructDequeue || !u.cfg().Workspace.MultiTaskEnabled {
		r.PostWorkActivitySID = post
	}
	u.touchReservation(r)
	from := in.Param("from")
	if from == "" {
		from = call.To
	}
	return u.placeLeg(ctx, e, r, &taskrouter.Leg{
		Purpose: taskrouter.LegAccepts, Backend: call.Backend, Instance: call.Backend,
		To: address, From: from, RingTimeout: u.ringTime(r, in),
	})
}

// carriedOut reports whether the agent is being rung for this instruction
// already: a repeated request rings nobody twice.
func (u *Unit) carriedOut(e *entry, r *taskrouter.Reservation, in *taskrouter.Instruction, address string) bool {
	l := e.agentLeg(r)
	return l != nil && l.To == address && r.Instruction != nil && r.Instruction.Kind == in.Kind && maps.Equal(r.Instruction.Params, in.Params)
}

// supersede ends what rings for an earlier instruction: an agent has one phone
// for an offer.
func (u *Unit) supersede(e *entry, r *taskrouter.Reservation) {
	for _, l := range e.legs {
		if l.ReservationSID == r.SID && (l.Purpose == taskrouter.LegAccepts || l.Purpose == taskrouter.LegConnects) {
			u.hangUp(e, l)
		}
	}
}

// ringForeign places a call to the agent that runs the customer's markup.
func (u *Unit) ringForeign(ctx context.Context, e *entry, r *taskrouter.Reservation, in *taskrouter.Instruction) error {
	call, err := u.callOf(ctx, e.Task)
	if err != nil {
		return err
	}
	if call == nil {
		return taskrouter.Invalidf("No voice back-end is configured for Task %s", e.Task.SID)
	}
	if in.Param("from") == "" {
		return taskrouter.InvalidCode(codeCallFrom, "CallFrom is required")
	}
	if in.Param("url") == "" {
		return taskrouter.InvalidCode(codeCallURL, "CallUrl is required")
	}
	address, err := u.address(ctx, r, in)
	if err != nil {
		return err
	}
	if address == "" {
		return taskrouter.InvalidCode(codeCallTo, "No address: neither CallTo nor the Worker's contact_uri names one")
	}
	if in.RecordsLeg() && !u.d.opts.Able(call.Backend, AbilityRecordLeg) {
		// Our own documents could ask for it, the customer's may not.
		return taskrouter.Invalidf("CallRecord cannot be carried out: the telephone platform of this call does not record legs it places")
	}
	if u.carriedOut(e, r, in, address) {
		return nil
	}
	u.supersede(e, r)
	r.Instruction = in
	u.touchReservation(r)
	if in.Flag("accept") {
		if err := u.acceptOffer(ctx, e, r); err != nil {
			return err
		}
	}
	return u.placeLeg(ctx, e, r, &taskrouter.Leg{
		Purpose: taskrouter.LegForeign, Backend: call.Backend, Instance: call.Backend, URL: in.Param("url"),
		To: address, From: in.Param("from"), RingTimeout: u.ringTime(r, in),
	})
}

// redirectCaller sends the caller's leg to the customer's markup.
func (u *Unit) redirectCaller(ctx context.Context, e *entry, r *taskrouter.Reservation, in *taskrouter.Instruction) error {
	if in.Param("url") == "" {
		return taskrouter.InvalidCode(codeRedirectURL, "RedirectUrl is required")
	}
	sid := in.Param("call_sid")
	call, err := u.callOf(ctx, e.Task)
	if err != nil {
		return err
	}
	if sid == "" || call == nil || call.CallSID != sid {
		return taskrouter.InvalidCode(codeRedirectCall, "RedirectCallSid must be the call of the Task")
	}
	r.Instruction = in
	u.touchReservation(r)
	if in.Flag("accept") {
		if err := u.acceptOffer(ctx, e, r); err != nil {
			return err
		}
	}
	return u.placeLeg(ctx, e, r, &taskrouter.Leg{
		Purpose: taskrouter.LegRedirects, Backend: call.Backend, Instance: call.Backend, URL: in.Param("url"), To: sid,
	})
}

// attribute reads the text of a top-level attribute; empty when there is none.
func (u *Unit) attribute(attributes taskrouter.Attributes, name string) (string, error) {
	doc, err := u.d.documents.get(attributes)
	if err != nil {
		return "", nil //nolint:nilerr // a document that cannot be read says nothing
	}
	ref, err := u.d.engine.CompileReference("task." + name)
	if err != nil {
		return "", err
	}
	v, _, _ := ref.Lookup(doc)
	return v, nil
}

// address is where the agent is rung: the parameter, else the Worker's
// contact_uri.
func (u *Unit) address(ctx context.Context, r *taskrouter.Reservation, in *taskrouter.Instruction) (string, error) {
	if to := in.Param("to"); to != "" {
		return to, nil
	}
	a, err := u.agent(ctx, r.WorkerSID)
	if err != nil || a == nil {
		return "", err
	}
	return u.attribute(a.Attributes, "contact_uri")
}

// ringTime is how long a phone rings: what the instruction says, at most a
// minute, and five seconds less than the offer lasts.
func (u *Unit) ringTime(r *taskrouter.Reservation, in *taskrouter.Instruction) time.Duration {
	ring := taskrouter.MaxRingTimeout
	if n, err := strconv.Atoi(in.Param("timeout")); err == nil && n > 0 {
		ring = min(ring, time.Duration(n)*time.Second)
	}
	return max(min(ring, r.Deadline.Sub(u.at)-5*time.Second), time.Second)
}

func (u *Unit) reportInstruction(r *taskrouter.Reservation, in *taskrouter.Instruction, err error) {
	u.d.log.Warn("instruction cannot be carried out",
		logging.ReservationSID(r.SID), zap.String(logging.KeyKind, string(in.Kind)), logging.Err(err))
}
