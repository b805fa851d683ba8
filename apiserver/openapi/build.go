package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// version is that of the API, which is the first part of its paths.
const version = "1"

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// Build describes operations that are served at an address. It fails for an
// operation it has no words for, and for words without an operation.
func Build(ops []Operation, address string) (*Document, error) {
	d := &Document{
		OpenAPI:  "3.1.1",
		Info:     Info{Title: "Task Router API", Version: version, Description: about},
		Servers:  []Server{{URL: address}},
		Security: []map[string][]string{{"account": {}}},
	}
	var l library
	known := entries()
	for _, op := range ops {
		e, ok := known[op.ID]
		if !ok {
			return nil, fmt.Errorf("openapi: nothing is said of %s", op.ID)
		}
		delete(known, op.ID)
		path := Path(op.Path)
		item, there := d.Paths.get(path)
		if !there {
			item = &pathItem{}
			d.Paths.add(path, item)
		}
		item.add(strings.ToLower(op.Method), l.operation(op, e, path))
		if tag := tagOf(path); !slices.ContainsFunc(d.Tags, func(t Tag) bool { return t.Name == tag }) {
			d.Tags = append(d.Tags, Tag{tag, tagWords[tag]})
		}
	}
	for id := range known {
		return nil, fmt.Errorf("openapi: %s is described and not among the operations", id)
	}
	d.Components = l.components()
	return d, nil
}

// Path is the template of a route's path, with the names client libraries give
// its parameters: {Sid} for the last one, {WorkspaceSid} and the like before.
func Path(route string) string {
	segments := strings.Split(route, "/")
	for i, s := range segments {
		switch {
		case !strings.HasPrefix(s, ":"):
		case i == len(segments)-1:
			segments[i] = "{Sid}"
		default:
			segments[i] = "{" + singular[segments[i-1]] + "Sid}"
		}
	}
	path := strings.Join(segments, "/")
	if strings.HasPrefix(path, "/2010-04-01/") && strings.HasSuffix(path, "}") {
		path += ".json"
	}
	return path
}

// tagOf names the group of a path: its collection, or statistics.
func tagOf(path string) string {
	tag := ""
	for s := range strings.SplitSeq(path, "/") {
		if strings.HasSuffix(s, "Statistics") {
			return "Statistics"
		}
		if s = strings.TrimSuffix(s, ".json"); singular[s] != "" {
			tag = s
		}
	}
	return tag
}

func (l *library) operation(op Operation, e entry, path string) *operationObject {
	o := &operationObject{
		OperationID: op.ID, Tags: []string{tagOf(path)}, Summary: e.summary, Origin: "twilio",
		Deviation: deviations[op.ID], Unsupported: op.Unsupported,
	}
	if e.ours {
		o.Origin = "taskrouter"
	}
	if strings.Contains(path, "{") {
		o.Parameters = append(o.Parameters, pathParameters(path)...)
	}
	if op.Method == http.MethodPost {
		o.Body = body(op.ID)
	} else {
		for _, p := range wire.ParametersOf(op.ID) {
			o.Parameters = append(o.Parameters, query(op.ID, p))
		}
	}
	if e.guarded {
		o.Parameters = append(o.Parameters, reference{"#/components/parameters/IfMatch"})
	}
	if op.Idempotent {
		o.Parameters = append(o.Parameters, reference{"#/components/parameters/IdempotencyKey"}, reference{"#/components/parameters/IdempotencyToken"})
	}
	success := &response{Description: http.StatusText(op.Status), Headers: map[string]any{"X-Request-Id": reference{"#/components/headers/RequestId"}}}
	if e.tagged {
		success.Headers["ETag"] = reference{"#/components/headers/ETag"}
	}
	if op.Idempotent {
		success.Headers["Idempotent-Replayed"] = reference{"#/components/headers/Replayed"}
	}
	if e.body != nil {
		success.Content = map[string]*media{jsonType: {Schema: l.answer(e)}}
	}
	if op.Unsupported == "" {
		o.Responses.add(strconv.Itoa(op.Status), success)
	}
	for _, code := range refusals(op, e, o) {
		o.Responses.add(code, reference{"#/components/responses/" + errorNames[code]})
	}
	return o
}

