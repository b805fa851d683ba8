package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// eventAt is the Event of the path.
func (s *Server) eventAt(c *gin.Context) (*taskrouter.Event, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixEvent)
	if err != nil {
		return nil, err
	}
	return found(s.opts.Reader.FetchEvent(c.Request.Context(), account(c), workspaceSID(c), sid))
}

func (s *Server) renderDelivery(a *taskrouter.DeliveryAttempt) wire.Delivery {
	return wire.FromDelivery(a, s.links)
}

func (s *Server) listDeliveries(c *gin.Context) (any, error) {
	e, err := s.eventAt(c)
	if err != nil {
		return nil, err
	}
	return list(s, c, listing[*taskrouter.DeliveryAttempt, wire.Delivery]{
		key: "deliveries", prefix: taskrouter.PrefixDelivery,
		mark:   func(a *taskrouter.DeliveryAttempt) string { return taskrouter.Mark(a.SID, int64(a.Number)) },
		render: s.renderDelivery,
		fetch: func(p taskrouter.Page) ([]*taskrouter.DeliveryAttempt, error) {
			return s.opts.Reader.ListDeliveryAttempts(c.Request.Context(), e, p)
		},
	})
}

func (s *Server) fetchDelivery(c *gin.Context) (any, error) {
	e, err := s.eventAt(c)
	if err != nil {
		return nil, err
	}
	sid, err := pathSID(c, "child", taskrouter.PrefixDelivery)
	if err != nil {
		return nil, err
	}
	return rendered(s.renderDelivery)(found(s.opts.Reader.FetchDeliveryAttempt(c.Request.Context(), e, sid)))
}

// createDelivery has an Event sent again. It has no parameters, so that a form
// in the body is read and ignored.
func (s *Server) createDelivery(c *gin.Context) (any, error) {
	e, err := s.eventAt(c)
	if err != nil {
		return nil, err
	}
	if _, err := form(c); err != nil {
		return nil, err
	}
	return rendered(s.renderDelivery)(s.opts.Resender.QueueDelivery(c.Request.Context(), e, s.opts.Now()))
}
