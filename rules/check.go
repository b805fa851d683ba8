package rules

import (
	"encoding/json"
	"fmt"
	"strings"
)

// CheckConfiguration reads a configuration like ParseConfiguration and returns
// every fault it finds instead of the first: at least one in each filter and
// target that has any. None means that ParseConfiguration accepts the text.
func (e *Engine) CheckConfiguration(text string) []error {
	_, first := e.ParseConfiguration(text)
	if first == nil {
		return nil
	}
	p := &configurationParser{engine: e, routing: &Routing{}}
	var root members
	if len(text) > MaxConfigurationBytes || json.Unmarshal([]byte(text), &root) != nil || root == nil {
		return []error{first}
	}
	if inner, err := p.object(keyTaskRouting, root[keyTaskRouting]); err == nil {
		root = inner
	}
	out := []error{first}
	add := func(err error) {
		for _, have := range out {
			if err == nil || have.Error() == err.Error() {
				return
			}
		}
		out = append(out, err)
	}
	filters, err := p.array(keyFilters, root)
	add(err)
	for i, raw := range filters {
		path := fmt.Sprintf("%s[%d]", keyFilters, i)
		err := p.filter(path, raw)
		add(err)
		if err == nil {
			continue
		}
		for _, err := range p.targetFaults(path, raw) {
			add(err)
		}
	}
	if root.has(keyDefaultFilter) {
		fallback, err := p.object(keyDefaultFilter, root[keyDefaultFilter])
		add(err)
		if err == nil {
			_, err = p.defaultFilter(fallback)
			add(err)
		}
	}
	return out
}

// targetFaults reads each target of a filter by itself.
func (p *configurationParser) targetFaults(path string, raw json.RawMessage) []error {
	m, err := p.object(path, raw)
	if err != nil {
		return nil
	}
	list, err := p.array(path+"."+keyTargets, m)
	if err != nil {
		return nil
	}
	if len(list) == 0 {
		return []error{fault(path+"."+keyTargets, "needs at least one target")}
	}
	var out []error
	for i, raw := range list {
		here := fmt.Sprintf("%s.%s[%d]", path, keyTargets, i)
		t, err := p.object(here, raw)
		if err == nil {
			var before *Target
			if i > 0 {
				before = &Target{QueueSID: "that of the target before"}
			}
			_, err = p.target(here, t, before)
		}
		if err != nil && strings.HasPrefix(err.Error(), here) {
			out = append(out, err)
		}
	}
	return out
}