// pathParameters lists the parameters of a template.
func pathParameters(path string) []any {
	var out []any
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if !strings.HasPrefix(s, "{") {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(s, "{"), "}")
		collection := strings.TrimSuffix(segments[i-1], ".json")
		p := parameterObject{Name: name, In: "path", Required: true, Schema: &Schema{Type: "string"}}
		p.Description = "The SID of the " + singular[collection] + "."
		switch collection {
		case "TaskChannels":
			p.Description = "The SID or unique name of the TaskChannel."
		case "Channels":
			p.Description = "The SID of the WorkerChannel, or the SID or unique name of its TaskChannel."
		default:
			p.Schema.Pattern = sidPattern(prefixes[singular[collection]])
		}
		out = append(out, p)
	}
	return out
}

// schemaOf describes the value of a parameter.
func schemaOf(id string, p wire.Parameter) *Schema {
	s := &Schema{Type: "string", MaxLength: p.MaxLength, Pattern: p.Pattern}
	switch p.Kind {
	case wire.KindBoolean:
		s.Type = "boolean"
	case wire.KindInteger:
		s.Type = "integer"
		s.Minimum = &p.Min
		if p.Max != 0 {
			s.Maximum = &p.Max
		}
	case wire.KindSID:
		s.Pattern = sidPattern(p.Prefixes)
	case wire.KindAddress:
		s.Format = "uri-reference"
		if p.Required {
			s.Format = "uri"
		}
	case wire.KindInstant:
		s.Format = "date-time"
	case wire.KindObject:
		s.Media = jsonType
	case wire.KindText, wire.KindDialled:
	}
	for _, w := range p.Words {
		s.Enum = append(s.Enum, w)
	}
	if p.Many {
		s = &Schema{Type: "array", Items: s}
	}
	if v, ok := defaults[id+"."+p.Name]; ok {
		s.Default = v
	} else if v, ok := defaults[p.Name]; ok {
		s.Default = v
	}
	if _, one := s.Default.(string); one && p.Many {
		s.Default = []any{s.Default}
	}
	return s
}

func parameterWordsOf(id string, p wire.Parameter) string {
	text := words(parameterWords, id, p.Name)
	if len(p.Only) > 0 {
		text += " For the instruction " + strings.Join(plain(p.Only), " or ") + "."
	}
	return text
}

func query(id string, p wire.Parameter) parameterObject {
	return parameterObject{Name: p.Name, In: "query", Description: parameterWordsOf(id, p), Required: p.Required, Schema: schemaOf(id, p)}
}

// body describes the form of a POST; nil when it has none.
func body(id string) *requestBody {
	if id == "CreateTaskQueueBulkRealTimeStatistics" {
		sids := &Schema{Type: "object", Required: []string{"QueueSids"}}
		sids.Properties.add("QueueSids", &Schema{
			Type: "array", MinItems: 1, MaxItems: wire.MaxBulkQueues, Description: "The TaskQueues asked for.",
			Items: &Schema{Type: "string", Pattern: sidPattern(prefixes["TaskQueue"])},
		})
		return &requestBody{Required: true, Content: map[string]*media{jsonType: {Schema: sids, Example: exampleOf(id)}}}
	}
	parameters := wire.ParametersOf(id)
	if len(parameters) == 0 {
		return nil
	}
	form := &Schema{Type: "object"}
	for _, p := range parameters {
		s := schemaOf(id, p)
		s.Description = parameterWordsOf(id, p)
		form.Properties.add(p.Name, s)
		if p.Required {
			form.Required = append(form.Required, p.Name)
		}
	}
	return &requestBody{Required: len(form.Required) > 0, Content: map[string]*media{formType: {Schema: form, Example: exampleOf(id)}}}
}

