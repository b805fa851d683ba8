package durability

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The named points between two durable steps, as the program calls them.
const (
	afterCommit        = "after-commit"
	afterSignal        = "after-signal"
	afterLocalCommit   = "after-local-commit"
	afterCallbackOrder = "after-callback-order"
	afterCallbackSent  = "after-callback-sent"
	afterOriginate     = "after-originate"
	afterLegDocument   = "after-leg-document"
)

// death is one way to die: at a point, with a Task that has just reached a
// state.
type death struct {
	point string
	// nth is which pass of the point is the last; 1 when zero.
	nth int
	// state is the Task's at that moment.
	state string
	// how tells deaths of the same point and state apart.
	how  string
	desk deskOptions
	// phone: the customer is on the telephone.
	phone bool
	// before leads up to it, strike is the last step of this life. Errors of
	// strike are what the client of a dying server gets.
	before, strike func(d *desk)
	// while happens while there is no router.
	while func(d *desk)
	// alone: nobody helps the Task to its end but the program itself.
	alone bool
	// after checks something special once the system is back.
	after func(d *desk)
}

func (x *death) name() string {
	return strings.Join([]string{x.point, x.state, x.how}, "/")
}

// moves lead a plain Task into each state; they are struck at the points that
// every change passes.
func moves() []death {
	created := func(d *desk) { require.NoError(d.t, d.create()) }
	taken := func(d *desk) {
		created(d)
		d.becomes("reserved")
		require.NoError(d.t, d.answer("accepted"))
	}
	wrapping := func(d *desk) {
		taken(d)
		require.NoError(d.t, d.update("AssignmentStatus", "wrapping", "Reason", "talked"))
	}
	return []death{
		{state: "pending", how: "created", desk: deskOptions{Away: true}, strike: func(d *desk) { _ = d.create() }},
		{state: "reserved", how: "created", strike: func(d *desk) { _ = d.create() }},
		{
			state: "reserved", how: "agent comes", desk: deskOptions{Away: true}, before: created,
			strike: func(d *desk) { _ = d.online(true) },
		},
		{
			state: "pending", how: "rejected", desk: deskOptions{}, before: created,
			strike: func(d *desk) { _ = d.online(false); _ = d.answer("rejected") },
		},
		{
			state: "assigned", how: "accepted", before: func(d *desk) { created(d); d.becomes("reserved") },
			strike: func(d *desk) { _ = d.answer("accepted") },
		},
		{
			state: "wrapping", how: "wrapped", before: taken,
			strike: func(d *desk) { _ = d.update("AssignmentStatus", "wrapping", "Reason", "talked") },
		},
		{
			state: "completed", how: "completed", before: wrapping,
			strike: func(d *desk) { _ = d.update("AssignmentStatus", "completed") },
		},
		{
			state: "canceled", how: "canceled", desk: deskOptions{Away: true}, before: created,
			strike: func(d *desk) { _ = d.update("AssignmentStatus", "canceled") },
		},
	}
}

// calls lead a customer on the telephone into each state.
func calls() []death {
	rings := func(d *desk) { d.dial(); d.phone(1); d.becomes("reserved") }
	talks := func(d *desk) { rings(d); d.pickUp(); d.talking() }
	return []death{
		{state: "menu", how: "call", phone: true, desk: deskOptions{Away: true}, strike: (*desk).dial},
		{state: "pending", how: "call", nth: 2, phone: true, desk: deskOptions{Away: true}, strike: (*desk).dial},
		{
			state: "reserved", how: "call", phone: true, desk: deskOptions{Away: true},
			before: func(d *desk) { d.dial(); d.becomes("pending") }, strike: func(d *desk) { _ = d.online(true) },
		},
		{state: "assigned", how: "call answered", phone: true, before: rings, strike: (*desk).pickUp},
		{state: "wrapping", how: "caller left", phone: true, before: talks, strike: (*desk).hangUp},
		{state: "canceled", how: "caller left", phone: true, before: rings, strike: (*desk).hangUp},
	}
}

