package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ErrRunClosed is a run that completed although its Task is open. It should not
// happen; such a Task is still moved by the store's own sweeper, but nothing
// calls or rings for it.
var ErrRunClosed = errors.New("the run of an open task has completed")

// ClientOptions say how runs are started.
type ClientOptions struct {
	// Namespace is the Temporal namespace the SDK client was made for.
	Namespace string
	// Eager asks for the first workflow task to be handed to a worker process
	// that shares the SDK client. Leave it off with worker versioning, which
	// eager starts bypass.
	Eager bool
	// Tunables travel with each new run; the zero value is DefaultTunables.
	Tunables Tunables
}

// Client is the only way to talk to runs. It is safe for concurrent use.
type Client struct {
	sdk sdkclient.Client
	opt ClientOptions
}

// NewClient makes a Client over an SDK client, which stays the caller's.
func NewClient(sdk sdkclient.Client, o ClientOptions) *Client {
	if o.Tunables == (Tunables{}) {
		o.Tunables = DefaultTunables()
	}
	return &Client{sdk: sdk, opt: o}
}

// Notice is what the run of a Task must learn.
type Notice struct {
	// First is set until the run was started once. It is only a hint: a wrong
	// one costs a request.
	First bool
	View  taskrouter.View
}

// Deliver starts the run of the Task or signals it. Nil means that the run has
// the view, or has completed after the Task's end and needs none. Doubled
// deliveries are harmless. An error means the notice must be sent again;
// ErrRunClosed that this will not help.
func (c *Client) Deliver(ctx context.Context, n Notice) error {
	v := FromView(n.View)
	if n.First {
		_, err := c.sdk.ExecuteWorkflow(ctx, c.options(&v), Task, c.input(v))
		if err == nil {
			return nil
		}
		if !alreadyStarted(err) {
			return fmt.Errorf("start run: %w", err)
		}
	}
	// Nearly always there is a run, and then its input need not be made, sent
	// and checked.
	err := c.sdk.SignalWorkflow(ctx, TaskID(v.TaskSID), "", SignalNotice, v)
	if !closedOrUnknown(err) {
		if err != nil {
			return fmt.Errorf("signal run: %w", err)
		}
		return nil
	}
	_, err = c.sdk.SignalWithStartWorkflow(ctx, TaskID(v.TaskSID), SignalNotice, v, c.options(&v), Task, c.input(v))
	switch {
	case err == nil:
		return nil
	case !alreadyStarted(err):
		return fmt.Errorf("signal run: %w", err)
	case v.Ended():
		return nil
	default:
		return fmt.Errorf("signal run: %w", ErrRunClosed)
	}
}

func alreadyStarted(err error) bool {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &started)
}

// closedOrUnknown reports whether there is no run that could be signaled.
func closedOrUnknown(err error) bool {
	var unknown *serviceerror.NotFound
	return errors.As(err, &unknown)
}

// options start one run for each Task. A run that did not complete (it was
// terminated, say) is started anew, and so is a completed one when there is
// something left to be done for the ended Task, such as a late leg to end.
func (c *Client) options(v *View) sdkclient.StartWorkflowOptions {
	domain := v.Domain()
	reuse := enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	if v.Ended() && domain.ToDo() {
		reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	o := sdkclient.StartWorkflowOptions{
		ID: TaskID(v.TaskSID), TaskQueue: TemporalQueue,
		WorkflowIDReusePolicy: reuse, WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart: c.opt.Eager, StaticSummary: summaryOf(v), Memo: memoOf(v),
	}
	if c.opt.Tunables.Searchable {
		o.TypedSearchAttributes = startAttributes(v)
	}
	return o
}

func (c *Client) input(v View) TaskInput {
	return TaskInput{LogicVersion: LogicVersion, Tunables: c.opt.Tunables, View: v, Shown: shownOf(&v)}
}

// Wake starts the run that delivers the events of a Workspace, or tells it that
// there are more.
func (c *Client) Wake(ctx context.Context, accountSID, workspaceSID string) error {
	o := sdkclient.StartWorkflowOptions{
		ID: DeliveryID(workspaceSID), TaskQueue: TemporalQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "event callbacks",
	}
	if c.opt.Tunables.Searchable {
		o.TypedSearchAttributes = deliveryAttributes(accountSID, workspaceSID)
	}
	in := DeliveryInput{LogicVersion: DeliveryLogicVersion, AccountSID: accountSID, WorkspaceSID: workspaceSID}
	if _, err := c.sdk.SignalWithStartWorkflow(ctx, o.ID, SignalWake, wake{}, o, Delivery, in); err != nil {
		return fmt.Errorf("wake delivery: %w", err)
	}
	return nil
}

// Running reports whether the Task has a run that is not over.
func (c *Client) Running(ctx context.Context, taskSID string) (bool, error) {
	d, err := c.sdk.DescribeWorkflowExecution(ctx, TaskID(taskSID), "")
	if closedOrUnknown(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("describe run: %w", err)
	}
	return d.GetWorkflowExecutionInfo().GetCloseTime() == nil, nil
}

// VerifySearchAttributes lists the search attributes the namespace lacks, in
// alphabetical order. One of the wrong type counts as missing.
func (c *Client) VerifySearchAttributes(ctx context.Context) (missing []string, err error) {
	res, err := c.sdk.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: c.opt.Namespace})
	if err != nil {
		return nil, fmt.Errorf("list search attributes: %w", err)
	}
	for name, typ := range SearchAttributes() {
		if res.GetCustomAttributes()[name] != typ {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// RegisterSearchAttributes adds what VerifySearchAttributes finds missing. It
// needs operator rights on the namespace. The server may take some seconds
// before it accepts new attributes.
func (c *Client) RegisterSearchAttributes(ctx context.Context) error {
	missing, err := c.VerifySearchAttributes(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	types := map[string]enumspb.IndexedValueType{}
	for _, name := range missing {
		types[name] = SearchAttributes()[name]
	}
	_, err = c.sdk.OperatorService().AddSearchAttributes(ctx,
		&operatorservice.AddSearchAttributesRequest{Namespace: c.opt.Namespace, SearchAttributes: types})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("add search attributes: %w", err)
	}
	return nil
}