// refusals lists the answers to an operation that are no success.
func refusals(op Operation, e entry, o *operationObject) []string {
	if op.Unsupported != "" {
		return []string{"401", "501", "default"}
	}
	changes := op.Method != http.MethodGet
	var out []string
	add := func(code string, when bool) {
		if when {
			out = append(out, code)
		}
	}
	add("400", changes || len(wire.ParametersOf(op.ID)) > 0)
	add("401", true)
	add("404", strings.Contains(op.Path, ":"))
	add("409", changes)
	add("410", op.Idempotent || strings.HasSuffix(op.ID, "Reservation") && changes)
	add("412", e.guarded)
	add("413", o.Body != nil)
	add("422", op.Idempotent)
	add("429", true)
	add("503", true)
	add("default", true)
	return out
}

// errorNames are the components of the answers that are no success.
var errorNames = map[string]string{
	"400": "Invalid", "401": "Unauthorized", "404": "NotFound", "409": "Conflict", "410": "Gone", "412": "PreconditionFailed",
	"413": "TooLarge", "422": "TokenReused", "429": "TooMany", "501": "Unsupported", "503": "Unavailable", "default": "Fault",
}

func (l *library) components() Components {
	c := Components{
		Responses: map[string]*response{},
		Parameters: map[string]any{
			"IfMatch": parameterObject{
				Name: "If-Match", In: "header", Schema: &Schema{Type: "string", Examples: []any{`"3"`}},
				Description: "Changes the resource only while this is its entity tag; * and nothing change it in any case.",
			},
			"IdempotencyKey":   idempotency("Idempotency-Key"),
			"IdempotencyToken": idempotency("I-Twilio-Idempotency-Token"),
		},
		Headers: map[string]headerObject{
			"Replayed":   {"true when the answer was given before to a request with the same token.", &Schema{Type: "string"}},
			"ETag":       {"The version of the resource, for If-Match.", &Schema{Type: "string", Pattern: `^"[0-9]+"$`}},
			"RequestId":  {"Names the request in the server's log.", &Schema{Type: "string", Pattern: "^RQ[0-9a-f]{32}$"}},
			"RetryAfter": {"Seconds to wait before asking again.", &Schema{Type: "integer"}},
		},
		SecuritySchemes: map[string]any{
			"account": map[string]string{
				"type": "http", "scheme": "basic",
				"description": "The SID of an account and its auth token, or the SID of an API key and its secret.",
			},
		},
	}
	problem := l.refer(errorType)
	for code, name := range errorNames {
		r := &response{Description: errorWords[name], Content: map[string]*media{jsonType: {Schema: problem}}}
		if code == "429" || code == "503" {
			r.Headers = map[string]any{"Retry-After": reference{"#/components/headers/RetryAfter"}}
		}
		c.Responses[name] = r
	}
	slices.SortFunc(l.made, func(a, b field[*Schema]) int { return strings.Compare(a.name, b.name) })
	c.Schemas = l.made
	return c
}

// idempotency describes one of the names of the header that makes several
// requests one.
func idempotency(name string) parameterObject {
	return parameterObject{
		Name: name, In: "header", Schema: &Schema{Type: "string", MaxLength: 255},
		Description: "A token of the client's choice: requests with the same one within 24 hours create one resource and get one answer.",
	}
}

// singular names one item of a collection.
var singular = map[string]string{
	"Workspaces": "Workspace", "Activities": "Activity", "Events": "Event", "Deliveries": "Delivery", "Tasks": "Task",
	"Reservations": "Reservation", "TaskChannels": "TaskChannel", "TaskQueues": "TaskQueue", "Workers": "Worker",
	"Channels": "WorkerChannel", "Workflows": "Workflow", "CallQueues": "CallQueue", "Accounts": "Account", "Keys": "Key",
}

// anySID is a SID of no resource, for examples.
func anySID(p taskrouter.Prefix, n int) string { return fmt.Sprintf("%s%032x", p, n) }
