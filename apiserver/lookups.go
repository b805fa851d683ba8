package apiserver

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// lookups finds the names of related resources for one request, each of them
// once. What no longer exists has no name. The first failure is kept in err.
type lookups struct {
	ctx         context.Context //nolint:containedctx // lives as long as its request
	reader      Reader
	account, ws string
	names       map[string]string
	err         error
}

func (s *Server) lookups(c *gin.Context) *lookups {
	return &lookups{
		ctx: c.Request.Context(), reader: s.opts.Reader,
		account: account(c), ws: workspaceSID(c), names: map[string]string{},
	}
}

func (l *lookups) name(sid string, fetch func() (string, error)) string {
	if sid == "" || l.err != nil {
		return ""
	}
	name, known := l.names[sid]
	if !known {
		name, l.err = fetch()
		l.names[sid] = name
	}
	return name
}

func (l *lookups) activity(sid string) string {
	return l.name(sid, func() (string, error) {
		a, err := l.reader.FetchActivity(l.ctx, l.account, l.ws, sid)
		if a == nil || err != nil {
			return "", err
		}
		return a.FriendlyName, nil
	})
}

func (l *lookups) queue(sid string) string {
	return l.name(sid, func() (string, error) {
		q, err := l.reader.FetchQueue(l.ctx, l.account, l.ws, sid)
		if q == nil || err != nil {
			return "", err
		}
		return q.FriendlyName, nil
	})
}

func (l *lookups) workflow(sid string) string {
	return l.name(sid, func() (string, error) {
		w, err := l.reader.FetchWorkflow(l.ctx, l.account, l.ws, sid)
		if w == nil || err != nil {
			return "", err
		}
		return w.FriendlyName, nil
	})
}

func (l *lookups) channel(sid string) string {
	return l.name(sid, func() (string, error) {
		ch, err := l.reader.FetchTaskChannel(l.ctx, l.account, l.ws, sid)
		if ch == nil || err != nil {
			return "", err
		}
		return ch.UniqueName, nil
	})
}

func (l *lookups) task(t *taskrouter.Task) wire.TaskNames {
	return wire.TaskNames{Queue: l.queue(t.QueueSID), Workflow: l.workflow(t.WorkflowSID), Channel: l.channel(t.TaskChannelSID)}
}

// rendered returns a body unless a name could not be read while it was made.
func (l *lookups) rendered(body any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if l.err != nil {
		return nil, l.err
	}
	return body, nil
}
