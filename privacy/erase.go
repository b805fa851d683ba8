package privacy

import (
	"context"
	"fmt"
	"slices"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Steps of an erasure.
const (
	// readPage is how many rows are looked at in one step.
	readPage = 500
	// erasedTasks is how many Tasks one step erases; each may have many events.
	erasedTasks = 20
	erasedCalls = 100
)

// Changer changes Tasks that have a row, whatever else goes on in their
// Workspace.
type Changer interface {
	UpdateTask(ctx context.Context, in dispatch.TaskUpdate) (*taskrouter.Task, error)
}

// EraseOptions say who is to be forgotten.
type EraseOptions struct {
	WorkspaceSID string
	// Attribute leads to a value in a Task's attributes, with dots between
	// members; Value is what stands there: a text, or a number as it is written.
	Attribute, Value string
	// IncludeLive erases Tasks that have not ended too. Otherwise one of them
	// makes Erase refuse with a LiveTasksError before it changes anything.
	IncludeLive bool
	// DryRun finds and changes nothing.
	DryRun bool
	// Progress is called now and then with the number of events looked at.
	Progress func(seq, last int64)
}

// Erased is what was erased, or would be. It does not repeat the value.
type Erased struct {
	WorkspaceSID string `json:"workspace_sid"`
	Attribute    string `json:"attribute"`
	DryRun       bool   `json:"dry_run"`
	// Tasks are those that were about the person, also when only events tell of
	// them any more; LiveTasks are those among them that have not ended.
	Tasks     []string `json:"tasks"`
	LiveTasks []string `json:"live_tasks"`
	// Events, Calls, Claims, Reservations and DialAttempts count the rows that
	// were changed, of Reservations with their legs. A dry run does not count
	// the last two.
	Events       int `json:"events"`
	Calls        int `json:"calls"`
	Claims       int `json:"claims"`
	Reservations int `json:"reservations"`
	DialAttempts int `json:"dial_attempts"`
	// LiveCalls are CallSids of calls that go on. They were left as they are:
	// erase again when they are over.
	LiveCalls []string `json:"live_calls"`
}

// LiveTasksError refuses to erase Tasks that somebody works on.
type LiveTasksError struct{ TaskSIDs []string }

func (e *LiveTasksError) Error() string {
	return fmt.Sprintf("%d tasks with this value have not ended; nothing was changed: %v", len(e.TaskSIDs), e.TaskSIDs)
}

// Erase finds all that is stored about one person in a Workspace, by the value
// of an attribute, and replaces it: the attributes of Tasks by
// taskrouter.RedactedAttributes, in their rows, in their events and in
// remembered answers to requests; what is known about their calls by nothing. A
// Task that held the value at any time is erased as a whole. What happened, and
// when, stays. An error means that it was not finished; to begin again finds the
// rest.
func Erase(ctx context.Context, st *store.Store, d Changer, o EraseOptions) (*Erased, error) {
	if !taskrouter.IsSID(taskrouter.PrefixWorkspace, o.WorkspaceSID) {
		return nil, taskrouter.Invalidf("The SID of a Workspace is required: WS and 32 digits")
	}
	if !validPath(o.Attribute) || o.Value == "" {
		return nil, taskrouter.Invalidf("An attribute and its value are required")
	}
	e := &eraser{
		st: st, change: d, o: o, who: newPerson(o.Attribute, o.Value), tasks: map[string]*subject{}, calls: map[dispatch.CallRef]bool{},
		gone: map[taskrouter.Attributes]bool{},
		out:  &Erased{WorkspaceSID: o.WorkspaceSID, Attribute: o.Attribute, DryRun: o.DryRun, Tasks: []string{}, LiveTasks: []string{}, LiveCalls: []string{}},
	}
	err := eachWorkspace(ctx, st, store.PurgeScope{WorkspaceSID: o.WorkspaceSID}, func(ws *taskrouter.Workspace) error {
		e.ws = ws
		return e.run(ctx)
	})
	return e.out, err
}

// subject is a Task about the person.
type subject struct {
	// row is set while there is one, live while it has not ended.
	row, live bool
}

type eraser struct {
	st     *store.Store
	change Changer
	o      EraseOptions
	ws     *taskrouter.Workspace
	who    *person

	tasks map[string]*subject
	// calls are those that are about the person and have ended.
	calls map[dispatch.CallRef]bool
	// gone are the documents that were replaced.
	gone map[taskrouter.Attributes]bool
	out  *Erased
}

func (e *eraser) run(ctx context.Context) error {
	for _, find := range []func(context.Context) error{e.findCalls, e.findEvents, e.findRows, e.findCallsOfTasks} {
		if err := find(ctx); err != nil {
			return fmt.Errorf("find: %w", err)
		}
	}
	for sid, t := range e.tasks {
		e.out.Tasks = append(e.out.Tasks, sid)
		if t.live {
			e.out.LiveTasks = append(e.out.LiveTasks, sid)
		}
	}
	slices.Sort(e.out.Tasks)
	slices.Sort(e.out.LiveTasks)
	slices.Sort(e.out.LiveCalls)
	if len(e.out.LiveTasks) > 0 && !e.o.IncludeLive && !e.o.DryRun {
		return &LiveTasksError{TaskSIDs: e.out.LiveTasks}
	}
	// Rows first: what happens to a Task from then on tells nothing any more.
	for _, step := range []func(context.Context) error{e.eraseRows, e.eraseHistory, e.eraseCalls, e.eraseSamples} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	return nil
}

func (e *eraser) about(taskSID string) *subject {
	t := e.tasks[taskSID]
	if t == nil {
		t = &subject{}
		e.tasks[taskSID] = t
	}
	return t
}

// findCalls looks at what platforms and menus said about callers. A call from
// the person's number is theirs, whatever the attribute is called.
func (e *eraser) findCalls(ctx context.Context) error {
	for after := (dispatch.CallRef{}); ; {
		page, err := e.st.CallsAfter(ctx, e.ws, after, readPage)
		if err != nil {
			return err
		}
		for _, c := range page {
			after = dispatch.CallRef{AccountSID: c.AccountSID, Backend: c.Backend, CallSID: c.CallSID}
			if c.From != e.o.Value && !e.who.in(c.Facts) && !e.who.in(c.MenuFacts) {
				continue
			}
			e.addCall(c)
			if c.TaskSID != "" {
				e.about(c.TaskSID)
			}
		}
		if len(page) < readPage {
			return nil
		}
	}
}

func (e *eraser) addCall(c *taskrouter.Call) {
	switch {
	case c.State != taskrouter.CallEnded:
		if !slices.Contains(e.out.LiveCalls, c.CallSID) {
			e.out.LiveCalls = append(e.out.LiveCalls, c.CallSID)
		}
	case c.From != "" || !c.Facts.Redacted():
		e.calls[dispatch.CallRef{AccountSID: c.AccountSID, Backend: c.Backend, CallSID: c.CallSID}] = true
	}
}

func (e *eraser) findEvents(ctx context.Context) error {
	last, err := e.st.LastEventSeq(ctx, e.ws.SID)
	if err != nil {
		return err
	}
	for seq := int64(0); ; {
		page, err := e.st.EventsAfter(ctx, e.ws.SID, seq, readPage)
		if err != nil {
			return err
		}
		for _, v := range page {
			seq = v.Seq
			if v.TaskSID != "" && e.who.in(taskrouter.Attributes(v.Data["task_attributes"])) {
				e.about(v.TaskSID)
			}
		}
		if e.o.Progress != nil {
			e.o.Progress(seq, last)
		}
		if len(page) < readPage {
			return nil
		}
	}
}

// findRows looks at all Tasks that have a row: those found otherwise may be live.
func (e *eraser) findRows(ctx context.Context) error {
	for last, more := (*store.StoredTask)(nil), true; more; {
		err := e.st.AtOneMoment(ctx, e.ws.SID, func(ctx context.Context, m *store.Moment) error {
			page, err := m.Tasks(ctx, last, readPage)
			for _, row := range page {
				last = row
				if e.tasks[row.SID] == nil && !e.who.in(row.Attributes) {
					continue
				}
				t := e.about(row.SID)
				t.row, t.live = !row.Attributes.Redacted(), !row.Status.Ended()
			}
			more = len(page) == readPage
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) findCallsOfTasks(ctx context.Context) error {
	return inSteps(e.sids(), readPage, func(sids []string) error {
		calls, err := e.st.CallsOfTasks(ctx, e.ws.SID, sids)
		for _, c := range calls {
			e.addCall(c)
		}
		return err
	})
}

func (e *eraser) sids() []string {
	out := make([]string, 0, len(e.tasks))
	for sid := range e.tasks {
		out = append(out, sid)
	}
	slices.Sort(out)
	return out
}

// eraseRows has the attributes of the Tasks that have a row changed, live or
// not, so that what reads them is told.
func (e *eraser) eraseRows(ctx context.Context) error {
	if e.o.DryRun {
		return nil
	}
	document := taskrouter.RedactedAttributes
	for _, sid := range e.sids() {
		if !e.tasks[sid].row {
			continue
		}
		_, err := e.change.UpdateTask(ctx, dispatch.TaskUpdate{
			Subject: dispatch.Subject{
				AccountSID: e.ws.AccountSID, WorkspaceSID: e.ws.SID, SID: sid, Actor: taskrouter.SystemActor(e.ws.SID),
			},
			Attributes: &document,
		})
		// One that is gone meanwhile needs no more.
		if err != nil && taskrouter.KindOf(err) != taskrouter.KindNotFound {
			return err
		}
	}
	return nil
}

// eraseHistory changes what is left of the Tasks beside their rows.
func (e *eraser) eraseHistory(ctx context.Context) error {
	return inSteps(e.sids(), erasedTasks, func(sids []string) error {
		events, err := e.st.RedactEvents(ctx, e.ws.SID, sids, e.o.DryRun)
		if err != nil {
			return err
		}
		e.out.Events += events.Events
		for _, d := range events.Documents {
			e.gone[d] = true
		}
		n, err := e.st.RedactClaims(ctx, sids, e.o.DryRun)
		e.out.Claims += n
		if err != nil || e.o.DryRun {
			return err
		}
		if n, err = e.st.RedactWork(ctx, e.ws.SID, sids, e.o.Value); err != nil {
			return err
		}
		e.out.Reservations += n
		return inSteps(events.ReservationSIDs, readPage, func(reservations []string) error {
			n, err := e.st.RedactDialAttempts(ctx, reservations, e.o.Value)
			e.out.DialAttempts += n
			return err
		})
	})
}

func (e *eraser) eraseCalls(ctx context.Context) error {
	refs := make([]dispatch.CallRef, 0, len(e.calls))
	for r := range e.calls {
		refs = append(refs, r)
	}
	if e.o.DryRun {
		e.out.Calls = len(refs)
		return nil
	}
	return inSteps(refs, erasedCalls, func(refs []dispatch.CallRef) error {
		n, err := e.st.RedactCalls(ctx, e.ws.SID, refs, e.o.Value)
		e.out.Calls += n
		return err
	})
}

// eraseSamples removes documents that stand for waiting Tasks of other people
// with the same needs.
func (e *eraser) eraseSamples(ctx context.Context) error {
	if e.o.DryRun {
		return nil
	}
	_, err := e.st.RedactSamples(ctx, e.ws.SID, func(a taskrouter.Attributes) bool { return e.gone[a] || e.who.in(a) })
	return err
}

// inSteps calls fn with a part of a list at a time.
func inSteps[T any](list []T, size int, fn func(part []T) error) error {
	for part := range slices.Chunk(list, size) {
		if err := fn(part); err != nil {
			return err
		}
	}
	return nil
}
