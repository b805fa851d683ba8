package callqueue

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// caller is a request about a caller's leg, and what it belongs to.
type caller struct {
	*inbound
	req   voice.Request
	ref   dispatch.CallRef
	queue *taskrouter.CallQueue
	menu  *Menu
}

// caller finds the CallQueue of the number that was dialled and checks that the
// request is genuine. The result is nil when nobody owns the number.
func (h *Handler) caller(ctx context.Context, in *inbound) (*caller, error) {
	req, err := in.call()
	if err != nil {
		return nil, err
	}
	queue, err := h.queueOf(ctx, in.platform.Name, "", req.To)
	if err != nil {
		return nil, err
	}
	if queue == nil {
		return nil, h.genuine(ctx, in, "")
	}
	if err := h.genuine(ctx, in, queue.AccountSID); err != nil {
		return nil, err
	}
	return &caller{
		inbound: in, req: req, queue: queue, menu: h.menuOf(queue),
		ref: dispatch.CallRef{AccountSID: queue.AccountSID, Backend: in.platform.Name, CallSID: req.CallSID},
	}, nil
}

// queueOf finds the owner of a number in any of its spellings; nil when there
// is none.
func (h *Handler) queueOf(ctx context.Context, backend, account, number string) (*taskrouter.CallQueue, error) {
	for _, n := range numberSpellings(number) {
		q, err := h.opt.Records.CallQueueByNumber(ctx, account, backend, n)
		if err != nil && taskrouter.KindOf(err) != taskrouter.KindNotFound {
			return nil, err
		}
		if q != nil {
			return q, nil
		}
	}
	return nil, nil
}

// numberSpellings lists the forms a dialled number may be configured in: as it
// is, the user part of a SIP address, and with the plus sign some platforms
// leave out.
func numberSpellings(to string) []string {
	to = strings.TrimSpace(to)
	if to == "" {
		return nil
	}
	out := []string{to}
	user := to
	if i := strings.IndexByte(user, ':'); i >= 0 && strings.HasPrefix(strings.ToLower(user), "sip") {
		user = user[i+1:]
	}
	user, _, _ = strings.Cut(user, "@")
	user, _, _ = strings.Cut(user, ";")
	if user != to && user != "" {
		out = append(out, user)
	}
	if len(user) >= 7 && !strings.ContainsFunc(user, func(r rune) bool { return r < '0' || r > '9' }) {
		out = append(out, "+"+user)
	}
	return out
}

// menuOf reads the menu of a CallQueue. It was checked when it was saved; one
// that cannot be read all the same must not cost us the call.
func (h *Handler) menuOf(q *taskrouter.CallQueue) *Menu {
	m, err := ParseMenu(q.Menu)
	if err != nil {
		h.log.Error("menu cannot be read, calls go straight to a task",
			logging.AccountSID(q.AccountSID), logging.WorkspaceSID(q.WorkspaceSID), logging.Err(err))
		return &Menu{}
	}
	return m
}

// entry answers a new call, and a repeated request for one we know.
func (h *Handler) entry(ctx context.Context, in *inbound) (document, error) {
	c, err := h.caller(ctx, in)
	if err != nil {
		return nil, err
	}
	if c == nil {
		h.log.Warn("call to a number nobody owns", logging.Backend(in.platform.Name))
		return document{reject()}, nil
	}
	return h.start(ctx, c)
}

func (h *Handler) start(ctx context.Context, c *caller) (document, error) {
	if over, err := h.hungUp(ctx, c); over || err != nil {
		return document{hangup()}, err
	}
	said, err := facts(c.req, c.platform.Name)
	if err != nil {
		return nil, err
	}
	call, err := h.opt.Router.CallStarted(ctx, dispatch.CallFacts{
		CallRef: c.ref, WorkspaceSID: c.queue.WorkspaceSID, CallQueueSID: c.queue.SID,
		From: clean(c.req.From), To: clean(c.req.To), Facts: said, FirstStep: c.menu.Start,
	})
	if err != nil {
		return nil, err
	}
	return h.current(ctx, c, call)
}

// hungUp takes in that the caller's leg is over, if that is what the request
// says.
func (h *Handler) hungUp(ctx context.Context, c *caller) (bool, error) {
	if !c.req.StatusKnown || c.req.Status != voice.Ended {
		return false, nil
	}
	return true, h.callEnded(ctx, c.ref, callerCause(c.req.Cause))
}

func (h *Handler) callEnded(ctx context.Context, ref dispatch.CallRef, cause string) error {
	err := h.opt.Router.CallEnded(ctx, ref, cause)
	if err != nil && taskrouter.KindOf(err) == taskrouter.KindNotFound {
		return nil // a call we never took
	}
	return err
}

