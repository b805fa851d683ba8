package privacy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// person is what tells the documents of one person from others: the value of an
// attribute.
type person struct {
	// path leads to the attribute; dots separate members.
	path, value string
	// known remembers documents that were looked at: one follows its Task
	// through many events.
	known map[taskrouter.Attributes]bool
}

// rememberedDocuments bounds the memory of documents.
const rememberedDocuments = 10000

func newPerson(path, value string) *person {
	return &person{path: path, value: value, known: map[taskrouter.Attributes]bool{}}
}

// in reports whether a document holds the person's value. One that cannot be
// read holds nothing.
func (p *person) in(a taskrouter.Attributes) bool {
	if a == "" || a == taskrouter.NoAttributes || a.Redacted() {
		return false
	}
	if found, ok := p.known[a]; ok {
		return found
	}
	d := json.NewDecoder(bytes.NewReader([]byte(a)))
	d.UseNumber()
	var document any
	found := d.Decode(&document) == nil && holds(document, p.path, p.value)
	if len(p.known) >= rememberedDocuments {
		clear(p.known)
	}
	p.known[a] = found
	return found
}

// holds reports whether there is a value at a path. A list holds what any of its
// items holds. The name of a member may contain dots itself.
func holds(document any, path, value string) bool {
	switch d := document.(type) {
	case []any:
		for _, item := range d {
			if holds(item, path, value) {
				return true
			}
		}
		return false
	case map[string]any:
		if path == "" {
			return false
		}
		if member, ok := d[path]; ok && holds(member, "", value) {
			return true
		}
		for i, c := range path {
			if c != '.' {
				continue
			}
			if member, ok := d[path[:i]]; ok && holds(member, path[i+1:], value) {
				return true
			}
		}
		return false
	case string:
		return path == "" && d == value
	case json.Number:
		return path == "" && d.String() == value
	case bool:
		return path == "" && strconv.FormatBool(d) == value
	}
	return false
}

// validPath reports whether a path names something.
func validPath(path string) bool {
	return path != "" && !strings.HasPrefix(path, ".") && !strings.HasSuffix(path, ".")
}
