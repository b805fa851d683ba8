package apiserver

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// maxListedQueues is how many TaskQueues an explanation of a Worker lists.
const maxListedQueues = 100

func (s *Server) explainTask(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixTask)
	if err != nil {
		return nil, err
	}
	in, err := parseQuery(c, wire.ParseExplanation)
	if err != nil {
		return nil, err
	}
	x, err := s.opts.Dispatcher.ExplainTask(c.Request.Context(), account(c), workspaceSID(c), sid, in.Limit)
	if err != nil {
		return nil, err
	}
	out := wire.FromTaskState(x.Task, x.At, s.links)
	out.EventSeq, out.JobRunning, out.MaxAssignments = x.Seq, x.JobRunning, x.MaxAssignments
	out.Route = placeOf(x.Standing)
	out.State, out.Message = stateOf(x)
	out.Agents, out.NearestChanges, out.Reservations = []wire.ExplainedAgent{}, []wire.ExplainedChange{}, []wire.ExplainedOffer{}
	out.AgentTotals = map[string]int{}
	if x.Task.Status == taskrouter.TaskPending && x.Standing.Queue != nil {
		out.Position = &wire.ExplainedPosition{Before: x.Before, Waiting: x.Waiting}
	}
	for _, a := range x.Agents {
		v := wire.ExplainedAgent{
			WorkerSID: a.WorkerSID, FriendlyName: a.FriendlyName, Member: a.Member, Reasons: reasonsOf(a.Obstacles),
			URL: s.links.Workspace(workspaceSID(c), "Workers", a.WorkerSID),
		}
		for _, r := range a.Earlier {
			v.EarlierOffers = append(v.EarlierOffers, wire.FromOffer(r))
		}
		out.Agents = append(out.Agents, v)
	}
	for reason, n := range x.Totals {
		out.AgentTotals[reason.Code()] = n
	}
	out.AgentsConsidered, out.AgentsTruncated = x.Considered, x.Truncated
	for _, r := range x.Nearest {
		out.NearestChanges = append(out.NearestChanges, changeOf(r))
	}
	for _, r := range x.Offers {
		out.Reservations = append(out.Reservations, wire.FromOffer(r).WithDecision(r.Decision))
	}
	return out, nil
}

// stateOf says in a word and a sentence what a Task waits for.
func stateOf(x *dispatch.TaskExplanation) (state, message string) {
	t := x.Task
	switch t.Status {
	case taskrouter.TaskReserved:
		return "offered", "It is being offered; the reservations say to whom, and why to them."
	case taskrouter.TaskAssigned, taskrouter.TaskWrapping:
		return "taken", "An agent has it; the reservations say who, and why them."
	case taskrouter.TaskCompleted, taskrouter.TaskCanceled:
		return "ended", "It has ended; the reservations say who was offered it, and why them."
	case taskrouter.TaskPending:
	}
	switch {
	case x.Standing.Gone:
		return "stranded", "Its routing target does not exist any more; it waits for its time to live, or to be re-evaluated."
	case t.Assignments >= x.MaxAssignments:
		return "waiting", "It has been offered as often as is allowed: it is canceled when somebody could take it."
	case t.OfferNotBefore.After(x.At):
		return "paused", "The last offer failed; it is offered again after a pause."
	case x.Considered == 0:
		return "waiting", "It waits: nobody could be asked."
	case x.Totals[""] > 0:
		return "waiting", "It waits although somebody fits: matching is about to run, or a bulk job has not finished."
	}
	return "waiting", fmt.Sprintf("It waits: %d agents were considered and none can take it now; %d tasks of its queue come first.", x.Considered, x.Before)
}

