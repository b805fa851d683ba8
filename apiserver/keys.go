package apiserver

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// Keys manages the API keys of accounts. A key of another account does not
// exist: KindNotFound.
type Keys interface {
	// CreateKey returns the secret this once.
	CreateKey(ctx context.Context, accountSID, friendlyName string) (k *taskrouter.Key, secret string, err error)
	FetchKey(ctx context.Context, accountSID, sid string) (*taskrouter.Key, error)
	ListKeys(ctx context.Context, accountSID string, page taskrouter.Page) ([]*taskrouter.Key, error)
	// RenameKey leaves the name alone when it is nil.
	RenameKey(ctx context.Context, accountSID, sid string, name *string) (*taskrouter.Key, error)
	RevokeKey(ctx context.Context, accountSID, sid string) error
}

// operationNewKey is the one creation that takes no idempotency token: its
// answer holds a secret, and answers are kept.
const operationNewKey = "CreateNewKey"

// pathKeySID reads the SID of a path that ends in SK….json.
func pathKeySID(c *gin.Context) (string, error) {
	sid, ok := strings.CutSuffix(c.Param("key"), ".json")
	if !ok || !taskrouter.IsSID(taskrouter.PrefixKey, sid) {
		return "", notFound()
	}
	return sid, nil
}

func (s *Server) listKeys(c *gin.Context) (any, error) {
	values, err := query(c)
	if err != nil {
		return nil, err
	}
	p, err := wire.ParsePaging(c.Request.URL.EscapedPath(), values, taskrouter.PrefixKey)
	if err != nil {
		return nil, err
	}
	keys, err := s.opts.Keys.ListKeys(c.Request.Context(), account(c), p.Page)
	if err != nil {
		return nil, err
	}
	mark := func(k *taskrouter.Key) string { return taskrouter.MarkAt(k.SID, k.CreatedAt) }
	return wire.NewURIList("keys", p, wire.Cut(keys, p.Page, mark), wire.FromKey), nil
}

func (s *Server) createKey(c *gin.Context) (any, error) {
	name, err := parseForm(c, wire.ParseKey)
	if err != nil {
		return nil, err
	}
	k, secret, err := s.opts.Keys.CreateKey(c.Request.Context(), account(c), value(name))
	if err != nil {
		return nil, err
	}
	c.Header("Cache-Control", "no-store")
	return wire.FromNewKey(k, secret), nil
}

func (s *Server) fetchKey(c *gin.Context) (any, error) {
	return rendered(wire.FromKey)(s.keyOf(c))
}

// keyOf reads the key of the path.
func (s *Server) keyOf(c *gin.Context) (*taskrouter.Key, error) {
	sid, err := pathKeySID(c)
	if err != nil {
		return nil, err
	}
	return s.opts.Keys.FetchKey(c.Request.Context(), account(c), sid)
}

func (s *Server) updateKey(c *gin.Context) (any, error) {
	sid, err := pathKeySID(c)
	if err != nil {
		return nil, err
	}
	name, err := parseForm(c, wire.ParseKey)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(s.keyOf(c)) })
	}
	return rendered(wire.FromKey)(s.opts.Keys.RenameKey(c.Request.Context(), account(c), sid, name))
}

func (s *Server) deleteKey(c *gin.Context) (any, error) {
	sid, err := pathKeySID(c)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Keys.RevokeKey(c.Request.Context(), account(c), sid)
}
