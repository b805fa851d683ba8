package apiserver

import (
	"context"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// lookups finds the names of what resources refer to, for one answer. A SID
// the request's configuration does not know may be newer than it: the
// configuration is then read again, once. What no longer exists has no name.
type lookups struct {
	config *dispatch.Config
	reread func() (*dispatch.Config, error)
	// err is why names could not be read.
	err error
}

func (s *Server) lookups(c *gin.Context) *lookups {
	ctx, account, ws := c.Request.Context(), account(c), workspaceSID(c)
	return &lookups{config: configuration(c), reread: func() (*dispatch.Config, error) {
		return s.opts.Reader.WorkspaceConfig(ctx, account, ws)
	}}
}

// lookupsIn is lookups for a Workspace that is not the path's.
func (s *Server) lookupsIn(ctx context.Context, account, ws string) *lookups {
	config, err := s.opts.Reader.WorkspaceConfig(ctx, account, ws)
	if config == nil {
		config = &dispatch.Config{}
	}
	return &lookups{config: config, err: err}
}

// lookup finds an entry of the configuration; nil when there is none.
func lookup[T any](l *lookups, sid string, in func(*dispatch.Config) map[string]*T) *T {
	if sid == "" {
		return nil
	}
	if v := in(l.config)[sid]; v != nil || l.reread == nil {
		return v
	}
	config, err := l.reread()
	if l.reread = nil; err != nil {
		l.err = err
	}
	if config != nil {
		l.config = config
	}
	return in(l.config)[sid]
}

func (l *lookups) activity(sid string) string {
	a := lookup(l, sid, func(c *dispatch.Config) map[string]*taskrouter.Activity { return c.Activities })
	if a == nil {
		return ""
	}
	return a.FriendlyName
}

// task names what a Task refers to.
func (l *lookups) task(t *taskrouter.Task) wire.TaskNames {
	var names wire.TaskNames
	if q := lookup(l, t.QueueSID, func(c *dispatch.Config) map[string]*taskrouter.TaskQueue { return c.Queues }); q != nil {
		names.Queue = q.FriendlyName
	}
	if w := lookup(l, t.WorkflowSID, func(c *dispatch.Config) map[string]*taskrouter.Workflow { return c.Workflows }); w != nil {
		names.Workflow = w.FriendlyName
	}
	if ch := lookup(l, t.TaskChannelSID, func(c *dispatch.Config) map[string]*taskrouter.TaskChannel { return c.Channels }); ch != nil {
		names.Channel = ch.UniqueName
	}
	return names
}

// rendered returns a body unless names could not be read while it was made.
func (l *lookups) rendered(body any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if l.err != nil {
		return nil, l.err
	}
	return body, nil
}

// atRest returns the entry of the configuration that a path parameter names.
func atRest[T any](c *gin.Context, prefix taskrouter.Prefix, all map[string]*T) (*T, error) {
	sid, err := pathSID(c, "sid", prefix)
	if err != nil {
		return nil, err
	}
	return found(all[sid], nil)
}

// channelAt finds a TaskChannel by SID or unique name; nil when there is none.
func channelAt(config *dispatch.Config, sidOrName string) *taskrouter.TaskChannel {
	if ch := config.Channels[sidOrName]; ch != nil {
		return ch
	}
	for _, ch := range config.Channels {
		if ch.UniqueName == sidOrName {
			return ch
		}
	}
	return nil
}

// named lists the SIDs of the entries with a name.
func named[T any](all map[string]*T, name string, of func(*T) string) []string {
	var out []string
	for sid, v := range all {
		if of(v) == name {
			out = append(out, sid)
		}
	}
	return out
}

// choose joins a filter by SID with one by name into the SIDs that satisfy
// both. No SIDs and true means that neither was given; false means that
// nothing can satisfy them.
func choose(sid, name string, named func() []string) ([]string, bool) {
	if name == "" {
		if sid == "" {
			return nil, true
		}
		return []string{sid}, true
	}
	sids := named()
	if sid != "" {
		sids = slices.DeleteFunc(sids, func(s string) bool { return s != sid })
	}
	return sids, len(sids) > 0
}