// deaths is the whole table.
func deaths(callback string) []death {
	var out []death
	for _, point := range []string{afterCommit, afterSignal} {
		for _, x := range append(moves(), calls()...) {
			if point == afterSignal && (x.state == "menu" || x.how == "call") && x.state != "reserved" {
				continue // a call in the menu has no run to signal
			}
			x.point = point
			out = append(out, x)
		}
	}
	created := func(d *desk) { require.NoError(d.t, d.create()) }
	cancelRun := func(d *desk) {
		c, err := d.temporal()
		require.NoError(d.t, err)
		defer c.Close()
		ctx, cancel := context.WithTimeout(d.t.Context(), soon)
		defer cancel()
		until(d.t, soon, "the run can be canceled", func() error { return c.CancelWorkflow(ctx, "task/"+d.task, "") })
	}
	away := deskOptions{Away: true}
	manual := deskOptions{Manual: true}
	accepted := func(d *desk) { d.dial(); d.becomes("reserved"); require.NoError(d.t, d.answer("accepted")) }
	return append(out,
		// Inside a local activity, after its commit.
		death{point: afterLocalCommit, state: "pending", how: "next target", desk: deskOptions{Away: true, Patience: 2}, strike: created},
		death{point: afterLocalCommit, state: "pending", how: "offer expired", desk: deskOptions{Offer: 2}, strike: created},
		death{
			point: afterLocalCommit, state: "canceled", how: "time to live", desk: away,
			strike: func(d *desk) { require.NoError(d.t, d.create("Timeout", "2")) },
		},
		death{point: afterLocalCommit, state: "canceled", how: "canceled in Temporal", desk: away, before: created, strike: cancelRun},
		death{
			point: afterLocalCommit, state: "completed", how: "canceled in Temporal",
			before: func(d *desk) { created(d); d.becomes("reserved"); require.NoError(d.t, d.answer("accepted")) }, strike: cancelRun,
		},
		death{
			point: afterLocalCommit, state: "completed", how: "wrap-up over", phone: true, desk: deskOptions{WrapUp: 3},
			before: func(d *desk) { d.dial(); d.phone(1); d.pickUp(); d.talking() }, strike: (*desk).hangUp,
		},
		death{
			point: afterLocalCommit, state: "assigned", how: "callback accepted", alone: true,
			desk: deskOptions{Callback: callback}, strike: created,
		},
		// Between the order for a callback and the request.
		death{
			point: afterCallbackOrder, state: "reserved", how: "callback accepted", alone: true,
			desk: deskOptions{Callback: callback}, strike: created,
		},
		// Between the answer of a callback and its being stored.
		death{
			point: afterCallbackSent, state: "reserved", how: "callback accepted", alone: true,
			desk: deskOptions{Callback: callback}, strike: created,
		},
		// Between the platform's taking a call and its SID being stored.
		death{point: afterOriginate, state: "reserved", how: "ringing", phone: true, strike: (*desk).dial},
		death{
			point: afterOriginate, state: "reserved", how: "ringing, no notices", phone: true,
			before: func(d *desk) { d.platform.silence(true) }, strike: (*desk).dial, after: (*desk).adopted,
		},
		death{point: afterOriginate, state: "canceled", how: "caller leaves meanwhile", phone: true, strike: (*desk).dial, while: (*desk).hangUp},
		death{
			point: afterOriginate, state: "assigned", how: "accepted by a client", phone: true, desk: manual,
			before: func(d *desk) { d.dial(); d.becomes("reserved") }, strike: func(d *desk) { _ = d.answer("accepted") },
		},
		death{
			point: afterOriginate, state: "canceled", how: "caller dismissed", phone: true, desk: away,
			before: func(d *desk) { d.dial(); d.becomes("pending") },
			strike: func(d *desk) { _ = d.update("AssignmentStatus", "canceled") },
		},
		// Between the acceptance by an agent's leg and the reply to the platform.
		death{
			point: afterLegDocument, state: "assigned", how: "answering accepts", phone: true,
			before: func(d *desk) { d.dial(); d.phone(1) }, strike: (*desk).pickUp,
		},
		death{
			point: afterLegDocument, state: "assigned", how: "accepted by a client", phone: true, desk: manual,
			before: func(d *desk) { accepted(d); d.phone(1) }, strike: (*desk).pickUp,
		},
	)
}

// TestEveryPointInEveryState dies at each point with a Task in each state it
// can be in there, comes back, and sees each Task to its end.
func TestEveryPointInEveryState(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		if testing.Short() {
			dieEverywhere(t, newSystem(t), func(x death) any { return x.point })
			return
		}
		dieEverywhere(t, newSystem(t), nil)
	})
	t.Run("outside", func(t *testing.T) {
		switch {
		case testing.Short():
			dieEverywhere(t, newOutside(t), func(x death) any { return x.point })
		case os.Getenv(killsEnv) == "":
			dieEverywhere(t, newOutside(t), func(x death) any { return []any{x.point, x.state, x.phone} })
		default:
			dieEverywhere(t, newOutside(t), nil)
		}
	})
}

// dieEverywhere walks the table, or one row of each kind.
func dieEverywhere(t *testing.T, s *system, kindOf func(death) any) {
	s.start()
	w := newWorkspace(s)
	receiver := newCallbacks(t)
	done := map[string]bool{}
	for i, x := range deaths(receiver.URL) {
		if kindOf != nil {
			kind := fmt.Sprint(kindOf(x))
			if done[kind] {
				continue
			}
			done[kind] = true
		}
		t.Run(x.name(), func(t *testing.T) {
			s.in(t, func() { x.run(t, w, i) })
		})
	}
	if s.proc == nil {
		s.start()
	}
	s.rested(patience)
	s.judged()
	require.LessOrEqual(t, receiver.most(), 1, "an assignment callback was made twice for one reservation")
	s.ringsOnce()
	t.Logf("%d starts, slowest %s", s.starts, slowest(s.startup))
}

