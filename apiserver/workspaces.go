package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

func (s *Server) listWorkspaces(c *gin.Context) (any, error) {
	in, err := parseQuery(c, wire.ParseNamedList)
	if err != nil {
		return nil, err
	}
	var failed error
	body, err := list(s, c, listing[*taskrouter.Workspace, wire.Workspace]{
		key: "workspaces", prefix: taskrouter.PrefixWorkspace,
		mark: func(w *taskrouter.Workspace) string { return taskrouter.MarkAt(w.SID, w.CreatedAt) },
		render: func(w *taskrouter.Workspace) wire.Workspace {
			l := s.lookupsIn(c.Request.Context(), w.AccountSID, w.SID)
			out := s.renderWorkspace(w, l)
			failed = firstError(failed, l.err)
			return out
		},
		fetch: func(p taskrouter.Page) ([]*taskrouter.Workspace, error) {
			return s.opts.Reader.ListWorkspaces(c.Request.Context(), account(c), in.FriendlyName, p)
		},
	})
	return body, firstError(err, failed)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (s *Server) renderWorkspace(w *taskrouter.Workspace, l *lookups) wire.Workspace {
	return wire.FromWorkspace(w, wire.WorkspaceNames{
		DefaultActivity: l.activity(w.DefaultActivitySID), TimeoutActivity: l.activity(w.TimeoutActivitySID),
	}, s.links)
}

func (s *Server) answerWorkspace(c *gin.Context, w *taskrouter.Workspace) (any, error) {
	l := s.lookupsIn(c.Request.Context(), w.AccountSID, w.SID)
	return l.rendered(s.renderWorkspace(w, l), nil)
}

func (s *Server) createWorkspace(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkspaceCreate)
	if err != nil {
		return nil, err
	}
	w, err := s.opts.Configuration.CreateWorkspace(c.Request.Context(), workspace.NewWorkspace{
		ClaimedSID: claimedSID(c),
		Account:    account(c), FriendlyName: in.FriendlyName,
		EventCallbackURL: value(in.EventCallbackURL), EventsFilter: value(in.EventsFilter),
		MultiTaskEnabled: in.MultiTaskEnabled, Template: in.Template,
		PrioritizeQueueOrder: value(in.PrioritizeQueueOrder), Actor: actor(c),
	})
	if err != nil {
		return nil, err
	}
	return s.answerWorkspace(c, w)
}

// value is what a pointer points at, or the zero value.
func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func (s *Server) fetchWorkspace(c *gin.Context) (any, error) {
	l := s.lookups(c)
	return l.rendered(s.renderWorkspace(l.config.Workspace, l), nil)
}

func (s *Server) updateWorkspace(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkspaceUpdate)
	if err != nil {
		return nil, err
	}
	w, err := s.opts.Configuration.UpdateWorkspace(c.Request.Context(), workspace.WorkspaceUpdate{
		Subject: subject(c, workspaceSID(c)), FriendlyName: in.FriendlyName,
		DefaultActivitySID: in.DefaultActivitySID, TimeoutActivitySID: in.TimeoutActivitySID,
		EventCallbackURL: in.EventCallbackURL, EventsFilter: in.EventsFilter,
		MultiTaskEnabled: in.MultiTaskEnabled, PrioritizeQueueOrder: in.PrioritizeQueueOrder,
	})
	if err != nil {
		return nil, err
	}
	return s.answerWorkspace(c, w)
}

func (s *Server) deleteWorkspace(c *gin.Context) (any, error) {
	return nil, s.opts.Configuration.DeleteWorkspace(c.Request.Context(), subject(c, workspaceSID(c)))
}
