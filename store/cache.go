package store

import (
	"context"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
)

// cachedConfigs and cachedCounts bound the caches; past it they start anew.
const (
	cachedConfigs = 1024
	cachedCounts  = 16384
)

// configCache keeps the last committed configuration of Workspaces. An entry
// is right as long as the lock row has its revision.
type configCache struct {
	mu    sync.Mutex
	bySID map[string]*dispatch.Config
}

func newConfigCache() *configCache { return &configCache{bySID: map[string]*dispatch.Config{}} }

func (c *configCache) get(workspaceSID string, revision int64) *dispatch.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.bySID[workspaceSID]; have != nil && have.Revision == revision {
		return have
	}
	return nil
}

func (c *configCache) put(config *dispatch.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sid := config.Workspace.SID
	if have := c.bySID[sid]; have != nil && have.Revision > config.Revision {
		return
	}
	if len(c.bySID) >= cachedConfigs {
		clear(c.bySID)
	}
	c.bySID[sid] = config
}

// memberCounts remembers for a while whether queues are large. It only ever
// decides how rows are looked for, never which are found, so that it may be
// out of date.
type memberCounts struct {
	mu      sync.Mutex
	byQueue map[string]memberCount
}

type memberCount struct {
	many  bool
	until time.Time
}

const memberCountLife = 10 * time.Second

func newMemberCounts() *memberCounts { return &memberCounts{byQueue: map[string]memberCount{}} }

// forget is called when members join or leave.
func (m *memberCounts) forget(queueSID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byQueue, queueSID)
}

// atLeast reports whether a queue has n members or more.
func (m *memberCounts) atLeast(ctx context.Context, q bun.IDB, queueSID string, n int) (bool, error) {
	now := time.Now()
	m.mu.Lock()
	have, ok := m.byQueue[queueSID]
	m.mu.Unlock()
	if ok && now.Before(have.until) {
		return have.many, nil
	}
	count, err := value[int](ctx, q, "count members",
		"SELECT COUNT(*) FROM (SELECT 1 FROM queue_members WHERE queue_sid = ? ORDER BY worker_sid LIMIT ?) AS few", queueSID, n)
	if err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.byQueue) >= cachedCounts {
		clear(m.byQueue)
	}
	m.byQueue[queueSID] = memberCount{many: count >= n, until: now.Add(memberCountLife)}
	return count >= n, nil
}