// in lets a subtest be the one that fails.
func (s *system) in(t *testing.T, run func()) {
	outer := s.t
	s.t, s.platform.t = t, t
	defer func() { s.t, s.platform.t = outer, outer }()
	if s.proc == nil {
		s.start()
	}
	run()
}

func (x *death) run(t *testing.T, w *workspace, i int) {
	o := x.desk
	if x.phone {
		o.Line = fmt.Sprintf("+1555020%04d", i)
		if o.WrapUp == 0 {
			o.WrapUp = 1
		}
	}
	d := w.desk(t, fmt.Sprintf("desk%d", i), o)
	if x.before != nil {
		x.before(d)
	}
	w.arm(x.point, max(1, x.nth))
	x.strike(d)
	require.True(t, w.died(soon), "the point was not passed")
	require.NoError(t, w.autopsy(t.Context()))
	if x.while != nil {
		x.while(d)
	}
	w.start()
	require.NoError(t, w.audit(t.Context(), always))
	if x.after != nil {
		x.after(d)
	}
	switch {
	case x.phone:
		d.converse(x.state == "menu")
	case x.alone:
		d.becomes("assigned", "completed", "canceled")
		d.finish()
	default:
		d.finish()
	}
	until(t, patience, "the agent is free", d.free)
	require.NoError(t, w.audit(t.Context(), always))
	until(t, patience, "runs fit tasks", func() error { return w.conducted(t.Context()) })
}

// converse sees a call through: the agent answers, they talk, the customer hangs
// up. Everything else, such as noticing that the customer is gone, the router
// has to do by itself.
func (d *desk) converse(taskless bool) {
	d.t.Helper()
	until(d.t, 2*patience, d.name+" serves the call", func() error {
		caller, err := d.platform.calls("sid", d.call)
		if err != nil {
			return err
		}
		gone := len(caller) == 0 || !caller[0].live()
		if taskless && gone {
			return nil
		}
		if err := d.find(); err != nil {
			return err
		}
		status, err := d.status()
		if err != nil {
			return err
		}
		switch status {
		case "completed", "canceled":
			if !gone {
				return fmt.Errorf("task %s is %s and the customer is still there", d.task, status)
			}
			return nil
		case "pending":
			err = d.online(true)
		case "reserved", "assigned":
			if !gone && caller[0].Bridged {
				err = d.platform.act(d.call, "hangup")
				break
			}
			phone, e := d.platform.calls("to", "client:"+d.name, "state", "ringing")
			if err = e; err == nil && len(phone) > 0 {
				err = d.platform.act(phone[0].SID, "answer")
			} else if status == "reserved" && !gone {
				_ = d.answerByHand()
			}
		}
		return fmt.Errorf("task %s was %s, customer gone %v: %w", d.task, status, gone, err)
	})
}

// adopted waits until the ringing phone is known again, although the platform
// said nothing about it.
func (d *desk) adopted() {
	d.t.Helper()
	until(d.t, patience, "the ringing phone is found", func() error {
		return d.audit(d.t.Context(), func(ctx context.Context, l *ledger) {
			l.none(ctx, "no leg is known", `SELECT attempt FROM legs WHERE NOT is_ended AND call_sids IN ('', '[]', 'null')`)
		})
	})
	d.platform.silence(false)
}

// answerByHand accepts at a REST client where the line leaves offers to it.
func (d *desk) answerByHand() error {
	if !d.manual {
		return nil
	}
	return d.answer("accepted")
}

// free checks that the agent has no work and silent phone.
func (d *desk) free() error {
	all, err := d.api().list(d.path+"/Workers/"+d.agent+"/Channels", "channels")
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.number("assigned_tasks") != 0 || c.number("available_capacity_percentage") != 100 {
			return fmt.Errorf("channel %s: %d assigned, %d %% free", c.text("task_channel_unique_name"),
				c.number("assigned_tasks"), c.number("available_capacity_percentage"))
		}
	}
	calls, err := d.platform.calls("to", "client:"+d.name)
	if err != nil {
		return err
	}
	for _, c := range calls {
		if c.live() {
			return fmt.Errorf("the phone of %s is still %s", d.name, c.State)
		}
	}
	return nil
}

// ringsOnce checks that the platform was asked once for each attempt to reach
// an agent.
func (s *system) ringsOnce() {
	s.t.Helper()
	placed, err := s.platform.placements()
	require.NoError(s.t, err)
	for attempt, n := range placed {
		require.Equal(s.t, 1, n, "attempt %s rang %d times", attempt, n)
	}
}

func slowest(all []time.Duration) time.Duration {
	var out time.Duration
	for _, d := range all {
		out = max(out, d)
	}
	return out.Round(10 * time.Millisecond)
}
