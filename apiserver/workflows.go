package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

func (s *Server) listWorkflows(c *gin.Context) (any, error) {
	in, err := parseQuery(c, wire.ParseNamedList)
	if err != nil {
		return nil, err
	}
	return list(s, c, listing[*taskrouter.Workflow, wire.Workflow]{
		key: "workflows", prefix: taskrouter.PrefixWorkflow,
		mark:   func(w *taskrouter.Workflow) string { return taskrouter.MarkAt(w.SID, w.CreatedAt) },
		render: s.renderWorkflow,
		fetch: func(p taskrouter.Page) ([]*taskrouter.Workflow, error) {
			return s.opts.Reader.ListWorkflows(c.Request.Context(), account(c), workspaceSID(c), in.FriendlyName, p)
		},
	})
}

func (s *Server) renderWorkflow(w *taskrouter.Workflow) wire.Workflow {
	return wire.FromWorkflow(w, s.links)
}

// pathWorkflow reads the Workflow of the path.
func pathWorkflow(c *gin.Context) (*taskrouter.Workflow, error) {
	return atRest(c, taskrouter.PrefixWorkflow, configuration(c).Workflows)
}

func (s *Server) createWorkflow(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkflowCreate)
	if err != nil {
		return nil, err
	}
	return rendered(s.renderWorkflow)(s.opts.Configuration.CreateWorkflow(c.Request.Context(), workspace.NewWorkflow{
		ClaimedSID: claimedSID(c),
		Account:    account(c), WorkspaceSID: workspaceSID(c), Actor: actor(c),
		FriendlyName: value(in.FriendlyName), Configuration: value(in.Configuration),
		AssignmentCallbackURL:         value(in.AssignmentCallbackURL),
		FallbackAssignmentCallbackURL: value(in.FallbackAssignmentCallbackURL),
		TaskReservationTimeout:        in.TaskReservationTimeout,
	}))
}

func (s *Server) fetchWorkflow(c *gin.Context) (any, error) {
	return rendered(s.renderWorkflow)(pathWorkflow(c))
}

func (s *Server) updateWorkflow(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkflowUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathWorkflow(c)) })
	}
	w, err := s.opts.Configuration.UpdateWorkflow(c.Request.Context(), workspace.WorkflowUpdate{
		Subject: subject(c, c.Param("sid")), FriendlyName: in.FriendlyName, Configuration: in.Configuration,
		AssignmentCallbackURL: in.AssignmentCallbackURL, FallbackAssignmentCallbackURL: in.FallbackAssignmentCallbackURL,
		TaskReservationTimeout: in.TaskReservationTimeout, ReEvaluate: in.ReEvaluateTasks,
	})
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathWorkflow(c)) })
	}
	return s.renderWorkflow(w), nil
}

func (s *Server) deleteWorkflow(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixWorkflow)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Configuration.DeleteWorkflow(c.Request.Context(), subject(c, sid))
}
