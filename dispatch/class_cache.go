package dispatch

import (
	"sync"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/taskrouter"
)

const (
	// maxClassRules bounds the classes of a Workspace that are kept ready,
	// maxSamples the bytes of their samples, and maxVerdicts those of agents and
	// their answers. When there are more, all are dropped, which costs one
	// reading or asking each.
	maxClassRules = 10_000
	maxSamples    = 16 << 20
	maxVerdicts   = 16 << 20
	// entrySize is what an agent takes besides texts and answers, roughly.
	entrySize = 200
)

// classCache keeps demand classes of a Workspace by key, and which of them each
// agent fits. It is never wrong, however old: a key says everything about its
// class, and an answer is that of an agent with the same name and attributes.
// What a key says of a configuration that was never committed goes with the
// snapshot it belongs to, whenever a transaction is given up.
type classCache struct {
	mu    sync.Mutex
	rules map[string]*classRule
	// shelf counts how often everything was dropped.
	shelf    int
	samples  int
	verdicts map[string]*verdicts
	size     int
}

// verdicts are the answers of one agent, by place in the cache.
type verdicts struct {
	cache      *classCache
	shelf      int
	name       string
	attributes taskrouter.Attributes
	answers    []answer
}

// answer is whether an agent fits a class.
type answer byte

const (
	notAsked answer = iota
	saysYes
	saysNo
)

// find returns the classes that are here and the keys of those that are not.
func (c *classCache) find(keys []string) (found []*classRule, missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found = make([]*classRule, 0, len(keys))
	for _, key := range keys {
		if r := c.rules[key]; r != nil {
			found = append(found, r)
		} else {
			missing = append(missing, key)
		}
	}
	return found, missing
}

// keep adds a class. Nobody else may have it yet.
func (c *classCache) keep(r *classRule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rules == nil || len(c.rules) >= maxClassRules || c.samples > maxSamples {
		c.rules, c.samples, c.verdicts, c.size = map[string]*classRule{}, 0, nil, 0
		c.shelf++
	}
	c.samples += len(r.Sample)
	r.shelf, r.place = c.shelf, len(c.rules)
	c.rules[r.Key] = r
}

// verdictsOf returns what is known of an agent: nothing when the name or the
// attributes are others than they were. One caller at a time may use it.
func (c *classCache) verdictsOf(a *Agent) *verdicts {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.verdicts[a.SID]
	if v != nil && v.name == a.FriendlyName && v.attributes == a.Attributes {
		return v
	}
	if c.size += entrySize + len(a.FriendlyName) + len(a.Attributes); c.verdicts == nil || c.size > maxVerdicts {
		c.verdicts, c.size = map[string]*verdicts{}, 0
	}
	v = &verdicts{cache: c, shelf: c.shelf, name: a.FriendlyName, attributes: a.Attributes}
	c.verdicts[a.SID] = v
	return v
}

// get returns an answer if there is one.
func (v *verdicts) get(c *classRule) (ok, decided bool) {
	if c.shelf != v.shelf || c.place >= len(v.answers) {
		return false, false
	}
	return v.answers[c.place] == saysYes, v.answers[c.place] != notAsked
}

// put keeps an answer. That a rule failed is none: it may have been out of time.
func (v *verdicts) put(c *classRule, reason matching.Reason) {
	if c.shelf != v.shelf || reason == matching.RuleFailed {
		return
	}
	is := saysNo
	if reason == matching.Fits {
		is = saysYes
	}
	if c.place >= len(v.answers) && !v.grow() {
		return
	}
	v.answers[c.place] = is
}

// grow makes room for all classes the cache has now.
func (v *verdicts) grow() bool {
	c := v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	more := len(c.rules) - len(v.answers)
	if v.shelf != c.shelf || more <= 0 {
		return false
	}
	if c.size += more; c.size > maxVerdicts {
		c.verdicts, c.size = nil, 0 // v is forgotten with the others when its caller is done
	}
	v.answers = append(v.answers, make([]answer, more)...)
	return true
}