// nullable is nil for the empty text.
func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func placeOf(p dispatch.Standing) wire.ExplainedPlace {
	out := wire.ExplainedPlace{
		ConfigVersion: p.ConfigVersion, Direct: nullable(string(p.Direct)), FilterName: nullable(p.FilterName),
		FilterExpression: nullable(p.FilterExpression), TargetName: nullable(p.TargetName), Expression: nullable(p.Expression),
		OrderBy: nullable(p.OrderBy), SkipIf: nullable(p.SkipIf), KnownWorker: nullable(p.KnownWorker),
	}
	if p.Direct == taskrouter.DirectNone {
		if out.Target = &p.Target; p.Filter >= 0 {
			out.Filter = &p.Filter
		} else {
			out.DefaultFilter = true
		}
	}
	if p.Queue != nil {
		out.QueueSID, out.QueueName, out.TargetWorkers = &p.Queue.SID, &p.Queue.FriendlyName, nullable(p.Queue.TargetWorkers)
	}
	return out
}

// reasonsOf renders what keeps an agent from a Task.
func reasonsOf(obstacles []dispatch.Obstacle) []wire.ExplainedReason {
	out := []wire.ExplainedReason{}
	for _, o := range obstacles {
		r := wire.ExplainedReason{Code: o.Reason.Code(), Message: string(o.Reason), Clauses: clausesOf(o.Clauses)}
		if o.Activity != "" {
			r.Activity = &o.Activity
			r.Message += ": " + o.Activity
		}
		if code := r.Code; code == "no_capacity" || code == "channel_not_available" || code == "busy" {
			r.Used, r.Capacity = &o.Used, &o.Capacity
			r.Message += fmt.Sprintf(" (%d of %d)", o.Used, o.Capacity)
		}
		if o.Expression != "" {
			r.Expression = &o.Expression
		}
		if said := sentence(o.Clauses); said != "" {
			r.Message += ": " + said
		}
		out = append(out, r)
	}
	return out
}

// sentence tells clauses in one line.
func sentence(clauses []dispatch.Clause) string {
	var parts []string
	for _, c := range clauses {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, "; ")
}

func clausesOf(clauses []dispatch.Clause) []wire.ExplainedClause {
	var out []wire.ExplainedClause
	for _, c := range clauses {
		out = append(out, clauseOf(c))
	}
	return out
}

func clauseOf(c dispatch.Clause) wire.ExplainedClause {
	out := wire.ExplainedClause{Clause: c.Text, Verdict: string(c.Verdict), Clauses: clausesOf(c.Parts)}
	if c.Fault != "" {
		out.Fault = &c.Fault
	}
	if c.Join != "" {
		out.Join = &c.Join
	}
	for _, v := range c.Values {
		value := wire.ExplainedValue{Name: v.Name, Value: json.RawMessage(v.JSON), Missing: v.JSON == ""}
		if value.Missing {
			value.Value = json.RawMessage("null")
		}
		out.Values = append(out.Values, value)
	}
	return out
}

// changeOf renders what would make an agent take a Task.
func changeOf(r dispatch.Remedy) wire.ExplainedChange {
	out := wire.ExplainedChange{
		WorkerSID: r.WorkerSID, FriendlyName: r.FriendlyName, Assigns: r.Assigns, TasksAhead: r.Ahead, Cost: r.Cost,
		Steps: []wire.ExplainedStep{},
	}
	var said []string
	for _, s := range r.Steps {
		step := stepOf(s)
		out.Steps = append(out.Steps, step)
		said = append(said, step.Message)
	}
	out.Message = r.WorkerSID + " " + strings.Join(said, ", then ")
	if r.Ahead > 0 {
		out.Message += fmt.Sprintf("; %d tasks come first", r.Ahead)
	}
	return out
}

func stepOf(s dispatch.Step) wire.ExplainedStep {
	out := wire.ExplainedStep{Kind: string(s.Kind)}
	if s.Channel != "" {
		out.Channel = &s.Channel
	}
	if s.Count > 0 {
		out.Count = &s.Count
	}
	switch s.Kind {
	case dispatch.StepAttributes:
		var said []string
		for _, e := range s.Edits {
			said = append(said, editSaid(e))
			out.Edits = append(out.Edits, wire.ExplainedEdit{Attribute: e.Path, Op: string(e.Op), Value: json.RawMessage(e.Value)})
		}
		out.Message = "having its attributes changed: " + strings.Join(said, ", ")
	case dispatch.StepCapacity:
		out.Message = fmt.Sprintf("getting a capacity of %d on channel %s", s.Count, s.Channel)
	case dispatch.StepChannel:
		out.Message = "having channel " + s.Channel + " switched on"
	case dispatch.StepFinish:
		out.Message = fmt.Sprintf("finishing %d task on channel %s", s.Count, s.Channel)
		if s.Count > 1 {
			out.Message = fmt.Sprintf("finishing %d tasks on channel %s", s.Count, s.Channel)
		}
	case dispatch.StepActivity:
		out.ActivitySID, out.ActivityName = &s.ActivitySID, &s.Activity
		out.Message = "going to the available activity " + s.Activity
	}
	return out
}

