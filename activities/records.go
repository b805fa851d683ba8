package activities

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Subject names the Task a command is about and what the durable run knows of
// it.
type Subject struct {
	WorkspaceSID string `json:"workspace"`
	TaskSID      string `json:"task"`
	Revision     int64  `json:"revision"`
}

// gone is the view of a Task the store does not know any more.
func (s Subject) gone() View {
	return View{WorkspaceSID: s.WorkspaceSID, TaskSID: s.TaskSID, Revision: s.Revision, Removed: true}
}

// view makes the result of a store call.
func (s Subject) view(ctx context.Context, verb string, v taskrouter.View, err error) (View, error) {
	if missing(err) {
		return s.gone(), nil
	}
	if err != nil {
		return View{}, fail(ctx, verb, err)
	}
	return FromView(v), nil
}

// DueInput says that a deadline has passed.
type DueInput struct {
	Subject
	// Carried is the deadline the timer was set for; the store takes it as
	// passed even when its clock runs behind.
	Carried time.Time `json:"carried"`
}

// AnswerInput is the outcome of an assignment callback.
type AnswerInput struct {
	Subject
	ReservationSID string          `json:"reservation"`
	Outcome        CallbackOutcome `json:"outcome"`
}

// DialReportInput is the outcome of a placement.
type DialReportInput struct {
	Subject
	Report DialReport `json:"report"`
}

// AttemptInput names an agent's leg.
type AttemptInput struct {
	Subject
	Attempt string `json:"attempt"`
}

// DueStore applies what is due. A deadline not after the later of now and
// carried is due.
type DueStore interface {
	Due(ctx context.Context, workspaceSID, taskSID string, carried time.Time) (taskrouter.View, error)
}

// RecordStore takes in what happened in the world. Every call is conditional
// on state and answers with the current view. A Task or Workspace that does
// not exist is a KindNotFound error or a removed view.
type RecordStore interface {
	DueStore
	// CancelFromOutside ends the Task because its run was canceled.
	CancelFromOutside(ctx context.Context, workspaceSID, taskSID string) (taskrouter.View, error)
	CallbackAnswered(ctx context.Context, workspaceSID, taskSID, reservationSID string, o CallbackOutcome) (taskrouter.View, error)
	DialReported(ctx context.Context, workspaceSID string, r DialReport) (taskrouter.View, error)
	// JoinSeen: both parties are in the room. LegHungUp: our request to end
	// the leg was carried out.
	JoinSeen(ctx context.Context, workspaceSID, attempt string) (taskrouter.View, error)
	LegHungUp(ctx context.Context, workspaceSID, attempt string) (taskrouter.View, error)
}

// Routing asks for the next step on a Task's way through its routing rules.
type Routing struct{ Store DueStore }

// Route applies a deadline of the routing rules; the result holds the next
// decision. It does what Due does under a name that tells the story.
func (a *Routing) Route(ctx context.Context, in DueInput) (View, error) {
	v, err := a.Store.Due(ctx, in.WorkspaceSID, in.TaskSID, in.Carried)
	return in.view(ctx, "route", v, err)
}

// Records writes down what happened.
type Records struct{ Store RecordStore }

// Due applies a deadline.
func (a *Records) Due(ctx context.Context, in DueInput) (View, error) {
	v, err := a.Store.Due(ctx, in.WorkspaceSID, in.TaskSID, in.Carried)
	return in.view(ctx, "apply deadline", v, err)
}

// CancelFromOutside ends the Task because its run was canceled.
func (a *Records) CancelFromOutside(ctx context.Context, in Subject) (View, error) {
	v, err := a.Store.CancelFromOutside(ctx, in.WorkspaceSID, in.TaskSID)
	return in.view(ctx, "cancel task", v, err)
}

// CallbackAnswered applies the outcome of an assignment callback.
func (a *Records) CallbackAnswered(ctx context.Context, in AnswerInput) (View, error) {
	v, err := a.Store.CallbackAnswered(ctx, in.WorkspaceSID, in.TaskSID, in.ReservationSID, in.Outcome)
	return in.view(ctx, "apply callback", v, err)
}

// DialReported applies the outcome of a placement.
func (a *Records) DialReported(ctx context.Context, in DialReportInput) (View, error) {
	v, err := a.Store.DialReported(ctx, in.WorkspaceSID, in.Report)
	return in.view(ctx, "report dial", v, err)
}

// JoinSeen records that both parties are in the room.
func (a *Records) JoinSeen(ctx context.Context, in AttemptInput) (View, error) {
	v, err := a.Store.JoinSeen(ctx, in.WorkspaceSID, in.Attempt)
	return in.view(ctx, "record join", v, err)
}

// LegHungUp records that a leg was ended by us.
func (a *Records) LegHungUp(ctx context.Context, in AttemptInput) (View, error) {
	v, err := a.Store.LegHungUp(ctx, in.WorkspaceSID, in.Attempt)
	return in.view(ctx, "record hang-up", v, err)
}