// menu takes in a key, or that no key came.
func (h *Handler) menu(ctx context.Context, in *inbound) (document, error) {
	c, err := h.caller(ctx, in)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return in.render.apology(), nil
	}
	if over, err := h.hungUp(ctx, c); over || err != nil {
		return document{hangup()}, err
	}
	call, err := h.opt.Router.Call(ctx, c.ref)
	if err != nil {
		return nil, err
	}
	if call == nil {
		return h.start(ctx, c)
	}
	step := c.menu.Steps[call.MenuStep]
	if step == nil || call.State != taskrouter.CallInMenu || call.MenuStep != in.http.PathValue("step") {
		return h.current(ctx, c, call) // about a step the caller has left
	}
	if choice, ok := step.Choices[c.req.Digits]; ok && c.req.Digits != "" {
		if call, err = h.choose(ctx, c, call, choice); err != nil {
			return h.unserved(ctx, c, err)
		}
		return h.current(ctx, c, call)
	}
	if c.failed(call) {
		call, err = h.opt.Router.MoveMenu(ctx, dispatch.MenuMove{CallRef: c.ref, From: call.MenuStep})
		if err != nil {
			return nil, err
		}
	}
	return h.current(ctx, c, call)
}

// failed reports whether the request is one more failure at the step. The path
// tells how many had been counted when the caller was asked: any other number
// is a repeated request. Without it only a wrong key counts, for the caller
// may just be asking where we are.
func (c *caller) failed(call *taskrouter.Call) bool {
	try, err := strconv.Atoi(c.http.PathValue("try"))
	if err != nil {
		return c.req.Digits != ""
	}
	return try == call.MenuTries
}

// choose carries a choice out: the next step, or the Task.
func (h *Handler) choose(ctx context.Context, c *caller, call *taskrouter.Call, choice Choice) (*taskrouter.Call, error) {
	if choice.Next != "" {
		return h.opt.Router.MoveMenu(ctx, dispatch.MenuMove{
			CallRef: c.ref, From: call.MenuStep, To: choice.Next, Facts: choice.Set,
		})
	}
	attributes, err := taskAttributes(c.menu, call, choice.Set)
	if err != nil {
		return nil, err
	}
	return h.opt.Router.CreateCallTask(ctx, dispatch.CallTask{
		CallRef: c.ref, Step: call.MenuStep, Facts: choice.Set, Attributes: attributes,
		Priority: c.menu.Priority, // the channel is the Router's choice: voice, where there is one
	})
}

// errLost is a call whose row does not settle; asking again may help.
var errLost = errors.New("the call does not come to rest at a step")

// current renders the step a call is at, after taking every step that needs no
// caller: the only way on from a menu without steps, and defaults of steps
// whose tries are used up.
func (h *Handler) current(ctx context.Context, c *caller, call *taskrouter.Call) (document, error) {
	for range MaxMenuDepth + 2 {
		if call == nil {
			return document{hangup()}, nil
		}
		switch call.State {
		case taskrouter.CallEnded:
			return document{hangup()}, nil
		case taskrouter.CallWaiting:
			return c.render.waiting(c.ref.AccountSID, c.ref.CallSID, roomOf(call)), nil
		case taskrouter.CallInMenu:
		}
		step, known := c.menu.Steps[call.MenuStep]
		var on Choice
		switch {
		case len(c.menu.Steps) == 0:
			// Nothing to ask: the Task is next.
		case !known:
			on.Next = c.menu.Start // the menu was changed under the caller
		case call.MenuTries < step.Tries:
			return c.render.step(call.MenuStep, step, call.MenuTries), nil
		case step.Default == nil:
			return c.render.sorry(step), nil
		default:
			on = *step.Default
		}
		var err error
		if call, err = h.choose(ctx, c, call, on); err != nil {
			return h.unserved(ctx, c, err)
		}
	}
	return nil, errLost
}

// unserved ends a call whose Task cannot be made, for example because no rule
// matches it. Other failures are for the retry.
func (h *Handler) unserved(ctx context.Context, c *caller, err error) (document, error) {
	if !permanent(err) {
		return nil, err
	}
	h.log.Error("call cannot become a task", logging.AccountSID(c.ref.AccountSID),
		logging.WorkspaceSID(c.queue.WorkspaceSID), logging.CallSID(c.ref.CallSID), logging.Err(err))
	if err := h.callEnded(ctx, c.ref, CauseFailed); err != nil && !permanent(err) {
		return nil, err
	}
	return c.render.apology(), nil
}
