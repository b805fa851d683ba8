package apiserver

import (
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func (s *Server) listEvents(c *gin.Context) (any, error) {
	in, err := parseQuery(c, func(q url.Values) (wire.EventList, error) { return wire.ParseEventList(q, s.opts.Now()) })
	if err != nil {
		return nil, err
	}
	filter := in.EventFilter
	if in.TaskChannel != "" {
		ch := channelAt(configuration(c), in.TaskChannel)
		if ch == nil {
			return nil, taskrouter.Invalidf("TaskChannel does not exist in the Workspace")
		}
		filter.TaskChannelSID = ch.SID
	}
	return list(s, c, listing[*taskrouter.Event, wire.Event]{
		key: "events", prefix: taskrouter.PrefixEvent,
		mark:   func(e *taskrouter.Event) string { return taskrouter.Mark(e.SID, e.Seq) },
		render: s.renderEvent,
		fetch: func(p taskrouter.Page) ([]*taskrouter.Event, error) {
			return s.opts.Reader.ListEvents(c.Request.Context(), account(c), workspaceSID(c), filter, p)
		},
	})
}

func (s *Server) renderEvent(e *taskrouter.Event) wire.Event { return wire.FromEvent(e, s.links) }

func (s *Server) fetchEvent(c *gin.Context) (any, error) {
	return rendered(s.renderEvent)(s.eventAt(c))
}
