package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

func (s *Server) listCallQueues(c *gin.Context) (any, error) {
	return list(s, c, listing[*taskrouter.CallQueue, wire.CallQueue]{
		key: "call_queues", prefix: taskrouter.PrefixCallQueue,
		mark:   func(q *taskrouter.CallQueue) string { return taskrouter.MarkAt(q.SID, q.CreatedAt) },
		render: s.renderCallQueue,
		fetch: func(p taskrouter.Page) ([]*taskrouter.CallQueue, error) {
			return s.opts.Reader.ListCallQueues(c.Request.Context(), account(c), workspaceSID(c), p)
		},
	})
}

func (s *Server) renderCallQueue(q *taskrouter.CallQueue) wire.CallQueue {
	return wire.FromCallQueue(q, s.links)
}

// pathCallQueue reads the CallQueue of the path.
func pathCallQueue(c *gin.Context) (*taskrouter.CallQueue, error) {
	return atRest(c, taskrouter.PrefixCallQueue, configuration(c).CallQueues)
}

func (s *Server) createCallQueue(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseCallQueueCreate)
	if err != nil {
		return nil, err
	}
	return rendered(s.renderCallQueue)(s.opts.Configuration.CreateCallQueue(c.Request.Context(), workspace.NewCallQueue{
		ClaimedSID: claimedSID(c),
		Account:    account(c), WorkspaceSID: workspaceSID(c), Actor: actor(c),
		FriendlyName: value(in.FriendlyName), PhoneNumbers: in.PhoneNumbers, WorkflowSID: value(in.WorkflowSID),
		Menu: value(in.Menu), HoldMusicURL: value(in.HoldMusicURL), Instruction: value(in.Instruction),
		Backend: value(in.Backend), WrapUp: in.WrapUp,
	}))
}

func (s *Server) fetchCallQueue(c *gin.Context) (any, error) {
	return rendered(s.renderCallQueue)(pathCallQueue(c))
}

func (s *Server) updateCallQueue(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseCallQueueUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathCallQueue(c)) })
	}
	update := workspace.CallQueueUpdate{
		Subject: subject(c, c.Param("sid")), FriendlyName: in.FriendlyName, WorkflowSID: in.WorkflowSID,
		Menu: in.Menu, HoldMusicURL: in.HoldMusicURL, Instruction: in.Instruction, Backend: in.Backend, WrapUp: in.WrapUp,
	}
	if in.PhoneNumbers != nil {
		update.PhoneNumbers = &in.PhoneNumbers
	}
	q, err := s.opts.Configuration.UpdateCallQueue(c.Request.Context(), update)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathCallQueue(c)) })
	}
	return s.renderCallQueue(q), nil
}

func (s *Server) deleteCallQueue(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixCallQueue)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Configuration.DeleteCallQueue(c.Request.Context(), subject(c, sid))
}
