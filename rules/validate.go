package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// maxTimeout is the longest target timeout in seconds: far beyond the life of
// a Task, well within a time.Duration.
const maxTimeout = 1<<31 - 1

// The members of a configuration.
const (
	keyTaskRouting    = "task_routing"
	keyFilters        = "filters"
	keyDefaultFilter  = "default_filter"
	keyFilterName     = "filter_friendly_name"
	keyFriendlyName   = "friendly_name"
	keyExpression     = "expression"
	keyTargets        = "targets"
	keyQueue          = "queue"
	keyPriority       = "priority"
	keyTimeout        = "timeout"
	keySkipIf         = "skip_if"
	keyOrderBy        = "order_by"
	keyKnownWorkerSID = "known_worker_sid"
	keyKnownWorker    = "known_worker_friendly_name"
)

// members is a JSON object before its members are understood. Names match
// exactly; null counts as absent.
type members map[string]json.RawMessage

func (m members) has(key string) bool {
	v, ok := m[key]
	return ok && string(v) != "null"
}

// configurationParser fills a Routing, stopping at the first fault.
type configurationParser struct {
	engine  *Engine
	routing *Routing
}

func fault(path, format string, args ...any) error {
	return taskrouter.Invalidf("%s: %s", path, fmt.Sprintf(format, args...))
}

// at puts the path in front of the message of an error of ours.
func at(path string, err error) error {
	var ours *taskrouter.Error
	if errors.As(err, &ours) {
		placed := *ours
		placed.Message = path + ": " + ours.Message
		return &placed
	}
	return fault(path, "%v", err)
}

func (p *configurationParser) root(text string) error {
	if !json.Valid([]byte(text)) {
		return taskrouter.Invalidf("Configuration must be valid JSON")
	}
	var root members
	if err := json.Unmarshal([]byte(text), &root); err != nil || root == nil {
		return taskrouter.Invalidf("Configuration must be a JSON object")
	}
	if _, ok := root[keyTaskRouting]; ok {
		inner, err := p.object(keyTaskRouting, root[keyTaskRouting])
		if err != nil {
			return err
		}
		root = inner
	}
	if !root.has(keyFilters) && !root.has(keyDefaultFilter) {
		return fault(keyTaskRouting, "needs filters or default_filter")
	}
	list, err := p.array(keyFilters, root)
	if err != nil {
		return err
	}
	for i, raw := range list {
		if err := p.filter(fmt.Sprintf("%s[%d]", keyFilters, i), raw); err != nil {
			return err
		}
	}
	if !root.has(keyDefaultFilter) {
		return nil
	}
	fallback, err := p.object(keyDefaultFilter, root[keyDefaultFilter])
	if err != nil {
		return err
	}
	target, err := p.defaultFilter(fallback)
	if err != nil {
		return err
	}
	p.routing.fallback = &target
	return nil
}

func (p *configurationParser) object(path string, raw json.RawMessage) (members, error) {
	var m members
	if err := json.Unmarshal(raw, &m); err != nil || m == nil {
		return nil, fault(path, "must be an object")
	}
	return m, nil
}

