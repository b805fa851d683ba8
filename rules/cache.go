package rules

import (
	"container/list"
	"sync"
)

// cache keeps the most recently used values, safe for concurrent use.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	size    int
	recent  *list.List // of entry[K, V], most recent first
	entries map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newCache[K comparable, V any](size int) *cache[K, V] {
	return &cache[K, V]{size: size, recent: list.New(), entries: make(map[K]*list.Element)}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[k]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(entry[K, V]).value, true
	}
	var none V
	return none, false
}

// put stores a value unless another goroutine was first, and returns the one
// that is kept.
func (c *cache[K, V]) put(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[k]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(entry[K, V]).value
	}
	c.entries[k] = c.recent.PushFront(entry[K, V]{key: k, value: v})
	for c.recent.Len() > c.size {
		oldest := c.recent.Back()
		delete(c.entries, oldest.Value.(entry[K, V]).key)
		c.recent.Remove(oldest)
	}
	return v
}

func (c *cache[K, V]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
