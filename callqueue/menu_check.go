package callqueue

import (
	"encoding/json"
	"maps"
	"slices"
)

// check verifies what concerns the menu as a whole: every step leads on to an
// end, every step can be reached, and what is collected fits into a Task.
func (p *menuParser) check() error {
	m := p.menu
	if len(m.Steps) == 0 {
		if m.Start != "" {
			return invalid("start", "there is no step %q", m.Start)
		}
		return p.checkSize()
	}
	if m.Start == "" {
		if len(m.Steps) > 1 {
			return invalid("start", "is needed when there is more than one step")
		}
		m.Start = slices.Collect(maps.Keys(m.Steps))[0]
	}
	if m.Steps[m.Start] == nil {
		return invalid("start", "there is no step %q", m.Start)
	}
	w := walk{menu: m, on: map[string]bool{}, depth: map[string]int{}}
	if _, err := w.visit(m.Start, "start"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Steps)) {
		if w.depth[name] == 0 {
			return invalid(join("steps", name), "no choice leads here")
		}
	}
	if d := w.depth[m.Start]; d > MaxMenuDepth {
		return invalid("steps", "the longest way through has %d steps, at most %d are allowed", d, MaxMenuDepth)
	}
	return p.checkSize()
}

// walk visits every step that can be reached once.
type walk struct {
	menu *Menu
	// on holds the steps on the way to the current one; depth the longest way
	// from a step to an end, once known.
	on    map[string]bool
	depth map[string]int
}

// visit returns the length of the longest way from a step; path is where it
// was named.
func (w *walk) visit(name, path string) (int, error) {
	step := w.menu.Steps[name]
	if step == nil {
		return 0, invalid(path, "there is no step %q", name)
	}
	if w.on[name] {
		return 0, invalid(path, "leads back to step %q: a menu must come to an end", name)
	}
	if d := w.depth[name]; d > 0 {
		return d, nil
	}
	w.on[name] = true
	defer delete(w.on, name)
	longest := 0
	follow := func(c Choice, path string) error {
		if c.Next == "" {
			return nil
		}
		d, err := w.visit(c.Next, join(path, "next"))
		longest = max(longest, d)
		return err
	}
	at := join("steps", name)
	for _, key := range slices.Sorted(maps.Keys(step.Choices)) {
		if err := follow(step.Choices[key], join(join(at, "choices"), key)); err != nil {
			return 0, err
		}
	}
	if step.Default != nil {
		if err := follow(*step.Default, join(at, "default")); err != nil {
			return 0, err
		}
	}
	w.depth[name] = longest + 1
	return longest + 1, nil
}

// checkSize bounds what one caller can collect: the static attributes and, at
// each step, the choice that sets most.
func (p *menuParser) checkSize() error {
	total := encodedSize(p.menu.Attributes)
	for _, s := range p.menu.Steps {
		most := 0
		if s.Default != nil {
			most = encodedSize(s.Default.Set)
		}
		for _, c := range s.Choices {
			most = max(most, encodedSize(c.Set))
		}
		total += most
	}
	if total > MaxCollected {
		return invalid("", "the attributes a caller can collect take %d bytes, at most %d are allowed", total, MaxCollected)
	}
	return nil
}

func encodedSize[V any](m map[string]V) int {
	if len(m) == 0 {
		return 0
	}
	b, err := json.Marshal(m)
	if err != nil {
		return MaxCollected + 1
	}
	return len(b)
}