func (p *configurationParser) array(path string, m members) ([]json.RawMessage, error) {
	key := path[strings.LastIndexByte(path, '.')+1:]
	if !m.has(key) {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(m[key], &list); err != nil {
		return nil, fault(path, "must be an array")
	}
	return list, nil
}

// text returns an optional text member; blank counts as absent.
func (p *configurationParser) text(path string, m members, key string) (string, error) {
	if !m.has(key) {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(m[key], &s); err != nil {
		return "", fault(path+"."+key, "must be a string")
	}
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	return s, nil
}

func (p *configurationParser) filter(path string, raw json.RawMessage) error {
	m, err := p.object(path, raw)
	if err != nil {
		return err
	}
	var f filter
	if f.name, err = p.text(path, m, keyFilterName); err != nil {
		return err
	}
	if f.name == "" {
		if f.name, err = p.text(path, m, keyFriendlyName); err != nil {
			return err
		}
	}
	expression, err := p.text(path, m, keyExpression)
	if err != nil {
		return err
	}
	if expression == "" {
		return fault(path+"."+keyExpression, "is required")
	}
	if f.expression, err = p.engine.Compile(PlaceTaskFilter, expression); err != nil {
		return at(path+"."+keyExpression, err)
	}
	list, err := p.array(path+"."+keyTargets, m)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault(path+"."+keyTargets, "needs at least one target")
	}
	for i, raw := range list {
		here := fmt.Sprintf("%s.%s[%d]", path, keyTargets, i)
		t, err := p.object(here, raw)
		if err != nil {
			return err
		}
		var before *Target
		if i > 0 {
			before = &f.targets[i-1]
		}
		target, err := p.target(here, t, before)
		if err != nil {
			return err
		}
		f.targets = append(f.targets, target)
	}
	p.routing.filters = append(p.routing.filters, f)
	return nil
}

// target reads a target of a filter; before is the one above it, nil for the
// first.
func (p *configurationParser) target(path string, m members, before *Target) (Target, error) {
	t, err := p.place(path, m, before)
	if err != nil {
		return Target{}, err
	}
	if m.has(keyTimeout) {
		seconds, err := integer(path+"."+keyTimeout, m[keyTimeout], 1, maxTimeout)
		if err != nil {
			return Target{}, err
		}
		t.Timeout = time.Duration(seconds) * time.Second
	}
	if t.Expression, err = p.program(path, m, keyExpression, PlaceTargetExpression); err != nil {
		return Target{}, err
	}
	if t.SkipIf, err = p.program(path, m, keySkipIf, PlaceSkipIf); err != nil {
		return Target{}, err
	}
	if t.OrderBy, err = p.order(path, m); err != nil {
		return Target{}, err
	}
	if t.KnownWorkerSID, err = p.reference(path, m, keyKnownWorkerSID); err != nil {
		return Target{}, err
	}
	if t.KnownWorkerName, err = p.reference(path, m, keyKnownWorker); err != nil {
		return Target{}, err
	}
	if t.KnownWorkerSID != nil && t.KnownWorkerName != nil {
		return Target{}, fault(path+"."+keyKnownWorker, "excludes %s", keyKnownWorkerSID)
	}
	return t, nil
}

// defaultFilter reads the members the default filter knows. A wait in it has
// no end of its own, so timeout and skip_if are ignored.
func (p *configurationParser) defaultFilter(m members) (Target, error) {
	t, err := p.place(keyDefaultFilter, m, nil)
	if err != nil {
		return Target{}, err
	}
	if t.Expression, err = p.program(keyDefaultFilter, m, keyExpression, PlaceTargetExpression); err != nil {
		return Target{}, err
	}
	t.OrderBy, err = p.order(keyDefaultFilter, m)
	return t, err
}

// place reads the queue, the priority and the label.
func (p *configurationParser) place(path string, m members, before *Target) (Target, error) {
	var t Target
	var err error
	if t.QueueSID, err = p.text(path, m, keyQueue); err != nil {
		return Target{}, err
	}
	switch {
	case t.QueueSID != "":
		p.routing.queues = append(p.routing.queues, QueueRef{Path: path + "." + keyQueue, SID: t.QueueSID})
	case before == nil:
		return Target{}, fault(path+"."+keyQueue, "is required")
	default:
		t.QueueSID = before.QueueSID
	}
	if m.has(keyPriority) {
		priority, err := integer(path+"."+keyPriority, m[keyPriority], 0, MaxPriority)
		if err != nil {
			return Target{}, err
		}
		t.Priority = &priority
	}
	// A label has no meaning, so one of another type is not a fault.
	t.Name, _ = p.text(path, m, keyFriendlyName)
	return t, nil
}

func (p *configurationParser) program(path string, m members, key string, place Place) (*Program, error) {
	src, err := p.text(path, m, key)
	if err != nil || src == "" {
		return nil, err
	}
	prog, err := p.engine.Compile(place, src)
	if err != nil {
		return nil, at(path+"."+key, err)
	}
	return prog, nil
}

func (p *configurationParser) order(path string, m members) (*Order, error) {
	src, err := p.text(path, m, keyOrderBy)
	if err != nil || src == "" {
		return nil, err
	}
	order, err := p.engine.CompileOrder(src)
	if err != nil {
		return nil, at(path+"."+keyOrderBy, err)
	}
	return order, nil
}

func (p *configurationParser) reference(path string, m members, key string) (*Reference, error) {
	src, err := p.text(path, m, key)
	if err != nil || src == "" {
		return nil, err
	}
	ref, err := p.engine.CompileReference(src)
	if err != nil {
		return nil, at(path+"."+key, err)
	}
	return ref, nil
}

// integer reads a whole number, or text that spells one, within bounds.
func integer(path string, raw json.RawMessage, low, high int64) (int64, error) {
	s := string(raw)
	if s != "" && s[0] == '"' {
		if err := json.Unmarshal(raw, &s); err != nil {
			return 0, fault(path, "must be an integer")
		}
		s = strings.TrimSpace(s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, floatErr := strconv.ParseFloat(s, 64)
		switch {
		case errors.Is(err, strconv.ErrRange), errors.Is(floatErr, strconv.ErrRange):
			return 0, fault(path, "must be between %d and %d", low, high)
		case floatErr != nil, f != math.Trunc(f), math.IsNaN(f):
			return 0, fault(path, "must be an integer")
		case math.Abs(f) > float64(high):
			return 0, fault(path, "must be between %d and %d", low, high)
		}
		n = int64(f)
	}
	if n < low || n > high {
		return 0, fault(path, "must be between %d and %d", low, high)
	}
	return n, nil
}
