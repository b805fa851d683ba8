package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

func (s *Server) listActivities(c *gin.Context) (any, error) {
	in, err := parseQuery(c, wire.ParseActivityList)
	if err != nil {
		return nil, err
	}
	return list(s, c, listing[*taskrouter.Activity, wire.Activity]{
		key: "activities", prefix: taskrouter.PrefixActivity,
		mark:   func(a *taskrouter.Activity) string { return taskrouter.MarkAt(a.SID, a.CreatedAt) },
		render: s.renderActivity,
		fetch: func(p taskrouter.Page) ([]*taskrouter.Activity, error) {
			return s.opts.Reader.ListActivities(c.Request.Context(), account(c), workspaceSID(c), in.FriendlyName, in.Available, p)
		},
	})
}

func (s *Server) renderActivity(a *taskrouter.Activity) wire.Activity {
	return wire.FromActivity(a, s.links)
}

// pathActivity reads the Activity of the path.
func pathActivity(c *gin.Context) (*taskrouter.Activity, error) {
	return atRest(c, taskrouter.PrefixActivity, configuration(c).Activities)
}

func (s *Server) createActivity(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseActivityCreate)
	if err != nil {
		return nil, err
	}
	return rendered(s.renderActivity)(s.opts.Configuration.CreateActivity(c.Request.Context(), workspace.NewActivity{
		ClaimedSID: claimedSID(c),
		Account:    account(c), WorkspaceSID: workspaceSID(c), FriendlyName: in.FriendlyName, Available: in.Available, Actor: actor(c),
	}))
}

// rendered turns a service's answer into a body.
func rendered[T, J any](render func(T) J) func(T, error) (any, error) {
	return func(v T, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return render(v), nil
	}
}

func (s *Server) fetchActivity(c *gin.Context) (any, error) {
	return rendered(s.renderActivity)(pathActivity(c))
}

func (s *Server) updateActivity(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseActivityUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathActivity(c)) })
	}
	a, err := s.opts.Configuration.UpdateActivity(c.Request.Context(), workspace.ActivityUpdate{
		Subject: subject(c, c.Param("sid")), FriendlyName: in.FriendlyName,
	})
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathActivity(c)) })
	}
	return s.renderActivity(a), nil
}

func (s *Server) deleteActivity(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixActivity)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Configuration.DeleteActivity(c.Request.Context(), subject(c, sid))
}
