package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

func (s *Server) listTaskChannels(c *gin.Context) (any, error) {
	return list(s, c, listing[*taskrouter.TaskChannel, wire.TaskChannel]{
		key: "channels", prefix: taskrouter.PrefixTaskChannel,
		mark:   func(ch *taskrouter.TaskChannel) string { return taskrouter.MarkAt(ch.SID, ch.CreatedAt) },
		render: s.renderTaskChannel,
		fetch: func(p taskrouter.Page) ([]*taskrouter.TaskChannel, error) {
			return s.opts.Reader.ListTaskChannels(c.Request.Context(), account(c), workspaceSID(c), p)
		},
	})
}

func (s *Server) renderTaskChannel(ch *taskrouter.TaskChannel) wire.TaskChannel {
	return wire.FromTaskChannel(ch, s.links)
}

// pathChannel reads the TaskChannel of the path, named by SID or unique name.
func pathChannel(c *gin.Context) (*taskrouter.TaskChannel, error) {
	key, err := pathKey(c, "sid")
	if err != nil {
		return nil, err
	}
	return found(channelAt(configuration(c), key), nil)
}

func (s *Server) createTaskChannel(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseTaskChannelCreate)
	if err != nil {
		return nil, err
	}
	return rendered(s.renderTaskChannel)(s.opts.Configuration.CreateTaskChannel(c.Request.Context(), workspace.NewTaskChannel{
		ClaimedSID: claimedSID(c),
		Account:    account(c), WorkspaceSID: workspaceSID(c), Actor: actor(c),
		FriendlyName: in.FriendlyName, UniqueName: in.UniqueName, OptimizedRouting: in.OptimizedRouting,
	}))
}

func (s *Server) fetchTaskChannel(c *gin.Context) (any, error) {
	return rendered(s.renderTaskChannel)(pathChannel(c))
}

func (s *Server) updateTaskChannel(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseTaskChannelUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathChannel(c)) })
	}
	ch, err := s.opts.Configuration.UpdateTaskChannel(c.Request.Context(), workspace.TaskChannelUpdate{
		Subject: subject(c, c.Param("sid")), FriendlyName: in.FriendlyName, OptimizedRouting: in.OptimizedRouting,
	})
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathChannel(c)) })
	}
	return s.renderTaskChannel(ch), nil
}

func (s *Server) deleteTaskChannel(c *gin.Context) (any, error) {
	key, err := pathKey(c, "sid")
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Configuration.DeleteTaskChannel(c.Request.Context(), subject(c, key))
}

func (s *Server) listWorkerChannels(c *gin.Context) (any, error) {
	worker, err := s.worker(c)
	if err != nil {
		return nil, err
	}
	mark := func(ch *taskrouter.WorkerChannel) string { return taskrouter.MarkAt(ch.SID, ch.CreatedAt) }
	return list(s, c, listing[*taskrouter.WorkerChannel, wire.WorkerChannel]{
		key: "channels", prefix: taskrouter.PrefixWorkerChannel, mark: mark, render: s.renderWorkerChannel,
		fetch: func(p taskrouter.Page) ([]*taskrouter.WorkerChannel, error) {
			items, err := s.opts.Reader.WorkerChannels(c.Request.Context(), account(c), workspaceSID(c), worker.SID)
			if err != nil {
				return nil, err
			}
			return pageOf(items, p, mark)
		},
	})
}

func (s *Server) renderWorkerChannel(ch *taskrouter.WorkerChannel) wire.WorkerChannel {
	return wire.FromWorkerChannel(ch, s.links)
}

// workerChannel reads the WorkerChannel of the path, named by its SID or by
// its TaskChannel's SID or unique name.
func (s *Server) workerChannel(c *gin.Context) (*taskrouter.WorkerChannel, error) {
	worker, err := pathSID(c, "sid", taskrouter.PrefixWorker)
	if err != nil {
		return nil, err
	}
	key, err := pathKey(c, "child")
	if err != nil {
		return nil, err
	}
	return found(s.opts.Reader.FetchWorkerChannel(c.Request.Context(), account(c), workspaceSID(c), worker, key))
}

func (s *Server) fetchWorkerChannel(c *gin.Context) (any, error) {
	return rendered(s.renderWorkerChannel)(s.workerChannel(c))
}
