package openapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

const schemas = "#/components/schemas/"

func ref(name string) *Schema { return &Schema{Ref: schemas + name} }

// library collects the schemas of the bodies it is asked for.
type library struct{ made fields[*Schema] }

// refer returns a reference to the schema of a struct, which it makes when it
// is the first to ask.
func (l *library) refer(t reflect.Type, rendered ...string) *Schema {
	name := schemaName(t)
	if _, ok := l.made.get(name); !ok {
		l.made.add(name, nil) // holds the place while its parts are made
		s := l.object(t, rendered)
		i := slices.IndexFunc(l.made, func(f field[*Schema]) bool { return f.name == name })
		l.made[i].value = s
	}
	return ref(name)
}

// schemaName is the name of a struct's schema: that of its type.
func schemaName(t reflect.Type) string {
	if t == reflect.TypeFor[wire.Meta]() {
		return "ListMeta"
	}
	return t.Name()
}

// statisticsOf says whose statistics a body holds. Which of its members are
// left out depends on the operation, not on the resource.
var statisticsOf = reflect.TypeFor[wire.StatisticsOf]()

// object describes a struct by its JSON. Of the members of statisticsOf that
// may be left out, those named as rendered never are and the others always.
func (l *library) object(t reflect.Type, rendered []string) *Schema {
	s := &Schema{Type: "object", Description: schemaWords[schemaName(t)]}
	l.members(s, t, schemaName(t), rendered)
	if example, ok := samples()[t]; ok {
		s.Examples = []any{example}
	}
	return s
}

func (l *library) members(s *Schema, t reflect.Type, owner string, rendered []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			l.members(s, f.Type, owner, rendered)
		case strings.Contains(options, "omitempty") && t == statisticsOf && !slices.Contains(rendered, name):
		case strings.Contains(options, "omitempty") && t != statisticsOf:
			m := l.member(t, f.Type, owner, name)
			if types, ok := m.Type.([]string); ok { // left out instead of null
				m.Type = types[0]
			}
			s.Properties.add(name, m)
		default:
			s.Properties.add(name, l.member(t, f.Type, owner, name))
			s.Required = append(s.Required, name)
		}
	}
}

// member describes one member of a struct by its type and name.
func (l *library) member(parent, t reflect.Type, owner, name string) *Schema {
	if name == "links" {
		return linksOf(parent)
	}
	null := nullableMembers[name]
	if t.Kind() == reflect.Pointer {
		t, null = t.Elem(), !neverNull[name] && !neverNull[owner+"."+name]
	}
	s := l.value(t, owner, name)
	s.Description = words(fieldWords, owner, name)
	switch {
	case null && s.Ref != "":
		s = &Schema{Description: s.Description, AnyOf: []*Schema{{Ref: s.Ref}, {Type: "null"}}}
	case null:
		s.Type = []string{fmt.Sprint(s.Type), "null"}
		if s.Enum != nil {
			s.Enum = append(s.Enum, nil)
		}
	}
	return s
}

func (l *library) value(t reflect.Type, owner, name string) *Schema {
	if t == reflect.TypeFor[json.RawMessage]() {
		return &Schema{} // any JSON
	}
	switch t.Kind() {
	case reflect.String:
		return text(owner, name)
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		s := &Schema{Type: "integer"}
		if strings.HasSuffix(name, "_ms") {
			s.Format = "int64"
		}
		return s
	case reflect.Slice:
		return &Schema{Type: "array", Items: l.value(t.Elem(), owner, name)}
	case reflect.Map:
		return &Schema{Type: "object", Additional: l.value(t.Elem(), owner, "")}
	case reflect.Struct:
		return l.refer(t)
	default:
		panic("openapi: no schema for " + t.String()) // a struct of wire that no answer has
	}
}