func editSaid(e dispatch.Edit) string {
	switch e.Op {
	case "add":
		return "adding " + e.Value + " to " + e.Path
	case "remove":
		return "removing " + e.Value + " from " + e.Path
	case "delete":
		return "removing " + e.Path
	default:
		return "setting " + e.Path + " to " + e.Value
	}
}

func (s *Server) explainWorker(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixWorker)
	if err != nil {
		return nil, err
	}
	x, err := s.opts.Dispatcher.ExplainWorker(c.Request.Context(), account(c), workspaceSID(c), sid)
	if err != nil {
		return nil, err
	}
	activity := ""
	if x.Activity != nil {
		activity = x.Activity.FriendlyName
	}
	out := wire.FromWorkerState(x.Agent.Worker, activity, x.At, s.links)
	out.EventSeq, out.JobRunning, out.MayTake, out.QueuesTotal = x.Seq, x.JobRunning, x.MayTake, len(x.Queues)
	out.Channels, out.Reservations, out.Queues = []wire.ExplainedChannel{}, []wire.ExplainedOffer{}, []wire.ExplainedQueue{}
	for _, ch := range x.Agent.Channels {
		out.Channels = append(out.Channels, wire.FromChannelRoom(ch))
	}
	for _, r := range x.Offers {
		out.Reservations = append(out.Reservations, wire.FromOffer(r))
	}
	for _, v := range x.Queues {
		if v.Member {
			out.QueuesIn++
		}
		if len(out.Queues) == maxListedQueues {
			continue
		}
		out.Queues = append(out.Queues, wire.ExplainedQueue{
			SID: v.Queue.SID, FriendlyName: v.Queue.FriendlyName, Member: v.Member, Live: v.Live, Clauses: clausesOf(v.Clauses),
			TargetWorkers: nullable(v.Queue.TargetWorkers), Fault: nullable(v.Fault),
		})
	}
	out.NextIfFree, out.Waiting = s.waiting(x.Next), s.waiting(x.Waiting)
	out.Message = whyIdle(x)
	return out, nil
}

func (s *Server) waiting(tasks []dispatch.TaskVerdict) []wire.ExplainedTask {
	out := []wire.ExplainedTask{}
	for _, v := range tasks {
		t := wire.FromWaitingTask(v.Task, s.links)
		t.Reasons = reasonsOf(v.Obstacles)
		out = append(out, t)
	}
	return out
}

// whyIdle says in a sentence why an agent is idle or busy.
func whyIdle(x *dispatch.WorkerExplanation) string {
	in := 0
	for _, q := range x.Queues {
		if q.Member {
			in++
		}
	}
	switch {
	case !x.Agent.Available:
		return "Its activity is not available, so nothing is offered."
	case !x.MayTake && len(x.Offers) > 0:
		return fmt.Sprintf("It is busy: %d reservations are open and no channel has room.", len(x.Offers))
	case !x.MayTake:
		return "No channel is switched on with a capacity, so nothing is offered."
	case in == 0:
		return "It is free, but a member of no queue."
	case len(x.Waiting) == 0:
		return "It is free, and nothing waits in its queues."
	default:
		return "It is free on some channel; waiting_tasks says why it is given none of those."
	}
}

func (s *Server) evaluateWorkflow(c *gin.Context) (any, error) {
	w, err := pathWorkflow(c)
	if err != nil {
		return nil, err
	}
	in, err := parseForm(c, wire.ParseEvaluation)
	if err != nil {
		return nil, err
	}
	return s.evaluate(c, w.SID, in)
}

func (s *Server) evaluateConfiguration(c *gin.Context) (any, error) {
	in, err := parseForm(c, func(form url.Values) (wire.EvaluationForm, error) {
		in, err := wire.ParseEvaluation(form)
		if err == nil && in.Configuration == nil {
			err = taskrouter.Invalidf("Missing required parameter Configuration")
		}
		return in, err
	})
	if err != nil {
		return nil, err
	}
	return s.evaluate(c, "", in)
}

func (s *Server) evaluate(c *gin.Context, workflowSID string, in wire.EvaluationForm) (any, error) {
	x, err := s.opts.Dispatcher.Evaluate(c.Request.Context(), dispatch.NewEvaluation{
		AccountSID: account(c), WorkspaceSID: workspaceSID(c), WorkflowSID: workflowSID, Configuration: in.Configuration,
		Attributes: in.Attributes, Priority: in.Priority, Channel: in.TaskChannel, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := wire.NewEvaluation(account(c), workspaceSID(c), workflowSID, x.At, s.links)
	out.EventSeq = x.Seq
	out.Filters, out.Targets, out.Reserved = []wire.EvaluatedFilter{}, []wire.EvaluatedTarget{}, ranked(x.Reserved)
	for i, f := range x.Filters {
		v := wire.EvaluatedFilter{Index: i, Matched: f.Matched, Chosen: !x.End && x.Entered.Filter == i, Expression: clauseOf(f.Clause)}
		if f.Name != "" {
			v.FriendlyName = &f.Name
		}
		out.Filters = append(out.Filters, v)
	}
	for _, t := range x.Targets {
		out.Targets = append(out.Targets, targetOf(t))
	}
	out.DefaultFilter = !x.End && x.Entered.Filter < 0
	switch {
	case x.End:
		out.Outcome, out.Message = "refused", "No filter matches and there is no default filter: creating the task would fail."
		return out, nil
	case x.Canceled:
		out.Outcome, out.Message = "canceled", "Every target is skipped: the task would be canceled at once."
	case len(x.Reserved) > 0:
		out.Outcome, out.Message = "reserved", "An agent is free and fits: the task would be offered at once."
	case slices.ContainsFunc(x.Targets, func(t dispatch.TargetVerdict) bool { return t.Queue == nil }):
		out.Outcome, out.Message = "waits", "A target names a TaskQueue that does not exist; such a configuration is refused when it is stored."
	default:
		out.Outcome, out.Message = "waits", "Nobody who fits is free: the task would wait."
	}
	if x.Rests.Filter >= 0 {
		out.RestsInFilter = &x.Rests.Filter
	}
	out.RestsInTarget = &x.Rests.Target
	return out, nil
}

func ranked(agents []dispatch.RankedAgent) []wire.EvaluatedAgent {
	out := []wire.EvaluatedAgent{}
	for _, a := range agents {
		out = append(out, wire.EvaluatedAgent{WorkerSID: a.SID, FriendlyName: a.FriendlyName})
	}
	return out
}

func targetOf(t dispatch.TargetVerdict) wire.EvaluatedTarget {
	out := wire.EvaluatedTarget{
		Index: t.Target, FriendlyName: nullable(t.Name), Priority: t.Priority, Expression: nullable(t.Expression), OrderBy: nullable(t.OrderBy),
		KnownWorker: nullable(t.KnownWorker), Members: t.Members, Fitting: t.Fitting, Agents: ranked(t.Agents),
	}
	if t.Queue == nil {
		out.Fault = nullable("The target names a TaskQueue that does not exist in the Workspace")
	} else {
		out.QueueSID, out.QueueName = &t.Queue.SID, &t.Queue.FriendlyName
	}
	if t.Timeout > 0 {
		seconds := int64(t.Timeout.Seconds())
		out.Timeout = &seconds
	}
	if t.SkipIf != "" {
		skip := clauseOf(t.Skip)
		out.SkipIf = &skip
	}
	return out
}