// text describes a string by what its name says.
func text(owner, name string) *Schema {
	s := &Schema{Type: "string"}
	switch {
	case enumOf(owner, name) != nil:
		for _, v := range enumOf(owner, name)() {
			s.Enum = append(s.Enum, v)
		}
	case name == "sid":
		s.Pattern = sidPattern(prefixes[owner])
	case strings.HasSuffix(name, "_sid") || name == "routing_target" || name == "longest_relative_task_sid_in_queue":
		s.Pattern = sidPattern(prefixes[name])
	case owner == "Key" || owner == "NewKey": // dates in the form of RFC 2822
	case moments[name], strings.HasPrefix(name, "date_"), strings.HasSuffix(name, "_date"), strings.HasSuffix(name, "_time"):
		s.Format = "date-time"
	case name == "event_callback_url":
		s.Format = "uri-reference"
	case strings.HasSuffix(name, "uri"):
		s.Format = "uri-reference"
	case name == "url", name == "more_info", strings.HasSuffix(name, "_url"):
		s.Format = "uri"
	case name == "attributes", name == "addons", name == "configuration", name == "menu":
		s.Media = "application/json"
	}
	return s
}

// enumOf finds the values of a member that has a fixed set.
func enumOf(owner, name string) func() []string {
	if values, ok := enums[owner+"."+name]; ok {
		return values
	}
	return enums[name]
}

// sidPattern matches SIDs of the given kinds; none is any kind.
func sidPattern(kinds []taskrouter.Prefix) string {
	switch len(kinds) {
	case 0:
		return "^[A-Z]{2}[0-9a-fA-F]{32}$"
	case 1:
		return "^" + string(kinds[0]) + "[0-9a-fA-F]{32}$"
	}
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return "^(" + strings.Join(names, "|") + ")[0-9a-fA-F]{32}$"
}

// linksOf describes the links of a resource as an empty one renders them: a
// link that is null there may be null.
func linksOf(t reflect.Type) *Schema {
	links := emptyLinks()[t]
	names := make([]string, 0, len(links))
	for name := range links {
		names = append(names, name)
	}
	sort.Strings(names)
	s := &Schema{Type: "object", Description: "Addresses of related resources.", Required: names}
	for _, name := range names {
		link := &Schema{Type: "string", Format: "uri"}
		if links[name] == nil {
			link.Type = []string{"string", "null"}
		}
		s.Properties.add(name, link)
	}
	return s
}

// emptyLinks are the links of each resource when it refers to nothing.
func emptyLinks() map[reflect.Type]map[string]*string {
	l := wire.Links{}
	out := map[reflect.Type]map[string]*string{}
	for _, v := range []struct {
		body  any
		links map[string]*string
	}{
		{wire.Workspace{}, wire.FromWorkspace(&taskrouter.Workspace{}, wire.WorkspaceNames{}, l).Links},
		{wire.Activity{}, wire.FromActivity(&taskrouter.Activity{}, l).Links},
		{wire.Task{}, wire.FromTask(&taskrouter.Task{}, wire.TaskNames{}, l, noon).Links},
		{wire.TaskChannel{}, wire.FromTaskChannel(&taskrouter.TaskChannel{}, l).Links},
		{wire.TaskQueue{}, wire.FromTaskQueue(&taskrouter.TaskQueue{}, wire.QueueNames{}, l).Links},
		{wire.Worker{}, wire.FromWorker(&taskrouter.Worker{}, "", l).Links},
		{wire.Workflow{}, wire.FromWorkflow(&taskrouter.Workflow{}, l).Links},
		{wire.Reservation{}, wire.FromReservation(&taskrouter.Reservation{}, wire.TaskView, l).Links},
		{wire.CallQueue{}, wire.FromCallQueue(&taskrouter.CallQueue{}, l).Links},
	} {
		out[reflect.TypeOf(v.body)] = v.links
	}
	return out
}

// words finds what is said of a member: of that of one owner, or of all of its
// name.
func words(table map[string]string, owner, name string) string {
	if w, ok := table[owner+"."+name]; ok {
		return w
	}
	return table[name]
}
